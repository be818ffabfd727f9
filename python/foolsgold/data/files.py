"""Files into columns in memory: those that `stream` reads, by the same rules."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from foolsgold import _core
from foolsgold import threads as cores
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEPARATED = tuple(f".{name}{packed}" for name in ("csv", "tsv") for packed in ("", ".gz", ".zst"))


def read(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    columns: Sequence[str] | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> _core.Table:
    r"""Read files of one schema into one table.

    The ending says what a file holds: `.jsonl`, `.ndjson` or `.json` (one object a line, or in `.json` one
    array of objects), `.csv`, `.tsv` (with a header, quoted as in RFC 4180), each also with `.gz` or `.zst`,
    `.parquet`, `.arrow`, `.arrows` or `.feather`; a folder is one that `datasets` saved. Whether a text file
    is packed is seen from its first bytes. The table is an Arrow stream (`__arrow_c_stream__`), so that
    pyarrow, polars and `datasets` take it without a copy; nothing but numpy is needed to read it.

    A column holds texts, whole numbers (int64), numbers (float64), truth values, or lists of one of these.
    Whole numbers among fractions become fractions, also those from 2^63 on; numbers in CSV are numbers
    where all of a column are, empty fields aside, and spelled as JSON spells them (`007` stays a text). What
    a row lacks is null; so is an empty field of CSV, but among texts `""` in quotes is an empty text.
    A column that mixes texts, numbers and lists, holds objects, or whole numbers from 2^63 on without a
    fraction, is left out: `table.unreadable` says why,
    and asking for it is an error that names the first row in the way.

    Args:
        paths: One file or several, in the order of their rows.
        columns: Columns to keep; they must be there, with no null and no blank text. By default all.
        threads: Threads that parse, at least 1; by default this process's share of the cores.
        progress: Show a progress bar.

    Returns:
        The table: `len(table)`, `table.kinds` (name and type of each column), `table.column(name)` (an Arrow
        column), `table.source(row)` (the file of a row and its line there), `table.unreadable`.

    Raises:
        ValueError: If a file's ending is unknown, it has no rows, is cut short, is no UTF-8 or breaks its
            format, or a wanted column is missing, null, blank or mixed; the message names the file, and the
            line and column.
        OSError: If a file cannot be opened.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "pairs.jsonl"
        >>> _ = file.write_text('{"anchor": "who?", "positive": "me"}\n')
        >>> table = read(file)
        >>> len(table), table.kinds
        (1, [('anchor', 'text'), ('positive', 'text')])
    """
    with progress_bar("read", enabled=progress, unit="B") as show:
        return _core.Table.read(
            files_of(paths),
            columns=names_of("columns", columns),
            threads=cores.resolve(threads),
            progress=show,
        )


def names_of(argument: str, names: Sequence[str] | None) -> list[str] | None:
    """Return names of columns as a list.

    Raises:
        TypeError: for anything else, and for one text, which is no list of its characters.
    """
    if names is None:
        return None
    given = None if isinstance(names, str) or not hasattr(names, "__iter__") else list(names)
    if given is None or not all(isinstance(name, str) for name in given):
        raise TypeError(f"`{argument}` must be a list of names, got {names!r}")
    return given


def files_of(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return the paths as strings, of which there is one at least.

    Raises:
        TypeError: for what is no path.
        ValueError: for no paths.
    """
    files = listed(paths)
    if not files:
        raise ValueError("`paths` must name at least one file, got none")
    return files


def listed(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return the paths as strings, a single one as a list of it.

    Raises:
        TypeError: for what is no path.
    """
    is_one = isinstance(paths, (str, bytes, os.PathLike)) or not hasattr(paths, "__iter__")
    given: Any = [paths] if is_one else paths
    files = []
    for path in given:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"`paths` must be a path or a list of paths, got {path!r}")
        files.append(os.fspath(path))
    return files


def refuse_separated(paths: Sequence[str], **given: bool) -> None:
    """Refuse arguments that say something of CSV and TSV alone, where no file is one.

    Args:
        paths: the files.
        given: by the name of an argument whether the caller has given it.

    Raises:
        ValueError: naming the argument.

    Example:
        >>> refuse_separated(["a.jsonl", "b.tsv.gz"], quoting=True)
        >>> refuse_separated(["a.jsonl"], quoting=True)
        Traceback (most recent call last):
            ...
        ValueError: `quoting` must be left out for files that are neither CSV nor TSV, got a.jsonl
    """
    if any(path.lower().endswith(_SEPARATED) for path in paths):
        return
    for argument, is_given in given.items():
        if is_given:
            told = f"must be left out for files that are neither CSV nor TSV, got {paths[0]}"
            raise ValueError(f"`{argument}` {told}")
