"""JSON objects that hold objects, as columns: `positive_passages.text` is a list of texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from foolsgold.data.files import listed
from foolsgold.data.layouts.texts import blocks, lines, written
from foolsgold.data.reshaping.sources import Source

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    OnError = Literal["raise", "skip"]

_NAMES = {
    "text": "a text",
    "number": "a number",
    "truth": "true or false",
    "list": "a list",
    "texts": "a list of texts",
    "numbers": "a list of numbers",
    "truths": "a list of true and false",
    "objects": "a list of objects",
    "object": "an object",
    "mixed": "a list of several kinds",
}


def nested_columns(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, on_error: OnError = "raise"
) -> Source:
    """Read JSON Lines, or a JSON array of objects, with the fields of inner objects as columns of their own.

    An object in a field `a` gives columns `a.b`; a list of objects gives columns `a.b` of lists. Files may be
    packed.

    Args:
        paths: one file or several.
        on_error: at a row that is no object, or has another type than the rows before, `raise` or `skip` it.

    Raises:
        ValueError: naming file, row and column.
        OSError: if a file cannot be opened.
    """
    import pyarrow as pa

    several = listed(paths)
    columns = _Columns()
    places: list[str] = []
    skipped = 0
    for path in several:
        for place, record in _records(Path(path)):
            fault = record if isinstance(record, ValueError) else columns.add(record, place)
            if fault is None:
                places.append(place)
            elif on_error == "raise":
                raise fault
            else:
                skipped += 1
    if not places:
        raise ValueError(f"{several[0]}: must have rows, got none")
    table = pa.table(columns.arrays())
    return Source(table=table, place=lambda row: places[row], num_skipped=skipped)


def first_keys(path: Path) -> set[str]:
    """Return the keys of the first object of a JSON file, those of inner objects too as `outer.inner`."""
    first = next(_records(path), (None, None))[1]
    return {name for name, _ in _flat(first, "")} if isinstance(first, dict) else set()


def write_json(path: Path, records: Iterator[dict[str, Any]], *, is_array: bool = False) -> None:
    """Write objects a line each, or as one array of them; beside its place, and renamed at the end."""
    with written(path) as out:
        out.write(b"[" if is_array else b"")
        for number, record in enumerate(records):
            comma = b",\n" if is_array and number else b"\n" if is_array else b""
            out.write(comma + json.dumps(record, ensure_ascii=False).encode() + (b"" if is_array else b"\n"))
        out.write(b"\n]\n" if is_array else b"")


class _Columns:
    """Cells by column, a null where a row has none."""

    def __init__(self) -> None:
        self._cells: dict[str, list[Any]] = {}
        self._kinds: dict[str, str] = {}
        self._rows = 0

    def add(self, record: Any, place: str) -> ValueError | None:
        """Add a row, unless it is no object, or a field is of another kind than before: then say so."""
        if not isinstance(record, dict):
            return ValueError(f"{place}: must be an object, got {_NAMES.get(_kind(record), 'null')}")
        cells = dict(_flat(record, ""))
        kinds = {name: _kind(cell) for name, cell in cells.items() if cell is not None}
        for name, kind in kinds.items():
            wanted = self._wanted(name, kind)
            if wanted is not None:
                return ValueError(f"{place}, column `{name}`: must be {wanted}, got {_NAMES[kind]}")
        for name, kind in kinds.items():
            if self._kinds.get(name, "list") == "list":
                self._kinds[name] = kind
        for name, cell in cells.items():
            column = self._cells.setdefault(name, [])
            column.extend([None] * (self._rows - len(column)))
            column.append(cell)
        self._rows += 1
        return None

    def _wanted(self, name: str, kind: str) -> str | None:
        """Say what a cell of this kind should be, None where it may be that."""
        known = self._kinds.get(name, kind)
        has_inner = any(other.startswith(f"{name}.") for other in self._kinds)
        if has_inner and kind != "list":
            return "a list of objects"
        if kind == "mixed":
            return "a list of one kind"
        is_filled = {kind, known} <= {"list", "texts", "numbers", "truths"} and "list" in (kind, known)
        return None if kind == known or is_filled else _NAMES[known]

    def arrays(self) -> dict[str, Any]:
        """Return the columns as Arrow arrays; an empty list of objects is one in each of their columns."""
        import pyarrow as pa

        for column in self._cells.values():
            column.extend([None] * (self._rows - len(column)))
        for name in list(self._cells):
            inner = [other for other in self._cells if other.startswith(f"{name}.")]
            if inner:
                outer = self._cells.pop(name)
                for other in inner:
                    self._cells[other] = [
                        [] if cell is None and empty is not None else cell
                        for cell, empty in zip(self._cells[other], outer, strict=True)
                    ]
        return {
            name: pa.array(cells, _type(self._kinds.get(name), cells)) for name, cells in self._cells.items()
        }


def _type(kind: str | None, cells: list[Any]) -> Any:
    import pyarrow as pa

    if kind in ("text", None):
        return pa.large_string() if kind else pa.null()
    if kind in ("texts", "list"):
        return pa.list_(pa.large_string())
    if kind in ("number", "numbers"):
        flat = cells if kind == "number" else [item for cell in cells if cell for item in cell]
        is_whole = all(isinstance(item, int) and abs(item) < 2**63 for item in flat if item is not None)
        inner = pa.int64() if is_whole else pa.float64()
        return inner if kind == "number" else pa.list_(inner)
    return None


def _flat(record: dict[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        name = f"{before}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            keys = dict.fromkeys(key for item in value for key in item)
            for inner in keys:
                cells = [item.get(inner) for item in value]
                if any(isinstance(cell, (dict, list)) for cell in cells):
                    continue  # lists in lists have no column; nothing that is read here has them
                yield f"{name}.{inner}", cells
        else:
            yield name, value


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, dict):
        return "object"
    if not isinstance(value, list):
        return "null"
    kinds = {_kind(item) for item in value} - {"null"}
    if not kinds:
        return "list"
    return f"{kinds.pop()}s" if len(kinds) == 1 else "mixed"


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield where each object stands, and the object, or the error that it is."""
    first = next((block.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] for block in blocks(path)), b"")
    if first == b"[":
        for number, record in enumerate(_items(path), start=1):
            yield f"{path}: row {number}", record
        return
    for number, line in lines(path):
        place = f"{path}: row {number}"
        try:
            yield place, json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            yield place, ValueError(f"{place}: must be JSON, got {error}")


