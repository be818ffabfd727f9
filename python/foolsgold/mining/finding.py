"""The negatives of a task: embeddings, the search or several sources, and a cross-encoder's judgement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.mining.bm25 import BM25
from foolsgold.mining.bounds import Bounds, taken
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.encode import encode, similarity_of
from foolsgold.mining.forbidden import arguments_of
from foolsgold.mining.fusion import FusedCandidates, fuse
from foolsgold.mining.rescored import depth_of, rescored, rules_of, selection_of
from foolsgold.mining.search import mine
from foolsgold.mining.sources import SOURCES, sources_of
from foolsgold.mining.tables import BOUNDS, check_size, select, table_of
from foolsgold.mining.tables import depth_of as looked_at
from foolsgold.mining.words import search_words, word_scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from foolsgold.mining.encode import Role
    from foolsgold.mining.forbidden import Exclusion
    from foolsgold.mining.pairs import Pairs
    from foolsgold.mining.sources import Sources
    from foolsgold.mining.stages import Clock
    from foolsgold.mining.strategies import OnShort
    from foolsgold.mining.task import Task


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Negatives, and what they are compared with.

    Attributes:
        negatives: of each query, or of each pair where margins are measured from each.
        positive_scores: (P,) of the pairs.
        sources: as `negatives.ids`, places in `SOURCES`; None without sources.
    """

    negatives: Candidates
    positive_scores: NDArray[np.float32]
    sources: NDArray[np.int64] | None


def find(
    task: Task,
    pairs: Pairs,
    exclusions: Mapping[str, Exclusion],
    search: Mapping[str, Any],
    *,
    threads: int,
    clock: Clock,
) -> Found:
    """Find a task's negatives.

    Args:
        task: what to mine.
        pairs: its texts.
        exclusions: what no query gets, by name.
        search: arguments of `mine`.
        threads: at least 1.
        clock: of the stages.
    """
    num_documents, on_short = pairs.num_documents, task.short_policy
    selection = selection_of(search, num_documents=num_documents, on_short=on_short, seed=task.seed)
    check_size(selection, len(pairs.query if search.get("margin_from") == "each" else pairs.queries))
    finder = _Finder(task, pairs, exclusions, threads)
    negatives: Candidates
    fused: FusedCandidates | None = None
    if task.model is not None:
        with clock.stage("embed"):
            finder.embeddings  # noqa: B018  made here, for the clock
    with clock.stage("search"):
        if task.sources is not None:
            fused = finder.fused(task.sources, search)
            negatives = fused if task.cross_encoder is not None else finder.chosen(fused, search)
        elif task.cross_encoder is None:
            negatives = finder.search(search, task.short_policy)
        else:
            negatives = finder.search({"num_negatives": depth_of(search, pairs.num_documents)}, "keep")
        if task.cross_encoder is None:
            positive_scores = finder.positive_scores
    if task.cross_encoder is not None:
        with clock.stage("rescore"):
            negatives, positive_scores = rescored(
                negatives,
                pairs,
                task.cross_encoder,
                search,
                on_short=task.short_policy,
                batch_size=task.batch_size,
                folder=task.cache,
                seed=task.seed,
                threads=threads,
                progress=task.progress,
            )
    if fused is None:
        return Found(negatives=negatives, positive_scores=positive_scores, sources=None)
    rows = pairs.query if search.get("margin_from") == "each" else np.arange(len(pairs.queries))
    sources = sources_of(fused, negatives.ids, rows)
    for name in fused.source_names:
        negatives.report[f"from_{name}"] = int((sources == SOURCES.index(name)).sum())
    return Found(negatives=negatives, positive_scores=positive_scores, sources=sources)


