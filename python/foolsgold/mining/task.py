"""Mining of a data set, step by step: texts, exclusions, embeddings, the search, rows."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold import _core
from foolsgold.mining.encode import encode, similarity_of
from foolsgold.mining.forbidden import check_negatives, exclusions_of
from foolsgold.mining.formats import Mined, columns_of_format, new_column_names
from foolsgold.mining.pairs import read_pairs
from foolsgold.mining.report import MiningReport, report_of, write_report
from foolsgold.mining.rows import Rows
from foolsgold.mining.search import mine
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from foolsgold.mining.candidates import Candidates
    from foolsgold.mining.forbidden import Exclusion
    from foolsgold.mining.formats import OutputFormat
    from foolsgold.mining.pairs import Pairs
    from foolsgold.mining.rows import Column

logger = logging.getLogger(__name__)

OnShort = Literal["keep", "drop", "random", "widen"]

_TOLD = (
    "query_prompt_name",
    "query_prompt",
    "corpus_prompt_name",
    "corpus_prompt",
    "include_positives",
    "output_format",
    "output_scores",
    "twins",
    "seed",
)
"""Options that a report tells as they are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What to mine, and how; the arguments of `mine_hard_negatives` tell what each means.

    Attributes:
        columns: the data set, by column.
        anchor: the column of anchors.
        positive: the column of positives.
        model: what embeds.
        search: arguments of `mine`, as far as they are given.
    """

    columns: Mapping[str, Any]
    anchor: str
    positive: str
    model: Any
    search: Mapping[str, Any] = field(default_factory=dict)
    corpus: Sequence[str] | Any = None
    query_prompt_name: str | None = None
    query_prompt: str | None = None
    corpus_prompt_name: str | None = None
    corpus_prompt: str | None = None
    include_positives: bool = False
    output_format: OutputFormat = "triplet"
    output_scores: bool = False
    batch_size: int = 32
    use_multi_process: bool | list[str] = False
    exclude: Any = None
    row_groups: Any = None
    corpus_groups: Any = None
    twins: bool = True
    similarity: str = "cosine"
    on_short: OnShort | None = None
    report_folder: str | Path | None = None
    seed: int = 0
    threads: int | None = None
    progress: bool = False

    def run(self) -> tuple[Rows, MiningReport]:
        """Mine.

        Raises:
            ValueError: for bad data or options; see `mine_hard_negatives`.
            RuntimeError: if an excluded document became a negative, which is a defect.
        """
        self._check_names()
        similarity_of(self.model, self.similarity)  # before anything that takes long
        clock = _Clock()
        threads = resolve(self.threads)
        with clock.stage("read"):
            pairs = read_pairs(
                self.columns,
                self.anchor,
                self.positive,
                corpus=self.corpus,
                exclude=self.exclude,
                threads=threads,
                progress=self.progress,
            )
        with clock.stage("exclude"):
            exclusions = exclusions_of(
                pairs,
                has_positives=not self.include_positives,
                twins=self.twins,
                row_groups=self.row_groups,
                corpus_groups=self.corpus_groups,
                threads=threads,
                progress=self.progress,
            )
        with clock.stage("embed"):
            documents = self._embed(pairs, "document")
            queries = self._embed(pairs, "query")
        with clock.stage("search"):
            found = self._search(queries, documents, exclusions, threads)
        with clock.stage("rows"):
            mined = self._mined(pairs, found, queries, documents, threads)
            check_negatives(exclusions, mined.query, mined.ids)
            rows = Rows(pairs.texts.distinct(), self._columns(mined))
        report = report_of(
            mined,
            pairs.texts,
            found.report,
            num_rows=len(rows),
            options=self._options(),
            seconds=clock.seconds,
        )
        _log(report)
        if self.report_folder is not None:
            write_report(Path(self.report_folder), report, mined)
        return rows, report

    @property
    def schema(self) -> Any:
        """The names and types of the columns that the rows will have, as Arrow has them."""
        empty = np.empty((0, self.num_negatives))
        nobody = np.empty(0, np.uint32)
        mined = Mined(
            anchors=nobody,
            positives=nobody,
            positive_scores=np.empty(0, np.float32),
            query=nobody,
            ids=empty.astype(np.int64),
            scores=empty.astype(np.float32),
            is_kept=np.empty(0, np.bool_),
        )
        return Rows([], self._columns(mined)).schema

    @property
    def num_negatives(self) -> int:
        """Negatives of each query."""
        return int(self.search.get("num_negatives", 3))

    @property
    def short_policy(self) -> OnShort:
        """What becomes of a query with fewer negatives than asked for."""
        return self.on_short or ("drop" if self.output_format == "n-tuple" else "keep")

    def _check_names(self) -> None:
        if self.num_negatives < 1:
            raise ValueError(f"`num_negatives` must be at least 1, got {self.num_negatives}")
        names = new_column_names(self.output_format, self.num_negatives, with_scores=self.output_scores)
        for name in (self.anchor, self.positive):
            if name in names:
                raise ValueError(f"`dataset` must not use a column name of the result, got {name!r}")

    def _columns(self, mined: Mined) -> dict[str, Column]:
        return columns_of_format(
            mined, self.output_format, self.anchor, self.positive, with_scores=self.output_scores
        )

    def _embed(self, pairs: Pairs, role: Literal["query", "document"]) -> NDArray[np.float32]:
        is_query = role == "query"
        return encode(
            self.model,
            role,
            pairs.query_texts() if is_query else pairs.documents(),
            prompt_name=self.query_prompt_name if is_query else self.corpus_prompt_name,
            prompt=self.query_prompt if is_query else self.corpus_prompt,
            batch_size=self.batch_size,
            use_multi_process=self.use_multi_process,
            progress=self.progress,
        )

    def _search(
        self,
        queries: NDArray[np.float32],
        documents: NDArray[np.float32],
        exclusions: Mapping[str, Exclusion],
        threads: int,
    ) -> Candidates:
        """The one place that calls the search."""
        positives = exclusions.get("positive")
        classes = {
            name: (_classes(exclusion, len(documents)), exclusion.lists)
            for name, exclusion in exclusions.items()
            if name != "positive"
        }
        return mine(
            queries,
            documents,
            positives=None if positives is None else positives.lists,
            classes=classes or None,
            on_short=self.short_policy,
            similarity=similarity_of(self.model, self.similarity),
            seed=self.seed,
            threads=threads,
            progress=self.progress,
            **self.search,
        )

    def _mined(
        self,
        pairs: Pairs,
        found: Candidates,
        queries: NDArray[np.float32],
        documents: NDArray[np.float32],
        threads: int,
    ) -> Mined:
        positive_scores = _core.pair_scores(
            queries,
            documents,
            pairs.query,
            pairs.document,
            similarity=similarity_of(self.model, self.similarity),
            threads=threads,
        )
        each = self.search.get("margin_from") == "each"
        ids = found.ids if each else found.ids[pairs.query]
        scores = found.scores if each else found.scores[pairs.query]
        is_kept: NDArray[np.bool_] = np.ones(len(ids), np.bool_)
        if self.short_policy == "drop":
            is_kept = np.asarray((ids >= 0).all(axis=1))
        return Mined(
            anchors=pairs.queries[pairs.query],
            positives=pairs.document,
            positive_scores=positive_scores,
            query=pairs.query,
            ids=ids,
            scores=scores,
            is_kept=is_kept,
        )

    def _options(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in _TOLD}
        similarity = similarity_of(self.model, self.similarity)
        return {**self.search, "similarity": similarity, "on_short": self.short_policy, **told}


class _Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began


def _classes(exclusion: Exclusion, num_documents: int) -> NDArray[np.uint32]:
    return np.arange(num_documents, dtype=np.uint32) if exclusion.classes is None else exclusion.classes


def _log(report: MiningReport) -> None:
    counts = report.counts
    logger.info("Turned away: %s", _told(report.rejected, "d"))
    for name, summary in report.scores.items():
        logger.info("Scores of %s: %s", name, _told(summary, ".4g"))
    lost = counts["pairs_without_negatives"]
    logger.info("Made %d rows of %d pairs; %d pairs have no negatives", counts["rows"], counts["pairs"], lost)


def _told(values: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{name} {value:{form}}" for name, value in values.items())
