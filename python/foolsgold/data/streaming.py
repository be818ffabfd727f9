"""Files as streams of Arrow batches, in bounded memory: text, Parquet, Arrow, and data sets on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from foolsgold import _core
from foolsgold import threads as cores
from foolsgold.data.files import files_of, names_of, refuse_separated
from foolsgold.flags import flag
from foolsgold.integers import MAX_INT64, integer
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class SkippedRow:
    """A row that was skipped.

    Attributes:
        file: its file.
        row: its number there, from 1: the line of a text file, else the row.
        reason: what is wrong with it; begins with file, row and column.
    """

    file: str
    row: int
    reason: str


@dataclass(frozen=True)
class Skipped:
    """The rows that were skipped.

    Attributes:
        count: how many.
        rows: the first hundred.
    """

    count: int
    rows: list[SkippedRow]


class Schema:
    """Names and types of columns: an Arrow schema (`__arrow_c_schema__`), as `pyarrow.schema` takes it.

    Attributes:
        names: of the columns.
        types: what each holds, as `text` or `list[int64]`.
    """

    def __init__(self, stream: _core.FileStream) -> None:
        self._stream = stream
        self.names = [name for name, _ in stream.kinds]
        self.types = [kind for _, kind in stream.kinds]

    def __repr__(self) -> str:
        columns = ", ".join(f"{name}: {kind}" for name, kind in zip(self.names, self.types, strict=True))
        return f"Schema({columns})"

    def __arrow_c_schema__(self) -> Any:
        """Return the schema as a capsule of Arrow's C data interface."""
        return self._stream.__arrow_c_schema__()


class Stream:
    """Files as batches, as `stream` opens them. Each iteration reads them from the first row.

    A batch has `__arrow_c_array__`, `num_rows` and `column(name)`: `pyarrow.record_batch(batch)` takes it
    without a copy. The stream itself is an Arrow stream, which pyarrow, polars and `datasets` take as well.

    Attributes:
        kinds: name and type of each column.
        schema: the same as an Arrow schema.
        unreadable: columns that are left out, each with the reason.
        num_bytes: the size of the files.
    """

    def __init__(self, files: _core.FileStream, *, progress: bool) -> None:
        self._files = files
        self._progress = progress
        self._last = files.batches()
        self._counted: tuple[int, list[tuple[str, int, str]]] | None = None
        self.schema = Schema(files)

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Name and type of each column, in order of first appearance."""
        return self._files.kinds

    @property
    def unreadable(self) -> list[tuple[str, str]]:
        """The columns that are left out, and why."""
        return self._files.unreadable

    @property
    def num_bytes(self) -> int:
        """The bytes of all files."""
        return self._files.num_bytes

    @property
    def skipped(self) -> Skipped:
        """The rows that the last reading has skipped so far."""
        count, rows = self._counted or self._last.skipped
        return Skipped(count, [SkippedRow(*row) for row in rows])

    def source(self, row: int) -> tuple[str, int]:
        """Return the file of a row of the last iteration, and its number there, from 1.

        Args:
            row: from 0; it must have been read, and not too long ago: places are forgotten where keeping them
                would take more than some MiB, as with CSV whose records have many lines.

        Raises:
            IndexError: if its place is not known.
            ValueError: if `row` is below 0.
        """
        return self._last.source(integer("row", row, 0, MAX_INT64))

    def __iter__(self) -> Iterator[_core.Batch]:
        """Yield the rows, batch after batch.

        Raises:
            ValueError: at a bad row, or where a file has changed since it was opened.
            OSError: if a file cannot be read.
        """
        batches = self._begin()
        with progress_bar("read", enabled=self._progress, unit="B") as show:
            while (batch := batches.next(show)) is not None:
                yield batch

    def __arrow_c_schema__(self) -> Any:
        """Return the schema as a capsule of Arrow's C data interface."""
        return self._files.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Return all rows as a capsule of Arrow's C stream interface."""
        return self._begin().as_stream(self._files, requested_schema)

    def write(
        self,
        path: str,
        *,
        nested: bool | None,
        array: bool,
        header: bool,
        quoting: bool,
        threads: int,
        progress: bool,
    ) -> int:
        """Write all rows to a file, reading beside writing; `foolsgold.data.write` is what to call."""
        with progress_bar("write", enabled=progress or self._progress, unit="B") as show:
            rows, self._counted = _core.write_stream(
                self._files,
                path,
                nested=nested,
                array=array,
                header=header,
                quoting=quoting,
                threads=threads,
                progress=show,
            )
        return rows

    def _begin(self) -> _core.StreamBatches:
        self._last, self._counted = self._files.batches(), None
        return self._last