def _items(path: Path) -> Iterator[Any]:
    """Yield the items of a JSON array, with no more than one item and one block of the file in memory."""
    import codecs

    decoder, text = json.JSONDecoder(), ""
    utf8 = codecs.getincrementaldecoder("utf-8-sig")()
    pieces = blocks(path)
    is_open, done, number, wanted = False, False, 0, 0
    while True:
        piece = next(pieces, None)
        try:
            text += utf8.decode(piece or b"", final=piece is None)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: must be UTF-8, got {error.reason} after row {number}") from None
        if piece is not None and len(text) < wanted:
            continue  # an item that is not whole is tried again with twice as much
        at = 0
        while True:
            while at < len(text) and text[at] in " \t\r\n,":
                at += 1
            if at == len(text):
                break
            if not is_open:
                is_open, at = True, at + 1  # the bracket that was seen
                continue
            if text[at] == "]":
                done, at = True, at + 1
                continue
            if done:
                raise ValueError(f"{path}: must end with its array, got more after row {number}")
            try:
                item, at = decoder.raw_decode(text, at)
            except (json.JSONDecodeError, RecursionError) as error:
                if piece is None:
                    raise ValueError(f"{path}: row {number + 1}: must be JSON, got {error}") from None
                break
            number += 1
            yield item
        text = text[at:]
        wanted = 2 * len(text)
        if piece is None:
            if not done:
                raise ValueError(f"{path}: must be whole, got an array that does not end after row {number}")
            return
