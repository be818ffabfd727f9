"""PyLate's distillation sets in a folder: `train` with lists of ids and scores, `queries` and `documents`.

Described in https://github.com/lightonai/pylate/blob/main/pylate/utils/processing.py and the data sets that
it names; files may be JSON Lines or Parquet, and lists may be spelled as texts.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold.data.layouts.collections import read_collection
from foolsgold.data.layouts.ids import Ids, with_texts
from foolsgold.data.layouts.nested import write_json
from foolsgold.data.layouts.rows import check_lists
from foolsgold.data.layouts.texts import written_folder
from foolsgold.data.reshaping.file_rows import FileRows
from foolsgold.data.streaming import stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "labeled-list"
IS_FOLDER = True
_ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
_STEMS = ("train", "queries", "documents")


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say whether the files of a folder are those of this layout."""
    return all(any(f"{stem}{end}" in names for end in _ENDINGS) for stem in _STEMS)


def read(paths: Sequence[str], how: Reading) -> Source:
    """Read the lists with their texts."""
    folder = Path(paths[0])
    train, queries, documents = (_file(folder, stem) for stem in _STEMS)
    opened = stream(train, on_error=how.on_error, threads=how.threads, progress=how.progress)
    source = FileRows(opened, how.on_error, _of_ids).to_source(how.scratch)
    collections = {"queries": read_collection(queries, how), "corpus": read_collection(documents, how)}
    columns = {"anchor_id": ("anchor", "queries"), "positive_ids": ("positive", "corpus")}
    found = with_texts(source, columns, collections, how)
    return replace(found, corpus=collections["corpus"].texts, shape=SHAPE)


def _of_ids(source: Source) -> Source:
    import pyarrow as pa

    for name, kind in [("document_ids", pa.large_string()), ("scores", pa.float64())]:
        source = _as_lists(source, name, kind)
    check_lists(source, {"document_ids": True, "scores": True})
    table = source.table.rename_columns(
        [
            {"query_id": "anchor_id", "document_ids": "positive_ids"}.get(name, name)
            for name in source.table.schema.names
        ]
    )
    place = table.schema.get_field_index("anchor_id")
    table = table.set_column(place, "anchor_id", table.column("anchor_id").cast(pa.large_string()))
    return replace(source, table=table)


def write(path: Path, rows: Writing) -> None:
    """Write a folder; ids are those of the rows, else numbers; labels stand in for missing scores."""
    queries, documents = Ids(""), Ids("")

    def lists() -> Iterator[dict[str, Any]]:
        for record in rows.records():
            query = queries.of(record["anchor"], record.get("anchor_id"))
            given = record.get("positive_ids") or [None] * len(record["positive"])
            ids = [documents.of(text, id) for text, id in zip(record["positive"], given, strict=True)]
            scores = record["scores"] if record.get("scores") is not None else record["labels"]
            yield {"query_id": query, "document_ids": ids, "scores": scores}

    with written_folder(path) as folder:
        write_json(folder / "train.jsonl", lists())
        write_json(folder / "queries.jsonl", queries.documents("query_id"))
        write_json(folder / "documents.jsonl", documents.documents("document_id"))


def _file(folder: Path, stem: str) -> Path:
    found = [folder / f"{stem}{end}" for end in _ENDINGS if (folder / f"{stem}{end}").is_file()]
    if len(found) != 1:
        raise ValueError(f"{folder}: must hold one {stem} (.jsonl or .parquet), got {len(found)}")
    return found[0]


def _as_lists(source: Source, name: str, kind: Any) -> Source:
    """Return rows with lists where they are spelled as texts, and with ids as texts."""
    import pyarrow as pa

    place = source.table.schema.get_field_index(name)
    if place < 0:
        return source
    column = source.table.column(name)
    if "list" in str(column.type):
        return replace(source, table=source.table.set_column(place, name, column.cast(pa.large_list(kind))))
    cells = [_list(cell, source, row, name) for row, cell in enumerate(column.to_pylist())]
    is_text = pa.types.is_large_string(kind)
    lists = [[str(item) if is_text else float(item) for item in cell] for cell in cells]
    return replace(source, table=source.table.set_column(place, name, pa.array(lists, pa.large_list(kind))))


def _list(cell: Any, source: Source, row: int, name: str) -> list[Any]:
    """Return the list that a text spells, as Python or JSON does."""
    try:
        found = json.loads(cell.replace("'", '"'))
    except (ValueError, AttributeError):
        found = None
    if not isinstance(found, list):
        raise ValueError(f"{source.place(row)}, column `{name}`: must be a list, got {cell!r:.80}")
    return found
