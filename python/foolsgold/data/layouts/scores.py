"""Scores of positives and of negatives in two columns, and in one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from foolsgold.data.reshaping.sources import Source


def with_scores(source: Source, positive: str, negative: str) -> Source:
    """Put two list columns of scores into one column `scores`, by row those of the positives first.

    Rows where a score is missing leave the two columns as they are.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = source.table
    if not {positive, negative} <= {*table.schema.names}:
        return source
    columns = [table.column(name) for name in (positive, negative)]
    if any(column.null_count or pc.list_flatten(column).null_count for column in columns):
        return source
    for scores, texts in [(columns[0], "positives"), (columns[1], "negatives")]:
        if not pc.list_value_length(scores).equals(pc.list_value_length(table.column(texts))):
            return source
    rows = np.concatenate([np.asarray(pc.list_parent_indices(column)) for column in columns])
    values = np.concatenate([np.asarray(pc.list_flatten(column)) for column in columns])
    counts = sum(np.asarray(pc.list_value_length(column)) for column in columns)
    offsets: Any = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
    merged = pa.LargeListArray.from_arrays(offsets, pa.array(values[np.argsort(rows, kind="stable")]))
    return replace(source, table=table.drop_columns([positive, negative]).append_column("scores", merged))


def split_scores(row: dict[str, Any], num_positives: int, positive: str, negative: str) -> dict[str, Any]:
    """Take the scores out of a row, and return them as two fields."""
    scores = row.pop("scores", None)
    if scores is None:
        return {}
    return {positive: scores[:num_positives], negative: scores[num_positives:]}
