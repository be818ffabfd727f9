"""SequentialBatchSampler: rows in their own order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold import _core
from foolsgold.data.texts import num_rows_of
from foolsgold.sampling.batch_sampler import PlannedBatchSampler
from foolsgold.sampling.plan import Plan, Tail

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch


class SequentialBatchSampler(PlannedBatchSampler):
    """Every row once, in the order of the data set, the same in every epoch.

    Args:
        dataset: has a length; nothing else of it is read.
        batch_size: rows per batch and rank, at least 1.
        drop_last: leave out the last rows where they do not fill a batch; the same as `tail="drop"`.
        valid_label_columns: taken because samplers of the field have it; not read.
        generator: as `valid_label_columns`.
        seed: kept, but nothing is drawn.
        tail: in place of `drop_last`: "drop", "short", or "refill", which fills the last batch with the first
            rows.
        stream: kept, but nothing is drawn.
        rank: which share of each global batch is given; None for all, one rank's after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
        threads: kept; no result depends on it.

    Raises:
        ValueError: for numbers out of range, and data with too few rows for one batch.

    Example:
        >>> list(SequentialBatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: Iterable[str] | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        tail: Tail | None = None,
        stream: int = 0,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(
            batch_size,
            drop_last,
            seed,
            tail=tail,
            stream=stream,
            rank=rank,
            num_replicas=num_replicas,
            threads=threads,
        )
        self.num_rows = num_rows_of(dataset)
        self._len = _core.num_batches(self.num_rows, batching=self._batching)

    def _num_batches(self) -> int:
        return self._len

    def _make_plan(self, draw: tuple[int, int, int]) -> Plan:
        return Plan.from_core(_core.sequential_plan(self.num_rows, batching=self._batching))

    def _data_fingerprint(self) -> int:
        return self.num_rows
