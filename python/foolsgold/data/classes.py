"""The classes of a column of labels, numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.unicode import surrogates_told

if TYPE_CHECKING:
    from numpy.typing import NDArray


def classes_of(name: str, column: Any) -> tuple[NDArray[np.uint32], list[Any]]:
    """Number the distinct values of a label column in order of first appearance.

    Args:
        name: of the column, for messages.
        column: integers, bools, texts, or floats that are whole numbers, as an Arrow or NumPy array or a
            list.

    Returns:
        The number of each row's value, (number of rows,) uint32, and the values.

    Raises:
        ValueError: for a null, NaN, broken number or lone surrogate, naming the row, and a column of lists.
        TypeError: for values of other kinds.

    Example:
        >>> numbers, values = classes_of("label", ["b", "a", "b"])
        >>> numbers.tolist(), values
        ([0, 1, 0], ['b', 'a'])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    values = _arrow(name, column)
    if values.null_count:
        row = pc.index(values.is_null(), True).as_py()
        raise ValueError(f"`{name}` must have a label in every row, got null at row {row}")
    kind = values.type
    if pa.types.is_float16(kind):
        kind, values = pa.float32(), values.cast(pa.float32())
    if pa.types.is_floating(kind):
        _check_whole(name, np.asarray(values))
        values = pc.add(values, pa.scalar(0.0, kind))  # -0.0 is 0.0
    elif pa.types.is_nested(kind):
        raise ValueError(
            f"`{name}` must hold one label a row, got {kind}: a ragged column where a flat one is needed"
        )
    elif not (
        pa.types.is_integer(kind) or pa.types.is_boolean(kind) or _is_text(kind) or pa.types.is_null(kind)
    ):
        raise TypeError(f"`{name}` must hold integers, texts, bools or whole numbers, got {kind}")
    if len(values) == 0:
        return np.empty(0, np.uint32), []
    encoded = values.dictionary_encode().combine_chunks()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.uint32), encoded.dictionary.to_pylist()


def _arrow(name: str, column: Any) -> Any:
    """Return a column as a chunked Arrow array without dictionary."""
    import pyarrow as pa

    if isinstance(column, list) and column and getattr(column[0], "shape", None) == ():
        column = [value.item() for value in column]  # tensors without dimensions, as data sets give rows
    if isinstance(column, np.ndarray) and column.ndim > 1:
        raise ValueError(f"`{name}` must hold one label a row, got an array of shape {column.shape}")
    if isinstance(column, np.ndarray) and column.dtype.kind == "U":
        column = column.tolist()  # Arrow would end a text at a NUL
    if isinstance(column, list) and {int, float} <= {*map(type, column)} and _has_long(column):
        raise TypeError(f"`{name}` must hold labels of one kind, got floats and integers beyond 2^53")
    try:
        with surrogates_told({name: column}):
            values = column if hasattr(column, "to_pylist") else pa.array(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise TypeError(f"`{name}` must hold labels of one kind, got a column of which {error}") from None
    values = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    is_view = str(values.type) == "string_view"
    return values.cast("large_string") if is_view else values


def _has_long(values: list[Any]) -> bool:
    """Say whether there are numbers that float64 does not tell from their neighbours."""
    return any(isinstance(value, (int, float)) and abs(value) > 2**53 for value in values)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _check_whole(name: str, values: NDArray[np.floating[Any]]) -> None:
    is_broken = ~np.isfinite(values) | (np.floor(values) != values)
    if is_broken.any():
        row = int(is_broken.argmax())
        raise ValueError(
            f"`{name}` must hold whole numbers where it is a label, got {values[row]} at row {row}\n"
            "hint: name the column of classes in `valid_label_columns`"
        )
