"""The cells of a data set as ids and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.checking.loading import Loaded

BLANK, CONTROL, REPLACED, MISREAD, HTML, UNTRIMMED, SINGLE = (1 << bit for bit in range(7))
"""Traits of texts, as the core numbers them."""

NearOptions = tuple[float, int, int, int, int]
"""Least similarity, characters of a shingle, hashes, the most texts of a bucket, seed."""

NO_TEXT = 2**32 - 1
"""Stands for a null among ids."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """One column.

    Attributes:
        name: of the column.
        item: what it holds, or its lists do: `text`, `int64`, `float64`, `bool`, `null` or `other`.
        is_null: (rows,) which rows are null.
        offsets: where each row's list begins, and at last their values' number; None for one value a row.
        is_null_value: (values,) which values are null.
        values: (values,) ids of texts, or numbers; None for nulls alone and others.
    """

    name: str
    item: str
    is_null: NDArray[np.bool_]
    offsets: NDArray[np.int64] | None
    is_null_value: NDArray[np.bool_]
    values: Any

    @property
    def kind(self) -> str:
        """What the column holds, in a word."""
        return self.item if self.offsets is None else f"list[{self.item}]"

    @property
    def is_texts(self) -> bool:
        """Whether it holds texts or lists of them."""
        return self.item == "text"

    @property
    def is_list(self) -> bool:
        """Whether it holds lists."""
        return self.offsets is not None

    @property
    def ids(self) -> tuple[NDArray[np.uint32], NDArray[np.int64] | None]:
        """The ids of texts, as the core takes them."""
        return self.values, self.offsets

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """(rows,) values of each row."""
        return np.ones(len(self.is_null), np.int64) if self.offsets is None else np.diff(self.offsets)

    @cached_property
    def rows(self) -> NDArray[np.uint32]:
        """(values,) the row of each value."""
        return np.repeat(np.arange(len(self.is_null), dtype=np.uint32), self.lengths)

    def rows_with(self, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(rows,) which rows have a value of which `values` (values,) is true."""
        if self.offsets is None:
            return values
        found = np.zeros(len(self.is_null), bool)
        found[self.rows[values]] = True
        return found

    def taken(self, keep: NDArray[np.bool_] | None, rows: NDArray[np.int64]) -> Cells:
        """Return the column with `rows` alone, and of lists the values that `keep` (values,) marks."""
        if self.offsets is None:
            values = None if self.values is None else self.values[rows]
            nulls = self.is_null[rows]
            return Cells(
                name=self.name,
                item=self.item,
                is_null=nulls,
                offsets=None,
                is_null_value=nulls,
                values=values,
            )
        is_kept = np.ones(len(self.is_null_value), bool) if keep is None else keep.copy()
        has_row = np.zeros(len(self.is_null), bool)
        has_row[rows] = True
        is_kept &= has_row[self.rows]
        lengths = np.bincount(self.rows[is_kept], minlength=len(self.is_null))[rows]
        return Cells(
            name=self.name,
            item=self.item,
            is_null=self.is_null[rows],
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            is_null_value=self.is_null_value[is_kept],
            values=None if self.values is None else self.values[is_kept],
        )


class Examined:
    """The distinct texts of a data set, and its columns; with test data both share their ids.

    Args:
        loaded: the data sets.
        threads: of the core.
        progress: show progress bars.
    """

    def __init__(self, loaded: list[Loaded], *, threads: int, progress: bool) -> None:
        self.threads, self.progress = threads, progress
        named = [(name, column) for one in loaded for name, column in one.columns.items()]
        with progress_bar("Examine", enabled=progress) as show:
            self.core, found = _core.examine(named, threads=threads, progress=show)
        cells = [
            Cells(
                name=name, item=item, is_null=nulls, offsets=offsets, is_null_value=null_values, values=values
            )
            for (name, _), (item, nulls, offsets, null_values, values) in zip(named, found, strict=True)
        ]
        self.columns: list[dict[str, Cells]] = []
        for one in loaded:
            count = len(one.columns)
            self.columns.append({column.name: column for column in cells[:count]})
            cells = cells[count:]
        self.flags, self.lengths = self.core.traits()

    def __len__(self) -> int:
        return len(self.core)

    def text(self, id: int) -> str:
        """Return a text."""
        return self.core[id]

    @cached_property
    def twins(self) -> NDArray[np.uint32]:
        """(texts,) the class of texts of equal normal form that each is in."""
        with progress_bar("Normalise texts", enabled=self.progress) as show:
            return self.core.twins(threads=self.threads, progress=show)

    def near_groups(self, options: NearOptions) -> NDArray[np.uint32]:
        """(texts,) the group that near-duplicates link each text into."""
        with progress_bar("Find near-duplicates", enabled=self.progress) as show:
            return self.core.near_duplicates(options, threads=self.threads, progress=show)[2]

    def near_others(
        self, ids: NDArray[np.uint32], others: NDArray[np.uint32], options: NearOptions
    ) -> NDArray[np.bool_]:
        """(ids,) which texts have a near-duplicate among others."""
        with progress_bar("Find near-duplicates", enabled=self.progress) as show:
            found = self.core.near_duplicates_between(
                ids, others, options, threads=self.threads, progress=show
            )
        return found[1]

    def have(self, flag: int, column: Cells) -> NDArray[np.bool_]:
        """(values,) which values of a column of texts have a trait."""
        if len(self.flags) == 0:
            return np.zeros(len(column.is_null_value), bool)
        has_flag: NDArray[np.bool_] = self.flags & flag != 0
        found: NDArray[np.bool_] = has_flag.take(column.values, mode="clip") & ~column.is_null_value
        return found

    def classes(self, column: Cells) -> tuple[NDArray[np.uint32], NDArray[np.int64] | None]:
        """Return twins' classes in place of the ids of a column of texts."""
        if len(self.twins) == 0:
            return column.ids
        classes = self.twins.take(column.values, mode="clip")
        classes[column.is_null_value] = NO_TEXT
        return classes, column.offsets


def words_of(column: Cells) -> list[NDArray[np.uint64]]:
    """Return a column of one number a row as words of 64 bits that are equal for equal cells."""
    words = [column.is_null.astype(np.uint64)]
    if column.values is not None:
        values = np.where(column.is_null_value, np.zeros(1, column.values.dtype), column.values)
        words.append(words_of_values(values))
    return words


def words_of_values(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Return numbers as words of 64 bits."""
    wide = values.astype(np.uint64) if values.dtype == np.bool_ else np.ascontiguousarray(values)
    return wide.view(np.uint64)


def equal_rows(columns: list[Cells], num_rows: int) -> NDArray[np.uint32]:
    """(rows,) for each row the first that is equal to it in all columns."""
    ids: list[Any] = []
    words: list[NDArray[np.uint64]] = []
    for column in columns:
        if column.offsets is None and not column.is_texts:
            words += words_of(column)
        elif column.is_texts:
            ids.append(column.ids)
            words.append(column.is_null.astype(np.uint64))
        elif column.values is not None:
            bits = words_of_values(column.values)
            numbers = np.unique(bits, return_inverse=True)[1].astype(np.uint32)
            numbers[column.is_null_value] = NO_TEXT
            ids.append((numbers, column.offsets))
    return _core.equal_rows(ids, words, num_rows)
