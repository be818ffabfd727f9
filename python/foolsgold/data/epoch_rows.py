"""Rows that are others in each epoch, read at the same epoch in all processes of a loader."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset


class EpochRows(Dataset[Any]):
    """The rows of a data set with a `set_epoch`, in every worker those of the epoch that was told last.

    A loader's workers have copies of the data set, and persistent ones keep them over epochs. So the epoch is
    a number in shared memory, and each copy is told when it reads the first row of another epoch.

    Args:
        dataset: rows by number; its `set_epoch(epoch)` decides what they are, and nothing else calls it.

    Example:
        >>> from foolsgold.data import ContrastiveTensionDataset
        >>> rows = EpochRows(ContrastiveTensionDataset(list("abcdefg"), pos_neg_ratio=1))
        >>> rows.set_epoch(3)
        >>> rows[0] == rows.dataset[0], rows.dataset.epoch
        (True, 3)
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._told: int | None = None

    def set_epoch(self, epoch: int) -> None:
        """Read the rows of `epoch` from now on."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, row: int) -> Any:
        self._tell()
        return self.dataset[row]

    def __getitems__(self, rows: list[int]) -> list[Any]:
        """Return several rows, all at once where the data set can."""
        self._tell()
        if hasattr(self.dataset, "__getitems__"):
            return list(self.dataset.__getitems__(rows))
        return [self.dataset[row] for row in rows]

    def _tell(self) -> None:
        epoch = int(self._epoch)
        if epoch != self._told:
            self.dataset.set_epoch(epoch)
            self._told = epoch
