"""ConflictAwareBatchSampler: pairs that must not meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold.data.texts import num_rows_of
from foolsgold.sampling.packed import PackedBatchSampler, lengths_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from foolsgold.sampling.plan import Tail


class ConflictAwareBatchSampler(PackedBatchSampler):
    """Shuffled batches in which no pair of a table meets; rows that no pair names go anywhere.

    For pairs known to match though their texts differ: those that a guide scored as close as a positive, that
    a miner rejected, near-duplicates, chunks of one document. Texts are not looked at; to keep duplicates
    apart as well, give `conflicts` to `NoDuplicatesBatchSampler`.

    Args:
        dataset: has a length; read only where `lengths` names a column.
        batch_size: rows per batch and rank, at least 1.
        drop_last: give full batches only; the same as `tail="drop"`.
        valid_label_columns: taken because samplers of the field have it; not read.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: 0 to 2^64 - 1; with epoch and stream it decides the batches, on every platform.
        conflicts: pairs of row numbers, (M, 2) integers, in any order, perhaps more than once.
        lengths: tokens by row, as for `LengthBatchSampler`.
        max_tokens: as for `LengthBatchSampler`.
        max_padding: as for `LengthBatchSampler`.
        tail: in place of `drop_last`: "drop", "short" or "refill".
        stream: 0 to 2^64 - 1; samplers of one seed draw differently by it.
        rank: which share of each global batch is given; None for all, one rank's after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
        threads: by default a fair share of the cores; no result depends on it.

    Raises:
        ValueError: for numbers out of range, pairs that are no rows of the data, and conflicts so many that
            not one batch can be filled.

    Example:
        >>> sampler = ConflictAwareBatchSampler(range(4), 2, drop_last=True, conflicts=[(0, 1), (2, 3)])
        >>> all(set(batch) not in ({0, 1}, {2, 3}) for _ in range(5) for batch in sampler)
        True
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
        conflicts: Any,
        lengths: NDArray[np.integer[Any]] | str | None = None,
        max_tokens: int | None = None,
        max_padding: float = 0.1,
        tail: Tail | None = None,
        stream: int = 0,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(
            None,
            num_rows_of(dataset),
            batch_size,
            drop_last,
            seed,
            known_positives=False,
            conflicts=conflicts,
            lengths=None if lengths is None else lengths_of(dataset, lengths),
            max_tokens=max_tokens,
            max_padding=max_padding,
            tail=tail,
            stream=stream,
            rank=rank,
            num_replicas=num_replicas,
            threads=threads,
        )

    def _ids_fingerprint(self) -> int:
        return self.num_rows
