"""Embeddings by text id, each verified by the tokens that were embedded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

# The constants of splitmix64 (Steele et al. 2014), as signed 64-bit integers.
_STEP, _FIRST, _SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15


class EmbeddingTable:
    """Embeddings on the CPU, found again by text id.

    A text takes D numbers and 12 bytes: 3.1 GB for a million texts of 768 float32 dimensions. A full table
    doubles, so up to twice as much is reserved. An entry is read only where its checksum is that of the
    tokens at hand; one with another checksum is written over.
    """

    def __init__(self) -> None:
        self._places = torch.full((1,), -1, dtype=torch.int32)  # by text id; -1 for none
        self._checksums = torch.zeros(1, dtype=torch.int64)
        self._embeddings = torch.empty(1, 0)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def find(self, ids: Tensor, checksums: Tensor) -> Tensor:
        """Return the place of each text, (N,) int64; -1 where it is not there, or was of other tokens.

        Args:
            ids: text ids, (N,) int64, at least 0.
            checksums: of the tokens, (N,) int64.
        """
        last = len(self._places) - 1
        places = torch.where(ids <= last, self._places[ids.clamp(max=last)], -1).long()
        same = self._checksums[places.clamp(min=0)] == checksums
        return torch.where((places >= 0) & same, places, -1)

    def read(self, places: Tensor) -> Tensor:
        """Return the embeddings at places that `find` gave, (N, D)."""
        return self._embeddings[places]

    def write(self, ids: Tensor, checksums: Tensor, embeddings: Tensor) -> None:
        """Keep embeddings (N, D); of an id that comes more than once, the first."""
        rows, _ = distinct(ids)
        ids = ids[rows]
        self._places = _grown(self._places, int(ids.max()) + 1, fill=-1)
        places = self._places[ids].long()
        new = places < 0
        places[new] = torch.arange(self._size, self._size + int(new.sum()))
        self._size += int(new.sum())
        if self._embeddings.shape[1] == 0:
            self._embeddings = embeddings.new_empty(1, embeddings.shape[1])
        self._checksums = _grown(self._checksums, self._size)
        self._embeddings = _grown(self._embeddings, self._size)
        self._places[ids] = places.int()
        self._checksums[places] = checksums[rows]
        self._embeddings[places] = embeddings[rows].to(self._embeddings.dtype)


def distinct(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return where each distinct key comes first, (U,) ascending, and which of these each key is, (N,)."""
    values, inverse = torch.unique(keys, return_inverse=True)
    first = torch.full((len(values),), len(keys))
    first = first.scatter_reduce(0, inverse, torch.arange(len(keys)), "amin")
    order = first.argsort()
    return first[order], order.argsort()[inverse]


def token_checksums(features: dict[str, Any]) -> Tensor:
    """Hash the tokens of each row to 64 bits, (B,) int64, whatever the padding of the batch.

    Args:
        features: `input_ids` (B, L), `attention_mask` (B, L) or none, and `prompt_length` where pooling asks.
    """
    ids: Tensor = features["input_ids"]
    mask: Tensor = features.get("attention_mask", torch.ones_like(ids)).ne(0).long()
    # Each place among the tokens has a stream of its own: the order of tokens counts, padding does not.
    mixed = _mixed(_mixed(ids.long() + _STEP) + mask.cumsum(dim=1) * _STEP)
    prompt = features.get("prompt_length", 0)
    return (mixed * mask).sum(dim=1) + torch.as_tensor(prompt, device=ids.device) * _FIRST


def _mixed(values: Tensor) -> Tensor:
    """The finaliser of splitmix64; products wrap around."""
    values = (values ^ _shifted(values, 30)) * _FIRST
    values = (values ^ _shifted(values, 27)) * _SECOND
    return values ^ _shifted(values, 31)


def _shifted(values: Tensor, bits: int) -> Tensor:
    """Shift to the right and fill up with zeros."""
    return (values >> bits) & ((1 << (64 - bits)) - 1)


def _grown(table: Tensor, size: int, fill: float = 0) -> Tensor:
    """Return the table with room for `size` rows; it doubles at least."""
    if size <= len(table):
        return table
    added = max(size, 2 * len(table)) - len(table)
    return F.pad(table, (0, 0) * (table.ndim - 1) + (0, added), value=fill)