class _Finder:
    """The steps, and what they share."""

    def __init__(self, task: Task, pairs: Pairs, exclusions: Mapping[str, Exclusion], threads: int) -> None:
        self.task, self.pairs, self.exclusions, self.threads = task, pairs, exclusions, threads

    @cached_property
    def embeddings(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Those of the documents and of the queries."""
        documents, queries = self._embed("document"), self._embed("query")
        if documents.shape[1] != queries.shape[1]:
            raise ValueError(
                "`model` must give queries and documents the same dimension, "
                f"got {queries.shape[1]} and {documents.shape[1]}"
            )
        return documents, queries

    @cached_property
    def positive_scores(self) -> NDArray[np.float32]:
        """The scores of the pairs: by the model, or without one by BM25."""
        query, document = self.pairs.query, self.pairs.document
        if self.task.model is None:
            texts, progress = self.pairs.query_texts(), self.task.progress
            return word_scores(self._words, texts, query, document, progress=progress)
        return self._scores(query, document)

    def search(self, search: Mapping[str, Any], on_short: OnShort) -> Candidates:
        """The one place that calls the search."""
        task, (documents, queries) = self.task, self.embeddings
        options: dict[str, Any] = {**search, "similarity": similarity_of(task.model, task.similarity)}
        if task.folder is not None:
            options["folder"] = Path(task.folder) / "candidates"
        return mine(
            queries,
            documents,
            **arguments_of(self.exclusions, len(documents)),
            on_short=on_short,
            device=task.device,
            max_memory=task.max_memory,
            seed=task.seed,
            threads=self.threads,
            progress=task.progress,
            **options,
        )

    def fused(self, sources: Sources, search: Mapping[str, Any]) -> FusedCandidates:
        """Candidates of each source under all rules, in one ranking, with the scores that bounds are on."""
        num_documents = self.pairs.num_documents
        depth = min(sources.depth(depth_of(search, num_documents)), num_documents)
        is_judged = self.task.cross_encoder is not None  # then its scores are bound, not these
        names = () if is_judged else (*BOUNDS, "margin_from")
        bounds: dict[str, Any] = {name: search[name] for name in names if search.get(name) is not None}
        tables: dict[str, Candidates] = {}
        for name in sources.names:
            if name == "model":
                tables[name] = self.search({"num_negatives": depth, **bounds}, "keep")
            else:
                tables[name] = self._search_words(depth, Bounds(**bounds), is_judged=is_judged)
        fused = fuse(tables, method=sources.method, quotas=sources.quotas, num=depth, threads=self.threads)
        report = {"queries": len(fused.ids), "documents": num_documents}
        for name, table in tables.items():
            counts = {rule.removeprefix("rejected_"): count for rule, count in table.report.items()}
            rules = (*self.exclusions, *BOUNDS)
            report |= {f"rejected_{name}: {rule}": counts[rule] for rule in rules if rule in counts}
        return FusedCandidates(
            fused.ids,
            _own_scores(fused, list(tables.values())),
            report=report,
            sources=fused.sources,
            source_ranks=fused.source_ranks,
            source_names=fused.source_names,
        )

    def chosen(self, fused: FusedCandidates, search: Mapping[str, Any]) -> Candidates:
        """Take negatives of a fusion by rank: the strategies that look at no score, and what is short."""
        selection = selection_of(
            search,
            num_documents=self.pairs.num_documents,
            on_short=self.task.short_policy,
            seed=self.task.seed,
        )
        num_queries, width = fused.ids.shape
        falling = np.broadcast_to(-np.arange(1, width + 1, dtype=np.float32), fused.ids.shape)
        anchors = np.full(num_queries, np.nan, np.float32)
        depth = max(width, looked_at(selection))
        table = table_of(fused.ids, falling, anchors, margin_from="least", depth=depth)
        picked = select(table, rules_of({}), selection, self.threads)
        scores = taken(fused.scores, np.maximum(picked.ranks.astype(np.int64), 0) - 1, -np.inf)
        counts = {name: count for name, count in picked.counts.items() if not name.startswith("rejected_")}
        return Candidates(picked.ids, scores, {**fused.report, **counts}, picked.ranks)

    @cached_property
    def _words(self) -> BM25:
        return BM25(self.pairs.documents(), threads=self.threads)

    def _search_words(self, depth: int, bounds: Bounds, *, is_judged: bool) -> Candidates:
        anchors = np.full(len(self.pairs.queries), np.nan, np.float32)
        if bounds.absolute_margin is not None or bounds.relative_margin is not None:
            anchors = bounds.anchors(self.pairs.positives()[0].astype(np.int64), self.positive_scores)
        return search_words(
            self._words,
            self.pairs.query_texts(),
            depth,
            exclusions=self.exclusions,
            anchors=anchors,
            bounds=bounds,
            score=None if is_judged or self.task.model is None else self._scores,
            progress=self.task.progress,
        )

    def _scores(self, query: NDArray[np.uint32], document: NDArray[np.uint32]) -> NDArray[np.float32]:
        similarity = similarity_of(self.task.model, self.task.similarity)
        documents, queries = self.embeddings
        return _core.pair_scores(
            queries, documents, query, document, similarity=similarity, threads=self.threads
        )

    def _embed(self, role: Role) -> NDArray[np.float32]:
        task, is_query = self.task, role == "query"
        return encode(
            task.model,
            role,
            self.pairs.query_texts() if is_query else self.pairs.documents(),
            prompt_name=task.query_prompt_name if is_query else task.corpus_prompt_name,
            prompt=task.query_prompt if is_query else task.corpus_prompt,
            batch_size=task.batch_size,
            use_multi_process=task.use_multi_process,
            folder=task.cache,
            fingerprint=task.model_fingerprint,
            progress=task.progress,
        )


def _own_scores(fused: FusedCandidates, tables: list[Candidates]) -> NDArray[np.float32]:
    """Return the score that each candidate has in its source."""
    scores = np.full(fused.ids.shape, -np.inf, np.float32)
    for number, table in enumerate(tables):
        row, place = np.nonzero(fused.sources == number)
        scores[row, place] = table.scores[row, fused.source_ranks[row, place].astype(np.int64) - 1]
    return scores
