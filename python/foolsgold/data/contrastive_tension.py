"""Pairs for contrastive tension: a sentence with itself, and some pairs of two sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Dataset

from foolsgold.integers import MAX_UINT64, integer

if TYPE_CHECKING:
    from collections.abc import Sequence


class ContrastiveTensionDataset(Dataset[Any]):
    """Rows of pairs for `ContrastiveTensionLoss`: of every k rows the first is positive, the others are not.

    A sentence is used once an epoch, in an order that seed and epoch decide; each k rows take 2 k - 1
    sentences. The loss also takes sentences alone, and then makes its pairs of the batch; in a loop of one's
    own, `foolsgold.losses.ContrastiveTensionDataLoader` gives the same pairs in batches.

    Args:
        sentences: read by row number; left as they are.
        pos_neg_ratio: k, at least 1: one positive to k - 1 negatives.
        seed: of the order.

    Raises:
        ValueError: a `pos_neg_ratio` below 1.

    Example:
        >>> dataset = ContrastiveTensionDataset(["a", "b", "c"], pos_neg_ratio=2)
        >>> [row["label"] for row in dataset]
        [1, 0]
    """

    def __init__(self, sentences: Sequence[str], pos_neg_ratio: int = 8, *, seed: int = 0) -> None:
        self.sentences = sentences
        self.pos_neg_ratio = integer("pos_neg_ratio", pos_neg_ratio, 1)
        self.seed = integer("seed", seed, 0, MAX_UINT64)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Pair the sentences anew; an epoch has the same pairs whenever it is asked for."""
        self.epoch = epoch
        self._order = np.random.default_rng((self.seed, epoch)).permutation(len(self.sentences))

    def __len__(self) -> int:
        return len(self.sentences) // (2 * self.pos_neg_ratio - 1) * self.pos_neg_ratio

    def __getitem__(self, row: int) -> dict[str, Any]:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row must be below {len(self)}, got {row}")
        group, place = divmod(row % len(self), self.pos_neg_ratio)
        start = group * (2 * self.pos_neg_ratio - 1)
        places = (start, start) if place == 0 else (start + 2 * place - 1, start + 2 * place)
        first, second = (self.sentences[int(self._order[i])] for i in places)
        # Two equal sentences of the data are no negative.
        return {"sentence_A": first, "sentence_B": second, "label": int(first == second)}
