"""DPR's JSON: an array of objects with `question`, `answers`, `positive_ctxs` and two lists of negatives.

Described in https://github.com/facebookresearch/DPR/blob/main/README.md, "Retriever input data format". A
passage has `title` and `text`, in the published sets also `passage_id`, `score` and `title_score`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from foolsgold.data.layouts.nested import nested_rows, write_json
from foolsgold.data.layouts.passages import merged_passages, passages_of
from foolsgold.data.layouts.texts import ending_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.file_rows import FileRows
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "ragged"
IS_FOLDER = False
IS_JSON = True
_FIELDS = {"positive_ctxs": "positive", "hard_negative_ctxs": "negative", "negative_ctxs": "easy_negative"}
_IDS = "passage_id"


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say whether the keys of the first row are those of this layout."""
    return "question" in keys and any(key.split(".")[0] == "positive_ctxs" for key in keys)


def read(paths: Sequence[str], how: Reading) -> FileRows:
    """Read files. The negatives are the hard ones; the others are a column `easy_negatives` beside them."""
    return nested_rows(paths, how, _ragged)


def _ragged(source: Source) -> Source:
    names = {*source.table.schema.names}
    fields = {
        field: side
        for field, side in _FIELDS.items()
        if field == "positive_ctxs" or any(name.split(".")[0] == field for name in names)
    }
    found = merged_passages(source, fields, {"question": "anchor"}, id_field=_IDS)
    if "negatives" not in found.table.schema.names and "easy_negatives" in found.table.schema.names:
        ours = [name.replace("easy_negative", "negative", 1) for name in found.table.schema.names]
        found = replace(found, table=found.table.rename_columns(ours))
    return found


def write(path: Path, rows: Writing) -> None:
    """Write an array, or JSON Lines by the ending; negatives are hard ones, `easy_negatives` the others."""
    write_json(path, map(_record, rows.records()), is_array=ending_of(path) == ".json")


def _record(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"question": row.pop("anchor"), "answers": row.pop("answers", None) or []}
    inner = {side: passages_of(row, field, side, id_field=_IDS) for field, side in _FIELDS.items()}
    found["positive_ctxs"] = inner["positive"]
    found["negative_ctxs"] = inner["easy_negative"]
    found["hard_negative_ctxs"] = inner["negative"]
    return found | {name: value for name, value in row.items() if value is not None}
