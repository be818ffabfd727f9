"""The formats that mined negatives come in, each a view of the same ids and scores.

A function takes what was mined and the names of the anchors' and positives' columns, and gives the columns of
its rows. The rows follow the pairs; negatives come best first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from foolsgold.mining.rows import Column
from foolsgold.mining.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

OutputFormat: TypeAlias = Literal["triplet", "n-tuple", "labeled-pair", "labeled-list", "ragged"]
Columns: TypeAlias = "dict[str, Column]"


@dataclass(frozen=True, kw_only=True, eq=False)
class Mined:
    """Pairs and their negatives, as text ids.

    Attributes:
        anchors: (P,) each pair's anchor.
        positives: (P,) each pair's positive.
        positive_scores: (P,) float32.
        query: (P,) the number of each pair's query, ascending from 0.
        ids: (P, n) each pair's negatives, best first; -1 where there are no more. Pairs of one query have the
            same ones, unless margins are measured from each positive.
        scores: (P, n) float32.
        is_kept: (P,) whether the pair may have rows.
        sources: (P, n) where each negative comes from, as places in `SOURCES`, -1 for none; None where that
            is not told.
    """

    anchors: NDArray[np.uint32]
    positives: NDArray[np.uint32]
    positive_scores: NDArray[np.float32]
    query: NDArray[np.uint32]
    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    is_kept: NDArray[np.bool_]
    sources: NDArray[np.int64] | None = None

    def of(self, pairs: NDArray[np.bool_]) -> Mined:
        """Return the pairs (P,) that are so marked alone."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values = {name: None if value is None else value[pairs] for name, value in values.items()}
        return Mined(**values)


def columns_of_format(
    mined: Mined, output_format: OutputFormat, anchor: str, positive: str, *, with_scores: bool
) -> Columns:
    """Return the columns of `output_format`, in their order."""
    kept = mined if mined.is_kept.all() else mined.of(mined.is_kept)
    return _FORMATS[output_format](kept, anchor, positive, with_scores)


def new_column_names(
    output_format: OutputFormat, num_negatives: int, *, with_scores: bool, with_sources: bool = False
) -> list[str]:
    """Return the names of the columns that the result has beside those of anchors and positives.

    Raises:
        ValueError: if there is no such format.
    """
    if output_format not in get_args(OutputFormat):
        wanted = ", ".join(map(repr, get_args(OutputFormat)))
        raise ValueError(f"`output_format` must be one of {wanted}, got {output_format!r}")
    scores = ["scores"] if with_scores else []
    sources = ["source"] if with_sources else []
    if output_format == "n-tuple":
        return [*(f"negative_{number}" for number in range(1, num_negatives + 1)), *scores, *sources]
    names = {
        "triplet": ["negative", *scores],
        "labeled-pair": ["score" if with_scores else "label"],
        "labeled-list": ["scores" if with_scores else "labels"],
        "ragged": ["negatives", *scores],
    }
    return [*names[output_format], *sources]


def _triplet(mined: Mined, anchor: str, positive: str, with_scores: bool) -> Columns:
    pairs, places = np.nonzero(mined.ids >= 0)
    columns = {
        anchor: Column(mined.anchors[pairs]),
        positive: Column(mined.positives[pairs]),
        "negative": Column(mined.ids[pairs, places]),
    }
    if with_scores:
        both = np.stack([mined.positive_scores[pairs], mined.scores[pairs, places]], axis=1)
        columns["scores"] = _lists(both.astype(np.float64), np.full(both.shape, True))
    if mined.sources is not None:
        columns["source"] = Column(mined.sources[pairs, places], names=SOURCES)
    return columns


def _n_tuple(mined: Mined, anchor: str, positive: str, with_scores: bool) -> Columns:
    columns = {
        anchor: Column(mined.anchors),
        positive: Column(mined.positives),
        **{f"negative_{place}": Column(ids) for place, ids in enumerate(mined.ids.T, start=1)},
    }
    if with_scores:
        columns["scores"] = _scores_of_pairs(mined)
    return columns | _sources_of_pairs(mined)


