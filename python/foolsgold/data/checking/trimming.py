"""Texts without white space and byte order marks at their ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.checking.cells import UNTRIMMED
from foolsgold.data.checking.lists import list_column, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from foolsgold.data.checking.cells import Cells
    from foolsgold.data.checking.dataset import DataSet
    from foolsgold.data.checking.fixing import Source

_EDGES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""White space as Unicode has it (White_Space), and the byte order mark."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Edit:
    """A column before its texts were trimmed.

    Attributes:
        data: that it is of.
        column: its cells.
        values: (values,) which changed.
    """

    data: DataSet
    column: Cells
    values: NDArray[np.bool_]

    def rows_of(self, stays: NDArray[np.bool_]) -> list[tuple[int, str, str]]:
        """Return row, text before and text after of each change in a row that stays."""
        return [*self._changes(stays)]

    def _changes(self, stays: NDArray[np.bool_]) -> Iterator[tuple[int, str, str]]:
        for at in np.flatnonzero(self.values & stays[self.column.rows]).tolist():
            before = self.data.value(self.column, at)
            yield int(self.column.rows[at]), before, before.strip(_EDGES)


def trimmed(source: Source) -> tuple[DataSet, dict[str, Edit]]:
    """Return the data with its texts trimmed and looked at anew, and what changed."""
    from foolsgold.data.checking.checker import examined
    from foolsgold.data.checking.leaks import check_leaks

    data = source.data
    edits, columns = {}, {}
    for column in data.texts:
        values = data.examined.have(UNTRIMMED, column)
        if values.any():
            edits[column.name] = Edit(data=data, column=column, values=values)
            columns[column.name] = _trimmed(source.loaded.columns[column.name], column)
    if not edits:
        return data, {}
    loaded = replace(source.loaded, columns={**source.loaded.columns, **columns})
    most = data.max_examples
    found = examined(loaded, source.tests, source.given, max_examples=most, threads=source.threads)
    if len(found) > 1:
        check_leaks(found[0], found[1], source.near)
    return found[0], edits


def _trimmed(column: Any, cells: Cells) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    array: Any = pa.chunked_array(column)
    if not cells.is_list:
        return pc.utf8_trim(array, characters=_EDGES)
    values: Any = pc.utf8_trim(values_of(array), characters=_EDGES)
    return list_column(cells.lengths, values, cells.is_null)
