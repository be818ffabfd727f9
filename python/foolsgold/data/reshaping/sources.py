"""Rows to convert: an Arrow table, where each row stands, and which of them are sound."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold.data.chunks import taken
from foolsgold.data.reshaping.class_names import ClassNames, class_names_of_data
from foolsgold.data.reshaping.faults import faulty_rows, first_fault
from foolsgold.data.reshaping.plain import as_plain, plain_schema
from foolsgold.data.texts import columns_of
from foolsgold.data.unicode import surrogates_told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from foolsgold.data.layouts.collections import Collection
    from foolsgold.data.reshaping.scratch import Scratch
    from foolsgold.data.reshaping.shapes import Roles, Shape

_BYTES = 1 << 22  # of rows that are copied together, about


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """Rows as they are read.

    Attributes:
        table: Arrow table of all columns.
        place: tells of a row where it stands, as messages have it.
        shape: of the rows, where the layout says it.
        unreadable: columns that could not be read, and why.
        class_names: of columns of numbers that stand for classes.
        corpus: Arrow array of further documents, in no row; None without.
        collections: of a folder of judgments, all texts by id: `queries` and `corpus`.
        split: the name of these judgments; empty for several, which a column tells apart.
        left_out: by reason what of the files is in no row.
        num_skipped: rows of the files that were skipped.
        scratch: where the table lies and what is made of it goes; None for memory.
    """

    table: Any
    place: Callable[[int], str]
    shape: Shape | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    class_names: ClassNames = field(default_factory=dict)
    corpus: Any = None
    collections: Mapping[str, Collection] = field(default_factory=dict)
    split: str | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    num_skipped: int = 0
    scratch: Scratch | None = None

    def of(self, rows: NDArray[np.int64]) -> Source:
        """Return some of the rows, by their numbers in ascending order."""
        place = self.place
        if self.scratch is None:
            table = self.table.take(rows)
        else:
            size = max(1, _BYTES * self.table.num_rows // max(1, self.table.nbytes))
            pieces = (self._piece(rows[first : first + size]) for first in range(0, len(rows), size))
            table = self.scratch.table(self.table.schema, pieces)
        return replace(self, table=table, place=lambda row: place(int(rows[row])))

    def _piece(self, rows: NDArray[np.int64]) -> Any:
        """Return some of the rows as an Arrow table in memory."""
        import pyarrow as pa

        columns = [taken(column, rows) for column in self.table.columns]
        return pa.table(columns, schema=self.table.schema)


def source_of_data(data: Any) -> Source:
    """Take a data set in memory: a `datasets.Dataset`, a mapping of columns, rows; see `columns_of`.

    Raises:
        TypeError: if it is none, or a column holds values of several types.
        ValueError: for columns of several lengths, and at a text with a lone surrogate, naming column and
            row.
    """
    import pyarrow as pa

    columns = columns_of(data, "data")
    if any(not isinstance(name, str) for name in columns):
        raise TypeError(f"`data` must have texts for names of columns, got {[*columns]}")
    lengths = {name: len(column) for name, column in columns.items()}
    if len({*lengths.values()}) > 1:
        raise ValueError(f"`data` must have columns of one length, got {lengths}")
    try:
        with surrogates_told(columns):
            table = pa.table({name: _with_long_integers(name, column) for name, column in columns.items()})
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TypeError(f"`data` must have columns of one type each\nhint: {error}") from None
    return Source(
        table=as_plain(table, plain_schema(table.schema)),
        place=lambda row: f"row {row}",
        class_names=class_names_of_data(data),
    )


def _with_long_integers(name: str, column: Any) -> Any:
    """Return a list with integers from 2^63 on as an Arrow array, all else as it is."""
    import pyarrow as pa

    if not isinstance(column, list):
        return column
    try:
        return pa.array(column)
    except OverflowError:
        pass
    try:
        return pa.array(column, pa.uint64())
    except (OverflowError, pa.ArrowInvalid, pa.ArrowTypeError):
        raise TypeError(f"column `{name}` must hold integers from -2^63 to 2^64 - 1, got others") from None


def sound_rows(source: Source, roles: Roles, on_error: Literal["raise", "skip"]) -> Source:
    """Return the rows whose texts and labels are there and not blank; those left out are counted as skipped.

    Raises:
        ValueError: at the first that is not, naming file, row and column, where `on_error` is `raise`.
    """
    bad = faulty_rows(source.table, roles)
    if bad is None:
        return source
    if on_error == "raise":
        raise first_fault(source.table, roles, source.place)
    num_skipped = source.num_skipped + int(bad.sum())
    return replace(source.of(np.flatnonzero(~bad)), num_skipped=num_skipped)
