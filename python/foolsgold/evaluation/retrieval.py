"""Retrieval metrics from a table of retrieved ids and the ids that should have been retrieved."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from foolsgold import _core
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Relevant: TypeAlias = (
        tuple[NDArray[Any], ...] | NDArray[Any] | Sequence[Collection[int] | Mapping[int, float]]
    )

logger = logging.getLogger(__name__)

_MAX_ID = 2**32 - 1


class RetrievalMetrics(dict[str, float]):
    """Means by name, as in `metrics["ndcg@10"]`.

    Attributes:
        per_query: for each name the (Q,) values, NaN for queries without relevant documents.
        num_left_out: queries without relevant documents, which no mean counts.
    """

    def __init__(
        self, means: dict[str, float], *, per_query: dict[str, NDArray[np.float64]], num_left_out: int
    ) -> None:
        super().__init__(means)
        self.per_query = per_query
        self.num_left_out = num_left_out


def retrieval_metrics(
    ids: Any,
    scores: Any | None,
    relevant: Relevant,
    *,
    mrr_at_k: Sequence[int] = (10,),
    ndcg_at_k: Sequence[int] = (10,),
    accuracy_at_k: Sequence[int] = (1, 3, 5, 10),
    precision_at_k: Sequence[int] = (1, 3, 5, 10),
    recall_at_k: Sequence[int] = (1, 3, 5, 10),
    map_at_k: Sequence[int] = (100,),
    threads: int | None = None,
) -> RetrievalMetrics:
    r"""Measure what was retrieved for each query.

    The scores alone say the order, and equal scores are a random order: a metric is its expected value over
    all orders of the tied documents, computed exactly. So no tie in the table is decided by where a document
    happens to be stored, and scores that collapse gain nothing.

    Math:
        With ranks $i$ from 1, gains $g_i$, $r_i = [g_i > 0]$ and $R$ relevant documents of the query, at $k$:
        accuracy $\max_{i \le k} r_i$; precision $\sum_{i \le k} r_i / k$; recall $\sum_{i \le k} r_i / R$;
        mrr $1 / \min\{i \le k : r_i\}$; map $\sum_{i \le k} r_i p_i / \min(k, R)$ with $p_i$ the precision at
        $i$; ndcg $\sum_{i \le k} g_i / \log_2(i + 1)$ over that sum for the best order of all relevant
        documents.

    Args:
        ids: (Q, k) integers, the retrieved documents; -1 marks an empty place. Converted to int64. Places
            beyond the table are empty: a cutoff above k is no error, and a tie that goes on there is not
            seen.
        scores: (Q, k), higher is better; None if `ids` is best first and nothing is tied. Converted to
            float32.
        relevant: what should have been retrieved: a sequence with, for each query, its ids or a mapping from
            id to gain; or a tuple of arrays `(offsets, ids)` or `(offsets, ids, gains)`, where query i has
            `ids[offsets[i]:offsets[i + 1]]`; or a (Q,) array, one document each. A gain is at least 0, and 0
            is judged and not relevant; without gains, all are 1.
        mrr_at_k: cutoffs of the mean reciprocal rank, each at least 1.
        ndcg_at_k: cutoffs of the normalised discounted cumulative gain.
        accuracy_at_k: cutoffs of whether any relevant document was found.
        precision_at_k: cutoffs of the part of the places that are relevant.
        recall_at_k: cutoffs of the part of the relevant documents that were found.
        map_at_k: cutoffs of the mean average precision.
        threads: None for this process's share of the cores.

    Returns:
        The means by name (`mrr@10`, `ndcg@10`, ...), over the queries that have a relevant document; with
        `per_query` and `num_left_out`.

    Raises:
        TypeError: a table does not hold numbers.
        ValueError: shapes disagree, a score is NaN, a row has a document twice (each with its row), a cutoff
            is less than 1, or no query has a relevant document.

    Example:
        >>> retrieval_metrics([[3, 1, 2]], [[0.9, 0.5, 0.1]], [{1}], mrr_at_k=[10])["mrr@10"]
        0.5

    Reference:
        McSherry and Najork 2008, "Computing Information Retrieval Performance Measures Efficiently in the
        Presence of Tied Scores", https://doi.org/10.1007/978-3-540-78646-7_38.
    """
    cutoffs = [
        (metric, int(k))
        for metric, at_k in (
            ("accuracy", accuracy_at_k),
            ("precision", precision_at_k),
            ("recall", recall_at_k),
            ("ndcg", ndcg_at_k),
            ("mrr", mrr_at_k),
            ("map", map_at_k),
        )
        for k in at_k
    ]
    if low := [f"{metric}@{k}" for metric, k in cutoffs if k < 1]:
        raise ValueError(f"cutoffs must be at least 1, got {low[0]}")
    table, weights = _tables(ids, scores)
    means, values, num_left_out = _core.evaluate(
        table, weights, *_lists(relevant), cutoffs, threads=resolve(threads)
    )
    if num_left_out == len(table):
        raise ValueError(f"`relevant` must hold a relevant document, got none for {len(table)} queries")
    if num_left_out:
        logger.info("%d of %d queries have no relevant document: left out", num_left_out, len(table))
    names = [f"{metric}@{k}" for metric, k in cutoffs]
    per_query = {name: np.ascontiguousarray(values[:, column]) for column, name in enumerate(names)}
    return RetrievalMetrics(
        dict(zip(names, means.tolist(), strict=True)), per_query=per_query, num_left_out=num_left_out
    )


def _tables(ids: Any, scores: Any | None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Make both tables contiguous; without scores, the order of a row is its score."""
    table = _integers("ids", ids)
    if table.ndim != 2:
        raise ValueError(f"`ids` must have 2 dimensions, got {table.ndim}")
    if scores is None:
        scores = np.broadcast_to(-np.arange(table.shape[1], dtype=np.float32), table.shape)
    weights = np.ascontiguousarray(scores, dtype=np.float32)
    if weights.shape != table.shape:
        raise ValueError(f"`scores` must have the shape of `ids`, {table.shape}, got {weights.shape}")
    return table, weights


def _lists(relevant: Relevant) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float64]]:
    """Make offsets, ids and gains of any form of `relevant`."""
    gains: Any = None
    if isinstance(relevant, np.ndarray):
        offsets, ids = np.arange(len(relevant) + 1), relevant
    elif isinstance(relevant, tuple) and relevant and isinstance(relevant[0], np.ndarray):
        if len(relevant) not in (2, 3):
            raise ValueError(
                f"`relevant` must be (offsets, ids) or (offsets, ids, gains), got {len(relevant)} arrays"
            )
        offsets, ids = relevant[:2]
        gains = relevant[2] if len(relevant) == 3 else None
    else:
        offsets = np.cumsum([0, *map(len, relevant)])
        ids = np.array([document for query in relevant for document in query] or np.zeros(0, np.int64))
        gains = [
            gain
            for query in relevant
            for gain in (query.values() if isinstance(query, Mapping) else [1.0] * len(query))
        ]
    documents = _integers("relevant", ids)
    if documents.ndim != 1:
        raise ValueError(f"`relevant` must have one dimension, got {documents.ndim}")
    wrong = documents[(documents < 0) | (documents > _MAX_ID)]
    if len(wrong):
        raise ValueError(f"`relevant` must hold ids from 0 to {_MAX_ID}, got {wrong[0]}")
    gains = np.ones(len(documents)) if gains is None else np.ascontiguousarray(gains, dtype=np.float64)
    return _integers("offsets", offsets), documents.astype(np.uint32), gains


def _integers(name: str, values: Any) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise TypeError(f"`{name}` must hold integers, got {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.int64)
