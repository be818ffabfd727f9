"""JSON objects that hold objects, as columns: `positive_passages.text` is a list of texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from foolsgold.data.layouts.texts import blocks, written
from foolsgold.data.reshaping.file_rows import FileRows
from foolsgold.data.streaming import stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from foolsgold.data.layouts.rows import Reading
    from foolsgold.data.reshaping.sources import Source


def nested_rows(paths: Sequence[str], how: Reading, change: Callable[[Source], Source]) -> FileRows:
    """Read JSON, with the fields of inner objects as columns of their own; see `nested` of `stream`.

    Args:
        paths: files of one schema.
        how: to read; with `on_error="skip"` rows with a value of another kind than most are skipped.
        change: makes rows of a layout of these, batch by batch.

    Raises:
        ValueError: naming file, row and column.
        OSError: if a file cannot be opened.
    """
    opened = stream(paths, nested=True, on_error=how.on_error, threads=how.threads, progress=how.progress)
    for _, reason in opened.unreadable:
        raise ValueError(reason)
    return FileRows(opened, how.on_error, change)


def first_keys(path: Path) -> set[str]:
    """Return the keys of the first object of a JSON file, those of inner objects too as `outer.inner`.

    There are none where the file does not begin with an object, or an array of objects.
    """
    start = b""
    for block in blocks(path):
        start += block
        text = start.decode("utf-8-sig", errors="ignore").lstrip("[ \t\r\n")
        try:
            first, _ = json.JSONDecoder().raw_decode(text)
        except (json.JSONDecodeError, RecursionError):
            continue  # perhaps its end is in the next block
        return set(_names(first))
    return set()


def write_json(path: Path, records: Iterator[dict[str, Any]], *, is_array: bool = False) -> None:
    """Write objects a line each, or as one array of them; beside its place, and renamed at the end."""
    with written(path) as out:
        out.write(b"[" if is_array else b"")
        for number, record in enumerate(records):
            comma = b",\n" if is_array and number else b"\n" if is_array else b""
            out.write(comma + json.dumps(record, ensure_ascii=False).encode() + (b"" if is_array else b"\n"))
        out.write(b"\n]\n" if is_array else b"")


def _names(value: Any) -> Iterator[str]:
    """Yield the keys of an object, and of the objects in it."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        below = {name for one in (inner if isinstance(inner, list) else [inner]) for name in _names(one)}
        yield from (f"{key}.{name}" for name in below) if below else [key]
