"""An epoch that the workers of a loader hear of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from foolsgold.integers import MAX_INT64, integer

if TYPE_CHECKING:
    from typing_extensions import Self


class SharedEpoch:
    """Something with rows that are others in each epoch, of which it hears in a loader's workers too.

    Workers have copies of a data set, and persistent ones keep them over epochs. So the epoch is a number in
    shared memory, which forked and spawned workers see. A copy, and what is read from a pickle, has an epoch
    of its own.

    Args:
        epoch: 0 to 2^63 - 1.

    Raises:
        ValueError: if it is not.

    Example:
        >>> import copy
        >>> rows = SharedEpoch()
        >>> other = copy.copy(rows)
        >>> rows.set_epoch(3)
        >>> rows.epoch, other.epoch
        (3, 0)
    """

    def __init__(self, epoch: int = 0) -> None:
        self._epoch = _shared(torch.tensor(integer("epoch", epoch, 0, MAX_INT64)))

    @property
    def epoch(self) -> int:
        """The epoch that rows are of."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Give the rows of `epoch` from now on, in the workers of a loader too.

        Raises:
            ValueError: if `epoch` is not from 0 to 2^63 - 1.
        """
        self._epoch.fill_(integer("epoch", epoch, 0, MAX_INT64))

    def __copy__(self) -> Self:
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__, _epoch=_shared(self._epoch.clone()))
        return copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if not self._epoch.is_shared():  # type: ignore[no-untyped-call]
            self._epoch = _shared(self._epoch)


def _shared(number: torch.Tensor) -> torch.Tensor:
    number.share_memory_()  # type: ignore[no-untyped-call]
    return number
