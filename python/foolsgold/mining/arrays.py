"""The arrays that users have, as the core reads them. Needs NumPy alone: torch itself is not imported."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence, Sized
from collections.abc import Set as AbstractSet
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Embeddings = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint16]


def as_matrix(name: str, value: Any) -> Embeddings:
    """Return `value` as a C-contiguous matrix that the core reads, without a copy where it is one.

    Args:
        name: what the caller knows it by.
        value: (N, D) floats: an array, a memory map, a torch tensor, an Arrow array of fixed-size lists,
            nested lists, or anything with `__array__` or `__dlpack__`. float32, float16 and bfloat16 stay as
            they are, unaligned ones apart, which are copied; other floats become float32, where a value
            beyond its range becomes infinite.

    Returns:
        float32, float16, or the bits of bfloat16 as uint16: NumPy itself has no such type.

    Raises:
        TypeError: if it does not hold floats.
        ValueError: if it does not have two dimensions.
    """
    array, is_bfloat16 = _as_array(name, value), False
    if array.dtype.name == "bfloat16":
        array, is_bfloat16 = array.view(np.uint16), True
    elif _is_torch_bfloat16(value):
        is_bfloat16 = True
    elif array.dtype.kind != "f":
        hint = _OF_VECTORS if array.dtype.kind == "O" else ""
        raise TypeError(f"`{name}` must hold floats, got {array.dtype}{hint}")
    if array.ndim != 2:
        raise ValueError(f"`{name}` must have 2 dimensions, got {array.ndim}")
    if is_bfloat16 or array.dtype in (np.float16, np.float32):
        return _readable(array)  # type: ignore[no-any-return]
    with np.errstate(over="ignore"):  # the core names the row
        return _readable(array, np.float32)  # type: ignore[no-any-return]


def as_float32(name: str, value: Any) -> NDArray[np.float32]:
    """Return `value` as `as_matrix` does, always in float32: for arithmetic in NumPy."""
    return widened(as_matrix(name, value))


def widened(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows in float32; integers are the bits of bfloat16.

    Example:
        >>> widened(np.array([[0x3F80, 0xC000]], np.uint16))
        array([[ 1., -2.]], dtype=float32)
    """
    if rows.dtype == np.uint16:
        return (rows.astype(np.uint32) << 16).view(np.float32)
    return rows.astype(np.float32, copy=False)


def as_lists(
    name: str, value: Any, num_lists: int, bound: int, *, kind: str = "rows of the corpus"
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return ids as offsets and values: list i is `values[offsets[i]:offsets[i + 1]]`.

    Args:
        name: what the caller knows it by.
        value: (N,) integers, one id a list; (N, P) integers, each row padded with -1; N lists of integers; or
            offsets (N + 1,) and values, a tuple of two arrays. A tuple of two Python lists is that too; for
            two queries it is two lists of ids, and refused where it could be either.
        num_lists: N.
        bound: ids are below it.
        kind: what the ids are, for the message.

    Returns:
        Offsets (N + 1,) int64 and values uint32.

    Raises:
        TypeError: if it does not hold integers.
        ValueError: for another shape, a tuple that can be read in two ways, or an id that is out of range.
    """
    if isinstance(value, (str, bytes, Mapping, AbstractSet)):
        raise TypeError(f"`{name}` must hold integers, one or a list a query, got {type(value).__name__}")
    if _is_cut(name, value, num_lists):
        offsets, values = (_as_integers(name, part) for part in value)
    elif _is_ragged(value):
        _check_kinds(name, value)
        lists = [_as_list(name, row, at) for at, row in enumerate(value)]
        offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        values = np.concatenate([*lists, np.empty(0, np.int64)])
    else:
        table = _as_integers(name, value)
        if table.ndim not in (1, 2):
            raise ValueError(f"`{name}` must have 1 or 2 dimensions, got {table.ndim}")
        table = table.reshape(len(table), -1) if table.size else np.full((len(table), 1), -1)
        offsets = np.cumsum([0, *(table != -1).sum(axis=1)], dtype=np.int64)
        values = table[table != -1]
    if len(offsets) != num_lists + 1:
        raise ValueError(f"`{name}` must have one entry a query, {num_lists}, got {len(offsets) - 1}")
    _check_range(name, values, bound, kind)
    return _readable(offsets), _readable(values, np.uint32)


def lists_of_rows(
    lists: tuple[NDArray[np.int64], NDArray[np.uint32]], rows: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return the list of each of `rows`, as offsets and values.

    Example:
        >>> offsets, values = lists_of_rows((np.array([0, 1, 3]), np.array([7, 8, 9])), np.array([1, 0, 1]))
        >>> offsets.tolist(), values.tolist()
        ([0, 2, 3, 5], [8, 9, 7, 8, 9])
    """
    offsets, values = lists
    lengths = np.diff(offsets)[rows]
    ends = np.cumsum(lengths)
    places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(offsets[rows] - (ends - lengths), lengths)
    return np.concatenate([[0], ends]).astype(np.int64), values[places]


_OF_VECTORS = (
    "\nhint: `frame.to_numpy()` makes a matrix of a table of numbers, `numpy.stack(column)` of a column of "
    "vectors; `column.cast(pyarrow.list_(pyarrow.float32(), D))` fixes the size of an Arrow column's lists"
)


def _readable(array: NDArray[Any], dtype: Any = None) -> Any:
    """Return an array as the core reads it: C-contiguous and aligned, without a copy where it is."""
    return np.require(array, dtype, ["C", "A", "E"])


def _as_array(name: str, value: Any) -> NDArray[Any]:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if _is_torch_bfloat16(value):  # NumPy has none: its bits
            value = value.contiguous().view(sys.modules["torch"].int16)
            return np.asarray(value).view(np.uint16)
    elif hasattr(value, "__arrow_c_array__") or hasattr(value, "__arrow_c_stream__"):
        return _from_arrow(name, value)
    elif not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
        return np.from_dlpack(value)
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"`{name}` must be an array, got {type(value).__name__}\nhint: {error}") from None