def _labeled_pair(mined: Mined, anchor: str, positive: str, with_scores: bool) -> Columns:
    """The positives of a query, then its negatives, each once."""
    pairs, places = np.nonzero(mined.ids >= 0)
    negatives = mined.ids[pairs, places]
    # Pairs of a query share negatives; a label says nothing of the positive, so one row of each is enough.
    first = _first_of_equal(mined.query[pairs], negatives)
    pairs, places, negatives = pairs[first], places[first], negatives[first]
    query = np.concatenate([mined.query, mined.query[pairs]])
    order = np.argsort(query, kind="stable")
    columns = {
        anchor: Column(np.concatenate([mined.anchors, mined.anchors[pairs]])[order]),
        positive: Column(np.concatenate([mined.positives.astype(np.int64), negatives])[order]),
    }
    if with_scores:
        scores = np.concatenate([mined.positive_scores, mined.scores[pairs, places]])
        columns["score"] = Column(scores.astype(np.float64)[order], is_text=False)
    else:
        is_positive = np.arange(len(order)) < len(mined.query)
        columns["label"] = Column(is_positive.astype(np.int64)[order], is_text=False)
    if mined.sources is not None:
        none = np.full(len(mined.query), -1)
        sources = np.concatenate([none, mined.sources[pairs, places]])
        columns["source"] = Column(sources[order], names=SOURCES)
    return columns


def _labeled_list(mined: Mined, anchor: str, positive: str, with_scores: bool) -> Columns:
    mined = mined.of(np.asarray((mined.ids >= 0).any(axis=1)))
    documents = np.column_stack([mined.positives.astype(np.int64), mined.ids])
    columns = {anchor: Column(mined.anchors), positive: _lists(documents, documents >= 0, is_text=True)}
    if with_scores:
        columns["scores"] = _scores_of_pairs(mined)
    else:
        labels = np.zeros(documents.shape, np.int64)
        labels[:, 0] = 1
        columns["labels"] = _lists(labels, documents >= 0)
    return columns | _sources_of_pairs(mined)


def _ragged(mined: Mined, anchor: str, positive: str, with_scores: bool) -> Columns:
    columns = {
        anchor: Column(mined.anchors),
        positive: Column(mined.positives),
        "negatives": _lists(mined.ids, mined.ids >= 0, is_text=True),
    }
    if with_scores:
        columns["scores"] = _scores_of_pairs(mined)
    return columns | _sources_of_pairs(mined)


_FORMATS: dict[str, Callable[[Mined, str, str, bool], Columns]] = {
    "triplet": _triplet,
    "n-tuple": _n_tuple,
    "labeled-pair": _labeled_pair,
    "labeled-list": _labeled_list,
    "ragged": _ragged,
}


def _scores_of_pairs(mined: Mined) -> Column:
    """The score of the positive, then of each negative that is there."""
    values = np.column_stack([mined.positive_scores, mined.scores]).astype(np.float64)
    is_there = np.column_stack([np.full(len(values), True), mined.ids >= 0])
    return _lists(values, is_there)


def _sources_of_pairs(mined: Mined) -> Columns:
    """Where each negative that is there comes from."""
    if mined.sources is None:
        return {}
    column = _lists(mined.sources, mined.ids >= 0, is_text=True)
    return {"source": replace(column, names=SOURCES)}


def _lists(values: NDArray[np.generic], is_there: NDArray[np.bool_], *, is_text: bool = False) -> Column:
    offsets = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))]).astype(np.int64)
    return Column(values[is_there], offsets, is_text)


def _first_of_equal(query: NDArray[np.uint32], document: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places, ascending, at which a (query, document) comes first."""
    keys = query.astype(np.int64) << 32 | document
    _, first = np.unique(keys, return_index=True)
    return np.sort(first)
