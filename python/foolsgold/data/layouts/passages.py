"""Passages as objects of text, title and id, and as columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from foolsgold.data.layouts.collections import joined, parted
from foolsgold.data.layouts.rows import check_lists, cut_like, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foolsgold.data.reshaping.sources import Source


def merged_passages(
    source: Source, fields: Mapping[str, str], names: Mapping[str, str], *, id_field: str
) -> Source:
    """Return rows with columns of texts, titles and ids in place of lists of objects.

    Args:
        source: rows with columns as `positive_passages.text`.
        fields: by the name of a list of objects `positive` or `negative`.
        names: our names of further columns by theirs.
        id_field: the name of the id in an object.

    Raises:
        ValueError: if a field of objects is missing, or is no list.
    """
    import pyarrow as pa

    columns: dict[str, Any] = {}
    for name in source.table.schema.names:
        if name.split(".")[0] not in fields:
            columns[names.get(name, name)] = source.table.column(name)
    for field, side in fields.items():
        text = f"{field}.text"
        if text not in source.table.schema.names:
            check_lists(source, {field: True})
            if str(source.table.schema.field(field).type) == "null" or _has_items(source, field):
                raise ValueError(
                    f"{source.place(0)}, column `{field}`: must be a list of objects with `text`"
                )
            empty = pa.array([[]] * source.table.num_rows, pa.large_list(pa.large_string()))
            columns[f"{side}s"] = empty
            continue
        check_lists(source, {text: True})
        for name in source.table.schema.names:
            if not name.startswith(f"{field}."):
                continue
            inner = name.removeprefix(f"{field}.")
            ours = {"text": f"{side}s", "title": f"{side}_titles", id_field: f"{side}_ids"}.get(inner, name)
            columns[ours] = source.table.column(name)
        title = columns.get(f"{side}_titles")
        if title is not None:
            columns[f"{side}s"] = _joined_lists(title, columns[f"{side}s"])
    return replace(source, table=pa.table(columns), shape="ragged")


def passages_of(row: dict[str, Any], field: str, side: str, *, id_field: str) -> list[dict[str, Any]]:
    """Take the passages of a side, `positive` or `negative`, out of a row, as the objects of a field."""
    texts = listed(row.pop(f"{side}s", row.pop(side, None)))
    ids = _beside(row, f"{side}_id", len(texts))
    titles = _beside(row, f"{side}_title", len(texts))
    found = []
    for id, title, text in zip(ids, titles, texts, strict=True):
        passage = {id_field: id, "title": title, "text": parted(title, text)}
        found.append({name: value for name, value in passage.items() if value is not None})
    for name in [name for name in row if name.startswith(f"{field}.")]:
        values = row.pop(name) or []
        for passage, value in zip(found, values, strict=len(values) > 0):
            passage[name.removeprefix(f"{field}.")] = value
    return found


def _beside(row: dict[str, Any], name: str, count: int) -> list[Any]:
    values = row.pop(f"{name}s", None)
    single = row.pop(name, None)
    values = values if values is not None else listed(single)
    return values if len(values) == count else [None] * count


def _joined_lists(titles: Any, texts: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = [pc.list_flatten(column).cast(pa.large_string()).combine_chunks() for column in (titles, texts)]
    return cut_like(texts, joined(*flat))


def _has_items(source: Source, field: str) -> bool:
    import pyarrow.compute as pc

    column = source.table.column(field)
    return bool(len(pc.list_flatten(column)))
