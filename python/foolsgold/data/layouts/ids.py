"""Layouts of ids: ids into texts when they are read, texts into ids when they are written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.layouts.collections import looked_up, parted, read_collection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from foolsgold.data.layouts.collections import Collection
    from foolsgold.data.layouts.rows import Reading
    from foolsgold.data.reshaping.sources import Source


def named_collections(how: Reading, layout: str) -> tuple[Collection, Collection]:
    """Read the queries and the corpus that a layout of ids needs.

    Raises:
        ValueError: if one is not named.
    """
    found = []
    for name, path in [("queries", how.queries), ("corpus", how.corpus)]:
        if path is None:
            raise ValueError(f"`{name}` must be given with layout {layout!r}, whose rows are ids, got None")
        found.append(read_collection(path, threads=how.threads))
    return found[0], found[1]


def with_texts(
    source: Source, columns: dict[str, tuple[str, str]], collections: dict[str, Collection], how: Reading
) -> Source:
    """Put texts beside columns of ids, or of lists of ids.

    Args:
        source: the rows.
        columns: by the name of a column of ids that of its texts, and of the collection that has them.
        collections: by name.
        how: at an id that is not there, raise or skip the row.

    Raises:
        ValueError: at an id that is not there; file, row and column are named.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table, bad = source.table, np.zeros(source.table.num_rows, bool)
    for ids, (_, kind) in columns.items():
        column = table.column(ids)
        is_list = "list" in str(column.type)
        flat = (pc.list_flatten(column) if is_list else column).cast(pa.large_string())
        missing = np.asarray(pc.is_null(collections[kind].find(flat)))
        if not missing.any():
            continue
        rows = np.asarray(pc.list_parent_indices(column)) if is_list else np.arange(len(column))
        if how.on_error == "raise":
            at = int(missing.argmax())
            raise ValueError(
                f"{source.place(int(rows[at]))}, column `{ids}`: must be an id of {collections[kind].file}, "
                f"got {flat[at].as_py()!r}"
            )
        bad[rows[missing]] = True
    if bad.any():
        kept, place = np.flatnonzero(~bad), source.place
        table = table.take(kept)
        source = replace(source, place=lambda row: place(int(kept[row])))
    for ids, (texts, kind) in columns.items():
        column = table.column(ids).combine_chunks() if table.num_rows else table.column(ids)
        is_list = "list" in str(column.type)
        flat = (pc.list_flatten(column) if is_list else column).cast(pa.large_string())
        found, titles = looked_up(collections[kind], flat)
        if is_list:
            table = table.append_column(texts, _cut_like(column, found))
        else:
            table = table.append_column(texts, found)
            if titles is not None and kind == "corpus":
                table = table.append_column(f"{texts}_title", titles)
    return replace(source, table=table, num_skipped=source.num_skipped + int(bad.sum()))


class Ids:
    """The ids of texts that are written: those that rows carry, else numbers in order of first appearance.

    Args:
        prefix: stands before a number.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._of_text: dict[str, str] = {}
        self.texts: dict[str, tuple[str | None, str]] = {}

    def of(self, text: str, given: Any = None, title: str | None = None) -> str:
        """Return the id of a text, and keep the text under it.

        Raises:
            ValueError: if an id that rows carry is that of another text too.
        """
        if given is None:
            given = self._of_text.setdefault(text, f"{self._prefix}{len(self._of_text)}")
        id = str(given)
        known = self.texts.setdefault(id, (title, text))
        if known[1] != text:
            raise ValueError(
                f"ids must be of one text each, got {id!r} for {known[1]!r:.60} and {text!r:.60}"
            )
        return id

    def documents(self, id_field: str) -> Iterator[dict[str, Any]]:
        """Yield the texts with ids and titles, as JSON has them."""
        for id, (title, text) in self.texts.items():
            if title is None:
                yield {id_field: id, "text": text}
            else:
                yield {id_field: id, "title": title, "text": parted(title, text)}


def read_separated(
    paths: Any, names: tuple[str, ...], how: Reading, *, separator: str | None = None
) -> Source:
    """Read lines of fields without a header, as columns of texts.

    Args:
        paths: files, packed or not.
        names: of the fields.
        how: at a line with another number of fields, raise or skip it.
        separator: between fields; None for any white space.

    Raises:
        ValueError: naming file and row.
    """
    import pyarrow as pa

    from foolsgold.data.layouts.texts import lines
    from foolsgold.data.reshaping.sources import Source

    rows: list[list[str]] = []
    places: list[tuple[Any, int]] = []
    skipped = 0
    for path in paths:
        for number, line in lines(path):
            fields = line.split(separator)
            if len(fields) == len(names):
                rows.append(fields)
                places.append((path, number))
            elif how.on_error == "raise":
                raise ValueError(f"{path}: row {number}: must have {len(names)} fields, got {len(fields)}")
            else:
                skipped += 1
    if not rows:
        raise ValueError(f"{paths[0]}: must have rows, got none")
    columns = {
        name: pa.array(cells, pa.large_string())
        for name, cells in zip(names, zip(*rows, strict=True), strict=True)
    }

    def place(row: int) -> str:
        return f"{places[row][0]}: row {places[row][1]}"

    return Source(table=pa.table(columns), place=place, num_skipped=skipped)


def as_numbers(source: Source, names: tuple[str, ...], *, whole: bool = False) -> Source:
    """Make numbers of columns of texts.

    Raises:
        ValueError: at one that spells none; file, row and column are named.
    """
    import pyarrow as pa

    table = source.table
    for name in names:
        cells = enumerate(table.column(name).to_pylist())
        numbers = [_number(cell, source, row, name, whole=whole) for row, cell in cells]
        column = pa.array(numbers, pa.int64() if whole else pa.float64())
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return replace(source, table=table)


def _number(cell: str, source: Source, row: int, name: str, *, whole: bool) -> float:
    try:
        return int(cell) if whole else float(cell)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        told = f"must be {kind}, got {cell!r:.80}"
        raise ValueError(f"{source.place(row)}, column `{name}`: {told}") from None


def field(name: str, text: Any, row: int) -> str:
    """Return a text as a field between tabs.

    Raises:
        ValueError: if it has a tab or a line break, or is missing.
    """
    if text is None or any(mark in str(text) for mark in "\t\n\r"):
        raise ValueError(
            f"column `{name}` must be without tabs and line breaks, got {text!r:.80} at row {row}"
        )
    return str(text)


def write_lines(path: Path, rows: Iterator[str]) -> None:
    """Write lines; beside their place, and renamed at the end."""
    from foolsgold.data.layouts.texts import written

    with written(path) as out:
        for line in rows:
            out.write(f"{line}\n".encode())


def _cut_like(column: Any, flat: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
    offsets: Any = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    flat = flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat
    return pa.LargeListArray.from_arrays(offsets, flat)
