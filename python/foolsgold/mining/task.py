"""Mining of a data set, step by step: texts, exclusions, embeddings, the search, rows."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.mining.encode import encode, similarity_of
from foolsgold.mining.forbidden import check_negatives, exclusions_of
from foolsgold.mining.formats import Mined, columns_of_format, new_column_names
from foolsgold.mining.groups import class_by_group, groups_of
from foolsgold.mining.pairs import read_pairs
from foolsgold.mining.report import MiningReport, report_of, write_report
from foolsgold.mining.rescored import check_search, depth_of, rescored
from foolsgold.mining.rows import Rows
from foolsgold.mining.search import mine
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from foolsgold.mining.candidates import Candidates
    from foolsgold.mining.encode import Role
    from foolsgold.mining.forbidden import Exclusion
    from foolsgold.mining.formats import OutputFormat
    from foolsgold.mining.pairs import Pairs
    from foolsgold.mining.rows import Column
    from foolsgold.mining.strategies import OnShort

logger = logging.getLogger(__name__)


_TOLD = (
    "query_prompt_name",
    "query_prompt",
    "corpus_prompt_name",
    "corpus_prompt",
    "include_positives",
    "output_format",
    "output_scores",
    "twins",
    "near_duplicates",
    "recipe",
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
        search: arguments of `mine`, recipe and safe margin among them.
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
    near_duplicates: float | None = None
    cross_encoder: Any = None
    similarity: str = "cosine"
    on_short: OnShort | None = None
    recipe: str | None = None
    folder: str | Path | None = None
    cache_folder: str | Path | None = None
    model_fingerprint: str | None = None
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
        self._check()
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
            groups = groups_of(pairs, self.row_groups, self.corpus_groups)
            exclusions = exclusions_of(
                pairs,
                has_positives=not self.include_positives,
                twins=self.twins,
                near_duplicates=self.near_duplicates,
                groups=groups,
                threads=threads,
                progress=self.progress,
            )
            search = dict(self.search)
            if groups is not None and search.get("sampling_strategy") == "diverse":
                search["diverse_by"] = class_by_group(groups)
        with clock.stage("embed"):
            documents = self._embed(pairs, "document")
            queries = self._embed(pairs, "query")
        with clock.stage("search"):
            if self.cross_encoder is None:
                found = self._search(queries, documents, exclusions, search, self.short_policy, threads)
                positive_scores = self._pair_scores(pairs, queries, documents, threads)
            else:
                unbounded = {"num_negatives": depth_of(search, pairs.num_documents)}
                found = self._search(queries, documents, exclusions, unbounded, "keep", threads)
        if self.cross_encoder is not None:
            with clock.stage("rescore"):
                found, positive_scores = self._rescored(pairs, found, search, threads)
        with clock.stage("rows"):
            mined = self._mined(pairs, found, positive_scores)
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
        return int(self.search["num_negatives"])

    @property
    def short_policy(self) -> OnShort:
        """What becomes of a query with fewer negatives than asked for."""
        return self.on_short or ("drop" if self.output_format == "n-tuple" else "keep")

    def _check(self) -> None:
        """Refuse what can be refused before anything that takes long."""
        similarity_of(self.model, self.similarity)
        check_search(self.search, on_short=self.short_policy, seed=self.seed)
        has_groups = self.row_groups is not None or self.corpus_groups is not None
        if self.search.get("sampling_strategy") == "diverse" and not has_groups:
            raise ValueError(
                '`sampling_strategy` must not be "diverse" without groups: it takes a negative of each'
            )
        for name in ("cross_encoder", "folder"):
            if getattr(self, name) is not None and self.short_policy == "random":
                raise ValueError(
                    f'`on_short` must not be "random" with `{name}`: other documents have no score'
                )
        names = new_column_names(self.output_format, self.num_negatives, with_scores=self.output_scores)
        for name in (self.anchor, self.positive):
            if name in names:
                raise ValueError(f"`dataset` must not use a column name of the result, got {name!r}")

    def _columns(self, mined: Mined) -> dict[str, Column]:
        return columns_of_format(
            mined, self.output_format, self.anchor, self.positive, with_scores=self.output_scores
        )

    def _embed(self, pairs: Pairs, role: Role) -> NDArray[np.float32]:
        is_query = role == "query"
        return encode(
            self.model,
            role,
            pairs.query_texts() if is_query else pairs.documents(),
            prompt_name=self.query_prompt_name if is_query else self.corpus_prompt_name,
            prompt=self.query_prompt if is_query else self.corpus_prompt,
            batch_size=self.batch_size,
            use_multi_process=self.use_multi_process,
            folder=self._cache,
            fingerprint=self.model_fingerprint,
            progress=self.progress,
        )

    @property
    def _cache(self) -> Path | None:
        """Where embeddings and a cross-encoder's scores are kept."""
        if self.cache_folder is not None:
            return Path(self.cache_folder)
        return None if self.folder is None else Path(self.folder) / "embeddings"

    def _search(
        self,
        queries: NDArray[np.float32],
        documents: NDArray[np.float32],
        exclusions: Mapping[str, Exclusion],
        search: Mapping[str, Any],
        on_short: OnShort,
        threads: int,
    ) -> Candidates:
        """The one place that calls the search."""
        positives = exclusions.get("positive")
        classes = {
            name: (_classes(exclusion, len(documents)), exclusion.lists)
            for name, exclusion in exclusions.items()
            if name != "positive"
        }
        options: dict[str, Any] = {**search, "similarity": similarity_of(self.model, self.similarity)}
        if self.folder is not None:
            options["folder"] = Path(self.folder) / "candidates"
        return mine(
            queries,
            documents,
            positives=None if positives is None else positives.lists,
            classes=classes or None,
            on_short=on_short,
            seed=self.seed,
            threads=threads,
            progress=self.progress,
            **options,
        )

    def _rescored(
        self, pairs: Pairs, found: Candidates, search: Mapping[str, Any], threads: int
    ) -> tuple[Candidates, NDArray[np.float32]]:
        return rescored(
            found,
            pairs,
            self.cross_encoder,
            search,
            on_short=self.short_policy,
            batch_size=self.batch_size,
            folder=self._cache,
            seed=self.seed,
            threads=threads,
            progress=self.progress,
        )

    def _pair_scores(
        self,
        pairs: Pairs,
        queries: NDArray[np.float32],
        documents: NDArray[np.float32],
        threads: int,
    ) -> NDArray[np.float32]:
        return _core.pair_scores(
            queries,
            documents,
            pairs.query,
            pairs.document,
            similarity=similarity_of(self.model, self.similarity),
            threads=threads,
        )

    def _mined(self, pairs: Pairs, found: Candidates, positive_scores: NDArray[np.float32]) -> Mined:
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
        told["similarity"] = similarity_of(self.model, self.similarity)
        if self.cross_encoder is not None:
            told["cross_encoder"] = type(self.cross_encoder).__name__
        return {**self.search, "on_short": self.short_policy, **told}


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
