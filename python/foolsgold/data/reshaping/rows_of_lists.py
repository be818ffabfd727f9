"""Lists of ids as the columns of any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from foolsgold.data.conversions.margins_from_scores import margins_from_scores
from foolsgold.data.conversions.n_tuples_from_lists import n_tuples_from_lists
from foolsgold.data.conversions.pairs_from_lists import pairs_from_lists
from foolsgold.data.conversions.ragged_from_lists import ragged_from_lists
from foolsgold.data.conversions.triplets_from_lists import triplets_from_lists
from foolsgold.data.id_rows import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Lists
    from foolsgold.data.reshaping.shapes import Shape


class Shaped(NamedTuple):
    """Columns by name, the list of each row, and by reason what has no row."""

    columns: dict[str, Column]
    lists: NDArray[np.int64]
    left_out: dict[str, int]


def rows_of_lists(
    lists: Lists, shape: Shape, *, num_negatives: int | None = None, numbers: str | None = None
) -> Shaped:
    """Return the rows of a shape that lists hold.

    Args:
        lists: documents by anchor.
        shape: any but `class` and `class-pair`.
        num_negatives: n of `n-tuple`; else the most that a positive gets; None for all.
        numbers: `labels`, `scores`, `margins` or `none`: which the rows have; None for the usual ones, scores
            where a shape has no labels and they are known.

    Raises:
        ValueError: if the shape cannot have such numbers, or they are not known.
    """
    check_numbers(lists, shape, numbers)
    return _SHAPED[shape](lists, num_negatives, numbers)


def check_numbers(lists: Lists, shape: Shape, numbers: str | None) -> None:
    """Refuse numbers that a shape cannot have, or that lists do not know."""
    if numbers is None:
        return
    allowed = {
        "pair": ("none",),
        "triplet": ("scores", "margins", "none"),
        "n-tuple": ("scores", "margins", "none"),
        "ragged": ("scores", "none"),
        "scored-pair": ("scores",),
        "graded": ("labels", "scores"),
    }.get(shape, ("labels", "scores"))
    if numbers not in allowed:
        wanted = " or ".join(f"`{name}`" for name in allowed)
        raise ValueError(f"`numbers` must be {wanted} in rows of `{shape}`, got {numbers!r}")
    if numbers in ("scores", "margins") and lists.scores is None:
        raise ValueError(
            f"`numbers` must be of what the rows have, got {numbers!r} without a column of scores"
        )


def _pair(lists: Lists, num_negatives: int | None, numbers: str | None) -> Shaped:
    owner, places = pairs_from_lists(lists)
    columns = {"anchor": Column(lists.anchors[owner]), "positive": Column(lists.documents[places])}
    return Shaped(columns, owner, _without(lists, positive=True))


def _triplet(lists: Lists, num_negatives: int | None, numbers: str | None) -> Shaped:
    owner, positives, negatives = triplets_from_lists(lists, num_negatives)
    columns = {
        "anchor": Column(lists.anchors[owner]),
        "positive": Column(lists.documents[positives]),
        "negative": Column(lists.documents[negatives]),
    }
    if lists.scores is not None and numbers == "margins":
        margins = margins_from_scores(lists.scores[positives], lists.scores[negatives])
        columns["label"] = Column(margins, is_text=False)
    elif lists.scores is not None and numbers != "none":
        columns["scores"] = _rows_of(np.stack([lists.scores[positives], lists.scores[negatives]], axis=1))
    return Shaped(columns, owner, _unused(lists, num_negatives))


def _n_tuple(lists: Lists, num_negatives: int | None, numbers: str | None) -> Shaped:
    owner, positives, negatives = n_tuples_from_lists(lists, num_negatives)
    columns = {"anchor": Column(lists.anchors[owner]), "positive": Column(lists.documents[positives])}
    for place, column in enumerate(negatives.T, start=1):
        columns[f"negative_{place}"] = Column(lists.documents[column])
    if lists.scores is not None and numbers == "margins":
        columns["labels"] = _rows_of(margins_from_scores(lists.scores[positives], lists.scores[negatives]))
    elif lists.scores is not None and numbers != "none":
        columns["scores"] = _rows_of(np.column_stack([lists.scores[positives], lists.scores[negatives]]))
    width = negatives.shape[1]
    left_out = _unused(lists, width)
    counts = np.diff(lists.places(positive=False)[0])
    is_short = (counts < width) & (counts > 0) & (np.diff(lists.places(positive=True)[0]) > 0)
    left_out["anchors with too few negatives"] = int(is_short.sum())
    return Shaped(columns, owner, left_out)


def _labeled_pair(lists: Lists, num_negatives: int | None, numbers: str | None) -> Shaped:
    columns, owner, left_out = _judged_pair(lists, num_negatives, numbers)
    if "label" in columns:
        columns["label"] = Column((columns["label"].values > 0).astype(np.int64), is_text=False)
    return Shaped(columns, owner, left_out)


def _judged_pair(lists: Lists, num_negatives: int | None, numbers: str | None) -> Shaped:
    lists = _first_negatives(lists, num_negatives)
    name, values = _labels_or_scores(lists, numbers)
    columns = {
        "anchor": Column(lists.anchors[lists.owners]),
        "positive": Column(lists.documents),
        name: Column(values, is_text=False),
    }
    return Shaped(columns, lists.owners, {})


def _scored_pair(lists: Lists, num_negatives: int | None, numbers: str | None) -> Shaped:
    columns, owner, left_out = _judged_pair(
        lists, num_negatives, "scores" if lists.scores is not None else "labels"
    )
    values = _taken_judgments(columns)
    columns["score"] = Column(values.values.astype(np.float64), is_text=False)
    return Shaped(columns, owner, left_out)


def _graded(lists: Lists, num_negatives: int | None, numbers: str | None) -> Shaped:
    columns, owner, left_out = _judged_pair(lists, num_negatives, numbers)
    values = _taken_judgments(columns)
    named = {"query": columns["anchor"], "document": columns["positive"], "score": values}
    return Shaped(named, owner, left_out)


def _taken_judgments(columns: dict[str, Column]) -> Column:
    return columns.pop("label" if "label" in columns else "score")


def _labeled_list(lists: Lists, num_negatives: int | None, numbers: str | None) -> Shaped:
    lists = _first_negatives(lists, num_negatives)
    name, values = _labels_or_scores(lists, numbers)
    is_empty = np.diff(lists.offsets) == 0
    owner = np.flatnonzero(~is_empty)
    kept = lists.of(owner)
    columns = {
        "anchor": Column(kept.anchors),
        "positive": Column(kept.documents, kept.offsets),
        f"{name}s": Column(values, kept.offsets, is_text=False),
    }
    return Shaped(columns, owner, {"anchors without a document": int(is_empty.sum())})


def _ragged(lists: Lists, num_negatives: int | None, numbers: str | None) -> Shaped:
    has_positive = np.diff(lists.places(positive=True)[0]) > 0
    kept = lists.of(has_positive)
    _, (first, positives), (second, negatives) = ragged_from_lists(kept, num_negatives)
    is_single = bool((np.diff(first) == 1).all())
    columns = {
        "anchor": Column(kept.anchors),
        "positive" if is_single else "positives": Column(
            kept.documents[positives], None if is_single else first
        ),
        "negatives": Column(kept.documents[negatives], second),
    }
    if kept.scores is not None and numbers != "none":
        rows = np.concatenate([np.repeat(np.arange(len(kept)), np.diff(cut)) for cut in (first, second)])
        values = kept.scores[np.concatenate([positives, negatives])]
        columns["scores"] = Column(values[np.argsort(rows, kind="stable")], first + second, is_text=False)
    left_out = _without(lists, positive=True) | _beyond(kept, num_negatives)
    return Shaped(columns, np.flatnonzero(has_positive), left_out)


_SHAPED: dict[str, Callable[[Any, int | None, str | None], Shaped]] = {
    "pair": _pair,
    "triplet": _triplet,
    "n-tuple": _n_tuple,
    "labeled-pair": _labeled_pair,
    "scored-pair": _scored_pair,
    "graded": _graded,
    "labeled-list": _labeled_list,
    "ragged": _ragged,
}


def _labels_or_scores(lists: Lists, numbers: str | None) -> tuple[str, NDArray[Any]]:
    if lists.labels is not None and numbers != "scores":
        return "label", lists.labels
    if lists.scores is None or numbers == "labels":
        lists.places(positive=True)  # says what is missing
        raise ValueError("`numbers` must be of what the rows have, got scores without a column of scores")
    return "score", lists.scores


def _first_negatives(lists: Lists, num_negatives: int | None) -> Lists:
    """Return the lists with so many of their negatives."""
    if num_negatives is None or lists.labels is None:
        return lists
    starts, places = lists.places(positive=False)
    rank = np.arange(len(places)) - np.repeat(starts[:-1], np.diff(starts))
    is_kept = np.ones(len(lists.documents), bool)
    is_kept[places[rank >= num_negatives]] = False
    return lists.only(is_kept)


def _without(lists: Lists, *, positive: bool) -> dict[str, int]:
    counts = np.diff(lists.places(positive=positive)[0])
    word = "positive" if positive else "negative"
    return {f"anchors without a {word}": int((counts == 0).sum())}


def _beyond(lists: Lists, num_negatives: int | None) -> dict[str, int]:
    if num_negatives is None:
        return {}
    counts = np.diff(lists.places(positive=False)[0])
    has_positive = np.diff(lists.places(positive=True)[0]) > 0
    return {
        "negatives beyond the number asked for": int(
            np.maximum(counts - num_negatives, 0)[has_positive].sum()
        )
    }


def _unused(lists: Lists, num_negatives: int | None) -> dict[str, int]:
    """Count what gives no row of a positive with negatives."""
    has_positive = np.diff(lists.places(positive=True)[0]) > 0
    has_negative = np.diff(lists.places(positive=False)[0]) > 0
    return {
        "anchors without a positive": int((~has_positive).sum()),
        "anchors without a negative": int((has_positive & ~has_negative).sum()),
        **_beyond(lists, num_negatives),
    }


def _rows_of(values: NDArray[np.float64]) -> Column:
    rows, width = values.shape
    return Column(values.reshape(-1), np.arange(rows + 1) * width, is_text=False)
