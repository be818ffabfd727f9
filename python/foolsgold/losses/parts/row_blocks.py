"""Large in-batch losses by blocks of rows, so that no matrix of all rows by all candidates is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    BlockLoss = Callable[..., tuple[Tensor, Tensor]]

# Entries of a matrix of rows by candidates. What fits into one block is a plain graph, with no block at all.
_ONE_BLOCK = 2**25
_BLOCK = 2**22  # 16 MiB in float32, of which a loss holds a few; smaller ones multiply more slowly


def sum_over_rows(
    block_loss: BlockLoss,
    inputs: Sequence[Tensor],
    rows: slice,
    entries_per_row: int,
    *,
    closed: bool = True,
) -> tuple[Tensor, Tensor]:
    """Sum a loss over rows, block by block, and form its gradient with it.

    The gradient of each block is formed right after its loss, while its matrices are still there, and added
    up; the backward only multiplies. So each matrix is formed once, and O(inputs) is held. A batch that fits
    into one block is computed plainly. Second derivatives stop at blocks.

    Args:
        block_loss: maps a slice of rows, then `inputs`, to the sum of these rows' losses, (), and to a count,
            (), without gradient where `closed`; uses no chance.
        inputs: all tensors through which the loss has a gradient, where `closed`.
        rows: the rows to sum over; both ends given.
        entries_per_row: how many entries a row has in the largest matrix of the loss.
        closed: whether `block_loss` reaches parameters through `inputs` alone. Where it does not (a
            similarity function with parameters), blocks are formed again in the backward.

    Returns:
        The sum of the losses and the sum of the counts, ().
    """
    blocks = blocks_of(rows, entries_per_row, whole=True)
    if len(blocks) == 1:
        return block_loss(rows, *inputs)
    if not closed or torch.compiler.is_compiling():
        sums = [
            checkpoint(block_loss, block, *inputs, use_reentrant=False, preserve_rng_state=False)
            for block in blocks
        ]
        losses, counts = zip(*sums, strict=True)
        return torch.stack(losses).sum(), torch.stack(counts).sum()
    return _summed_with_gradients(block_loss, inputs, blocks)


def blocks_of(rows: slice, entries_per_row: int, *, whole: bool) -> list[slice]:
    """Cut rows into blocks.

    Args:
        rows: both ends given.
        entries_per_row: how many entries a row has in the largest matrix.
        whole: whether all rows are one block where they fit into memory; else blocks are as small as is fast.
    """
    first, last = rows.start, rows.stop
    if whole and (last - first) * entries_per_row <= _ONE_BLOCK:
        return [rows]
    size = max(1, _BLOCK // entries_per_row)
    return [slice(start, min(start + size, last)) for start in range(first, last, size)]


def _summed_with_gradients(
    block_loss: BlockLoss, inputs: Sequence[Tensor], blocks: Sequence[slice]
) -> tuple[Tensor, Tensor]:
    wanted = [torch.is_grad_enabled() and x.requires_grad for x in inputs]
    leaves = [x.detach().requires_grad_(wants) for x, wants in zip(inputs, wanted, strict=True)]
    sought = [leaf for leaf in leaves if leaf.requires_grad]
    gradients = [torch.zeros_like(leaf) for leaf in sought]
    losses, counts = [], []
    for block in blocks:
        with torch.set_grad_enabled(bool(sought)):
            block_sum, block_count = block_loss(block, *leaves)
        if sought:
            for total, part in zip(gradients, torch.autograd.grad(block_sum, sought), strict=True):
                total += part
        losses.append(block_sum.detach())
        counts.append(block_count.detach())
    inputs = [x for x, wants in zip(inputs, wanted, strict=True) if wants]
    return with_gradients(torch.stack(losses).sum(), inputs, gradients), torch.stack(counts).sum()


def with_gradients(value: Tensor, inputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """Give `value` the gradients that were formed with it.

    Args:
        value: a scalar, ().
        inputs: what it was formed from.
        gradients: one for each of the inputs, of its shape.
    """
    formed: Tensor = _Formed.apply(value, len(inputs), *inputs, *gradients)
    return formed


class _Formed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, num_inputs: int, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors[num_inputs:])
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients = [gradient * upstream for gradient in ctx.saved_tensors]
        return None, None, *gradients, *(None for _ in gradients)
