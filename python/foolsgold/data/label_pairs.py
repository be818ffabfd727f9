"""Pairs of rows from labels: of one label, of two, or both with what they are."""

from __future__ import annotations

from typing import Any, Literal, get_args

from foolsgold.data.combination_inputs import check_count, classes_by_row, share_of
from foolsgold.data.combination_sources import LabelSource
from foolsgold.data.combinations import Combinations
from foolsgold.flags import flag

PairKind = Literal["same", "different", "labelled"]
"""Pairs of one label, of two labels, or both with 1 or 0; see `pairs_from_labels`."""
PerGroup = int | Literal["smallest", "largest"]

_COLUMNS = {
    "same": ("anchor", "positive"),
    "different": ("anchor", "negative"),
    "labelled": ("anchor", "positive", "label"),
}


def pairs_from_labels(
    labels: Any,
    kind: PairKind = "same",
    *,
    ordered: bool = False,
    ids: Any = None,
    max_per_anchor: int | None = None,
    per_class: PerGroup | None = None,
    per_label: PerGroup | None = None,
    noise: Any = None,
    noise_as_negatives: bool = False,
    threads: int | None = None,
    progress: bool = False,
) -> Combinations:
    """All pairs of rows with one label, or with two, or both kinds with 1 and 0.

    Memory is that of the labels, whatever the number of pairs.

    Args:
        labels: as for `triplets_from_labels`.
        kind: "same", "different", or "labelled": all pairs, with a third number that is 1 for rows of one
            label and 0 for rows of two.
        ordered: whether (a, b) and (b, a) are two pairs.
        ids: what stands for each row in what comes out, integers below 2^32; row numbers where None.
        max_per_anchor: so many pairs of each row at most, drawn without repetition; ordered pairs of one
            kind alone.
        per_class: balance by label of the anchor, as for `triplets_from_labels`; ordered pairs alone.
        per_label: of labelled pairs, so many with 1 and with 0, in turn: "smallest", as many as the fewer are
            (the others are drawn); "largest", as many as the more are (the others come equally often or once
            more); or a number.
        noise: the label of rows that belong to no class; they are left out.
        noise_as_negatives: let rows of no class be the other row of pairs of two labels.
        threads: by default a fair share of the cores; nothing depends on it.
        progress: show a progress bar.

    Raises:
        ValueError: for labels that make no such pair, and as `triplets_from_labels`.
        TypeError: for labels of other kinds, and `noise` of another kind than they are.

    Example:
        >>> pairs_from_labels(["a", "b", "a"])[:].tolist()
        [[0, 2]]
        >>> pairs_from_labels(["a", "b", "a"], "labelled")[:].tolist()
        [[0, 2, 1], [0, 1, 0], [2, 1, 0]]
        >>> pairs_from_labels(range(50_000), "different").count  # nothing is listed
        1249975000
    """
    if kind not in get_args(PairKind):
        raise ValueError(f"`kind` must be among {list(get_args(PairKind))}, got {kind!r}")
    if kind != "labelled" and per_label is not None:
        raise ValueError(f"`per_label` must be None for pairs of one kind, got {per_label!r}")
    if kind == "labelled" and per_class is not None:
        raise ValueError(f"`per_class` must be None for labelled pairs, got {per_class!r}")
    is_both = per_label is not None
    share = share_of(
        max_per_anchor, per_label if is_both else per_class, "per_label" if is_both else "per_class"
    )
    classes = classes_by_row(labels, noise)
    source = LabelSource(
        classes.labels,
        classes.num_classes,
        (kind, flag("ordered", ordered)),
        share,
        (classes.noise, flag("noise_as_negatives", noise_as_negatives)),
        classes.ids(ids),
    )
    source.counted(threads, progress=progress)
    hint = {
        "same": "a pair takes a label of two rows",
        "different": "a pair takes rows of two labels",
        "labelled": "a pair takes two rows",
    }
    combinations = Combinations(source, _COLUMNS[kind], threads=threads)
    return check_count(combinations, "labels", "pair", hint[kind])
