"""Batches packed under rules: the base of the samplers that say which rows may meet."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.id_columns import IdColumns, fingerprint_of
from foolsgold.data.texts import columns_of
from foolsgold.integers import MAX_UINT64, integer
from foolsgold.sampling.batch_sampler import PlannedBatchSampler
from foolsgold.sampling.plan import Plan, Tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

_FEW = 0.05


class PackedBatchSampler(PlannedBatchSampler):
    """A batch sampler with rules: values that no two rows of a batch share, pairs that do not meet, lengths.

    A subclass says what the columns are and which rules hold.

    Args:
        ids: columns whose values no two rows of a global batch share; None for none.
        num_rows: number of rows.
        batch_size: as for `PlannedBatchSampler`, as are the arguments not named here.
        drop_last: as above.
        seed: as above.
        known_positives: whether the first two columns are queries and their positives; None where it costs
            few batches.
        conflicts: pairs of rows that do not meet, (M, 2) integers; None for those of `ids`.
        lengths: (rows,) integers, tokens by row; None for batches of any lengths.
        max_tokens: the most tokens of a batch, padding included: rows times the longest.
        max_padding: the share of a batch's longest row by which others may be shorter.

    Raises:
        ValueError: for values out of range, and where not one batch can be made.
    """

    def __init__(
        self,
        ids: IdColumns | None,
        num_rows: int,
        batch_size: int,
        drop_last: bool,
        seed: int,
        *,
        known_positives: bool | None,
        conflicts: Any,
        lengths: NDArray[np.integer[Any]] | None,
        max_tokens: int | None,
        max_padding: float,
        tail: Tail | None,
        stream: int,
        rank: int | None,
        num_replicas: int | None,
        threads: int | None,
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
        if max_tokens is not None:
            max_tokens = integer("max_tokens", max_tokens, 1, MAX_UINT64)
        if max_tokens is not None and lengths is None:
            raise ValueError(f"`lengths` must be given with `max_tokens`, got None and {max_tokens}")
        self.num_rows = num_rows
        self._names = [] if ids is None else list(ids.columns)
        self._columns, self._pairs = _with_conflicts(ids, conflicts, num_rows)
        self._lengths = None if lengths is None else checked_lengths(lengths, num_rows)
        self._max_tokens = max_tokens
        self._max_padding = max_padding
        self._lock = Lock()
        self._known_positives = bool(known_positives)
        self._core: _core.Packing | None = None
        if known_positives is None:
            self._known_positives = self._keep_positives_apart()
        self._len = len(self._packing())

    def _packing(self) -> _core.Packing:
        # The next epoch's plan is made by another thread, which may be the first to ask.
        with self._lock:
            if self._core is None:
                self._core = self._pack(self._columns)
            return self._core

    def _packing_of(self, epoch: int) -> _core.Packing:
        """Return what packs the rows of `epoch`: one for all, unless a subclass says otherwise."""
        return self._packing()

    def _keep_positives_apart(self) -> bool:
        """Whether positives can be kept apart from their queries at the cost of few batches."""
        self._known_positives = True
        try:
            apart = self._pack(self._columns)
        except ValueError:
            apart = None
        self._known_positives = False
        num_batches = 0 if apart is None else len(apart)
        if apart is not None and abs(num_batches - apart.num_without_pairs()) <= num_batches * _FEW:
            self._core = apart
            return True
        packing = self._packing()
        logger.info(
            "known positives of a query may meet it under other rows: apart, there were %d batches, not %d; "
            "`known_positives=True` keeps them apart, and losses mask them by identity",
            num_batches,
            len(packing),
        )
        return False

    def _pack(
        self,
        columns: list[Any],
        num_batches: int | None = None,
        batching: tuple[int, int, Tail] | None = None,
    ) -> _core.Packing:
        return _core.Packing(
            self.num_rows,
            columns,
            batching=self._batching if batching is None else batching,
            names=self._names,
            pairs=self._pairs,
            known_positives=self._known_positives,
            lengths=self._lengths,
            max_tokens=self._max_tokens,
            max_padding=self._max_padding,
            num_batches=num_batches,
            threads=self.threads,
            progress=self._progress,
        )

    @property
    def _is_even(self) -> bool:
        return super()._is_even and self._max_tokens is None

    def _num_batches(self) -> int:
        return self._len

    def _make_plan(self, draw: tuple[int, int, int]) -> Plan:
        packing = self._packing_of(draw[1] if self._rows_epoch is None else self._rows_epoch)
        return Plan.from_core(packing.plan(draw, threads=self.threads, progress=self._progress))

    def _ids_fingerprint(self) -> int:
        """Return 64 bits of the columns."""
        raise NotImplementedError

    @cached_property
    def _fingerprint_of_all(self) -> int:
        parts = [part for part in (self._pairs, self._lengths) if part is not None]
        return fingerprint_of(self._ids_fingerprint(), *parts) if parts else self._ids_fingerprint()

    def _data_fingerprint(self) -> int:
        return self._fingerprint_of_all

    def _options(self) -> dict[str, Any]:
        return {
            **super()._options(),
            "known_positives": self._known_positives,
            "max_tokens": self._max_tokens,
            "max_padding": None if self._lengths is None else self._max_padding,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_core": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=Lock())


def lengths_of(dataset: Any, lengths: Any) -> NDArray[np.int64]:
    """Return lengths by row: the column of that name, or the integers given.

    Raises:
        ValueError: if the data set has no such column, or it does not hold whole numbers.
    """
    if isinstance(lengths, str):
        columns = columns_of(dataset)
        if lengths not in columns:
            raise ValueError(f"`lengths` must be among the columns {list(columns)}, got {lengths!r}")
        column = columns[lengths]
        lengths = column.to_numpy() if hasattr(column, "to_numpy") else column
    found = np.asarray(lengths)
    if found.dtype.kind not in "iu":
        raise ValueError(f"`lengths` must hold whole numbers, got {found.dtype}")
    return found


def checked_lengths(lengths: NDArray[np.integer[Any]], num_rows: int) -> NDArray[np.uint32]:
    """Return lengths as the core takes them.

    Raises:
        ValueError: if they are not one number from 0 to 2^32 - 1 for each row.
    """
    lengths = np.asarray(lengths)
    if lengths.shape != (num_rows,):
        raise ValueError(f"`lengths` must have the shape ({num_rows},), got {lengths.shape}")
    for row in (lengths.argmin(), lengths.argmax()) if num_rows else ():
        if not 0 <= lengths[row] < 2**32:
            raise ValueError(f"`lengths` must be from 0 to 2^32 - 1, got {lengths[row]} at row {row}")
    return np.ascontiguousarray(lengths, dtype=np.uint32)


def are_texts(conflicts: Any) -> bool:
    """Whether pairs that do not meet are a data set of texts, and no array of rows."""
    return isinstance(conflicts, Mapping) or any(
        hasattr(conflicts, name) for name in ("column_names", "__arrow_c_stream__")
    )


def _with_conflicts(
    ids: IdColumns | None, conflicts: Any, num_rows: int
) -> tuple[list[Any], NDArray[np.uint32] | None]:
    """Return the columns for the core, and pairs of their values that do not meet."""
    columns: list[Any] = [] if ids is None else [*ids.columns.values()]
    if conflicts is None:
        return columns, None if ids is None else ids.pairs
    table = np.asarray(conflicts)
    if table.size == 0:
        return columns, None
    if table.dtype.kind not in "iu" or table.ndim != 2 or table.shape[1] != 2:
        got = f"{table.dtype} {table.shape}"
        raise ValueError(f"`conflicts` must be pairs of rows, (M, 2) integers, or of texts, got {got}")
    for row in (table.min(initial=0), table.max(initial=0)):
        if not 0 <= row < num_rows:
            raise ValueError(f"`conflicts` must be rows from 0 to {num_rows - 1}, got {row}")
    # Each row holds a value that no other has, so that pairs of rows are pairs of values.
    first = 0 if ids is None else ids.bound
    columns.append(np.arange(first, first + num_rows, dtype=np.uint32))
    return columns, np.ascontiguousarray(table + first, dtype=np.uint32)
