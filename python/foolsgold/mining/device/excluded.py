"""Which documents of a tile its queries exclude, rule by rule, without a loop over queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from foolsgold.mining.exclusions import Exclusion


class Excluded:
    """The rules of a search on a device.

    Args:
        rules: as `as_exclusions` gives them.
        num_documents: N.
        device: where the tiles are.
    """

    def __init__(self, rules: list[Exclusion], num_documents: int, device: torch.device) -> None:
        self._rules = [_Rule(rule, num_documents, device) for rule in rules]

    def of(self, queries: NDArray[np.int64]) -> Block:
        """Return what these queries exclude."""
        return Block([rule.of(queries) for rule in self._rules])

    def has_rules(self) -> bool:
        """Whether there is any rule."""
        return bool(self._rules)

    def num_pairs(self) -> NDArray[np.int64]:
        """Return (Q,) how many documents each query excludes, those of several rules several times."""
        counts: NDArray[np.int64] = np.stack([rule.num_pairs() for rule in self._rules]).sum(axis=0)
        return counts


class Block:
    """What the queries of a block exclude.

    Args:
        entries: for each rule the rows of the block, their classes, and the rule.
    """

    def __init__(self, entries: list[tuple[Tensor, Tensor, _Rule]]) -> None:
        self._entries = entries

    def pairs(self, start: int, end: int) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Give each rule's number, and rows of the block with their excluded documents in `start:end`."""
        for number, (rows, classes, rule) in enumerate(self._entries):
            if len(rows):
                yield number, *rule.expand(rows, classes, start, end)

    def first_rules(self, num_documents: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return every excluded pair once: rows of the block, documents, and the first rule of each."""
        found = self.pairs(0, num_documents)
        parts = [(torch.full_like(rows, number), rows, ids) for number, rows, ids in found]
        if not parts:
            none = torch.empty(0, dtype=torch.int64)
            return none, none, none
        numbers, rows, ids = (torch.cat(part) for part in zip(*parts, strict=True))
        keys, order = torch.sort((rows << 32) | ids, stable=True)
        first = torch.ones_like(keys, dtype=torch.bool)
        first[1:] = keys[1:] != keys[:-1]
        order = order[first]
        return rows[order], ids[order], numbers[order]


class _Rule:
    def __init__(self, rule: Exclusion, num_documents: int, device: torch.device) -> None:
        _, classes, offsets, values = rule
        query = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        codes, of_documents = values.astype(np.int64), np.arange(num_documents)
        if classes is not None:
            distinct, of_documents = np.unique(classes, return_inverse=True)
            codes = np.searchsorted(distinct, values)
            there = distinct[np.minimum(codes, len(distinct) - 1)] == values
            query, codes = query[there], codes[there]
        entries = np.unique((query << 32) | codes)  # a class is expanded once for a query
        self._values = torch.from_numpy(entries & 0xFFFF_FFFF).to(device)
        self._offsets = np.searchsorted(entries >> 32, np.arange(len(offsets)))
        self._device = device
        # Documents by class, then by row: those of a class in a range of rows are neighbours.
        keys = np.sort((of_documents.astype(np.int64) << 32) | np.arange(num_documents))
        self._keys = torch.from_numpy(keys).to(device)

    def of(self, queries: NDArray[np.int64]) -> tuple[Tensor, Tensor, _Rule]:
        starts, counts = self._offsets[queries], self._offsets[queries + 1] - self._offsets[queries]
        rows, places = _ranges(torch.from_numpy(starts), torch.from_numpy(counts))
        return rows.to(self._device), self._values[places.to(self._device)], self

    def expand(self, rows: Tensor, classes: Tensor, start: int, end: int) -> tuple[Tensor, Tensor]:
        low = torch.searchsorted(self._keys, (classes << 32) | start)
        high = torch.searchsorted(self._keys, (classes << 32) | end)
        entries, places = _ranges(low, high - low)
        return rows[entries], self._keys[places] & 0xFFFF_FFFF

    def num_pairs(self) -> NDArray[np.int64]:
        low = torch.searchsorted(self._keys, self._values << 32)
        high = torch.searchsorted(self._keys, (self._values + 1) << 32)
        sums = np.concatenate([[0], (high - low).cumsum(0).cpu().numpy()])
        counts: NDArray[np.int64] = sums[self._offsets[1:]] - sums[self._offsets[:-1]]
        return counts


def _ranges(starts: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return every number of the ranges `starts[i]:starts[i] + counts[i]`, and before it the i of each."""
    owners = torch.repeat_interleave(torch.arange(len(starts), device=starts.device), counts)
    before = counts.cumsum(0) - counts
    within = torch.arange(len(owners), device=starts.device) - before[owners]
    return owners, starts[owners] + within
