"""BM25 as a source: its candidates under the rules of a search, and its scores of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foolsgold.mining.bounds import places_within, taken
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.forbidden import arguments_of
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from foolsgold.mining.bm25 import BM25
    from foolsgold.mining.bounds import Bounds
    from foolsgold.mining.forbidden import Exclusion

    Scorer = Callable[[NDArray[np.uint32], NDArray[np.uint32]], NDArray[np.float32]]

_CELLS = 1 << 22  # candidates that are looked at together
_QUERIES = 1 << 8  # queries whose positives are scored together
_DEEPER = 4


def search_words(
    index: BM25,
    queries: Sequence[str],
    depth: int,
    *,
    exclusions: Mapping[str, Exclusion],
    anchors: NDArray[np.float32],
    bounds: Bounds,
    score: Scorer | None,
    progress: bool = False,
) -> Candidates:
    """Find each query's `depth` best documents among those that exclusions and bounds allow.

    Exclusions are part of the search. What bounds turn away by another's scores is found only afterwards, so
    a query that lacks candidates for that is searched deeper, until it has them or no word of it is left.

    Args:
        index: of the corpus.
        queries: Q texts.
        depth: at least 1.
        exclusions: what no query gets, by name.
        anchors: (Q,) the scores that margins are measured from, NaN for none.
        bounds: on the scores.
        score: gives the scores that bounds are on, of pairs of queries and documents; None for BM25's own.
        progress: show a progress bar.

    Returns:
        Candidates (Q, depth) in the order of BM25, with the scores that bounds are on. `report` counts what
        the bounds turned away among the candidates that were looked at.
    """
    ids = np.full((len(queries), depth), -1, np.int64)
    scores = np.full(ids.shape, -np.inf, np.float32)
    report: dict[str, int] = {}

    def look(asked: NDArray[np.int64], top_k: int) -> NDArray[np.int64]:
        """Fill the rows of these queries; return those that have to be searched deeper."""
        own = [queries[query] for query in asked]
        found = index.search(own, top_k, **arguments_of(exclusions, len(index), asked))
        judged = found.scores if score is None else _scored(found.ids, asked, score)
        places, _ = places_within(found.ids, judged, anchors[asked], bounds, num=depth, by_score=False)
        ids[asked], scores[asked] = taken(found.ids, places, -1), taken(judged, places, -np.inf)
        is_short = (places[:, -1] < 0) & (found.ids[:, -1] >= 0) & (top_k < len(index))
        done = ~is_short
        _, counts = places_within(found.ids[done], judged[done], anchors[asked[done]], bounds, by_score=False)
        for name, count in counts.items():
            report[name] = report.get(name, 0) + count
        return asked[is_short]

    with progress_bar("Search words", enabled=progress) as show:
        step = max(1, _CELLS // depth)
        for start in range(0, len(queries), step):
            asked, top_k = np.arange(start, min(start + step, len(queries))), depth
            while len(asked):
                width = max(1, _CELLS // top_k)
                parts = [look(asked[at : at + width], top_k) for at in range(0, len(asked), width)]
                asked, top_k = np.concatenate(parts), min(_DEEPER * top_k, len(index))
            if show is not None:
                show(min(start + step, len(queries)), len(queries))
    return Candidates(ids, scores, report)


def word_scores(
    index: BM25,
    queries: Sequence[str],
    query: NDArray[np.uint32],
    document: NDArray[np.uint32],
    *,
    progress: bool = False,
) -> NDArray[np.float32]:
    """Return BM25's scores of pairs, 0 where they share no word.

    Args:
        index: of N documents.
        queries: Q texts.
        query: (P,) ascending.
        document: (P,).
        progress: show a progress bar.
    """
    scores = np.zeros(len(query), np.float32)
    with progress_bar("Score words", enabled=progress) as show:
        for start in range(0, len(queries), _QUERIES):
            stop = min(start + _QUERIES, len(queries))
            pairs = slice(*np.searchsorted(query, [start, stop]))
            wanted, places = np.unique(document[pairs], return_inverse=True)
            if len(wanted):
                table = _table(index, queries[start:stop], wanted)
                scores[pairs] = table[query[pairs].astype(np.int64) - start, places]
            if show is not None:
                show(stop, len(queries))
    return scores


def _table(index: BM25, queries: Sequence[str], documents: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return the scores of all pairs of some queries and some documents (distinct, ascending)."""
    is_wanted = np.zeros(len(index), np.int64)
    is_wanted[documents] = 1
    others = np.zeros(len(queries), np.int64)  # a search that excludes all other documents scores every pair
    found = index.search(queries, len(documents), classes={"others": (is_wanted, others)})
    row, place = np.nonzero(found.ids >= 0)
    table = np.zeros((len(queries), len(documents)), np.float32)
    table[row, np.searchsorted(documents, found.ids[row, place])] = found.scores[row, place]
    return table


def _scored(ids: NDArray[np.int64], asked: NDArray[np.int64], score: Scorer) -> NDArray[np.float32]:
    row, place = np.nonzero(ids >= 0)
    scores = np.full(ids.shape, -np.inf, np.float32)
    scores[row, place] = score(asked[row].astype(np.uint32), ids[row, place].astype(np.uint32))
    return scores
