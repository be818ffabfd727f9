"""The one gather of in-batch losses: the candidates of all ranks, with their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor
from torch import distributed as dist

if TYPE_CHECKING:
    from collections.abc import Sequence


def gather_rows(columns: Sequence[Tensor]) -> tuple[list[Tensor], int]:
    r"""Append the rows of all ranks, in rank order, to each other; the gradient flows back to every rank.

    The backward sums over ranks what each rank's loss says of a row. DDP then averages parameters' gradients
    over ranks, so the objective that is trained is the mean of the ranks' losses. Where ranks hold different
    numbers of rows, a rank's mean over its own rows times `num_rows * world_size / all_rows` keeps that the
    mean over all rows.

    Ranks may hold different numbers of rows (shorter ones are padded on the way). The exchange of these
    numbers is the one point where the host waits for the device. Every rank must call this equally often,
    with as many columns.

    Shape:
        columns C x (B, ...), of one shape and dtype; returns C x (G, ...), G the rows of all ranks.

    Args:
        columns: embeddings, or ids; integers carry no gradient.

    Returns:
        The gathered columns, and where this rank's rows begin in them. With one process, the columns and 0.

    Raises:
        ValueError: columns of different shapes.
    """
    shapes = {tuple(column.shape) for column in columns}
    if len(shapes) > 1:
        raise ValueError(f"`columns` must have one shape, got {sorted(shapes)}")
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return list(columns), 0
    rows = _rows_of_ranks(columns[0])
    stacked = torch.stack(list(columns), dim=1)  # (B, C, ...): one collective for all columns
    padded = F.pad(stacked, (0, 0) * (stacked.ndim - 1) + (0, max(rows) - len(stacked)))
    if padded.is_floating_point():
        from torch.distributed.nn.functional import all_gather  # absent where torch is built without it

        gathered = all_gather(padded)  # type: ignore[no-untyped-call]
    else:
        gathered = [torch.empty_like(padded) for _ in rows]
        dist.all_gather(gathered, padded.contiguous())
    whole = torch.cat([part[:count] for part, count in zip(gathered, rows, strict=True)])
    return list(whole.unbind(dim=1)), sum(rows[: dist.get_rank()])


def _rows_of_ranks(column: Tensor) -> list[int]:
    own = torch.tensor([len(column)], device=column.device)
    counts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, own)
    return [int(count) for count in torch.cat(counts).tolist()]
