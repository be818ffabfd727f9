"""Triplets from labels, scores, judgments, embeddings and distances: counted exactly, made when asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from foolsgold.data.combination_inputs import (
    check_count,
    classes_by_row,
    float_column,
    id_columns,
    share_of,
    square_or_embeddings,
)
from foolsgold.data.combination_sources import DistanceSource, LabelSource, ScoreSource
from foolsgold.data.combinations import Combinations
from foolsgold.flags import flag
from foolsgold.integers import MAX_UINT64, integer
from foolsgold.reals import real

if TYPE_CHECKING:
    from foolsgold.data.texts import Texts

Kind = Literal["all", "hard", "semi-hard", "easy", "violating"]
"""Of a triplet by its distances; see `triplets_from_embeddings`."""
Metric = Literal["cosine", "euclidean", "squared_euclidean"]
"""How far apart two embeddings are; cosine is 1 - cosine."""
PerClass = int | Literal["smallest", "largest"]
"""How much each class gives; see `triplets_from_labels`."""

TRIPLET = ("anchor", "positive", "negative")


def triplets_from_labels(
    labels: Any,
    *,
    ids: Any = None,
    max_per_anchor: int | None = None,
    per_class: PerClass | None = None,
    noise: Any = None,
    noise_as_negatives: bool = False,
    threads: int | None = None,
    progress: bool = False,
) -> Combinations:
    """All triplets of an anchor, another row of its label, and a row of another label.

    Memory is that of the labels, whatever the number of triplets. In order they come by label (by its first
    row), anchor, positive and negative, negatives again by label. Clusters are labels, too: name the label of
    what is in none in `noise`.

    Args:
        labels: one for each row: integers, texts or bools, as a list, a NumPy, Arrow or torch array, or a
            column of a data set.
        ids: what stands for each row in what comes out, integers below 2^32; row numbers where None.
        max_per_anchor: so many triplets of each row at most, drawn without repetition among all of the row;
            seed and epoch of `shuffled` decide which.
        per_class: balance: so many triplets of each label that has any. "smallest": as many as the label with
            the fewest has, so none comes twice; "largest": as many as the one with most, so none is left out;
            or a number. Of a label with more, that many are drawn; of one with fewer, each comes equally
            often or once more. Anchors take turns, so those of a label come equally often or once more, too.
            `report` tells what is left out and repeated.
        noise: the label of rows that belong to no class, as -1 is in clusters; they are left out.
        noise_as_negatives: let rows of no class be negatives of all others.
        threads: by default a fair share of the cores; nothing depends on it.
        progress: show a progress bar.

    Raises:
        ValueError: for labels that make no triplet, a null or broken label, ids of another length, and
            numbers out of range.
        TypeError: for labels of other kinds, and `noise` of another kind than they are.

    Example:
        >>> triplets = triplets_from_labels(["cat", "dog", "cat", "dog", "emu"])
        >>> triplets.count, triplets.report["single"]
        (12, 1)
        >>> triplets[:3].tolist()
        [[0, 2, 1], [0, 2, 3], [0, 2, 4]]
        >>> triplets_from_labels([0] * 50_000 + [1] * 50_000).count  # nothing is listed
        249995000000000
        >>> clusters = triplets_from_labels([0, 0, -1, 1], noise=-1)
        >>> clusters[:].tolist()
        [[0, 1, 3], [1, 0, 3]]
    """
    classes = classes_by_row(labels, noise)
    source = LabelSource(
        classes.labels,
        classes.num_classes,
        ("triplets", True),
        share_of(max_per_anchor, per_class),
        (classes.noise, flag("noise_as_negatives", noise_as_negatives)),
        classes.ids(ids),
    )
    source.counted(threads, progress=progress)
    hint = "a triplet takes a label of two rows, and a row of another label"
    return check_count(Combinations(source, TRIPLET, threads=threads), "labels", "triplet", hint)


def triplets_from_scores(
    anchors: Any,
    items: Any,
    scores: Any,
    *,
    margin: float = 0.0,
    both_ways: bool = False,
    max_per_anchor: int | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Combinations:
    """All triplets (a, p, n) of scored pairs with score(a, p) - score(a, n) > `margin`.

    Args:
        anchors: first texts of the pairs, or ids of them, integers below 2^32.
        items: the other ones, in the same numbering.
        scores: how alike the two are, finite numbers.
        margin: at least 0; differences are taken in float64.
        both_ways: let the second text of each pair be an anchor of the first as well.
        max_per_anchor: so many triplets of each anchor at most, drawn without repetition.
        threads: by default a fair share of the cores; nothing depends on it.
        progress: show a progress bar.

    Returns:
        Triplets of ids, `texts` beside them where texts came. In order they come by anchor, positive and
        negative, the best first. A text paired with itself makes none; a pair told twice counts once.

    Raises:
        ValueError: for columns of several lengths, a pair with two different scores, scores that are not
            finite, a margin out of range, and scores that make no triplet.
        TypeError: for ids that are neither integers nor texts.

    Example:
        >>> triplets = triplets_from_scores(["a", "a", "a"], ["b", "c", "d"], [0.9, 0.5, 0.45], margin=0.1)
        >>> [triplets.texts.take(triplet) for triplet in triplets]
        [['a', 'b', 'c'], ['a', 'b', 'd']]
    """
    ids, texts = id_columns({"anchors": anchors, "items": items})
    values = float_column("scores", scores)
    left, right = ids["anchors"], ids["items"]
    num_pairs = len(left)
    if flag("both_ways", both_ways):
        left, right = np.concatenate([left, right]), np.concatenate([right, left])
        values = np.concatenate([values, values])
    source = ScoreSource(left, right, values, (real("margin", margin), _most(max_per_anchor), True))
    try:
        return _of_scores(source, texts, "scores", threads, progress)
    except ValueError as error:
        # The core knows a pair taken both ways as two rows.
        of_pair = re.sub(r"\brow (\d+)", lambda found: f"row {int(found[1]) % num_pairs}", str(error))
        raise ValueError(of_pair) from None


def triplets_from_judgments(
    queries: Any,
    documents: Any,
    grades: Any,
    *,
    margin: float = 0.0,
    max_per_query: int | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Combinations:
    """All triplets of a query and two documents judged for it, the better one as the positive.

    Args:
        queries: of each judgment its query: a text, or an id below 2^32.
        documents: its document: a text, or an id below 2^32 in a numbering of their own.
        grades: how relevant it is, finite numbers.
        margin: the grade of the positive is higher by more than this, at least 0.
        max_per_query: so many triplets of each query at most, drawn without repetition.
        threads: by default a fair share of the cores; nothing depends on it.
        progress: show a progress bar.

    Returns:
        Triplets of ids, with `texts` where texts came; in the order of `triplets_from_scores`.

    Raises:
        ValueError: as `triplets_from_scores`.
        TypeError: for ids that are neither integers nor texts.

    Example:
        >>> triplets = triplets_from_judgments([7, 7, 7], [1, 2, 3], [2, 0, 1])
        >>> triplets[:].tolist()
        [[7, 1, 3], [7, 1, 2], [7, 3, 2]]
    """
    ids, texts = id_columns({"queries": queries, "documents": documents})
    values = float_column("grades", grades)
    most = None if max_per_query is None else integer("max_per_query", max_per_query, 1, MAX_UINT64)
    options = real("margin", margin), most, texts is not None
    source = ScoreSource(ids["queries"], ids["documents"], values, options)
    try:
        return _of_scores(source, texts, "grades", threads, progress)
    except ValueError as error:
        # The core knows grades as scores of pairs.
        raise ValueError(str(error).replace("`scores`", "`grades`")) from None


def triplets_from_embeddings(
    embeddings: Any,
    labels: Any,
    *,
    kind: Kind = "semi-hard",
    margin: float = 0.2,
    metric: Metric = "cosine",
    noise: Any = None,
    threads: int | None = None,
    progress: bool = False,
) -> Combinations:
    """All hard, semi-hard or easy triplets of labelled embeddings, none of which is listed.

    With m = d(anchor, negative) - d(anchor, positive), a triplet is "hard" where m <= 0, "semi-hard" where
    0 < m <= margin, "easy" where m > margin, and "violating" where m <= margin. A pass over the anchors
    counts them exactly; `shuffled()[:k]` are k uniform draws without replacement from the exact set, and
    compute the distances of their anchors alone.

    Args:
        embeddings: (rows, dim), finite; read as float32. Distances are float64 sums in one order.
        labels: as for `triplets_from_labels`.
        kind: "hard", "semi-hard", "easy", "violating", or "all".
        margin: at least 0.
        metric: "cosine" (1 - cosine), "euclidean" or "squared_euclidean", which FaceNet takes.
        noise: the label of rows that are in no triplet.
        threads: by default a fair share of the cores; nothing depends on it.
        progress: show a progress bar.

    Returns:
        Triplets of row numbers; there may be none. In order they come by anchor, positive and negative, of
        negatives the nearest first. `report` has the number of hard, semi-hard and easy ones.

    Raises:
        ValueError: for shapes that do not fit, values that are not finite, and options out of range.

    Reference:
        Schroff, Kalenichenko and Philbin 2015, FaceNet, section 3.2 (https://arxiv.org/abs/1503.03832);
        the borders are those of pytorch-metric-learning's `TripletMarginMiner`.

    Example:
        >>> points = [[0.0], [1.0], [1.5], [5.0]]
        >>> triplets = triplets_from_embeddings(points, [0, 0, 1, 1], metric="euclidean", margin=1.0)
        >>> triplets[:].tolist(), triplets.report["hard"], triplets.report["easy"]
        ([[0, 1, 2], [3, 2, 1]], 3, 3)
    """
    if metric not in get_args(Metric):
        raise ValueError(f"`metric` must be among {list(get_args(Metric))}, got {metric!r}")
    space = square_or_embeddings("embeddings", embeddings)
    return _of_space((space, metric), labels, kind, margin, noise, threads, progress)


def triplets_from_distances(
    distances: Any,
    labels: Any,
    *,
    kind: Kind = "semi-hard",
    margin: float = 0.2,
    noise: Any = None,
    threads: int | None = None,
    progress: bool = False,
) -> Combinations:
    """All hard, semi-hard or easy triplets by a table of distances; see `triplets_from_embeddings`.

    Args:
        distances: (rows, rows), finite, from anchors to all; float32 or float64.
        labels: as for `triplets_from_labels`.
        kind: "hard", "semi-hard", "easy", "violating", or "all".
        margin: at least 0.
        noise: the label of rows that are in no triplet.
        threads: by default a fair share of the cores; nothing depends on it.
        progress: show a progress bar.

    Raises:
        ValueError: for shapes that do not fit, values that are not finite, and options out of range.

    Example:
        >>> distances = [[0.0, 0.5, 0.6], [0.5, 0.0, 0.4], [0.6, 0.4, 0.0]]
        >>> triplets_from_distances(distances, ["a", "a", "b"])[:].tolist()
        [[0, 1, 2]]
    """
    space = square_or_embeddings("distances", distances)
    return _of_space((space, "given"), labels, kind, margin, noise, threads, progress)


def _of_space(
    space: tuple[Any, str],
    labels: Any,
    kind: str,
    margin: float,
    noise: Any,
    threads: int | None,
    progress: bool,
) -> Combinations:
    if kind not in get_args(Kind):
        raise ValueError(f"`kind` must be among {list(get_args(Kind))}, got {kind!r}")
    classes = classes_by_row(labels, noise)
    source = DistanceSource(classes.labels, classes.noise, space, (kind, real("margin", margin)))
    source.counted(threads, progress=progress)
    return Combinations(source, TRIPLET, threads=threads)


def _of_scores(
    source: ScoreSource, texts: Texts | None, name: str, threads: int | None, progress: bool
) -> Combinations:
    lengths = len(source.anchors), len(source.items), len(source.scores)
    if len({*lengths}) > 1:
        raise ValueError(f"`{name}` must be as many as the pairs, got {lengths[2]} for {lengths[:2]}")
    source.counted(threads, progress=progress)
    hint = "a triplet takes two scores of one anchor that differ by more than the margin"
    combinations = Combinations(source, TRIPLET, texts=texts, threads=threads)
    return check_count(combinations, name, "triplet", hint)


def _most(max_per_anchor: int | None) -> int | None:
    return None if max_per_anchor is None else integer("max_per_anchor", max_per_anchor, 1, MAX_UINT64)
