"""Data of any kind as Arrow columns, with what could not be read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.files import listed
from foolsgold.data.streaming import Skipped, SkippedRow
from foolsgold.data.texts import columns_of
from foolsgold.data.unicode import surrogates_told
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

NULL, TEXT, TEXTS = 0, 1, 2
"""Kinds of cells of a mixed column; all above are neither texts nor lists of texts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Loaded:
    """A data set in memory.

    Attributes:
        columns: Arrow columns by name, in their order, of the types of `foolsgold.data.read`.
        num_rows: of each.
        files: that were read; none for data in memory.
        source: gives file and line of a row, from 1; None for data in memory.
        skipped: rows that break the format of their file.
        mixed: what each row of a column holds, where that differs.
        unreadable: columns that could not be held, and why.
    """

    columns: dict[str, Any]
    num_rows: int
    files: tuple[str, ...] = ()
    source: Callable[[int], tuple[str, int]] | None = None
    skipped: Skipped = field(default_factory=lambda: Skipped(0, []))
    mixed: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def load(data: Any, *, threads: int, progress: bool) -> Loaded:
    """Read files, or take what is in memory.

    Args:
        data: paths, or what `foolsgold.data.texts.columns_of` takes.
        threads: that parse.
        progress: show a progress bar.

    Raises:
        ValueError: if a file as a whole is unreadable, or nothing is in it.
        OSError: if it cannot be opened.
    """
    if is_paths(data):
        return _from_files(listed(data), threads, progress)
    return _from_memory(columns_of(data, "data"))


def is_paths(data: Any) -> bool:
    """Return whether `data` is a path or a list of paths."""
    if isinstance(data, (str, os.PathLike)):
        return True
    is_list = isinstance(data, Sequence) and not isinstance(data, Mapping) and len(data) > 0
    return is_list and all(isinstance(path, (str, os.PathLike)) for path in data)


def _from_files(files: list[str], threads: int, progress: bool) -> Loaded:
    with progress_bar("read", enabled=progress, unit="B") as show:
        table, (count, rows), mixed = _core.read_sound(files, threads=threads, progress=show)
    return Loaded(
        columns={name: table.column(name) for name, _ in table.kinds},
        num_rows=len(table),
        files=tuple(files),
        source=table.source,
        skipped=Skipped(count, [SkippedRow(*row) for row in rows]),
        mixed=dict(mixed),
        unreadable=dict(table.unreadable),
    )


def _from_memory(columns: dict[str, Any]) -> Loaded:
    found, kinds, unreadable = {}, {}, {}
    lengths = {name: len(column) for name, column in columns.items()}
    if len({*lengths.values()}) > 1:
        raise ValueError(f"`data` must have columns of one length, got {lengths}")
    num_rows = next(iter(lengths.values()), 0)
    if num_rows == 0:
        raise ValueError("`data` must have rows, got none")
    for name, column in columns.items():
        with surrogates_told({name: column}):
            array, reason = _array(column)
        if array is not None:
            found[name] = array
            continue
        cells = [_cell(cell) for cell in column]
        kind = np.fromiter(map(_kind, cells), dtype=np.uint8, count=num_rows)
        if not any(map(_has_text, cells, kind.tolist())):
            unreadable[name] = f"column `{name}` must hold values of one kind, got {reason}"
        elif len({*kind.tolist()} - {NULL}) == 1:
            raise ValueError(f"`{name}` must hold values that Arrow can hold, got {reason}")
        else:
            with surrogates_told({name: cells}):
                found[name], kinds[name] = _texts_of(cells, kind), kind
    return Loaded(columns=found, num_rows=num_rows, mixed=kinds, unreadable=unreadable)


def _array(column: Any) -> tuple[Any, str]:
    """Return a column in the few types that the core takes; None and the reason where there is none."""
    import pyarrow as pa

    try:
        if hasattr(column, "__arrow_c_stream__") or hasattr(column, "__arrow_c_array__"):
            array = pa.chunked_array(column)
        else:
            array = pa.chunked_array([pa.array(column)])
        kind = _plain_type(array.type)
        return (array if array.type == kind else array.cast(kind)), ""
    except UnicodeEncodeError:
        raise
    except (TypeError, ValueError, OverflowError, NotImplementedError) as error:
        return None, str(error)


def _plain_type(kind: Any) -> Any:
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pa.large_string()
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.large_list(_plain_type(kind.value_type))
    if types.is_integer(kind):
        return pa.float64() if types.is_uint64(kind) else pa.int64()
    return pa.float64() if types.is_floating(kind) or types.is_decimal(kind) else kind


def _texts_of(cells: list[Any], kinds: NDArray[np.uint8]) -> Any:
    import pyarrow as pa

    has_lists = bool((kinds == TEXTS).any())
    texts = [cell if kind in (TEXT, TEXTS) else None for cell, kind in zip(cells, kinds, strict=True)]
    if not has_lists:
        return pa.chunked_array([pa.array(texts, pa.large_string())])
    lists = [[cell] if isinstance(cell, str) else cell for cell in texts]
    return pa.chunked_array([pa.array(lists, pa.large_list(pa.large_string()))])


def _cell(cell: Any) -> Any:
    for method in ("as_py", "tolist"):
        if hasattr(cell, method):
            cell = getattr(cell, method)()
    return list(cell) if isinstance(cell, tuple) else cell


def _has_text(cell: Any, kind: int) -> bool:
    return kind == TEXT or (kind == TEXTS and any(item is not None for item in cell))


def _kind(cell: Any) -> int:
    if cell is None:
        return NULL
    if isinstance(cell, str):
        return TEXT
    if isinstance(cell, list):
        return TEXTS if all(item is None or isinstance(item, str) for item in cell) else 6
    return 4 if isinstance(cell, bool) else 3 if isinstance(cell, (int, float)) else 5
