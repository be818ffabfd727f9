"""Layouts of ids: ids into texts when they are read, texts into ids when they are written."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold.data.layouts.collections import document, looked_up, read_collection
from foolsgold.data.layouts.rows import UnwritableError, cut_like, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from foolsgold.data.layouts.collections import Collection
    from foolsgold.data.layouts.rows import Reading
    from foolsgold.data.reshaping.sources import Source

_CELLS = 1 << 14  # of ids whose texts are in memory together


def named_collections(how: Reading, layout: str) -> tuple[Collection, Collection]:
    """Read the queries and the corpus that a layout of ids needs.

    Raises:
        ValueError: if one is not named.
    """
    found = []
    for name, path in [("queries", how.queries), ("corpus", how.corpus)]:
        if path is None:
            raise ValueError(f"`{name}` must be given with layout {layout!r}, whose rows are ids, got None")
        found.append(read_collection(path, how))
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
    places, bad = {}, np.zeros(source.table.num_rows, bool)
    for ids, (_, kind) in columns.items():
        cut, flat = _cells(source.table.column(ids))
        places[ids] = cut, collections[kind].find(flat)
        missing = places[ids][1] < 0
        if not missing.any():
            continue
        rows = np.searchsorted(cut, np.flatnonzero(missing), side="right") - 1
        if how.on_error == "raise":
            raise ValueError(
                f"{source.place(int(rows[0]))}, column `{ids}`: must be an id of {collections[kind].file}, "
                f"got {flat[int(missing.argmax())].as_py()!r}"
            )
        bad[rows] = True
    if bad.any():
        num_skipped = source.num_skipped + int(bad.sum())
        kept = replace(source.of(np.flatnonzero(~bad)), num_skipped=num_skipped)
        return with_texts(kept, columns, collections, how)

    def piece(first: int, last: int) -> Any:
        table = source.table.slice(first, last - first)
        for ids, (texts, kind) in columns.items():
            cut, place = places[ids]
            found, titles = looked_up(collections[kind], place[cut[first] : cut[last]])
            if "list" in str(table.schema.field(ids).type):
                table = table.append_column(texts, cut_like(table.column(ids), found))
                continue
            table = table.append_column(texts, found)
            if titles is not None and kind == "corpus":
                table = table.append_column(f"{texts}_title", titles)
        return table

    cells = np.sum([np.diff(cut) for cut, _ in places.values()], axis=0)
    ends = _pieces(cells)
    pieces = (piece(first, last) for first, last in zip([0, *ends], ends, strict=False))
    table = how.scratch.table(piece(0, 0).schema, pieces)
    return replace(source, table=table, scratch=how.scratch)


def _cells(column: Any) -> tuple[NDArray[np.int64], Any]:
    """Return where each row's ids begin, and at last their number, and all ids as texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "list" not in str(column.type):
        return np.arange(len(column) + 1), column.cast(pa.large_string())
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
    cut = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return cut, pc.list_flatten(column).cast(pa.large_string())


def _pieces(cells: NDArray[np.int64]) -> list[int]:
    """Cut rows into pieces of bounded size: the end of each."""
    ends = np.cumsum(cells)
    number = ends // _CELLS
    return [*(np.flatnonzero(number[1:] > number[:-1]) + 1), len(cells)]


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

    def documents(self, id_field: str, collection: Collection | None = None) -> Iterator[dict[str, Any]]:
        """Yield the texts with ids and titles, as JSON has them, those of a collection first."""
        known: set[str] = set()
        if collection is not None:
            yield from collection.documents(id_field)
            known = {*collection.ids.to_pylist()}
        for id, (title, text) in self.texts.items():
            if id in known:
                continue
            yield document(id_field, id, title, text)


def ids_of(documents: Ids, row: dict[str, Any], side: str) -> list[str]:
    """Return the ids of the texts of a side of a row, `positive` or `negative`, and keep the texts."""
    texts = listed(row.get(f"{side}s", row.get(side)))
    given = listed(row.get(f"{side}_ids", row.get(f"{side}_id"))) or [None] * len(texts)
    return [documents.of(text, id) for text, id in zip(texts, given, strict=True)]


