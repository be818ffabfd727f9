"""Large in-batch losses by blocks of rows, so that no matrix of all logits is held for the backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_BLOCK_LOGITS = 2**26  # 256 MiB in float32


def mean_over_rows(
    row_losses: Callable[[slice], Tensor], first: int, last: int, logits_per_row: int
) -> Tensor:
    """Mean of `row_losses` over the rows `first` to `last`, at most 2**26 logits at a time.

    Each block of rows is a checkpoint: its logits are formed twice, and its gradient in the backward. A batch
    that fits into one block costs neither.

    Args:
        row_losses: loss of each of some rows, (rows,); uses no chance.
        first: first row.
        last: row after the last one, above `first`.
        logits_per_row: how many logits a row of the loss holds at a time.
    """
    size = max(1, _BLOCK_LOGITS // max(1, logits_per_row))
    if last - first <= size:
        return row_losses(slice(first, last)).mean()
    losses = [
        checkpoint(
            row_losses, slice(start, min(start + size, last)), use_reentrant=False, preserve_rng_state=False
        )
        for start in range(first, last, size)
    ]
    return torch.cat(losses).mean()
