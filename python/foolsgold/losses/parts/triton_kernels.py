"""The tiles of a softmax over products, for GPUs: what `foolsgold.losses.parts.triton_softmax` launches.

Matrices lie row by row. Products add up in float32; no kernel writes where another program of it writes, so
what comes out is the same each time. Importing this needs triton.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator]
def log_sum_exp(
    queries: tl.tensor,
    documents: tl.tensor,
    factor: tl.tensor,
    query_ids: tl.tensor,
    document_ids: tl.tensor,
    classes: tl.tensor,
    log_sums: tl.tensor,
    positives: tl.tensor,
    first: tl.tensor,
    num_queries: tl.tensor,
    num_documents: tl.tensor,
    num_groups: tl.tensor,
    num_dims: tl.tensor,
    tile_rows: tl.constexpr,
    tile_columns: tl.constexpr,
    tile_dims: tl.constexpr,
    precision: tl.constexpr,
) -> None:
    """Write the logarithm of each row's sum of exponentials, and the logit of its positive.

    One program for `tile_rows` queries, which walks all documents with a running maximum.
    """
    rows = tl.program_id(0).to(tl.int64) * tile_rows + tl.arange(0, tile_rows)
    top = tl.full((tile_rows,), float("-inf"), tl.float32)
    total = tl.zeros((tile_rows,), tl.float32)
    positive = tl.zeros((tile_rows,), tl.float32)
    for start in range(0, num_documents, tile_columns):
        columns = start + tl.arange(0, tile_columns).to(tl.int64)
        logits, own = _logits(
            queries, documents, factor, query_ids, document_ids, classes, rows, columns, first,
            num_queries, num_documents, num_groups, num_dims, tile_dims, precision,
        )  # fmt: skip
        positive += tl.sum(tl.where(own, logits, 0.0), 1)
        higher = tl.maximum(top, tl.max(logits, 1))
        shift = tl.where(higher == float("-inf"), 0.0, higher)  # all left out so far
        total = total * tl.exp(top - shift) + tl.sum(tl.exp(logits - shift[:, None]), 1)
        top = higher
    tl.store(log_sums + rows, top + tl.log(total), mask=rows < num_queries)
    tl.store(positives + rows, positive, mask=rows < num_queries)


@triton.jit  # type: ignore[untyped-decorator]
def logit_gradient(
    queries: tl.tensor,
    documents: tl.tensor,
    factor: tl.tensor,
    query_ids: tl.tensor,
    document_ids: tl.tensor,
    classes: tl.tensor,
    log_sums: tl.tensor,
    shares: tl.tensor,
    gradient: tl.tensor,
    first: tl.tensor,
    first_row: tl.tensor,
    first_column: tl.tensor,
    last_row: tl.tensor,
    last_column: tl.tensor,
    num_groups: tl.tensor,
    num_dims: tl.tensor,
    tile_rows: tl.constexpr,
    tile_columns: tl.constexpr,
    tile_dims: tl.constexpr,
    precision: tl.constexpr,
) -> None:
    """Write the gradient of some rows' losses with respect to some of their logits, by the share of each row.

    One program for a tile of the block from `first_row` and `first_column` up to the last ones.
    """
    rows = first_row + tl.program_id(0).to(tl.int64) * tile_rows + tl.arange(0, tile_rows)
    columns = first_column + tl.program_id(1).to(tl.int64) * tile_columns + tl.arange(0, tile_columns)
    logits, own = _logits(
        queries, documents, factor, query_ids, document_ids, classes, rows, columns, first,
        last_row, last_column, num_groups, num_dims, tile_dims, precision,
    )  # fmt: skip
    log_sum = tl.load(log_sums + rows, mask=rows < last_row, other=0.0)
    share = tl.load(shares + rows, mask=rows < last_row, other=0.0)
    values = (tl.exp(logits - log_sum[:, None]) - tl.where(own, 1.0, 0.0)) * share[:, None]
    places = (rows - first_row)[:, None] * (last_column - first_column) + (columns - first_column)[None, :]
    within = (rows < last_row)[:, None] & (columns < last_column)[None, :]
    tl.store(gradient + places, values.to(gradient.dtype.element_ty), mask=within)


@triton.jit  # type: ignore[untyped-decorator]
def add_product(
    total: tl.tensor,
    left: tl.tensor,
    right: tl.tensor,
    num_rows: tl.tensor,
    num_inner: tl.tensor,
    num_columns: tl.tensor,
    row_stride: tl.tensor,
    inner_stride: tl.tensor,
    tile_rows: tl.constexpr,
    tile_columns: tl.constexpr,
    tile_inner: tl.constexpr,
    precision: tl.constexpr,
) -> None:
    """Add the product of `left`, which has strides, and `right` to `total`; one program for a tile of it."""
    rows = tl.program_id(0).to(tl.int64) * tile_rows + tl.arange(0, tile_rows)
    columns = tl.program_id(1) * tile_columns + tl.arange(0, tile_columns)
    products = tl.zeros((tile_rows, tile_columns), tl.float32)
    for start in range(0, num_inner, tile_inner):
        inner = start + tl.arange(0, tile_inner).to(tl.int64)
        a = tl.load(
            left + rows[:, None] * row_stride + inner[None, :] * inner_stride,
            mask=(rows < num_rows)[:, None] & (inner < num_inner)[None, :],
            other=0.0,
        )
        b = tl.load(
            right + inner[:, None] * num_columns + columns[None, :],
            mask=(inner < num_inner)[:, None] & (columns < num_columns)[None, :],
            other=0.0,
        )
        products = tl.dot(a, b, products, input_precision=precision)
    places = rows[:, None] * num_columns + columns[None, :]
    within = (rows < num_rows)[:, None] & (columns < num_columns)[None, :]
    tl.store(total + places, tl.load(total + places, mask=within, other=0.0) + products, mask=within)


@triton.jit  # type: ignore[untyped-decorator]
def _logits(
    queries: tl.tensor,
    documents: tl.tensor,
    factor: tl.tensor,
    query_ids: tl.tensor,
    document_ids: tl.tensor,
    classes: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    first: tl.tensor,
    last_row: tl.tensor,
    last_column: tl.tensor,
    num_groups: tl.tensor,
    num_dims: tl.tensor,
    tile_dims: tl.constexpr,
    precision: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor]:
    """Return the scaled products of a tile, minus infinity where left out, and where the positives are.

    Query 0 is row `first` of the batch. The first `num_groups` documents are positives.
    """
    products = tl.zeros((rows.shape[0], columns.shape[0]), tl.float32)
    for start in range(0, num_dims, tile_dims):
        dims = start + tl.arange(0, tile_dims)
        a = tl.load(
            queries + rows[:, None] * num_dims + dims[None, :],
            mask=(rows < last_row)[:, None] & (dims < num_dims)[None, :],
            other=0.0,
        )
        b = tl.load(
            documents + columns[None, :] * num_dims + dims[:, None],
            mask=(columns < last_column)[None, :] & (dims < num_dims)[:, None],
            other=0.0,
        )
        products = tl.dot(a, b, products, input_precision=precision)
    targets = rows + first
    own = targets[:, None] == columns[None, :]
    left_out = (columns >= last_column)[None, :] | (rows >= last_row)[:, None]
    is_positive = (columns < num_groups) & (columns < last_column)
    if query_ids is not None:
        query = tl.load(query_ids + targets, mask=rows < last_row, other=-1)[:, None]
        positive = tl.load(document_ids + targets, mask=rows < last_row, other=-1)[:, None]
        text = tl.load(document_ids + columns, mask=columns < last_column, other=-1)[None, :]
        other_query = tl.load(query_ids + columns, mask=is_positive, other=-1)[None, :]
        same = (query == text) | (positive == text) | ((query == other_query) & is_positive[None, :])
        left_out = left_out | (same & ~own)
    if classes is not None:
        row_class = tl.load(classes + targets, mask=rows < last_row, other=-1)[:, None]
        other_class = tl.load(classes + columns, mask=is_positive, other=-1)[None, :]
        left_out = left_out | ((row_class == other_class) & is_positive[None, :] & ~own)
    return tl.where(left_out, float("-inf"), products * tl.load(factor)), own
