"""NoDuplicatesBatchSampler: no text twice in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold import _core
from foolsgold.data.texts import Texts, columns_of, values_of
from foolsgold.sampling.batch_sampler import PlannedBatchSampler
from foolsgold.sampling.plan import Plan, Tail

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import torch
    from numpy.typing import NDArray

_SOURCE_COLUMN = "dataset_name"


class NoDuplicatesBatchSampler(PlannedBatchSampler):
    """Shuffled batches in which no two rows share a text, in any column and across columns.

    For losses that take the other rows of a batch as negatives: a text that comes twice would be the negative
    of its own query. With ranks, no two rows of the global batch share a text.

    Values are compared exactly; those that are no texts (numbers, lists) by their `str`. A row may hold a
    text in two of its own columns.

    `len` is exact and the same for every epoch and rank. With `drop_last` every batch is full: where texts
    are so frequent that not all rows find a place, the rest is left out, and where batches cannot be filled
    otherwise, rows come twice. Without it no batch is larger than `batch_size`, and the last, or where one
    text needs more batches all of them, may be smaller. `report` counts what became of the rows.

    Args:
        dataset: a `datasets.Dataset`, or anything that `foolsgold.data.texts.columns_of` takes; read once.
        batch_size: rows per batch and rank, at least 1.
        drop_last: give full batches only.
        valid_label_columns: names of columns that hold labels; their values may be shared.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: 0 to 2^64 - 1; with the epoch it decides the batches, on every platform.
        rank: which share of each global batch is given; None for all, one rank's after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
        threads: for reading texts, by default a fair share of the cores; no result depends on it.
        progress: show a progress bar while texts are read.

    Raises:
        ValueError: for numbers out of range, data with no rows or no text column, a null text (column and row
            are named), one text in all rows, and texts so frequent that not one batch can be filled.
        TypeError: for data of an unknown kind.

    Example:
        >>> pairs = {"query": ["a", "b", "c", "d"], "answer": ["x", "x", "y", "y"]}
        >>> sampler = NoDuplicatesBatchSampler(pairs, batch_size=2, drop_last=True)
        >>> len(sampler), [sorted(pairs["answer"][row] for row in batch) for batch in sampler]
        (2, [['x', 'y'], ['x', 'y']])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: Iterable[str] | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        tail: Tail | None = None,
        stream: int = 0,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> None:
        super().__init__(
            batch_size,
            drop_last,
            seed,
            tail=tail,
            stream=stream,
            rank=rank,
            num_replicas=num_replicas,
            threads=threads,
        )
        columns = columns_of(dataset)
        excluded = {_SOURCE_COLUMN, *(valid_label_columns or ())}
        kept = [name for name in columns if name not in excluded]
        if not kept:
            raise ValueError(f"`dataset` must have a column besides labels, got {list(columns)}")
        values = {name: values_of(columns[name]) for name in kept}
        texts, self.text_ids = Texts.intern(values, threads=self.threads, progress=progress)
        self._fingerprint = texts.fingerprint
        self._num_rows = len(next(iter(self.text_ids.values())))
        self._core: _core.Packing | None = None
        self._len = len(self._rows())

    text_ids: dict[str, NDArray[np.uint32]]
    """One array of ids (number of rows,) a column; equal for equal texts, across the columns too."""

    def _rows(self) -> _core.Packing:
        if self._core is None:
            self._core = _core.Packing(
                self._num_rows, list(self.text_ids.values()), batching=self._batching, threads=self.threads
            )
        return self._core

    def _num_batches(self) -> int:
        return self._len

    def _make_plan(self, draw: tuple[int, int, int]) -> Plan:
        return Plan.from_core(self._rows().plan(draw, threads=self.threads, progress=self._progress))

    def _data_fingerprint(self) -> int:
        return self._fingerprint

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_core": None}
