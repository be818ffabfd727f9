"""Candidates on disk: searched part after part of the queries, and gone on with after an interruption."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.mining.candidates import Candidates
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Column = tuple[str, NDArray[np.uint64] | None, NDArray[Any]]
    Search = Callable[[int, int, Callable[[int, int], object] | None], Sequence[Column]]

logger = logging.getLogger(__name__)

_STEPS = 1000  # of progress, a part


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
    `.explode("document", "score")` for one row a candidate. The name of a part ends in the checksum of its
    bytes; a part that was changed is an error that names it.

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
        self._store = _core.CandidateStore.open(os.fspath(folder))

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


def search_in_parts(
    folder: str | os.PathLike[str],
    search: Search,
    *,
    num_queries: int,
    part_rows: int,
    key: Mapping[str, Any],
    progress: bool = False,
) -> CandidateStore:
    """Search the parts of the queries that a folder does not have yet, and write each when it is found.

    Killed at any moment, the same call goes on with the parts that are missing, and ends with the same bytes.

    Args:
        folder: a new one, an empty one, or one that the same call has begun.
        search: finds the columns of the queries `start` to `stop`; its third argument is called with
            `(done, total)`, or None.
        num_queries: Q.
        part_rows: queries of a part; a folder that was begun keeps its own.
        key: what decides the content, by name: anything that JSON can tell.
        progress: show a progress bar.

    Raises:
        ValueError: the folder holds anything else, another call's candidates, or is being written.
        OSError: the disk is full or not writable; what is finished stays.
    """
    path = os.fspath(folder)
    with progress_bar("Mine", enabled=progress) as show:
        store = _core.CandidateStore.create(
            path, queries=num_queries, part_rows=part_rows, key=json.dumps(key, sort_keys=True)
        )
        try:
            for damaged in store.damaged:
                logger.warning("%s was changed: it is made again", damaged)
            missing = store.missing
            done = store.parts - len(missing)
            if done:
                logger.info("Go on after %d of %d parts in %s", done, store.parts, path)
            for part in missing:
                store.write(part, list(search(*store.rows(part), _share(show, done, store.parts))))
                done += 1
        finally:
            store.close()
    return CandidateStore(path)


def part_rows(depth: int, num_documents: int) -> int:
    """Return how many queries a part has: some seconds of work, some ten megabytes."""
    return max(1 << 10, min(1 << 16, (1 << 22) // max(1, depth), (1 << 35) // max(1, num_documents)))


def fingerprint(*arrays: NDArray[Any] | None) -> str:
    """Return 64 bits of arrays, with their types and shapes, as hexadecimal digits."""
    told = [
        None if array is None else (array.dtype.str, array.shape, _core.checksum(_bytes(array)))
        for array in arrays
    ]
    text = np.frombuffer(json.dumps(told).encode(), np.uint8)
    return f"{_core.checksum(text):016x}"


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _share(
    show: Callable[[int, int], None] | None, done: int, parts: int
) -> Callable[[int, int], None] | None:
    """Return what shows the progress of one part as a share of all; `done` parts come before it."""
    if show is None:
        return None
    return lambda at, total: show(done * _STEPS + at * _STEPS // max(1, total), parts * _STEPS)


def _lists(columns: Sequence[Column], name: str) -> tuple[NDArray[np.uint64], NDArray[Any]]:
    for found, offsets, values in columns:
        if found == name and offsets is not None:
            return offsets, values
    raise ValueError(f"stored candidates must have a list `{name}` a query, got one value a query")
