"""Mining of a data set, step by step: texts, exclusions, embeddings, the search, rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from foolsgold.mining.checks import check_task
from foolsgold.mining.encode import similarity_of
from foolsgold.mining.finding import find
from foolsgold.mining.forbidden import check_negatives, exclusions_of
from foolsgold.mining.formats import Mined, columns_of_format
from foolsgold.mining.groups import class_by_group, groups_of
from foolsgold.mining.pairs import read_pairs
from foolsgold.mining.report import MiningReport, report_of, write_report
from foolsgold.mining.rows import Rows
from foolsgold.mining.stages import Clock, log_report
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from foolsgold.mining.finding import Found
    from foolsgold.mining.formats import OutputFormat
    from foolsgold.mining.pairs import Pairs
    from foolsgold.mining.rows import Column
    from foolsgold.mining.sources import Sources
    from foolsgold.mining.strategies import OnShort

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


class Outcome(NamedTuple):
    """What a task gives.

    Attributes:
        rows: the result.
        report: what mining did.
        mined: what both are made of.
    """

    rows: Rows
    report: MiningReport
    mined: Mined

    def write_report(self, folder: str | Path) -> None:
        """Write `report.json` and `report.html`.

        Raises:
            OSError: if they cannot be written.
        """
        write_report(Path(folder), self.report, self.mined)


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What to mine, and how; the arguments of `mine_hard_negatives` tell what each means.

    Attributes:
        columns: the data set, by column.
        anchor: the column of anchors.
        positive: the column of positives.
        model: what embeds; None where no source needs it.
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
    sources: Sources | None = None
    similarity: str = "cosine"
    on_short: OnShort | None = None
    recipe: str | None = None
    folder: str | Path | None = None
    cache_folder: str | Path | None = None
    model_fingerprint: str | None = None
    report_folder: str | Path | None = None
    device: Any = None
    max_memory: int = 2 << 30
    seed: int = 0
    threads: int | None = None
    progress: bool = False

    def run(self) -> Outcome:
        """Mine. Nothing is written to `report_folder` here, so that the caller has the rows first.

        Raises:
            ValueError: for bad data or options; see `mine_hard_negatives`.
            RuntimeError: if an excluded document became a negative, which is a defect.
        """
        check_task(self)
        clock, threads = Clock(), resolve(self.threads)
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
        found = find(self, pairs, exclusions, search, threads=threads, clock=clock)
        with clock.stage("rows"):
            mined = self._mined(pairs, found)
            check_negatives(exclusions, mined.query, mined.ids)
            rows = Rows(pairs.texts.distinct(), self._columns(mined))
        report = report_of(
            mined,
            pairs.texts,
            found.negatives.report,
            num_rows=len(rows),
            options=self._options(),
            seconds=clock.seconds,
        )
        log_report(report)
        return Outcome(rows, report, mined)

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
            sources=None if self.sources is None else empty.astype(np.int64),
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

    @property
    def cache(self) -> Path | None:
        """Where embeddings and a cross-encoder's scores are kept."""
        if self.cache_folder is not None:
            return Path(self.cache_folder)
        return None if self.folder is None else Path(self.folder) / "embeddings"

    def _columns(self, mined: Mined) -> dict[str, Column]:
        return columns_of_format(
            mined, self.output_format, self.anchor, self.positive, with_scores=self.output_scores
        )

    def _mined(self, pairs: Pairs, found: Found) -> Mined:
        each = self.search.get("margin_from") == "each"

        def of_pairs(table: NDArray[Any]) -> NDArray[Any]:
            return table if each else table[pairs.query]

        ids = of_pairs(found.negatives.ids)
        is_kept: NDArray[np.bool_] = np.ones(len(ids), np.bool_)
        if self.short_policy == "drop":
            is_kept = np.asarray((ids >= 0).all(axis=1))
        return Mined(
            anchors=pairs.queries[pairs.query],
            positives=pairs.document,
            positive_scores=found.positive_scores,
            query=pairs.query,
            ids=ids,
            scores=of_pairs(found.negatives.scores),
            is_kept=is_kept,
            sources=None if found.sources is None else of_pairs(found.sources),
        )

    def _options(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in _TOLD}
        told["similarity"] = "bm25" if self.model is None else similarity_of(self.model, self.similarity)
        if self.cross_encoder is not None:
            told["cross_encoder"] = type(self.cross_encoder).__name__
        if self.sources is not None:
            told["sources"] = self.sources.quotas or list(self.sources.names)
        return {**self.search, "on_short": self.short_policy, **told}
