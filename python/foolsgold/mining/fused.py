"""Negatives from several sources, all under the rules of one search and with one model's scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold import _core
from foolsgold.integers import MAX_ROWS, integer
from foolsgold.mining.arrays import as_lists, as_matrix
from foolsgold.mining.bounds import Bounds, places_within, taken
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.exclusions import as_exclusions
from foolsgold.mining.fusion import FusedCandidates, check_sources, fuse
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping


def mine_fused(
    sources: Mapping[str, Candidates],
    queries: Any,
    corpus: Any,
    *,
    positives: Any = None,
    num_negatives: int = 3,
    absolute_margin: float | None = None,
    relative_margin: float | None = None,
    margin_from: Literal["least", "greatest"] = "least",
    max_score: float | None = None,
    min_score: float | None = None,
    exclude: Any = None,
    classes: Mapping[str, tuple[Any, Any]] | None = None,
    similarity: Literal["cosine", "dot", "euclidean"] = "cosine",
    method: Literal["rrf", "quota"] = "rrf",
    k: float | None = None,
    quotas: Mapping[str, int] | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> FusedCandidates:
    """Take each query's negatives from several sources, under the rules of `mine`.

    Every candidate, whichever source it comes from, gets the model's score, so that bounds and exclusions
    hold for all alike: those of BM25 and of run files too. What the rules leave stands in the order of the
    fusion. A query gets fewer than `num_negatives` where its sources have no more: give them depth.

    Args:
        sources: as in `fuse`; ids are rows of `corpus`.
        queries: (Q, D) embeddings, as in `mine`.
        corpus: (N, D) embeddings, as in `mine`.
        positives: as in `mine`.
        num_negatives: as in `mine`.
        absolute_margin: as in `mine`.
        relative_margin: as in `mine`.
        margin_from: from which of a query's positives margins are measured.
        max_score: as in `mine`.
        min_score: as in `mine`.
        exclude: further rows that are no negatives, as `positives`.
        classes: by name the documents' classes (N,) and those that each query excludes.
        similarity: as in `mine`.
        method: as in `fuse`, of candidates without those that the rules turn away.
        k: as in `fuse`.
        quotas: as in `fuse`.
        threads: by default a fair share of the cores.
        progress: show a progress bar.

    Returns:
        The table; `scores` are the model's. `report` counts what each rule turned away, in every source by
        itself.

    Raises:
        ValueError: as in `mine` and `fuse`.

    Example:
        >>> corpus = np.eye(4, dtype=np.float32) + 0.1
        >>> words = Candidates(np.array([[0, 3, 2]]), np.array([[9.0, 5.0, 1.0]], np.float32))
        >>> mine_fused({"bm25": words}, corpus[:1], corpus, positives=[0], num_negatives=2).ids
        array([[3, 2]])
    """
    check_sources(sources)
    num_negatives = integer("num_negatives", num_negatives, 1, MAX_ROWS)
    queries, corpus = as_matrix("queries", queries), as_matrix("corpus", corpus)
    threads = resolve(threads)
    bounds = Bounds(absolute_margin, relative_margin, max_score, min_score, margin_from)
    bounds.check(has_positives=positives is not None)
    rules = as_exclusions(len(queries), len(corpus), positives=positives, exclude=exclude, classes=classes)
    offsets, values = _lists(positives, len(queries), len(corpus))
    query = np.repeat(np.arange(len(queries), dtype=np.uint32), np.diff(offsets))
    known = _core.pair_scores(queries, corpus, query, values, similarity=similarity, threads=threads)
    anchors = bounds.anchors(offsets, known)
    allowed, report = {}, {}
    for name, table in sources.items():
        scored = score_candidates(table, queries, corpus, similarity=similarity, threads=threads)
        places, counts = places_within(
            table.ids, scored.scores, anchors, bounds, exclusions=rules, by_score=False
        )
        report.update({f"{name}: {rule}": count for rule, count in counts.items()})
        allowed[name] = Candidates(taken(table.ids, places, -1), taken(table.scores, places, -np.inf))
    fused = fuse(
        allowed, method=method, k=k, quotas=quotas, num=num_negatives, threads=threads, progress=progress
    )
    scored = score_candidates(fused, queries, corpus, similarity=similarity, threads=threads)
    num_found = (fused.ids >= 0).sum(axis=1)
    report |= {"short_queries": int((num_found < num_negatives).sum()), "missing": int((fused.ids < 0).sum())}
    return FusedCandidates(
        fused.ids,
        scored.scores,
        report={**fused.report, **report},
        sources=fused.sources,
        source_ranks=fused.source_ranks,
        source_names=fused.source_names,
    )


def score_candidates(
    found: Candidates,
    queries: Any,
    corpus: Any,
    *,
    similarity: Literal["cosine", "dot", "euclidean"] = "cosine",
    threads: int | None = None,
) -> Candidates:
    """Return the candidates in their order, with the model's scores.

    Args:
        found: candidates of Q queries, rows of `corpus`.
        queries: (Q, D) embeddings.
        corpus: (N, D) embeddings.
        similarity: as in `mine`.
        threads: by default a fair share of the cores.

    Raises:
        ValueError: if the numbers do not match, or a value is not finite.

    Example:
        >>> words = Candidates(np.array([[1, 0]]), np.array([[9.0, 5.0]], np.float32))
        >>> score_candidates(words, np.eye(2)[:1], np.eye(2)).scores
        array([[0., 1.]], dtype=float32)
    """
    queries, corpus = as_matrix("queries", queries), as_matrix("corpus", corpus)
    if len(found.ids) != len(queries):
        raise ValueError(f"`found` must have one row a query, {len(queries)}, got {len(found.ids)}")
    most = int(found.ids.max(initial=-1))
    if most >= len(corpus):
        raise ValueError(f"`found` must hold rows of the corpus, below {len(corpus)}, got {most}")
    query, place = np.nonzero(found.ids >= 0)
    scores = np.full(found.ids.shape, -np.inf, np.float32)
    scores[query, place] = _core.pair_scores(
        queries,
        corpus,
        query.astype(np.uint32),
        found.ids[query, place].astype(np.uint32),
        similarity=similarity,
        threads=resolve(threads),
    )
    return Candidates(found.ids, scores, report=dict(found.report))


def _lists(positives: Any, num_queries: int, num_documents: int) -> Any:
    if positives is None:
        return np.zeros(num_queries + 1, np.int64), np.empty(0, np.uint32)
    return as_lists("positives", positives, num_queries, num_documents)
