"""Token ids of many texts in one flat array, gathered into batches without touching a text."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

_TEXTS_AT_A_TIME = 4096


@dataclass(frozen=True)
class TokenRows:
    """One row of token ids per text, end to end.

    Attributes:
        ids: (T,) int32, the token ids of all rows.
        offsets: (N + 1,) int64, row i is `ids[offsets[i]:offsets[i + 1]]`.
    """

    ids: Tensor
    offsets: Tensor

    @classmethod
    def from_lists(cls, rows: Sequence[Sequence[int]]) -> TokenRows:
        """Put rows of ids end to end."""
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)), out=offsets[1:])
        ids = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(offsets[-1]))
        return cls(torch.from_numpy(ids), torch.from_numpy(offsets))

    @classmethod
    def from_texts(
        cls, texts: Sequence[str], tokenize: Callable[[Sequence[str]], Sequence[Sequence[int]]]
    ) -> TokenRows:
        """Tokenise some thousand texts at a time: what tokenizers return is a hundred times what is kept."""
        starts = range(0, max(len(texts), 1), _TEXTS_AT_A_TIME)
        parts = [cls.from_lists(tokenize(texts[start : start + _TEXTS_AT_A_TIME])) for start in starts]
        return cls.concatenated(parts)

    @classmethod
    def concatenated(cls, parts: Sequence[TokenRows]) -> TokenRows:
        """Put the rows of several tables, at least one, under one another."""
        lengths = torch.cat([part.lengths for part in parts])
        offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
        return cls(torch.cat([part.ids for part in parts]), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, rows: slice) -> TokenRows:
        begin, end, step = rows.indices(len(self))
        if step != 1:
            raise ValueError(f"`rows` must follow one another, got a step of {step}")
        offsets = self.offsets[begin : max(begin, end) + 1]
        return TokenRows(self.ids[offsets[0] : offsets[-1]], offsets - offsets[0])

    @property
    def lengths(self) -> Tensor:
        """(N,) int64, tokens per row."""
        return self.offsets.diff()

    def flat(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Gather rows end to end.

        Args:
            indices: (B,) int64, rows in the order wanted.

        Returns:
            ids (S,) int64, and starts (B,) int64, where each row begins in them.
        """
        begins = self.offsets[indices]
        lengths = self.offsets[indices + 1] - begins
        starts = lengths.cumsum(0) - lengths
        shifts = torch.repeat_interleave(begins - starts, lengths)
        return self.ids[torch.arange(len(shifts)) + shifts].long(), starts

    def padded(
        self, indices: Tensor, *, padding_id: int, padding_side: str = "right"
    ) -> tuple[Tensor, Tensor]:
        """Gather rows into a rectangle as wide as the longest of them.

        Args:
            indices: (B,) int64, rows in the order wanted.
            padding_id: what fills the places after ("right") or before ("left") a row.
            padding_side: "right" or "left".

        Returns:
            ids (B, L) int64, and mask (B, L) int64, 1 at tokens and 0 at padding; L is at least 1.
        """
        begins = self.offsets[indices]
        lengths = self.offsets[indices + 1] - begins
        width = max(int(lengths.max()), 1)
        columns = torch.arange(width).expand(len(indices), width)
        if padding_side == "left":
            columns = columns - (width - lengths).unsqueeze(1)
        mask = (columns >= 0) & (columns < lengths.unsqueeze(1))
        ids = torch.full(mask.shape, padding_id)
        ids[mask] = self.ids[(begins.unsqueeze(1) + columns)[mask]].long()
        return ids, mask.long()
