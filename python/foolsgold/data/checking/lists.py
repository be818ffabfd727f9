"""Arrow columns of lists, made of their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def list_column(lengths: NDArray[np.integer[Any]], values: Any, is_null: NDArray[np.bool_]) -> Any:
    """Return a column of lists.

    Args:
        lengths: (rows,) of the lists.
        values: Arrow array of what they hold, one after the other.
        is_null: (rows,) which rows are null.
    """
    import pyarrow as pa

    offsets: Any = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    make: Any = pa.LargeListArray.from_arrays
    return pa.chunked_array([make(offsets, values, mask=pa.array(is_null))])


def values_of(column: Any) -> Any:
    """Return what the lists of a chunked column hold, one after the other; null rows hold nothing."""
    return column.combine_chunks().flatten()
