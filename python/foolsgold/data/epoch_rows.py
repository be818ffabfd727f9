"""Rows that are others in each epoch, read at the same epoch in all processes of a loader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset

from foolsgold.data.known_positives import KnownPositives

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
        self._known: tuple[int | None, KnownPositives | None] | None = None

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

    def text_ids_at(self, rows: list[int]) -> dict[str, NDArray[np.uint32]]:
        """Return the ids of the texts of some rows, by column, where the data set knows them."""
        self._tell()
        found: dict[str, NDArray[np.uint32]] = self.dataset.text_ids_at(rows)
        return found

    def known_positives(self, query: str, positive: str) -> KnownPositives | None:
        """Return what the rows of the epoch know to answer each text of the column `query`.

        Found once an epoch and process. None where no text has more than one answer.
        """
        self._tell()
        if self._known is None or self._known[0] != self._told:
            ids = self.dataset.text_ids_of(self._told)
            found = KnownPositives(ids[query], ids[positive])
            self._known = self._told, found if found.most > 1 else None
        return self._known[1]

    def _tell(self) -> None:
        epoch = int(self._epoch)
        if epoch != self._told:
            self.dataset.set_epoch(epoch)
            self._told = epoch
