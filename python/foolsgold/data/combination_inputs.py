"""What combinations are made from, read and checked: labels, ids, scores, embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from foolsgold.data.classes import classes_of
from foolsgold.data.texts import Texts, columns_of
from foolsgold.integers import MAX_ROWS, MAX_UINT64, integer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.combinations import Combinations

T = TypeVar("T", bound="Combinations")


@dataclass(frozen=True)
class Classes:
    """The class of each row.

    Attributes:
        labels: (rows,) uint32.
        num_classes: every label is below it.
        noise: the number of the label of rows of no class; None where there is none.
    """

    labels: NDArray[np.uint32]
    num_classes: int
    noise: int | None

    def ids(self, ids: Any) -> NDArray[np.uint32] | None:
        """Return what stands for the rows, checked."""
        if ids is None:
            return None
        found = _as_ids("ids", _array(ids))
        if len(found) != len(self.labels):
            raise ValueError(f"`ids` must have one id for each of {len(self.labels)} rows, got {len(found)}")
        return found


def classes_by_row(labels: Any, noise: Any) -> Classes:
    """Number the labels of rows, in order of first appearance.

    Raises:
        ValueError: for a null or broken label.
        TypeError: for labels of other kinds, and noise that no label of their kind can equal.
    """
    is_one_column = hasattr(labels, "__len__") and not isinstance(labels, (str, Mapping, Set))
    if not is_one_column or hasattr(labels, "column_names") or hasattr(labels, "columns"):
        raise TypeError(f"`labels` must have a label for each row, got {type(labels).__name__}")
    array = _array(labels)
    column = array if array is not None else columns_of({"labels": labels})["labels"]
    try:
        numbers, values = classes_of("labels", column)
    except ValueError as error:
        # A hint of this reader's is for samplers, which find the column by name.
        raise ValueError(str(error).split("\nhint:")[0]) from None
    known = values.index(noise) if noise is not None and noise in values else None
    if noise is not None and values:
        _check_noise(noise, values[0])
    return Classes(numbers, len(values), known)


def _check_noise(noise: Any, label: Any) -> None:
    """Refuse what no label of that kind can equal."""
    if isinstance(label, str):
        kind, is_of_it = "a text", isinstance(noise, str)
    else:
        is_number = isinstance(noise, (Real, np.bool_))
        kind = "True or False" if isinstance(label, bool) else "a whole number"
        is_of_it = is_number and (noise in (0, 1) if isinstance(label, bool) else float(noise).is_integer())
    if not is_of_it:
        raise TypeError(f"`noise` must be {kind}, as the labels are, got {noise!r}")


def share_of(max_per_anchor: Any, per_class: Any, name: str = "per_class") -> tuple[str, int]:
    """Return how much anchors and classes give, as the core has it.

    Raises:
        ValueError: for numbers below 1, other words, and both at once.
    """
    if max_per_anchor is not None and per_class is not None:
        raise ValueError(
            f"`{name}` must be None where `max_per_anchor` is given, got {per_class!r}\n"
            "hint: a class with few triplets repeats some, which a cap forbids"
        )
    if max_per_anchor is not None:
        return "per_anchor", integer("max_per_anchor", max_per_anchor, 1, MAX_UINT64)
    if per_class is None:
        return "all", 0
    if isinstance(per_class, str):
        if per_class not in ("smallest", "largest"):
            raise ValueError(f"`{name}` must be an integer, smallest or largest, got {per_class!r}")
        return per_class, 0
    return "per_class", integer(name, per_class, 1, MAX_UINT64)


def id_columns(columns: dict[str, Any]) -> tuple[dict[str, NDArray[np.uint32]], Texts | None]:
    """Return columns of ids as they are, and columns of texts as ids of one numbering.

    Raises:
        ValueError: for ids out of range, and columns of several lengths.
        TypeError: for columns that are neither all integers nor all texts.
    """
    for name, column in columns.items():
        if isinstance(column, (str, bytes, Mapping, Set)) or not hasattr(column, "__len__"):
            raise TypeError(f"`{name}` must have a value for each pair, got a {type(column).__name__}")
    arrays = {name: _array(column) for name, column in columns.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if len({*lengths.values()}) > 1:
        name = list(lengths)[-1]
        raise ValueError(f"`{name}` must be as many as the others, got {lengths}")
    if all(array is not None and (array.dtype.kind in "iu" or not len(array)) for array in arrays.values()):
        return {name: _as_ids(name, array) for name, array in arrays.items()}, None
    read = {
        name: column.tolist() if isinstance(column, np.ndarray) else column
        for name, column in columns.items()
    }
    for name, array in arrays.items():
        if array is not None and array.dtype.kind not in "UTO":
            raise TypeError(f"`{name}` must hold integers or texts, as the others do, got {array.dtype}")
    texts, ids = Texts.intern(read)
    return ids, texts


def float_column(name: str, column: Any) -> NDArray[np.float64]:
    """Return a column of numbers in float64; the core says which one is not finite.

    Raises:
        ValueError: for a null, and more than one dimension.
        TypeError: for what are no numbers.
    """
    array = _array(column)
    if array is None:
        array = np.asarray(columns_of({name: column})[name])
    if array.ndim != 1:
        raise ValueError(f"`{name}` must hold one number a row, got an array of shape {array.shape}")
    if array.dtype.kind == "O" and any(value is None for value in array):
        row = [value is None for value in array].index(True)
        raise ValueError(f"`{name}` must not be null, got None at row {row}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"`{name}` must hold numbers, got {array.dtype}")
    return np.ascontiguousarray(array, np.float64)


def square_or_embeddings(name: str, values: Any) -> NDArray[Any]:
    """Return a matrix as the core reads it: embeddings in float32, distances in float64 if they need it.

    Raises:
        ValueError: for rows of several lengths, another number of dimensions, and a table of distances that
            is not square.
        TypeError: for what are no numbers.
    """
    array = _array(values)
    if array is None:
        try:
            array = np.asarray(values)
        except ValueError:
            raise ValueError(f"`{name}` must have rows of one length, got several") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"`{name}` must hold numbers, got {array.dtype}")
    is_table = name == "distances"
    if array.ndim != 2 or (is_table and array.shape[0] != array.shape[1]):
        wanted = "(rows, rows)" if is_table else "(rows, dim)"
        raise ValueError(f"`{name}` must have the shape {wanted}, got {array.shape}")
    is_short = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    dtype = np.float64 if is_table and not is_short else np.float32
    with np.errstate(over="ignore"):  # what becomes infinite is refused as such
        return np.ascontiguousarray(array, dtype)


def check_count(combinations: T, name: str, what: str, hint: str) -> T:
    """Return combinations of which there is at least one.

    Raises:
        ValueError: where there is none.
    """
    if combinations.count == 0:
        report = {key: count for key, count in combinations.report.items() if count}
        raise ValueError(f"`{name}` must make at least one {what}, got none of {report}\nhint: {hint}")
    return combinations


def _array(column: Any) -> NDArray[Any] | None:
    """Return a NumPy or torch array, or a list of integers, as NumPy has it; None for all else."""
    if isinstance(column, np.ndarray):
        return column
    if hasattr(column, "detach") and hasattr(column, "numpy"):
        is_half = str(column.dtype) == "torch.bfloat16"  # NumPy has no such numbers
        found: NDArray[Any] = (column.float() if is_half else column).detach().cpu().numpy()
        return found
    if isinstance(column, (list, tuple, range)) and {*map(type, column)} <= {int, float}:
        try:
            found = np.array(column)
        except OverflowError:
            return None
        is_exact = found.dtype.kind != "f" or int not in {*map(type, column)} or not _is_wide(found)
        return found if is_exact else None
    return _whole_numbers(column)


def _is_wide(values: NDArray[Any]) -> bool:
    """Whether there are numbers that float64 does not tell from their neighbours."""
    return bool((np.abs(values) >= 2**53).any())


def _whole_numbers(column: Any) -> NDArray[Any] | None:
    """Return a column of integers without nulls, of Arrow, a frame or a data set, as NumPy has it."""
    is_dataset = hasattr(column, "source") and hasattr(column, "column_name")
    if is_dataset or hasattr(column, "__arrow_c_array__") or hasattr(column, "__arrow_c_stream__"):
        import pyarrow as pa

        resolved = columns_of({"column": column})["column"]
        if hasattr(resolved, "num_chunks") or hasattr(resolved, "__arrow_c_array__"):
            values = resolved if hasattr(resolved, "type") else pa.array(resolved)
        else:
            values = pa.chunked_array(resolved)
        if pa.types.is_integer(values.type) and values.null_count == 0:
            found: NDArray[Any] = values.to_numpy()
            return found
    return None


def _as_ids(name: str, array: NDArray[Any] | None) -> NDArray[np.uint32]:
    """Return ids as uint32.

    Raises:
        TypeError: for what are no integers.
        ValueError: for ids out of range.
    """
    if array is None or array.ndim != 1 or (array.dtype.kind not in "iu" and len(array)):
        got = "other values" if array is None else f"{array.dtype} of shape {array.shape}"
        raise TypeError(f"`{name}` must be one row of integers, got {got}")
    if len(array) and (array.min() < 0 or array.max() > MAX_ROWS):
        is_out = (array < 0) | (array > MAX_ROWS)
        row = int(is_out.argmax())
        raise ValueError(f"`{name}` must be from 0 to 2^32 - 1, got {array[row]} at row {row}")
    return np.ascontiguousarray(array, np.uint32)
