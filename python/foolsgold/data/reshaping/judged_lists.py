"""The documents of each anchor, judged, with negatives where the new shape needs them."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.conversions.labels_from_scores import labels_from_scores
from foolsgold.data.conversions.lists_from_classes import lists_from_classes
from foolsgold.data.conversions.lists_from_labeled_pairs import lists_from_labeled_pairs
from foolsgold.data.conversions.random_negatives import with_random_negatives
from foolsgold.data.conversions.without_conflicts import without_conflicts
from foolsgold.data.conversions.without_repeats import without_repeats
from foolsgold.data.reshaping.lists_of_margins import lists_of_margins
from foolsgold.data.reshaping.lists_of_rows import lists_of_rows
from foolsgold.data.reshaping.relabeled import UNLABELED, judged, labeled_rows
from foolsgold.data.reshaping.shapes import JUDGED_PAIRS
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Lists
    from foolsgold.data.reshaping.lists_of_rows import Interned
    from foolsgold.data.reshaping.options import Reshaping
    from foolsgold.data.reshaping.shapes import Roles, Shape
    from foolsgold.data.reshaping.sources import Source

_NEEDS_NEGATIVES = ("triplet", "n-tuple", "labeled-pair", "labeled-list")


def lists_for(
    source: Source, roles: Roles, rows: Interned, to: Shape, how: Reshaping, left_out: dict[str, int]
) -> tuple[Lists, int | None]:
    """Return the rows as lists, and how many negatives each positive gets."""
    count = how.num_negatives
    if roles.shape == "class":
        how.refuse(("threshold", "positive_label", "negative_label"), roles.shape, to)
        wanted = 0 if to == "pair" else 1 if count is None else count
        labels = _encoded(source.table.column(roles.label)).combine_chunks().indices
        kept = _of_a_class(source, roles, how, left_out)
        lists, why = lists_from_classes(
            rows.ids[roles.anchor][kept],
            np.asarray(labels).astype(np.int64)[kept],
            wanted,
            rows.texts.twins(threads=how.threads, progress=how.progress).astype(np.int64),
            seed=how.seed,
            threads=resolve(how.threads),
        )
        left_out.update(why)
        return lists, count
    how.refuse(("noise",), roles.shape, to)
    lists = _judged_lists(source, roles, rows, to, how, left_out)
    if to == "pair" or lists.labels is None:
        return lists, count
    if roles.shape in JUDGED_PAIRS and to in ("triplet", "n-tuple", "ragged"):
        lists, left_out["documents judged again for their anchor"] = without_repeats(lists)
    has_negative = len(lists.places(positive=False)[1]) > 0
    lists, left_out["negatives that are a positive of their anchor"] = without_conflicts(lists)
    wanted = count if count is not None else int(to in _NEEDS_NEGATIVES)
    if has_negative or not wanted or to in ("graded", "scored-pair"):
        return lists, count
    if how.numbers in ("scores", "margins"):
        raise ValueError(
            f"`numbers` must be 'labels' or 'none' beside negatives at random, got {how.numbers!r}"
        )
    classes = rows.texts.twins(threads=how.threads, progress=how.progress).astype(np.int64)
    lists, left_out["negatives that are missing"] = with_random_negatives(
        lists, wanted, classes, further=rows.corpus, seed=how.seed, threads=resolve(how.threads)
    )
    return lists, wanted if to == "n-tuple" else None


def _encoded(column: Any) -> Any:
    """Return a column as a dictionary, in which -0.0 is 0.0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    elif pa.types.is_floating(column.type):
        column = pc.add(column.cast(pa.float64()), 0.0)
    return column.dictionary_encode()


def _of_a_class(source: Source, roles: Roles, how: Reshaping, left_out: dict[str, int]) -> NDArray[np.bool_]:
    """Mark the rows (R,) that belong to a class."""
    import pyarrow as pa
    import pyarrow.compute as pc

    label = roles.label or ""
    is_labeled = labeled_rows(source, label)
    left_out[UNLABELED] = int((~is_labeled).sum())
    if how.noise is None:
        return is_labeled
    column, noise = source.table.column(label), how.noise
    if noise in (names := source.class_names.get(label, ())):
        noise = names.index(noise)
    if "string" in str(column.type):
        if not isinstance(noise, (str, int)):
            raise ValueError(f"`noise` must be a text, as column `{label}` holds, got {noise!r}")
        spelled = str(int(noise) if isinstance(noise, bool) else noise)
        is_noise = np.asarray(pc.equal(column.cast(pa.large_string()), spelled)) & is_labeled
    else:
        number = _number(noise)
        if number is None:
            told = f" or one of {', '.join(names)}" if names else ""
            raise ValueError(f"`noise` must be a number, as column `{label}` holds{told}, got {noise!r}")
        is_noise = (np.asarray(column) == number) & is_labeled
    left_out["rows of no class"] = int(is_noise.sum())
    return is_labeled & ~is_noise


def _number(value: Any) -> Any:
    """Return a number, or the one that a text spells; None where it is none."""
    if not isinstance(value, str):
        return value if isinstance(value, (Real, np.bool_)) and not math.isnan(float(value)) else None
    with suppress(ValueError):
        return int(value)
    with suppress(ValueError):
        return float(value)
    return None


def _judged_lists(
    source: Source, roles: Roles, rows: Interned, to: Shape, how: Reshaping, left_out: dict[str, int]
) -> Lists:
    with_scores = how.keeps_scores(to)
    if roles.shape == "class-pair":
        how.refuse(("threshold",), roles.shape, to)
        labels, is_kept, why = judged(
            source, roles, positive_label=how.positive_label, negative_label=how.negative_label
        )
        left_out.update(why)
        kept = np.flatnonzero(is_kept)
        anchors, documents = (rows.ids[name][kept] for name in roles.texts)
        lists = lists_from_labeled_pairs(anchors, documents, None if labels is None else labels[kept])
        return lists if lists.rows is None else replace(lists, rows=kept[lists.rows])
    how.refuse(("positive_label", "negative_label"), roles.shape, to)
    if how.threshold is not None and roles.shape in ("triplet", "n-tuple"):
        return lists_of_margins(source, roles, rows, how, left_out, with_scores=with_scores)
    lists = lists_of_rows(source, roles, rows, with_scores=with_scores)
    if how.threshold is None:
        return lists
    if roles.shape not in ("scored-pair", "graded", "labeled-list"):
        how.refuse(("threshold",), roles.shape, to)
    if how.threshold == "first":
        labels = np.zeros(len(lists.documents), np.int64)
        labels[lists.offsets[:-1][np.diff(lists.offsets) > 0]] = 1
        return replace(lists, labels=labels)
    values = lists.scores if lists.labels is None else lists.labels
    labels, is_kept = labels_from_scores(values if values is not None else [], how.threshold)
    left_out["documents between the thresholds"] = int((~is_kept).sum())
    return replace(lists, labels=labels).only(is_kept)
