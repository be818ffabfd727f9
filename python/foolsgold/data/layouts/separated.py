"""Lines of fields without a header, as Arrow columns of texts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.layouts.texts import lines
from foolsgold.data.reshaping.file_rows import FileRows
from foolsgold.data.streaming import stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from foolsgold.data.layouts.rows import Reading
    from foolsgold.data.reshaping.sources import Source

_TABBED = (".tsv", ".tsv.gz", ".tsv.zst")


def separated_rows(
    paths: Sequence[str],
    names: tuple[str, ...],
    how: Reading,
    change: Callable[[Source], Source] | None = None,
    *,
    separator: str | None = None,
) -> FileRows:
    """Read lines of fields, in which a quote is a character as any other.

    Args:
        paths: files, packed or not.
        names: of the fields.
        how: at a line with another number of fields, raise or skip it.
        change: makes rows of a layout of these, batch by batch.
        separator: between fields; None for any white space.

    Raises:
        ValueError: naming file and row.
        OSError: if a file cannot be opened.
    """
    if separator == "\t" and all(str(path).lower().endswith(_TABBED) for path in paths):
        types = dict.fromkeys(names, "text")
        opened: Any = stream(
            paths,
            columns=names,
            types=types,
            names=names,
            quoting=False,
            on_error=how.on_error,
            threads=how.threads,
            progress=how.progress,
        )
    else:
        opened = _Lines(paths, names, how.on_error, separator)
    return FileRows(opened, how.on_error, change)


class _Lines:
    """Files whose fields stand between white space, or whose names do not say that tabs are between them."""

    def __init__(
        self, paths: Sequence[str], names: tuple[str, ...], on_error: str, separator: str | None
    ) -> None:
        self._paths, self._names, self._on_error, self._separator = paths, names, on_error, separator
        self.unreadable: list[tuple[str, str]] = []
        self.skipped = SimpleNamespace(count=0)
        self._last: tuple[int, str, Any] = (0, "", np.empty(0, np.int64))

    def source(self, row: int) -> tuple[str, int]:
        """Return the file and the line of a row of the last batch.

        Raises:
            IndexError: for any other row.
        """
        first, path, numbers = self._last
        if not first <= row < first + len(numbers):
            raise IndexError(f"`row` must be one of the last batch, got {row}")
        return path, int(numbers[row - first])

    def __iter__(self) -> Iterator[Any]:
        """Yield Arrow batches of texts.

        Raises:
            ValueError: at a line with another number of fields.
        """
        self.skipped.count = 0
        first = 0
        for path in self._paths:
            for numbers, texts in lines(path):
                batch, numbers = self._batch(path, numbers, texts)
                self._last = (first, path, numbers)
                first += batch.num_rows
                yield batch
        if first == 0:
            raise ValueError(f"{self._paths[0]}: must have rows, got none")

    def _batch(self, path: str, numbers: Any, texts: Any) -> tuple[Any, Any]:
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._separator is None:
            parts = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(texts))
        else:
            parts = pc.split_pattern(texts, self._separator)
        count = len(self._names)
        counts = np.asarray(pc.list_value_length(parts))
        is_bad = counts != count
        if is_bad.any():
            if self._on_error == "raise":
                row = int(is_bad.argmax())
                raise ValueError(
                    f"{path}: row {numbers[row]}: must have {count} fields, got {int(counts[row])}"
                )
            self.skipped.count += int(is_bad.sum())
            parts, numbers = parts.filter(pa.array(~is_bad)), numbers[~is_bad]
        flat = pc.list_flatten(parts)
        columns = [flat.take(pa.array(np.arange(at, len(flat), count))) for at in range(count)]
        return pa.record_batch(columns, names=list(self._names)), numbers
