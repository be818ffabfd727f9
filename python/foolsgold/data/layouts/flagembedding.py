"""FlagEmbedding's JSON Lines: `query`, lists `pos` and `neg`, perhaps scores, ids, `prompt` and `type`.

Described in https://github.com/FlagOpen/FlagEmbedding/blob/master/examples/finetune/embedder/README.md, "Data
format".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.layouts.nested import nested_rows, write_json
from foolsgold.data.layouts.rows import check_lists, cut_like, listed, renamed, without_nulls
from foolsgold.data.layouts.scores import has_scores, split_scores, with_scores
from foolsgold.data.reshaping.file_rows import FileRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "ragged"
IS_FOLDER = False
IS_JSON = True
_NAMES = {
    "query": "anchor",
    "pos": "positives",
    "neg": "negatives",
    "query_id": "anchor_id",
    "pos_id": "positive_ids",
    "neg_id": "negative_ids",
}

_SCORES = ("pos_scores", "neg_scores")


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say whether the keys of the first row are those of this layout."""
    return {"query", "pos"} <= keys


def read(paths: Sequence[str], how: Reading) -> FileRows:
    """Read files; `neg` may be missing."""
    rows = nested_rows(paths, how, _ragged)
    return FileRows(rows.opened, how.on_error, _scored) if has_scores(rows, *_SCORES) else rows


def _ragged(source: Source) -> Source:
    import pyarrow as pa
    import pyarrow.compute as pc

    names = ("neg", "pos_id", "neg_id", *_SCORES)
    check_lists(source, {"pos": True, **dict.fromkeys(names, False)})
    if "neg" not in source.table.schema.names:
        empty = pa.array([[]] * source.table.num_rows, pa.large_list(pa.large_string()))
        source = replace(source, table=source.table.append_column("neg", empty))
    negatives = source.table.column("neg")
    if negatives.null_count:  # a row without `neg` has no negatives, and no scores of these
        has_none = np.asarray(pc.is_null(negatives))
        source = _with_empty(_with_empty(source, "neg", has_none), "neg_scores", has_none)
    return renamed(source, _NAMES, SHAPE)


def _with_empty(source: Source, name: str, rows: NDArray[np.bool_]) -> Source:
    """Return the rows with empty lists in place of nulls in some of them (R,)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = source.table.schema.get_field_index(name)
    if place < 0:
        return source
    column = source.table.column(name)
    if pa.types.is_null(column.type):
        column = column.cast(pa.large_list(pa.large_string() if name == "neg" else pa.float64()))
    missing = np.asarray(pc.is_null(column)) & ~rows
    filled = cut_like(column, pc.list_flatten(column))
    lists = pa.LargeListArray.from_arrays(filled.offsets, filled.values, mask=pa.array(missing))
    return replace(source, table=source.table.set_column(place, name, lists.cast(column.type)))


def _scored(source: Source) -> Source:
    return with_scores(_ragged(source), *_SCORES)


def write(path: Path, rows: Writing) -> None:
    """Write a row for each anchor."""
    write_json(path, map(_record, rows.records()))


def _record(row: dict[str, Any]) -> dict[str, Any]:
    row = without_nulls(row)
    query = row.pop("anchor")
    positives = listed(row.pop("positives", row.pop("positive", None)))
    negatives = row.pop("negatives")
    found: dict[str, Any] = {"query": query, "pos": positives, "neg": negatives}
    ids: Iterator[tuple[str, str]] = iter(_NAMES.items())
    for theirs, ours in ids:
        for name in (ours, ours.removesuffix("s")):
            if theirs not in found and name in row:
                value = row.pop(name)
                found[theirs] = value if theirs == "query_id" else listed(value)
    return found | split_scores(row, len(positives), *_SCORES) | row
