"""Tevatron's JSON Lines with the passages in the rows: `query`, `positive_passages` and `negative_passages`.

Described in https://github.com/texttron/tevatron/blob/main/README.md and docs/datasets.md: a passage has
`docid`, `title` and `text`, and is trained on as title, space, text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold.data.layouts.nested import nested_rows, write_json
from foolsgold.data.layouts.passages import merged_passages, passages_of

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
_FIELDS = {"positive_passages": "positive", "negative_passages": "negative"}
_IDS = "docid"


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say whether the keys of the first row are those of this layout."""
    return "query" in keys and any(key.split(".")[0] == "positive_passages" for key in keys)


def read(paths: Sequence[str], how: Reading) -> FileRows:
    """Read files."""
    return nested_rows(paths, how, _ragged)


def _ragged(source: Source) -> Source:
    return merged_passages(source, _FIELDS, {"query": "anchor", "query_id": "anchor_id"}, id_field=_IDS)


def write(path: Path, rows: Writing) -> None:
    """Write a row for each anchor."""
    write_json(path, map(_record, rows.records()))


def _record(row: dict[str, Any]) -> dict[str, Any]:
    found = {"query_id": row.pop("anchor_id", None), "query": row.pop("anchor")}
    inner = {field: passages_of(row, field, side, id_field=_IDS) for field, side in _FIELDS.items()}
    found |= inner | row
    return {name: value for name, value in found.items() if value is not None}
