"""What a stream reads: the rows of a source, from any place on, as the share of a loader's worker."""

from __future__ import annotations

import copy
from itertools import islice
from typing import TYPE_CHECKING, Any

from torch.utils.data import IterableDataset, get_worker_info

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class StreamSource:
    """The rows of one epoch of a source.

    The source itself is left at no place: one with a state is read by a copy of it.

    Items that are Arrow batches, as `foolsgold.data.stream` gives them, are read row by row.

    Args:
        dataset: an iterable, or a function that makes one; `set_epoch` is called where it has one.
        epoch: what it is told.
        state: of the source, to go on from; None for its beginning.
        num_read: the rows before that place; skipped by reading where `state` is None.

    Raises:
        ValueError: if there are not so many.

    Attributes:
        num_read: the rows read so far, of this worker's share.
    """

    def __init__(self, dataset: Any, epoch: int, state: Any, num_read: int) -> None:
        source = dataset if hasattr(dataset, "__iter__") else dataset()
        if hasattr(source, "set_epoch"):
            source.set_epoch(epoch)
        if hasattr(source, "load_state_dict"):
            source = _twin(source)
        worker = get_worker_info()
        # The datasets of torch give each worker its share themselves.
        by_row = worker is not None and not isinstance(source, IterableDataset)
        first, step = (worker.id, worker.num_workers) if by_row and worker is not None else (0, 1)
        if state is not None:
            source.load_state_dict(state)
            first = step - 1
        self._source = source
        self._state = state
        self._is_fresh = True
        self._rows = islice(_rows_of(source), first, None, step)
        self.num_read = num_read
        if state is None and num_read:
            missing = object()
            if next(islice(self._rows, num_read - 1, num_read), missing) is missing:
                raise ValueError(f"`state` must be of the same data, got {num_read} rows read of fewer")

    def state(self) -> Any:
        """Return the source's own state, or None where it has none or nothing was read."""
        if self._is_fresh or not hasattr(self._source, "load_state_dict"):
            return self._state
        return copy.deepcopy(self._source.state_dict())

    def take(self, wanted: int) -> list[Mapping[str, Any]]:
        """Read the next rows, fewer than `wanted` at the end alone, and not one more."""
        rows = list(islice(self._rows, wanted))
        self.num_read += len(rows)
        self._is_fresh = self._is_fresh and not rows
        return rows


def _rows_of(source: Iterable[Any]) -> Iterator[Any]:
    for item in source:
        if hasattr(item, "__arrow_c_array__"):
            import pyarrow

            yield from pyarrow.record_batch(item).to_pylist()
        else:
            yield item


def _twin(source: Any) -> Any:
    """Copy a source that is given another state, so that the caller's keeps its own."""
    # Data sets of `datasets` share all attributes with what `copy.copy` makes of them.
    twin = object.__new__(type(source))
    twin.__dict__.update(source.__dict__)
    return twin
