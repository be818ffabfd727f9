"""Candidates on disk: read, described, and selected from part after part of the queries."""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.strategies import as_selection
from foolsgold.mining.tables import BOUNDS, as_table, check_key, check_size, rules_of, select
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from foolsgold.mining.strategies import OnShort, SamplingStrategy, Selection
    from foolsgold.mining.tables import Column

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Statistics:
    """What scores are like; NaN where there is none.

    Attributes:
        count: how many there are.
        mean: their mean.
        std: their standard deviation, for `count - 1` degrees of freedom.
        min: the least.
        quartiles: what a quarter, a half and three quarters lie below, exactly, between two as NumPy does it.
        max: the greatest.
    """

    count: int
    mean: float
    std: float
    min: float
    quartiles: tuple[float, float, float]
    max: float


class CandidateStore:
    """Candidates in a folder, read part by part: what is held is one part, whatever the number of queries.

    A part is a Parquet file of a fixed range of queries with one row a query: `query`, and lists of equal
    length, best first: `document` and `score`. In polars: `pl.read_parquet("folder/part-*.parquet")`, then
    `.explode("document", "score")` for one row a candidate. Beside them are `anchor`, the positive score that
    margins are measured from (NaN for none), and what tells how many documents each rule turned away. The
    name of a part ends in the checksum of its bytes; a part that was changed is an error that names it.

    Args:
        folder: what `mine(..., folder=...)` has written, finished or not.

    Raises:
        FileNotFoundError: there are no stored candidates.
        ValueError: the manifest is broken or of another version.

    Example:
        >>> import tempfile
        >>> from foolsgold.mining import mine
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = mine([[1.0, 0.0]], [[0.6, 0.8], [1.0, 0.0]], num_negatives=2, folder=folder)
        ...     store = CandidateStore(folder)
        ...     store.statistics("score").max, store.load().ids.tolist()
        (1.0, [[1, 0]])
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.fspath(folder)
        self._store = _core.CandidateStore.open(self._folder)

    def __len__(self) -> int:
        """Return the number of queries."""
        return self._store.queries

    @property
    def key(self) -> dict[str, Any]:
        """What decided the content, by name."""
        key: dict[str, Any] = json.loads(self._store.key)
        return key

    @property
    def num_parts(self) -> int:
        """How many parts there are to be."""
        return self._store.parts

    @property
    def is_finished(self) -> bool:
        """Whether all parts are there."""
        return not self._store.missing

    def parts(self, names: Sequence[str] | None = None) -> Iterator[tuple[range, list[Column]]]:
        """Read one part after the other.

        Args:
            names: the columns; None for all.

        Yields:
            The queries, and for each column its name, where each query's list begins (None for a column of
            one value a query), and the values.

        Raises:
            ValueError: a part is missing or was changed, or there is no such column.
        """
        for part in range(self._store.parts):
            yield range(*self._store.rows(part)), self._store.read(part, names)

    def statistics(self, name: str, *, progress: bool = False) -> Statistics:
        """Describe the numbers of a float32 column such as `score`, those that are NaN left out; exact.

        Raises:
            ValueError: as `parts`; the column holds other numbers.
        """
        with progress_bar("Statistics", enabled=progress, unit="part") as show:
            count, mean, std, low, quartiles, high = self._store.statistics(name, progress=show)
        return Statistics(count, mean, std, low, (quartiles[0], quartiles[1], quartiles[2]), high)

    def num_short(self, num_negatives: int, *, progress: bool = False) -> int:
        """Count the queries that have fewer candidates.

        Raises:
            ValueError: as `parts`.
        """
        with progress_bar("Count", enabled=progress, unit="part") as show:
            return self._store.num_short("document", num_negatives, progress=show)

    def select(
        self,
        num_negatives: int = 3,
        *,
        absolute_margin: float | None = None,
        relative_margin: float | None = None,
        max_score: float | None = None,
        min_score: float | None = None,
        range_min: int = 0,
        range_max: int | None = None,
        sampling_strategy: SamplingStrategy = "top",
        temperature: float | None = None,
        simans_a: float | None = None,
        simans_b: float | None = None,
        diverse_by: Any = None,
        on_short: OnShort = "keep",
        seed: int = 0,
        threads: int | None = None,
        progress: bool = False,
    ) -> Candidates:
        """Take negatives anew, in seconds: what `mine` would find with these arguments, bit for bit.

        That holds for all queries but the `starved_queries` of the report: stricter bounds turn away
        candidates that were kept of these, and the ones that would come next were not kept, as the search
        looked no further. They may lack negatives that `mine` would find, and a warning tells how many they
        are; a search of greater `depth` has none.

        Args:
            num_negatives: as in `mine`, like all others.
            absolute_margin: None for that of the search, else at least as strict.
            relative_margin: likewise.
            max_score: likewise.
            min_score: likewise.
            range_min: how many of the best allowed documents are skipped.
            range_max: the rank at which candidates end.
            sampling_strategy: which candidates are taken.
            temperature: of "softmax".
            simans_a: of "simans".
            simans_b: of "simans".
            diverse_by: of "diverse".
            on_short: what becomes of a query with too few candidates; not "random", and "widen" only where
                the search had no `min_score`, or was to widen it itself.
            seed: of what is left to chance.
            threads: by default a fair share of the cores.
            progress: show a progress bar.

        Raises:
            ValueError: a bound is looser than that of the search, or more candidates are asked for than were
                kept of a query; an argument is out of range; the manifest is damaged; as `parts`.
            TypeError: an argument is of another kind.

        Example:
            >>> import tempfile
            >>> from foolsgold.mining import mine
            >>> queries, corpus = [[1.0, 0.0]], [[0.6, 0.8], [1.0, 0.0], [0.8, 0.6]]
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     found = mine(queries, corpus, num_negatives=3, folder=folder)
            ...     CandidateStore(folder).select(2, max_score=0.9).ids.tolist()
            [[2, 0]]
        """
        key = self._search_key()
        selection = as_selection(
            num_negatives=num_negatives,
            range_min=range_min,
            range_max=range_max,
            sampling_strategy=sampling_strategy,
            temperature=temperature,
            simans_a=simans_a,
            simans_b=simans_b,
            diverse_by=diverse_by,
            num_documents=key["documents"],
            on_short=on_short,
            seed=seed,
        )
        if on_short == "widen" and key["min_score"] is not None:
            raise ValueError(
                '`on_short` must not be "widen" for candidates that were searched with `min_score`, got '
                f"{key['min_score']}\nhint: search again with it: what scores less was not kept"
            )
        bounds = (absolute_margin, relative_margin, max_score, min_score)
        given = {name: bound for name, bound in zip(BOUNDS, bounds, strict=True) if bound is not None}
        found = self.selected({**key, **given}, selection, threads=resolve(threads), progress=progress)
        if starved := found.report["starved_queries"]:
            logger.warning(
                "%d of %d queries may lack candidates: bounds turned away some of the %d that are kept of a "
                "query\nhint: search again with a greater `depth=`",
                starved,
                len(self),
                key["depth"],
            )
        return found

    def selected(
        self, asked: Mapping[str, Any], selection: Selection, *, threads: int, progress: bool = False
    ) -> Candidates:
        """As `select`, of checked arguments.

        Args:
            asked: the bounds by name, as `key` has them.
            selection: what is taken.
            threads: at least 1.
            progress: show a progress bar.
        """
        key, rules = self._search_key(), rules_of(asked)
        check_size(selection, len(self))
        ids = np.full((len(self), selection["num_negatives"]), -1, np.int64)
        scores = np.full(ids.shape, -np.inf, np.float32)
        ranks = np.full(ids.shape, -1, np.int32)
        report: dict[str, int] = {"queries": len(self), "documents": key["documents"]}
        with progress_bar("Select", enabled=progress, unit="part") as show:
            for done, (rows, columns) in enumerate(self.parts(), start=1):
                table, cut = self._table(columns, key), slice(rows.start, rows.stop)
                first = selection["first_query"] + rows.start
                found = select(table, rules, {**selection, "first_query": first}, threads)
                ids[cut], scores[cut], ranks[cut] = found.ids, found.scores, found.ranks
                for name, count in found.counts.items():
                    report[name] = report.get(name, 0) + count
                if show:
                    show(done, self.num_parts)
        return Candidates(ids, scores, report, ranks)

    def load(self) -> Candidates:
        """Return all candidates as one table, as wide as the longest list.

        Raises:
            ValueError: as `parts`.
        """
        parts = [columns for _, columns in self.parts(["document", "score"])]
        lengths = [np.diff(_lists(columns, "document")[0].astype(np.int64)) for columns in parts]
        width = max((int(part.max(initial=0)) for part in lengths), default=0)
        ids = np.full((len(self), width), -1, np.int64)
        scores = np.full((len(self), width), -np.inf, np.float32)
        start = 0
        for columns, length in zip(parts, lengths, strict=True):
            filled = np.arange(width) < length[:, None]
            ids[start : start + len(length)][filled] = _lists(columns, "document")[1]
            scores[start : start + len(length)][filled] = _lists(columns, "score")[1]
            start += len(length)
        return Candidates(ids, scores, {"queries": len(self)})

    def _search_key(self) -> dict[str, Any]:
        """Return the key of a search that `mine` has made, checked."""
        key = self.key
        with self._named():
            check_key(key)
        return key

    def _table(self, columns: list[Column], key: dict[str, Any]) -> _core.CandidateTable:
        with self._named():  # parts have checksums: what does not fit them is the manifest
            return as_table(columns, key)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name the manifest where it does not tell the search of these candidates."""
        try:
            yield
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            got = f"no {error}" if isinstance(error, KeyError) else str(error)
            path = Path(self._folder) / "manifest.json"
            raise ValueError(f"{path}: must tell the search that the candidates are of: {got}") from None


def _lists(columns: Sequence[Column], name: str) -> tuple[NDArray[np.uint64], NDArray[Any]]:
    for found, offsets, values in columns:
        if found == name and offsets is not None:
            return offsets, values
    raise ValueError(f"stored candidates must have a list `{name}` a query, got one value a query")
