"""Batches into files: JSON, CSV, TSV, Parquet and Arrow, or a folder of `datasets`."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold import _core
from foolsgold import threads as cores
from foolsgold.data.files import refuse_separated
from foolsgold.data.streaming import Stream
from foolsgold.data.texts import columns_of
from foolsgold.data.unicode import surrogates_told
from foolsgold.flags import flag

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_writable(
    path: str | os.PathLike[str], schema: Any = None, *, nested: bool | None = None, array: bool = False
) -> None:
    """Check that `write` can write a table to `path`, before it is made.

    Args:
        path: as in `write`.
        schema: Arrow schema of the table; None for any.
        nested: as in `write`.
        array: as in `write`.

    Raises:
        ValueError: if the ending is unknown, the format cannot hold a column, or something stands there that
            is none of ours.
        TypeError: if `schema` is none.
        OSError: if there is no such folder to write in, or it may not be written to.
    """
    path = Path(path)
    if schema is not None and not hasattr(schema, "__arrow_c_schema__"):
        raise TypeError(f"`schema` must be an Arrow schema, got {schema!r}")
    _core.check_writable(os.fspath(path), None, nested=nested, array=array)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: must be in a folder that exists, got {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"{path}: must be in a folder that may be written to, got {path.parent}")
    _core.check_writable(os.fspath(path), schema, nested=nested, array=array)


def check_folder(name: str, folder: str | os.PathLike[str]) -> None:
    """Check that files can be written to a folder, which is made where it is not there, before they are made.

    Args:
        name: the argument, for messages.
        folder: its path.

    Raises:
        TypeError: if it is no path.
        ValueError: if a file stands there, or where a folder above it is to be.
        PermissionError: if it may not be written to.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"`{name}` must be a path, got {folder!r}")
    there = Path(folder).absolute()
    while not (there.exists() or there.is_symlink()):
        there = there.parent
    if not there.is_dir():
        raise ValueError(f"`{name}` must be a folder, got {os.fspath(folder)}: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"`{name}` must be a folder that may be written to, got {os.fspath(folder)}")


def write(
    path: str | os.PathLike[str],
    batches: Stream | Iterable[Any],
    schema: Any = None,
    *,
    nested: bool | None = None,
    array: bool = False,
    header: bool = True,
    quoting: bool = True,
    threads: int | None = None,
    progress: bool = False,
) -> int:
    r"""Write a table, beside its place and renamed at the end, so that no reader meets half of it.

    What a format holds comes back as it was: texts, nulls, whole numbers, every bit of a fraction, lists.
    JSON has one kind of whole numbers and one of fractions (float32 is written in the fewest digits that
    give it back), no type for a column of nulls alone or of empty lists, and no NaN or infinity, which are
    refused by row and column. CSV has texts and numbers: texts are quoted, an empty text is `""`, a null is
    an empty field; texts that look like numbers and truth values come back as numbers and texts unless
    `stream` is told their `types`. Parquet (under zstd) and Arrow keep the types of the columns. Equal
    batches give equal bytes, for any number of threads.

    Args:
        path: its ending says the format: `.jsonl`, `.ndjson` or `.json` (one object a line), `.csv`, `.tsv`,
            each also with `.gz` or `.zst`; `.parquet`; `.arrow` and `.feather` (an Arrow IPC file), `.arrows`
            (an Arrow IPC stream); without an ending a folder that `datasets.load_from_disk` reads. What
            stands there is replaced.
        batches: a `Stream`, anything with an Arrow stream (a table), a data set in memory
            (`datasets.Dataset`, a mapping of columns, a list of rows), or Arrow record batches, of which a
            few MiB for each thread are in memory at a time.
        schema: their Arrow schema; needed for record batches alone.
        nested: write columns `a.b` as objects, into JSON: True for all with a dot in their name (objects in
            a list where all columns of an `a` are lists), False for none, None for those that `stream` made
            of objects.
        array: write a `.json` file as one array.
        header: begin CSV and TSV with the names of the columns.
        quoting: quote texts of CSV and TSV; without, a text with a separator or line end and a null text are
            refused.
        threads: threads that encode, at least 1; by default this process's share of the cores.
        progress: show a progress bar, for a `Stream`.

    Returns:
        The number of rows.

    Raises:
        ValueError: as `check_writable`, and at a value that the format cannot hold; the message names the
            file, the row (from 1) and the column; at a lone surrogate in Python's texts column and row (from
            0). If `header` or `quoting` is given for a file that is neither CSV nor TSV, or `nested` or
            `array` for one that is no JSON. If columns of a data set in memory differ in length, or one has
            values of several kinds; column and row (from 0) are named.
        TypeError: if an argument is of another type, or `batches` holds anything but record batches.
        OSError: if it cannot be written.

    Example:
        >>> import tempfile
        >>> from foolsgold.data import stream
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "pairs.csv").write_text("anchor,score\nwho?,0.5\n")
        >>> write(folder / "pairs.jsonl", stream(folder / "pairs.csv"))
        1
        >>> (folder / "pairs.jsonl").read_text()
        '{"anchor":"who?","score":0.5}\n'
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"`path` must be a path, got {path!r}")
    path = Path(path)
    nested = None if nested is None else flag("nested", nested)
    array, header, quoting = flag("array", array), flag("header", header), flag("quoting", quoting)
    refuse_separated([os.fspath(path)], header=not header, quoting=not quoting)
    num_threads = cores.resolve(threads)
    if isinstance(batches, Stream):
        check_writable(path, batches, nested=nested, array=array)
        return batches.write(
            os.fspath(path),
            nested=nested,
            array=array,
            header=header,
            quoting=quoting,
            threads=num_threads,
            progress=progress,
        )
    if hasattr(batches, "__arrow_c_stream__") or hasattr(batches, "__arrow_c_array__"):
        check_writable(path, schema, nested=nested, array=array)
        return _core.write_arrow(
            batches,
            os.fspath(path),
            nested=nested,
            array=array,
            header=header,
            quoting=quoting,
            threads=num_threads,
        )
    if schema is None and _is_data_set(batches):
        return write(
            path,
            _table(batches),
            nested=nested,
            array=array,
            header=header,
            quoting=quoting,
            threads=threads,
        )
    if schema is None:
        raise TypeError(f"`schema` must be given with record batches, got None and {type(batches).__name__}")
    if not hasattr(batches, "__iter__"):
        raise TypeError(f"`batches` must be record batches, got {type(batches).__name__}")
    check_writable(path, schema, nested=nested, array=array)
    writer = _core.FileWriter(
        os.fspath(path),
        schema,
        nested=nested,
        array=array,
        header=header,
        quoting=quoting,
        threads=num_threads,
    )
    try:
        for batch in batches:
            if not hasattr(batch, "__arrow_c_array__"):
                raise TypeError(f"`batches` must hold record batches, got {type(batch).__name__}")
            writer.push(batch)
        return writer.finish()
    finally:
        writer.drop()


def _is_data_set(data: Any) -> bool:
    """Whether these are columns by name or rows, rather than record batches."""
    if isinstance(data, Mapping) or hasattr(data, "column_names"):
        return True
    return isinstance(data, (list, tuple)) and bool(data) and isinstance(data[0], Mapping)


def _table(data: Any) -> Any:
    """Return a data set in memory as an Arrow table."""
    import pyarrow as pa

    columns = {name: _array(name, column) for name, column in columns_of(data, "batches").items()}
    lengths = {name: len(array) for name, array in columns.items()}
    if len({*lengths.values()}) > 1:
        raise ValueError(f"`batches` must have columns of one length, got {lengths}")
    return pa.table(columns)


def _array(name: Any, column: Any) -> Any:
    import pyarrow as pa

    if not isinstance(name, str):
        raise TypeError(f"`batches` must have texts for names of columns, got {name!r}")
    if hasattr(column, "__arrow_c_stream__") or hasattr(column, "__arrow_c_array__"):
        return pa.chunked_array(column)
    with surrogates_told({name: column}):
        array = _converted(column)
        if array is not None:
            return array
        row = bisect_left(range(len(column)), True, key=lambda row: _converted(column[: row + 1]) is None)
    told = f"`batches` must hold values of one kind that Arrow has in column `{name}`"
    raise ValueError(f"{told}, got {column[row]!r:.80} at row {row}")


def _converted(column: Any) -> Any:
    """Return a column as an Arrow array; None where there is none of its values."""
    import pyarrow as pa

    try:
        return pa.array(column)
    except UnicodeEncodeError:
        raise
    except (TypeError, ValueError, OverflowError, NotImplementedError):
        return None
