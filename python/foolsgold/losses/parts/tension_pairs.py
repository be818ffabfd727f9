"""Batches of pairs for contrastive tension: a sentence with itself, and some pairs of two sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

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


class ContrastiveTensionDataLoader:
    """Batches of pairs, each with one positive to some negatives, in new pairs for every pass.

    For loops of one's own; `foolsgold.data.ContrastiveTensionDataset` has the same pairs as rows, for a
    trainer. A sentence is used once a pass; k pairs take 2 k - 1 sentences.

    Args:
        sentences: read by row number; left as they are.
        batch_size: pairs per batch, a multiple of `pos_neg_ratio`.
        pos_neg_ratio: k, at least 1: one positive to k - 1 negatives.
        examples: `sentences` by another name.
        seed: of the order.

    Attributes:
        collate_fn: makes a batch of a list of `TensionPair`; None for the list itself.

    Raises:
        TypeError: not exactly one of `sentences` and `examples`.
        ValueError: a `pos_neg_ratio` below 1, or a `batch_size` that is no multiple of it.

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
        if pos_neg_ratio < 1:
            raise ValueError(f"`pos_neg_ratio` must be at least 1, got {pos_neg_ratio}")
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
        return len(self.sentences) // (2 * self.pos_neg_ratio - 1) * self.pos_neg_ratio // self.batch_size

    def __iter__(self) -> Iterator[Any]:
        order = np.random.default_rng((self.seed, self._epoch)).permutation(len(self.sentences)).tolist()
        self._epoch += 1
        pairs = self._pairs(order)
        for _ in range(len(self)):
            batch = [next(pairs) for _ in range(self.batch_size)]
            yield batch if self.collate_fn is None else self.collate_fn(batch)

    def _pairs(self, order: Sequence[int]) -> Iterator[TensionPair]:
        """Pair the sentences in an order: of each group the first with itself, the others two by two."""
        group = 2 * self.pos_neg_ratio - 1
        for start in range(0, len(order) - group + 1, group):
            first, *others = (self.sentences[i] for i in order[start : start + group])
            yield TensionPair([first, first], 1)
            for one, other in zip(others[::2], others[1::2], strict=True):
                # Two equal sentences of the data are no negative.
                yield TensionPair([one, other], int(one == other))