def as_numbers(
    source: Source, names: tuple[str, ...], on_error: Literal["raise", "skip"], *, whole: bool | None = False
) -> Source:
    """Make numbers of columns of texts; a null stays one.

    Args:
        source: the rows.
        names: of the columns.
        on_error: at a text that spells no number, `raise`, or `skip` the row.
        whole: whether they must be whole; None for whole numbers where all are.

    Raises:
        ValueError: at one that spells none; file, row and column are named.
    """
    table = source.table
    for name in names:
        column = source.table.column(name)
        numbers = _numbers(column, whole=whole)
        wrong = np.asarray(numbers.is_null()) & np.asarray(column.is_valid())
        if wrong.any() and on_error == "raise":
            row = int(wrong.argmax())
            told = _not_a_number(column[row].as_py(), whole=bool(whole))
            raise ValueError(f"{source.place(row)}, column `{name}`: {told}")
        if wrong.any():
            num_skipped = source.num_skipped + int(wrong.sum())
            kept = replace(source.of(np.flatnonzero(~wrong)), num_skipped=num_skipped)
            return as_numbers(kept, names, on_error, whole=whole)
        table = table.set_column(table.schema.get_field_index(name), name, numbers)
    return replace(source, table=table)


def _numbers(column: Any, *, whole: bool | None) -> Any:
    """Return the numbers that texts spell, null where they spell none, or none that is finite."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if whole is None:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            return _numbers(column, whole=False)
    kind = pa.int64() if whole else pa.float64()
    try:
        found = column.cast(kind)
    except pa.ArrowInvalid:  # Python spells some numbers otherwise
        spelled = int if whole else float
        chunks = [[_number(cell, spelled) for cell in chunk.to_pylist()] for chunk in column.chunks]
        found = pa.chunked_array([pa.array(cells, kind) for cells in chunks], kind)
    return found if whole else pc.if_else(pc.is_finite(found), found, pa.scalar(None, kind))


def _number(cell: Any, spelled: type[int | float]) -> Any:
    """Return the number that a text spells; None for none, and for a whole one beyond 64 bits."""
    try:
        value = spelled(cell)
    except (TypeError, ValueError):
        return None
    return value if spelled is float or -(2**63) <= value < 2**63 else None


def _not_a_number(cell: str, *, whole: bool) -> str:
    bits = " of 64 bits" if cell.strip().lstrip("+-").isdecimal() else ""
    return f"must be a {'whole ' if whole else ''}number{bits}, got {cell!r:.80}"


def field(name: str, text: Any) -> str:
    """Return a text as a field between tabs.

    Raises:
        UnwritableError: if it has a tab or a line break, or is missing.
    """
    if text is None or any(mark in str(text) for mark in "\t\n\r"):
        raise UnwritableError(name, "without tabs and line breaks", text)
    return str(text)


def word(name: str, text: Any) -> str:
    """Return a text as a field between white space.

    Raises:
        UnwritableError: if it has white space, or is empty.
    """
    if str(text).split() != [str(text)]:
        raise UnwritableError(name, "one word without white space", text)
    return str(text)


def finite(name: str, number: Any) -> Any:
    """Return a number.

    Raises:
        UnwritableError: if it is none, or not finite.
    """
    if not isinstance(number, (int, float)) or not math.isfinite(number):
        raise UnwritableError(name, "a number", number)
    return number


def write_lines_by_split(
    path_of: Callable[[str], Path], rows: Iterable[tuple[str, str]], header: str | None = None
) -> None:
    """Write lines in a folder that nobody reads yet, those of each split to a file.

    Args:
        path_of: gives the file of a split.
        rows: split and line of each.
        header: the first line of each file.
    """
    files: dict[str, Any] = {}
    with ExitStack() as opened:
        for split, line in rows:
            if split not in files:
                files[split] = opened.enter_context(path_of(split).open("wb"))
                files[split].write(b"" if header is None else f"{header}\n".encode())
            files[split].write(f"{line}\n".encode())


def write_lines(path: Path, rows: Iterator[str]) -> None:
    """Write lines; beside their place, and renamed at the end."""
    from foolsgold.data.layouts.texts import written

    with written(path) as out:
        for line in rows:
            out.write(f"{line}\n".encode())
