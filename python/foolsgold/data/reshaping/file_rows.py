"""Rows of files, a batch at a time: sound ones, with those that are left out counted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from foolsgold.data.reshaping.class_names import class_names
from foolsgold.data.reshaping.faults import faulty_rows, first_fault
from foolsgold.data.reshaping.plain import as_plain, plain_schema
from foolsgold.data.reshaping.shapes import LabelValues, roles_of
from foolsgold.data.reshaping.sources import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from foolsgold.data.reshaping.scratch import Scratch
    from foolsgold.data.reshaping.shapes import Roles, Shape


class Opened(Protocol):
    """Files that can be read any number of times, as `foolsgold.data.Stream` is."""

    @property
    def unreadable(self) -> list[tuple[str, str]]:
        """The columns that are left out, and why."""

    @property
    def skipped(self) -> Any:
        """What the last reading has skipped so far: its `count`."""

    def source(self, row: int) -> tuple[str, int]:
        """Return the file of a row of the last reading, and its number there.

        Raises:
            IndexError: if its place is not known any more.
        """

    def __iter__(self) -> Iterator[Any]:
        """Yield Arrow batches."""


class FileRows:
    """Rows of files, to be read any number of times, of which no more than a batch is in memory.

    Args:
        opened: the files.
        on_error: at a row with a fault, `raise`, or `skip` it and count it.
        change: makes rows of a layout of those of a file, batch by batch, with the same types for all; None
            for columns as they are.

    Attributes:
        opened: the files.
        unreadable: columns that could not be read, and why.
        schema: Arrow schema of the rows.
        class_names: of columns of numbers that stand for classes.
        shape: of the rows, where the layout says it.
        num_read: rows of the last reading so far, with those that were left out.
        num_skipped: how many of them were left out.

    Raises:
        ValueError: if there is no row that can be read.
    """

    def __init__(
        self,
        opened: Opened,
        on_error: Literal["raise", "skip"],
        change: Callable[[Source], Source] | None = None,
    ) -> None:
        self.opened = opened
        self._on_error = on_error
        self._change = change
        self.unreadable = tuple(opened.unreadable)
        first = next(self.sources(), None)
        if first is None:
            raise ValueError("`source` must have a sound row, got none")
        self.schema = first.table.schema
        self.class_names = class_names(self.schema)
        self.shape: Shape | None = first.shape
        self.first_place = first.place(0)
        self._forget()

    def batches(self, roles: Roles | None = None, labels: LabelValues | None = None) -> Iterator[Any]:
        """Read the rows, and yield the sound ones as Arrow batches, which are not copied where all are.

        Args:
            roles: of the columns; None for all rows.
            labels: is told the values of the label.

        Raises:
            ValueError: at a bad row, naming file, row and column, where `on_error` is `raise`.
        """
        self._forget()
        for source in self.sources():
            table, bad = source.table, None
            if roles is not None:
                if labels is not None and roles.label is not None:
                    labels.add(table.column(roles.label))
                bad = faulty_rows(table, roles)
            if bad is not None:
                if self._on_error == "raise" and roles is not None:
                    raise first_fault(table, roles, source.place)
                self._dropped.append(np.flatnonzero(bad) + self._num_rows)
                table = table.filter(~bad)
            self._num_rows += len(source.table)
            yield from (batch for batch in table.to_batches() if batch.num_rows)

    @property
    def num_read(self) -> int:
        """Rows of the last reading, with those that were left out."""
        return self._num_rows + int(self.opened.skipped.count)

    @property
    def num_skipped(self) -> int:
        """Rows that the last reading left out."""
        return sum(map(len, self._dropped)) + int(self.opened.skipped.count)

    def roles(self, shape: Shape | None, named: Mapping[str, str | None]) -> tuple[Roles, bool]:
        """Find the roles of the columns; see `roles_of`.

        Returns:
            The roles, and whether the values of the label are yet to tell the shape.

        Raises:
            ValueError: if they are not clear.
        """
        given = shape or self.shape
        try:
            roles = roles_of(self.schema.empty_table(), given, class_names=self.class_names, **named)
        except ValueError as error:
            at = f"{self.first_place}: " if str(error).startswith("column") else ""
            raise ValueError(f"{at}{error}") from None
        # No name of a column tells this shape.
        return roles, given is None and roles.shape == "labeled-pair"

    def to_source(self, scratch: Scratch, roles: Roles | None = None, *, is_open: bool = False) -> Source:
        """Read the rows into a scratch file.

        Args:
            scratch: where it goes.
            roles: of the columns, whose bad rows are left out; None for all rows.
            is_open: whether the values of the label tell the shape.

        Raises:
            ValueError: as `batches`.
        """
        labels = LabelValues()
        table = scratch.table(self.schema, self.batches(roles, labels))
        shape = None if roles is None else roles.shape
        if is_open and roles is not None and roles.label is not None:
            shape = labels.shape(roles.label)
        return Source(
            table=table,
            place=self._places(),
            shape=shape or self.shape,
            unreadable=self.unreadable,
            class_names=self.class_names,
            num_skipped=self.num_skipped,
            scratch=scratch,
        )

    def _forget(self) -> None:
        self._num_rows = 0
        self._dropped: list[NDArray[np.int64]] = []

    def sources(self) -> Iterator[Source]:
        """Yield the rows of each batch that is read, in the columns of a layout."""
        import pyarrow as pa

        first = 0
        for batch in self.opened:
            table = pa.Table.from_batches([pa.record_batch(batch)])
            if self._change is not None:
                table = as_plain(table, plain_schema(table.schema))
            source = Source(table=table, place=partial(self._place_behind, first))
            first += table.num_rows
            if table.num_rows:
                yield source if self._change is None else self._change(source)

    def _places(self) -> Callable[[int], str]:
        """Return what tells where a row stands that the last reading kept."""
        dropped = np.concatenate([np.empty(0, np.int64), *self._dropped])
        before = dropped - np.arange(len(dropped))  # how many rows are kept before each that is not
        return lambda row: self._place(row + int(np.searchsorted(before, row, side="right")))

    def _place_behind(self, first: int, row: int) -> str:
        return self._place(first + row)

    def _place(self, row: int) -> str:
        """Tell where a row stands; the files are read again where it was read too long ago."""
        try:
            file, line = self.opened.source(row)
        except IndexError:
            num_rows = 0
            for batch in self.opened:
                num_rows += batch.num_rows
                if row < num_rows:
                    break
            file, line = self.opened.source(row)
        return f"{file}: row {line}"