def stream(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    columns: Sequence[str] | None = None,
    types: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    quoting: bool = True,
    nested: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    batch_rows: int = 1 << 16,
    threads: int | None = None,
    progress: bool = False,
) -> Stream:
    r"""Open files of one schema as a stream of batches, whatever their size.

    The ending says what a file holds: `.jsonl`, `.ndjson` (one JSON object a line), `.json` (the same, or one
    array of objects), `.csv`, `.tsv`, each also with `.gz` or `.zst`; `.parquet`; `.arrow`, `.arrows` and
    `.feather` (Arrow IPC, file or stream). A folder is one that `datasets` saved.

    Types are settled here: text files are read once to see what their columns hold, keeping nothing. JSON has
    texts, whole numbers (int64), numbers (float64), truth values, lists of these, and no others: whole
    numbers among fractions are fractions, also those from 2^63 on; with these, but without a fraction, a
    column is left out, or read as `types` says. In CSV numbers are numbers where all
    of a column are, and an empty field is null (in a column of texts where it is without quotes; `""` is
    the empty text). Parquet and Arrow keep the types that they have. With `types` for all of `columns` the
    first reading is left out.

    A row is bad where it is broken (no JSON object, a key twice, a lone surrogate, no UTF-8, another number
    of fields than the header has, a field that goes on behind its closing quote) or has a value of another
    kind than its column.

    Args:
        paths: one file or several, in the order of their rows.
        columns: columns to keep, which must be there; by default all.
        types: types by column, as `text`, `int64`, `float64`, `bool`, `list[text]`, where they are known.
        names: names of the columns of CSV and TSV files that have no header.
        quoting: whether fields of CSV and TSV may be in quotes; False where a line is a record and a quote a
            character as any other, as in the TSV files of MS MARCO.
        nested: make columns of objects: `a.b` of the `b` in objects `a`; where `a` is a list of objects, a
            list with null for an object without a `b`. `write` nests them again.
        on_error: `raise` for an error at the first bad row, which names file, row and column; `skip` to leave
            bad rows out and count them (`Stream.skipped`). A column of several kinds is left out
            (`Stream.unreadable`) with `raise`; with `skip` it is of the kind of most of its values.
        batch_rows: the most rows of a batch.
        threads: threads that parse, at least 1; by default this process's share of the cores. The rows are
            the same for any number.
        progress: show progress bars.

    Returns:
        The stream, to iterate over any number of times.

    Raises:
        ValueError: if a file's ending is unknown, it has no rows, is cut short, is no UTF-8 or breaks its
            format, or a wanted column is missing or mixed; the message names the file, and the row and
            column. If `names` or `quoting` is given and no file is CSV or TSV.
        TypeError: if an argument is of another type.
        OSError: if a file cannot be opened.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "pairs.jsonl"
        >>> _ = file.write_text('{"query": "who?", "ctxs": [{"text": "me"}]}\nno JSON\n')
        >>> rows = stream(file, nested=True, on_error="skip")
        >>> [batch.num_rows for batch in rows], rows.kinds
        ([1], [('query', 'text'), ('ctxs.text', 'list[text]')])
        >>> rows.skipped.count, rows.skipped.rows[0].row
        (1, 2)
    """
    given = files_of(paths)
    quoting = flag("quoting", quoting)
    if not isinstance(on_error, str):
        raise TypeError(f"`on_error` must be `raise` or `skip`, got {on_error!r}")
    with progress_bar("look", enabled=progress, unit="B") as show:
        files = _core.FileStream.open(
            given,
            columns=names_of("columns", columns),
            types=_types_of(types),
            names=names_of("names", names),
            quoting=quoting,
            nested=flag("nested", nested),
            on_error=on_error,
            batch_rows=integer("batch_rows", batch_rows, 1, MAX_INT64),
            block_bytes=_BLOCK_BYTES,
            threads=cores.resolve(threads),
            progress=show,
        )
    refuse_separated(given, names=names is not None, quoting=not quoting)
    there = {name for name, _ in [*files.kinds, *files.unreadable]}
    if columns is None and (unknown := [name for name in types or () if name not in there]):
        raise ValueError(f"`types` must be of columns that are there, {sorted(there)}, got {unknown}")
    return Stream(files, progress=progress)


def _types_of(types: Mapping[str, str] | None) -> dict[str, str]:
    if types is None:
        return {}
    if not isinstance(types, Mapping) or not all(isinstance(name, str) for name in [*types, *types.values()]):
        raise TypeError(f"`types` must map names of columns to names of types, got {types!r}")
    return dict(types)
