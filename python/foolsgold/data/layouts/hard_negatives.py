"""sentence-transformers' mined negatives as ids: `qid`, a list `pos`, and in `neg` a list for each system.

Described in https://huggingface.co/datasets/sentence-transformers/msmarco-hard-negatives.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from foolsgold.data.layouts.ids import Ids, ids_of, named_collections, with_texts
from foolsgold.data.layouts.nested import nested_rows, write_json
from foolsgold.data.layouts.rows import check_lists, listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "ragged"
IS_FOLDER = False
IS_JSON = True


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say whether the keys of the first row are those of this layout."""
    return {"qid", "pos"} <= keys and any(key.startswith("neg.") for key in keys)


def read(paths: Sequence[str], how: Reading) -> Source:
    """Read rows, with the texts of `queries` and `corpus`; each negative once, as the systems have them."""
    queries, corpus = named_collections(how, "hard-negatives")
    source = nested_rows(paths, how, _of_ids).to_source(how.scratch)
    columns = {
        "anchor_id": ("anchor", "queries"),
        "positive_ids": ("positives", "corpus"),
        "negative_ids": ("negatives", "corpus"),
    }
    found = with_texts(source, columns, {"queries": queries, "corpus": corpus}, how)
    return replace(found, shape=SHAPE)


def _of_ids(source: Source) -> Source:
    import pyarrow as pa

    table = source.table
    systems = [name for name in table.schema.names if name.startswith("neg.")]
    check_lists(source, {"pos": True, **dict.fromkeys(systems, True)})
    lists = [table.column(name).to_pylist() for name in systems]
    merged = [
        [str(id) for id in dict.fromkeys(id for ids in row for id in listed(ids))]
        for row in zip(*lists, strict=True)
    ]
    names = {
        "qid": ("anchor_id", pa.large_string()),
        "pos": ("positive_ids", pa.large_list(pa.large_string())),
    }
    for theirs, (ours, kind) in names.items():
        place = table.schema.get_field_index(theirs)
        table = table.set_column(place, ours, table.column(theirs).cast(kind))
    negatives = pa.array(merged, pa.large_list(pa.large_string()))
    return replace(source, table=table.append_column("negative_ids", negatives))


def write(path: Path, rows: Writing) -> None:
    """Write ids, those that the rows carry, else numbers; negatives of no system are those of `mined`."""
    queries, documents = Ids(""), Ids("")
    write_json(path, (_record(row, queries, documents) for row in rows.records()))


def _record(row: dict[str, Any], queries: Ids, documents: Ids) -> dict[str, Any]:
    systems = {
        name.removeprefix("neg."): ids
        for name, ids in row.items()
        if name.startswith("neg.") and ids is not None
    }
    positives, negatives = (ids_of(documents, row, side) for side in ("positive", "negative"))
    query = queries.of(row["anchor"], row.get("anchor_id"))
    found = {"qid": query, "pos": positives, "neg": systems or {"mined": negatives}}
    return {name: _numbers(value) for name, value in found.items()}


def _numbers(value: Any) -> Any:
    """Return ids that spell whole numbers as these, as the published files have them."""
    if isinstance(value, dict):
        return {name: _numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    is_number = isinstance(value, str) and value.isascii() and value.isdecimal() and str(int(value)) == value
    return int(value) if is_number else value
