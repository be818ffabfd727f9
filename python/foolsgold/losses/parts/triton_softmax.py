"""The plain softmax over a large batch in tiles on a GPU, through kernels written in Triton.

Off unless the environment says `FOOLSGOLD_TRITON=1`: the kernels equal the torch path in Triton's
interpreter and compile for GPUs, but have yet to run on one. They serve CUDA tensors where triton is there,
and queries that are compared with documents; all else goes the torch path, which is their oracle.

The forward keeps one number a row, the logarithm of its sum of exponentials, found with a running maximum.
The backward walks the matrix of logits in squares. Of each it forms the gradient, from products formed once
more, multiplies it by the documents into the queries' gradient, and, transposed, by the queries into the
documents'. With B rows, N documents and D dimensions these are 8 B N D operations, and O((B + N) D) memory
beside one square. A pass for each side would need no square, but the rows of a tile have a gradient that
exceeds a multiprocessor's registers at D = 1024; pieces of it would each take all products anew.

Embeddings that come in half precision are, once normalized, multiplied in it, and so are the gradients of
their logits; sums, statistics and gradients of embeddings are float32. Products of float32 are exact unless
`torch.backends.cuda.matmul.fp32_precision` allows TF32.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foolsgold.losses.parts.directions import Comparisons
    from foolsgold.losses.parts.identity import Identity

_SIDE = 8192  # of the squares of logits: 128 MiB in half precision, and tiles enough for any GPU
_TILE = 128  # rows and columns of a tile
_TILE_BYTES = 128  # of a row that are multiplied at a time


def enabled(queries: Tensor) -> bool:
    """Tell whether the kernels may run: switched on by `FOOLSGOLD_TRITON=1`, on a GPU, with triton there.

    Args:
        queries: the embeddings, in the precision of the loss.
    """
    wanted = os.environ.get("FOOLSGOLD_TRITON") == "1"
    return wanted and queries.is_cuda and queries.dtype == torch.float32 and find_spec("triton") is not None


def serves(
    queries: Tensor,
    comparisons: Comparisons,
    identity: Identity | None,
    margin: float | None,
    guide: object | None,
) -> bool:
    """Tell whether the kernels are on and compute this loss, given as to `in_batch_cross_entropy`."""
    one_direction = comparisons.names == ["query_to_doc"] and comparisons.hardness_mode is None
    told_by_row = identity is None or identity.known_positive_ids is None
    return enabled(queries) and one_direction and told_by_row and margin is None and guide is None


def loss_of_products(
    queries: Tensor,
    documents: Tensor,
    factor: Tensor,
    weights: Tensor,
    identity: Identity | None,
    rows: slice,
    operand_dtype: torch.dtype,
) -> Tensor:
    """Sum the weighted cross-entropies of some rows of a batch over all its documents.

    Shape:
        queries (G, D), documents (C, G, D) with the positives first, factor (), weights (G,); returns ().

    Args:
        queries: one for each row of the batch, float32.
        documents: a positive and C - 1 hard negatives for each row, float32.
        factor: of the products, float32.
        weights: how much each row counts, at least 0, float32; has no gradient.
        identity: what is known of the rows, but for known positives; matches are no negatives.
        rows: the B rows whose loss it is, both ends given.
        operand_dtype: what the embeddings are multiplied in, float32, bfloat16 or float16.
    """
    batch = _Batch.of(identity, rows.start, len(queries), operand_dtype)
    loss: Tensor = _Softmax.apply(queries[rows], documents.flatten(0, 1), factor, weights[rows], batch)
    return loss


@dataclass(frozen=True, eq=False)
class _Batch:
    """What the kernels take beside the embeddings.

    Attributes:
        ids: text ids of the queries, (G,), of the documents, (C * G,), and classes, (G,); None for unknown.
        first: place of the first query among the G rows.
        num_groups: G.
        operand_dtype: of the products.
    """

    ids: tuple[Tensor | None, Tensor | None, Tensor | None]
    first: int
    num_groups: int
    operand_dtype: torch.dtype

    @classmethod
    def of(cls, identity: Identity | None, first: int, num_groups: int, operand_dtype: torch.dtype) -> _Batch:
        """Lay out what is known of the rows; text ids count where there are both kinds."""
        query_ids = document_ids = classes = None
        if identity is not None and identity.query_ids is not None and identity.document_ids is not None:
            query_ids, document_ids = identity.query_ids.contiguous(), identity.document_ids.flatten()
        if identity is not None and identity.classes is not None:
            classes = identity.classes.contiguous()
        return cls((query_ids, document_ids, classes), first, num_groups, operand_dtype)

    @property
    def tiles(self) -> tuple[int, int, int]:
        """Rows, columns and dimensions of a tile."""
        return _TILE, _TILE, max(16, _TILE_BYTES // self.operand_dtype.itemsize)


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, documents: Tensor, factor: Tensor, weights: Tensor, batch: _Batch
    ) -> Tensor:
        queries, documents = (x.to(batch.operand_dtype).contiguous() for x in (queries, documents))
        weights = weights.contiguous()
        log_sums, positives = torch.empty_like(weights), torch.empty_like(weights)
        with _device_of(queries):
            _kernels().log_sum_exp[(_num_tiles(len(queries)),)](
                queries, documents, factor, *batch.ids, log_sums, positives,
                batch.first, len(queries), len(documents), batch.num_groups, queries.shape[1],
                *batch.tiles, **_options(),
            )  # fmt: skip
        ctx.save_for_backward(queries, documents, factor, weights, log_sums)
        ctx.batch = batch
        return ((log_sums - positives) * weights).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        queries, documents, factor, weights, log_sums = ctx.saved_tensors
        of_queries, of_documents, of_factor, *_ = ctx.needs_input_grad
        left = queries.new_zeros(queries.shape, dtype=torch.float32) if of_queries or of_factor else None
        right = documents.new_zeros(documents.shape, dtype=torch.float32) if of_documents else None
        # At most 1, so that the gradient of a logit fits into half precision; 0 where all weights are.
        largest = F.pad(weights, (0, 1)).amax()
        shares = weights / torch.where(largest > 0, largest, 1.0)
        with _device_of(queries):
            for rows, columns, gradient in _squares(queries, documents, factor, shares, log_sums, ctx.batch):
                if left is not None:
                    _add_product(left[rows], gradient, documents[columns])
                if right is not None:
                    _add_product(right[columns], gradient.T, queries[rows])
        upstream = upstream * largest
        # The logits are linear in the factor as they are in the queries.
        factor_gradient = (left * queries).sum() * upstream if of_factor and left is not None else None
        return (
            left.mul_(factor * upstream) if left is not None and of_queries else None,
            right.mul_(factor * upstream) if right is not None else None,
            factor_gradient,
            None,
            None,
        )


def _squares(
    queries: Tensor, documents: Tensor, factor: Tensor, shares: Tensor, log_sums: Tensor, batch: _Batch
) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield blocks of rows and columns with the gradient of their logits, in one memory for all of them."""
    num_rows, num_columns = len(queries), len(documents)
    memory = queries.new_empty(min(num_rows, _SIDE) * min(num_columns, _SIDE))
    for first_row in range(0, num_rows, _SIDE):
        for first_column in range(0, num_columns, _SIDE):
            rows = slice(first_row, min(first_row + _SIDE, num_rows))
            columns = slice(first_column, min(first_column + _SIDE, num_columns))
            height, width = rows.stop - rows.start, columns.stop - columns.start
            gradient = memory[: height * width].view(height, width)
            _kernels().logit_gradient[(_num_tiles(height), _num_tiles(width))](
                queries, documents, factor, *batch.ids, log_sums, shares, gradient,
                batch.first, rows.start, columns.start, rows.stop, columns.stop, batch.num_groups,
                queries.shape[1], *batch.tiles, **_options(),
            )  # fmt: skip
            yield rows, columns, gradient


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add the product of `left` (M, K), in any strides, and `right` (K, D) to `total` (M, D)."""
    tile_inner = max(16, _TILE_BYTES // right.element_size())
    _kernels().add_product[(_num_tiles(len(total)), _num_tiles(total.shape[1]))](
        total, left, right, *left.shape, right.shape[1], *left.stride(),
        _TILE, _TILE, tile_inner, **_options(),
    )  # fmt: skip


def _num_tiles(size: int) -> int:
    return -(-size // _TILE)


def _options() -> dict[str, Any]:
    """How the tiles are multiplied; torch before 2.9 does not tell whether TF32 is allowed."""
    allowed = getattr(torch.backends.cuda.matmul, "fp32_precision", "ieee")
    return {"precision": "tf32" if allowed == "tf32" else "ieee", "num_warps": 8, "num_stages": 3}


def _kernels() -> Any:
    """The kernels, which take triton to be imported."""
    from foolsgold.losses.parts import triton_kernels

    return triton_kernels


def _device_of(x: Tensor) -> AbstractContextManager[Any]:
    """Make the GPU of `x` the one that kernels are launched on."""
    return torch.cuda.device(x.device) if x.is_cuda else nullcontext()