def _is_torch_bfloat16(value: Any) -> bool:
    return hasattr(value, "detach") and str(value.dtype) == "torch.bfloat16"


def _from_arrow(name: str, value: Any) -> NDArray[Any]:
    """Return an Arrow column as an array; several chunks are copied into one."""
    import pyarrow as pa

    column: Any = pa.chunked_array(value) if hasattr(value, "__arrow_c_stream__") else pa.array(value)
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if not pa.types.is_fixed_size_list(column.type):
        return np.asarray(column)
    values = column.flatten()
    nulls = column.null_count or values.null_count
    if nulls:
        raise ValueError(f"`{name}` must have no nulls, got {nulls}")
    array: NDArray[Any] = values.to_numpy(zero_copy_only=True)
    return array.reshape(len(column), column.type.list_size)


def _as_integers(name: str, value: Any) -> NDArray[np.int64]:
    array = _as_array(name, value)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"`{name}` must hold integers, got {array.dtype}")
    return array.astype(np.int64, copy=False)


def _check_kinds(name: str, rows: Sequence[Any]) -> None:
    """Refuse what is neither an id nor a list, and both together."""
    are_ids = isinstance(rows[0], Integral)
    for place, row in enumerate(rows):
        is_neither = row is None or isinstance(row, (str, Mapping, AbstractSet))
        if is_neither or isinstance(row, Integral) != are_ids:
            got = f"{type(row).__name__} at {place}"
            raise TypeError(f"`{name}` must hold integers alone or lists alone, got {got}")


def _as_list(name: str, value: Any, place: int) -> NDArray[np.int64]:
    array = _as_integers(name, value)
    if array.ndim != 1:
        raise ValueError(f"`{name}` must hold lists of integers, got {array.ndim} dimensions at {place}")
    return array


def _is_ragged(value: Any) -> bool:
    return isinstance(value, Sequence) and not all(isinstance(item, Integral) for item in value)


def _is_cut(name: str, value: Any, num_lists: int) -> bool:
    """Return whether `value` is offsets and values, not two lists of ids."""
    if not isinstance(value, tuple) or len(value) != 2 or all(isinstance(part, Integral) for part in value):
        return False
    if num_lists != 2 or not any(isinstance(part, (list, tuple)) for part in value):
        return True
    offsets, values = value
    has_lengths = isinstance(offsets, Sized) and isinstance(values, Sized)
    if has_lengths and len(offsets) == 3 and offsets[0] == 0 and offsets[-1] == len(values):
        raise ValueError(
            f"`{name}` must be two lists of ids, or offsets and values, got a tuple that can be either\n"
            "hint: `[first, second]` is two lists of ids, a tuple of two arrays is offsets and values"
        )
    return False


def _check_range(name: str, values: NDArray[np.int64], bound: int, kind: str) -> None:
    outside = (values < 0) | (values >= bound)
    if outside.any():
        place = int(outside.argmax())
        raise ValueError(f"`{name}` must hold {kind}, below {bound}, got {values[place]}")
