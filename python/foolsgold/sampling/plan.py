"""What every sampler decides before the first batch: all rows of an epoch, and where each batch begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Tail = Literal["drop", "short", "refill"]
"""What becomes of the last rows: they are in no batch, make a smaller one, or a full one with rows that come
a second time."""

CorePlan = tuple["NDArray[np.uint32]", "NDArray[np.uint64]", int, tuple[int, int, list[tuple[str, int]]]]
"""A plan as the core gives it."""

# Numbers that stay in the cache until their batches are read.
_ROWS_AT_ONCE = 1 << 13


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a plan uses the rows of a data set.

    Attributes:
        used: rows that are in a batch.
        repeated: places in batches that are filled with a row for a second time.
        left_out: rows in no batch.
        why: the rows left out by reason. "tail": too few were left for one more batch. "conflicts": each
            would have met a row that it must not meet. "small classes", "large classes", "odd rows": their
            class has too few rows, more than the batches take, or a number that leaves a remainder. "not
            reached": the turns of their source ended before them.
        by_label: the same for the rows of each label, without reasons; None where a sampler knows no labels.
        by_source: the same for each of several sources, by its number; None where there is one.
    """

    used: int
    repeated: int
    left_out: int
    why: dict[str, int]
    by_label: dict[Any, Report] | None = None
    by_source: dict[Any, Report] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """All batches of an epoch: batch k is `rows[offsets[k]:offsets[k + 1]]`.

    Of W ranks, rank r reads the batches r, r + W, r + 2W, ...; the W batches of one step are a global batch.

    Attributes:
        rows: row numbers, batch after batch, (places,) uint32.
        offsets: where each batch begins, and at last the number of places, (batches + 1,) uint64.
        fingerprint: 64 bits of rows and offsets.
        report: how the rows are used.
    """

    rows: NDArray[np.uint32] = field(repr=False)
    offsets: NDArray[np.uint64] = field(repr=False)
    fingerprint: int
    report: Report

    @staticmethod
    def from_core(found: CorePlan) -> Plan:
        """Name the parts of a plan as the core gives them."""
        rows, offsets, fingerprint, (used, repeated, why) = found
        left_out = sum(count for _, count in why)
        report = Report(used=used, repeated=repeated, left_out=left_out, why=dict(why))
        return Plan(rows=rows, offsets=offsets, fingerprint=fingerprint, report=report)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def batch(self, number: int) -> NDArray[np.uint32]:
        """Return the rows of batch `number`, 0 <= `number` < len(plan), in O(1)."""
        start, stop = self.offsets[number : number + 2].tolist()
        return self.rows[start:stop]

    def batches(self, start: int = 0, step: int = 1) -> Iterator[list[int]]:
        """Yield the batches `start`, `start + step`, ... as lists; going to the first of them takes O(1)."""
        # One conversion for many batches costs a third of one for each.
        batches = max(1, _ROWS_AT_ONCE * len(self) // max(1, len(self.rows))) * step
        for first in range(start, len(self), batches):
            offsets = self.offsets[first : first + batches + 1].astype(np.int64)
            sizes = np.diff(offsets)
            rows = self.rows[offsets[0] : offsets[-1]]
            if (sizes == sizes[0]).all():
                yield from rows.reshape(len(sizes), -1)[::step].tolist()
                continue
            if step > 1:
                rows = rows[np.repeat(np.arange(len(sizes)) % step == 0, sizes)]
            cuts = [0, *np.cumsum(sizes[::step]).tolist()]
            values = rows.tolist()
            for begin, end in pairwise(cuts):
                yield values[begin:end]
