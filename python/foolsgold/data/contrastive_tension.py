"""Pairs for contrastive tension: a sentence with itself, and some pairs of two sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True)
class TensionPair:
    """Two texts, and whether they are the same.

    Attributes:
        texts: the two.
        label: 1 for one text, 0 for two.
    """

    texts: list[str]
    label: int


class ContrastiveTensionDataset(Dataset[Any]):
    """Rows of pairs for `ContrastiveTensionLoss`: of every k rows the first is positive, the others are not.

    A sentence is used once an epoch, in an order that seed and epoch decide; each k rows take 2 k - 1
    sentences. The loss also takes sentences alone, and then makes its pairs of the batch.

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
        if pos_neg_ratio < 1:
            raise ValueError(f"`pos_neg_ratio` must be at least 1, got {pos_neg_ratio}")
        self.sentences = sentences
        self.pos_neg_ratio = pos_neg_ratio
        self.seed = seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Pair the sentences anew."""
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


class ContrastiveTensionDataLoader:
    """Batches of pairs, each with one positive to some negatives, in new pairs for every pass.

    For loops of one's own; `ContrastiveTensionDataset` has the same pairs as rows, for a trainer.

    Args:
        sentences: read by row number; left as they are.
        batch_size: pairs per batch, a multiple of `pos_neg_ratio`.
        pos_neg_ratio: one positive to `pos_neg_ratio - 1` negatives, at least 1.
        examples: `sentences` by another name.
        seed: of the order.

    Attributes:
        collate_fn: makes a batch of a list of `TensionPair`; None for the list itself.

    Raises:
        TypeError: not exactly one of `sentences` and `examples`.
        ValueError: a `batch_size` that is no multiple of `pos_neg_ratio`.

    Example:
        >>> loader = ContrastiveTensionDataLoader(["a", "b", "c"], batch_size=2, pos_neg_ratio=2)
        >>> [[pair.label for pair in batch] for batch in loader]
        [[1, 0]]
    """

    def __init__(
        self,
        sentences: Sequence[str] | None = None,
        batch_size: int = 32,
        pos_neg_ratio: int = 8,
        *,
        examples: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        given = sentences if examples is None else examples
        if given is None or (sentences is not None and examples is not None):
            raise TypeError("one of `sentences` and `examples` must be given, got both or neither")
        self.dataset = ContrastiveTensionDataset(given, pos_neg_ratio, seed=seed)
        if batch_size < 1 or batch_size % pos_neg_ratio:
            raise ValueError(
                f"`batch_size` must be a multiple of `pos_neg_ratio`, {pos_neg_ratio}, got {batch_size}"
            )
        self.sentences = given
        self.batch_size = batch_size
        self.pos_neg_ratio = pos_neg_ratio
        self.seed = seed
        self.collate_fn: Callable[[list[TensionPair]], Any] | None = None
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Have the next pass be that of an epoch; each pass goes on to the next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self.dataset) // self.batch_size

    def __iter__(self) -> Iterator[Any]:
        self.dataset.set_epoch(self._epoch)
        self._epoch += 1
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            rows = [self.dataset[row] for row in range(start, start + self.batch_size)]
            batch = [TensionPair([row["sentence_A"], row["sentence_B"]], row["label"]) for row in rows]
            yield batch if self.collate_fn is None else self.collate_fn(batch)
