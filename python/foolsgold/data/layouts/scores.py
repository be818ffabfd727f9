"""Scores of positives and of negatives in two columns, and in one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from foolsgold.data.reshaping.file_rows import FileRows
    from foolsgold.data.reshaping.sources import Source


def has_scores(rows: FileRows, positive: str, negative: str) -> bool:
    """Say whether two list columns have a score for each text of all rows, which are read for that."""
    names = (positive, negative)
    if not {*names} <= {*rows.schema.names}:
        return False
    pairs = [*zip(names, ("positives", "negatives"), strict=True)]
    return all(
        _is_whole(batch.column(scores), batch.column(texts))
        for batch in rows.batches()
        for scores, texts in pairs
    )


def with_scores(source: Source, positive: str, negative: str) -> Source:
    """Put two list columns of scores into one column `scores`, by row those of the positives first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = source.table
    columns = [table.column(name) for name in (positive, negative)]
    rows = np.concatenate([np.asarray(pc.list_parent_indices(column)) for column in columns])
    flat = [pc.list_flatten(column).cast(_number(columns)) for column in columns]
    values = np.concatenate([np.asarray(column) for column in flat])
    counts = sum(np.asarray(pc.list_value_length(column)) for column in columns)
    offsets: Any = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
    merged = pa.LargeListArray.from_arrays(offsets, pa.array(values[np.argsort(rows, kind="stable")]))
    return replace(source, table=table.drop_columns([positive, negative]).append_column("scores", merged))


def _is_whole(scores: Any, texts: Any) -> bool:
    import pyarrow.compute as pc

    flat = pc.list_flatten(scores)
    if scores.null_count or flat.null_count or (len(flat) and not _is_number(flat.type)):
        return False
    return bool(pc.list_value_length(scores).equals(pc.list_value_length(texts)))


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _number(columns: list[Any]) -> Any:
    """Return the type of the numbers in list columns; one without any may have another."""
    import pyarrow as pa

    kinds = [column.type.value_type for column in columns if _is_number(column.type.value_type)]
    return pa.int64() if kinds and all(map(pa.types.is_integer, kinds)) else pa.float64()


def split_scores(row: dict[str, Any], num_positives: int, positive: str, negative: str) -> dict[str, Any]:
    """Take the scores out of a row, and return them as two fields."""
    scores = row.pop("scores", None)
    if scores is None:
        return {}
    return {positive: scores[:num_positives], negative: scores[num_positives:]}
