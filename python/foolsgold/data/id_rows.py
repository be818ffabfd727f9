"""Rows of text from rows of ids: texts are taken by id, a piece of the table at a time."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.chunks import taken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_MAX_ROWS = 1 << 16
_MAX_BYTES = 1 << 30  # of text in a piece of a column: 32-bit offsets address twice that


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table of R rows.

    Attributes:
        values: one a row, or those of all rows' lists one after the other; ids of texts (integers, -1 for a
            null), or numbers.
        offsets: where each row's list begins in `values`, and at last their number, (R + 1,) int64; None for
            a column without lists.
        is_text: whether the values are ids of texts.
        names: texts of the column's own, few and short, in place of the table's.
        taken_from: an Arrow array, chunked or not; the values are places in it. None for ids and numbers.
    """

    values: NDArray[Any]
    offsets: NDArray[np.int64] | None = None
    is_text: bool = True
    names: tuple[str, ...] = ()
    taken_from: Any = None

    def __len__(self) -> int:
        return len(self.values) if self.offsets is None else len(self.offsets) - 1


class Rows:
    """A table of texts and numbers that holds ids in place of texts.

    Args:
        distinct: Arrow array of texts; the place is the id.
        columns: by name, all of one length.
        order: the place of each id, where texts stand in another order; None for that of the ids.
        max_bytes: of text in a column of one batch, unless a single row has more.
    """

    def __init__(
        self,
        distinct: Any,
        columns: Mapping[str, Column],
        *,
        order: NDArray[np.uint32] | None = None,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        self._texts = pa.array(distinct, None if hasattr(distinct, "__arrow_c_array__") else pa.string())
        self.columns = dict(columns)
        self._order = order
        self._max_bytes = max_bytes
        self._bytes = np.asarray(pc.binary_length(self._texts)).astype(np.int64)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def schema(self) -> Any:
        """The names and types of the columns, as Arrow has them."""
        import pyarrow as pa

        def kind(column: Column) -> Any:
            if column.taken_from is not None:
                inner = column.taken_from.type
            else:
                inner = pa.string() if column.is_text else pa.from_numpy_dtype(column.values.dtype)
            return inner if column.offsets is None else pa.list_(inner)

        return pa.schema([(name, kind(column)) for name, column in self.columns.items()])

    def batches(self, max_rows: int = _MAX_ROWS, max_bytes: int | None = None) -> Iterator[Any]:
        """Yield the rows in order, as Arrow record batches of bounded size, each of one row at least."""
        import pyarrow as pa

        schema = self.schema
        max_bytes = self._max_bytes if max_bytes is None else max_bytes
        for first, last in self._pieces(max_rows, max_bytes):
            arrays = [self._piece(column, first, last) for column in self.columns.values()]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def to_dataset(self) -> Any:
        """Return a `datasets.Dataset`, in memory."""
        import pyarrow as pa
        from datasets import Dataset

        table = pa.Table.from_batches(list(self.batches()), schema=self.schema)
        return Dataset(table, fingerprint=_content_hash(table))

    def _pieces(self, max_rows: int, max_bytes: int) -> Iterator[tuple[int, int]]:
        first = 0
        while first < len(self):
            last = min(first + max_rows, len(self))
            ends = np.cumsum(self._widest(first, last))
            last = first + max(1, int(np.searchsorted(ends, max_bytes, side="right")))
            yield first, last
            first = last

    def _widest(self, first: int, last: int) -> NDArray[np.int64]:
        """Return for each row the bytes of the column that has most; none is larger than their sum."""
        widths = np.zeros(last - first, np.int64)
        for column in self.columns.values():
            if not column.is_text or column.names or column.taken_from is not None:
                continue
            if column.offsets is None:
                widths = np.maximum(widths, self._lengths(column.values[first:last]))
            else:
                cuts = column.offsets[first : last + 1]
                sums = np.concatenate([[0], np.cumsum(self._lengths(column.values[cuts[0] : cuts[-1]]))])
                widths = np.maximum(widths, np.diff(sums[cuts - cuts[0]]))
        return widths

    def _lengths(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        return np.where(ids < 0, 0, self._bytes[self._places(ids)])

    def _piece(self, column: Column, first: int, last: int) -> Any:
        import pyarrow as pa

        if column.offsets is None:
            return self._cells(column, column.values[first:last])
        cuts = column.offsets[first : last + 1]
        cells = self._cells(column, column.values[cuts[0] : cuts[-1]])
        offsets = pa.array((cuts - cuts[0]).astype(np.int32))
        return pa.ListArray.from_arrays(offsets, cells)

    def _cells(self, column: Column, values: NDArray[Any]) -> Any:
        import pyarrow as pa

        if column.taken_from is not None:
            return taken(column.taken_from, values)
        if not column.is_text:
            return pa.array(values)
        if column.names:
            return taken(pa.array(column.names), values)
        return taken(self._texts, self._places(values)).cast(pa.string())

    def _places(self, ids: NDArray[Any]) -> NDArray[Any]:
        return ids if self._order is None else np.where(ids < 0, -1, self._order[ids])


def _content_hash(table: Any) -> str:
    """Return 64 bits of the columns; `datasets` would pickle them for that, at the price of two copies."""
    digest = blake2b(digest_size=8)
    for name, column in zip(table.column_names, table.columns, strict=True):
        digest.update(f"{name} {len(column)} {column.type}".encode())
        for chunk in column.chunks:
            for buffer in filter(None, chunk.buffers()):
                digest.update(buffer)
    return digest.hexdigest()
