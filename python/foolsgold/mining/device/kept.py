"""What a block of queries keeps while tiles of documents stream by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from foolsgold.mining.device.units import Packed, Units

ENTRY_BYTES = 160
"""What an entry of the pool costs while the pool is sorted."""


class Kept:
    """The best documents of a block of queries so far, and those that could turn out to be among them.

    A document of a tile whose score could lie in its query's band and could be among the best goes into a
    pool. The pool shrinks whenever it has doubled: a document goes whose score at best is below the least
    that the best have for certain, the bar. What is left is scored exactly in the end, or before where there
    is no room.

    Args:
        units: what a tile's numbers mean.
        queries: the block.
        low: (q,) float64, the least score allowed.
        cap: (q,) float64, the greatest.
        found: the best of earlier documents by exact score: ids (q, depth), -1 where missing, and scores.
        capacity: entries of the pool, at least one a query.
        exact: gives the exact scores of pairs (row of the block, document).
        is_exact: score every pair exactly: the tiles prove nothing for these queries.
    """

    def __init__(
        self,
        units: Units,
        queries: Packed,
        low: Tensor,
        cap: Tensor,
        found: tuple[Tensor, Tensor],
        capacity: int,
        exact: Callable[[Tensor, Tensor], Tensor],
        is_exact: bool,
    ) -> None:
        self.queries = queries
        self._units, self._exact, self._is_exact = units, exact, is_exact
        self._low, self._cap = low, cap
        self.ids, self.scores = found
        self.above = torch.zeros(len(low), dtype=torch.int64, device=low.device)
        self._bar, self._sure_low = units.bounds(low, queries.norms)
        self._sure_cap, self._most = units.bounds(cap, queries.norms)
        self._most = torch.maximum(self._most, self._sure_low)  # what is below `low` is not above `cap`
        self._raise_to_found()
        self._capacity = capacity
        self._pool: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        self._size, self._sorted_size = 0, 0

    @property
    def _depth(self) -> int:
        return self.ids.shape[1]

    def show(self, tile: Tensor, errors: Tensor, first: int) -> None:
        """Take a tile in; it is written over.

        Args:
            tile: (q, n) approximate scores, NaN where a document is excluded.
            errors: (n,).
            first: the number of the tile's first document.
        """
        lows = tile.sub_(errors)
        if not self._is_exact:
            above = lows > self._most[:, None]
            self.above += above.sum(1)
            lows.masked_fill_(above, torch.nan)
            if self._size == 0:
                self._raise_by(lows, errors)
        if self._append(lows, errors, first):
            return
        self._raise_by(lows, errors)
        self._shrink()
        if self._append(lows, errors, first):
            return
        self.settle()
        step = max(1, self._capacity // len(lows))
        for start in range(0, lows.shape[1], step):
            part = slice(start, start + step)
            if not self._append(lows[:, part], errors[part], first + start):
                self.settle()
                self._append(lows[:, part], errors[part], first + start)

    def settle(self) -> None:
        """Score what is in the pool exactly; the best are in `ids` and `scores` then, the pool is empty."""
        if self._size == 0:
            return
        rows, ids = (torch.cat(parts) for parts in list(zip(*self._pool, strict=True))[:2])
        self._pool, self._size, self._sorted_size = [], 0, 0
        scores = self._exact(rows, ids)
        is_above = scores.double() > self._cap[rows]
        is_below = scores.double() < self._low[rows]
        self.above += torch.bincount(rows[is_above & ~is_below], minlength=len(self._low))
        inside = ~(is_above | is_below)
        before, place = torch.nonzero(self.ids >= 0, as_tuple=True)
        rows = torch.cat([before, rows[inside]])
        scores = torch.cat([self.scores[before, place], scores[inside]])
        ids = torch.cat([self.ids[before, place], ids[inside]])
        ids, by_id = ids.sort()
        order = _by_row_and_score(rows[by_id], scores[by_id])
        rows, scores, ids = rows[by_id][order], scores[by_id][order], ids[order]
        rank = torch.arange(len(rows), device=rows.device) - _starts(rows, len(self._low))[0][rows]
        best = rank < self._depth
        self.ids[rows[best], rank[best]] = ids[best]
        self.scores[rows[best], rank[best]] = scores[best]
        self._raise_to_found()

    def _hits(self, lows: Tensor, errors: Tensor) -> Tensor:
        """Return what could be among the best; comparisons with NaN are false."""
        if self._is_exact:
            return ~lows.isnan()
        return lows + 2 * errors >= self._bar[:, None]

    def _append(self, lows: Tensor, errors: Tensor, first: int) -> bool:
        """Put a tile's hits into the pool; false, and nothing done, where there is no room."""
        hits = self._hits(lows, errors)
        if self._size + int(hits.sum()) > self._capacity:
            return False
        rows, places = torch.nonzero(hits, as_tuple=True)
        if len(rows):
            self._pool.append((rows, places + first, lows[rows, places], errors[places]))
            self._size += len(rows)
            if self._size > max(2 * self._sorted_size, len(lows) * (self._depth + 32)):
                self._shrink()
        return True

    def _shrink(self) -> None:
        """Raise the bar to the least of the best that are certain, and drop what is below."""
        if self._size == 0 or self._is_exact:
            return
        rows, ids, lows, errors = (torch.cat(parts) for parts in zip(*self._pool, strict=True))
        highs = lows + 2 * errors
        sure = (lows >= self._sure_low[rows]) & (highs <= self._sure_cap[rows])
        certain = torch.where(sure, lows, -torch.inf)
        certain = certain[_by_row_and_score(rows, certain)]
        starts, counts = _starts(rows, len(self._low))
        last = (starts + self._depth - 1).clamp(max=len(rows) - 1)
        self._bar = torch.where(counts >= self._depth, torch.maximum(self._bar, certain[last]), self._bar)
        keep = highs >= self._bar[rows]
        self._pool = [(rows[keep], ids[keep], lows[keep], errors[keep])]
        self._size = self._sorted_size = len(self._pool[0][0])

    def _raise_by(self, lows: Tensor, errors: Tensor) -> None:
        if self._is_exact or lows.shape[1] < self._depth:
            return
        sure = (lows >= self._sure_low[:, None]) & (lows + 2 * errors <= self._sure_cap[:, None])
        best = torch.where(sure, lows, -torch.inf).topk(self._depth, sorted=False).values
        self._bar = torch.maximum(self._bar, best.amin(1))

    def _raise_to_found(self) -> None:
        last = self._units.bounds(self.scores[:, -1].double(), self.queries.norms)[0]
        is_full = self.ids[:, -1] >= 0
        self._bar = torch.where(is_full, torch.maximum(self._bar, last), self._bar)


def _by_row_and_score(rows: Tensor, scores: Tensor) -> Tensor:
    """Return the stable order by row, then by falling score."""
    bits = scores.view(torch.int32).long()
    rising = torch.where(bits < 0, bits ^ 0x7FFF_FFFF, bits)  # the order of the floats, as integers
    return torch.sort((rows << 32) - rising, stable=True).indices


def _starts(rows: Tensor, num_rows: int) -> tuple[Tensor, Tensor]:
    """Return where each row's entries begin once they are sorted by row, and how many there are."""
    counts = torch.bincount(rows, minlength=num_rows)
    return counts.cumsum(0) - counts, counts
