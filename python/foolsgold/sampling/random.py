"""RandomBatchSampler: shuffled batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold import _core
from foolsgold.data.id_columns import IdColumns
from foolsgold.data.texts import num_rows_of
from foolsgold.sampling.batch_sampler import PlannedBatchSampler
from foolsgold.sampling.options import label_names
from foolsgold.sampling.plan import Plan, Tail

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import torch
    from numpy.typing import NDArray


class RandomBatchSampler(PlannedBatchSampler):
    """Every row once, in a new order each epoch.

    Args:
        dataset: has a length; read only where `text_ids` are asked for.
        batch_size: rows per batch and rank, at least 1.
        drop_last: leave out the last rows where they do not fill a batch; the same as `tail="drop"`.
        valid_label_columns: names of columns that hold labels and get no ids.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: 0 to 2^64 - 1; with epoch and stream it decides the batches, on every platform.
        tail: in place of `drop_last`: "drop", "short", or "refill", which fills the last batch with rows that
            come a second time.
        stream: 0 to 2^64 - 1; samplers of one seed draw differently by it.
        rank: which share of each global batch is given; None for all, one rank's after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
        threads: by default a fair share of the cores; no result depends on it.

    Raises:
        ValueError: for numbers out of range, and data with too few rows for one batch.

    Example:
        >>> sampler = RandomBatchSampler(range(5), batch_size=2, drop_last=False)
        >>> len(sampler), sorted(sum(sampler, []))
        (3, [0, 1, 2, 3, 4])
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
        self._dataset: Any = dataset
        self._label_columns = frozenset(label_names(valid_label_columns) or ())
        self._text_ids: dict[str, NDArray[np.uint32]] | None = None

    @property
    def text_ids(self) -> dict[str, NDArray[np.uint32]]:
        """The ids of the texts, one array (number of rows,) a column; made when they are first asked for."""
        if self._text_ids is None:
            if self._dataset is None:
                raise AttributeError("`text_ids` must be asked for before a sampler is pickled")
            ids, _ = IdColumns.of(self._dataset, without=self._label_columns, threads=self.threads)
            self._text_ids = ids.flat
        return self._text_ids

    def _num_batches(self) -> int:
        return self._len

    def _make_plan(self, draw: tuple[int, int, int]) -> Plan:
        return Plan.from_core(
            _core.random_plan(
                self.num_rows, draw, batching=self._batching, threads=self.threads, progress=self._progress
            )
        )

    def _data_fingerprint(self) -> int:
        # Which rows come when depends on nothing but their number.
        return self.num_rows

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_dataset": None}
