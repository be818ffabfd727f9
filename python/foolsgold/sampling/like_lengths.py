"""LengthBatchSampler: rows of like lengths in a batch."""

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


class LengthBatchSampler(PackedBatchSampler):
    """Shuffled batches of rows of like lengths, so that little of a batch is padding.

    Rows are cut by length into bands in which none is shorter than the longest by more than `max_padding`,
    unless the band would have fewer than 16 batches; which rows of a band meet is drawn anew in each epoch,
    as is the order of the batches. With `max_tokens`, a batch has as many rows, up to `batch_size`, as these
    tokens allow, padding included. `len` follows from the lengths alone, the same in every epoch.

    To keep duplicates apart as well, give `lengths` to `NoDuplicatesBatchSampler`.

    Args:
        dataset: has a length; read only where `lengths` names a column.
        batch_size: the most rows per batch and rank, at least 1.
        drop_last: leave out the last of the shortest rows where they do not fill a batch; as `tail="drop"`.
        valid_label_columns: taken because samplers of the field have it; not read.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: 0 to 2^64 - 1; with epoch and stream it decides the batches, on every platform.
        lengths: tokens by row, (rows,) integers, or the name of a column of them; see
            `foolsgold.data.token_lengths`.
        max_tokens: the most tokens of a batch: its rows times the longest of their lengths.
        max_padding: the share of a band's longest row by which others may be shorter, 0 to 1.
        tail: in place of `drop_last`: "drop", "short" or "refill".
        stream: 0 to 2^64 - 1; samplers of one seed draw differently by it.
        rank: which share of each global batch is given; None for all, one rank's after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
        threads: by default a fair share of the cores; no result depends on it.

    Raises:
        ValueError: for numbers out of range, lengths that are not one whole number a row, a row longer than
            `max_tokens`, and data with too few rows for one batch.

    Example:
        >>> lengths = [4, 40, 5, 38, 5, 41, 39, 4]
        >>> sampler = LengthBatchSampler(lengths, 8, drop_last=False, lengths=lengths, max_tokens=164)
        >>> [len(batch) for batch in sampler]
        [4, 4]
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
        lengths: NDArray[np.integer[Any]] | str,
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
            conflicts=None,
            lengths=lengths_of(dataset, lengths),
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
