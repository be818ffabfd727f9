"""Arrow columns in several chunks, taken from without putting the chunks together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def taken(column: Any, rows: NDArray[np.integer[Any]]) -> Any:
    """Return the cells of some rows as one Arrow array; only these are copied.

    A chunk that no row is of is not touched, so that a column over a mapped file may be larger than memory.

    Args:
        column: an Arrow array, or a chunked one.
        rows: (R,) numbers of rows in any order; -1 for a null.

    Example:
        >>> import pyarrow
        >>> column = pyarrow.chunked_array([["a", "b"], ["c"]])
        >>> taken(column, np.array([2, -1, 0])).to_pylist()
        ['c', None, 'a']
    """
    import pyarrow as pa

    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    if not chunks:
        return pa.nulls(len(rows), column.type)
    if len(chunks) == 1:
        return _of_chunk(chunks[0], rows)
    ends = np.cumsum([len(chunk) for chunk in chunks])
    owner = np.where(rows < 0, 0, np.searchsorted(ends, rows, side="right"))
    order = None if (owner[1:] >= owner[:-1]).all() else np.argsort(owner, kind="stable")
    places, owner = (rows, owner) if order is None else (rows[order], owner[order])
    pieces = []
    for number in np.unique(owner):
        first, last = np.searchsorted(owner, [number, number + 1])
        start = ends[number] - len(chunks[number])
        within = places[first:last]
        pieces.append(_of_chunk(chunks[number], np.where(within < 0, -1, within - start)))
    found = pa.concat_arrays(pieces) if pieces else chunks[0].slice(0, 0)
    if order is None:
        return found
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return found.take(pa.array(back))


def _of_chunk(chunk: Any, rows: NDArray[Any]) -> Any:
    import pyarrow as pa

    missing = rows < 0
    return chunk.take(pa.array(rows, mask=missing if missing.any() else None))
