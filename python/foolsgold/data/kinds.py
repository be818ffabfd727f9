"""What a column holds: texts, lists of texts or other values, of one kind in all rows."""

from __future__ import annotations

import re
from numbers import Number
from typing import Any

from foolsgold.data.unicode import surrogates_told

_TEXT_TYPE = re.compile(
    r"(?:(?:large_|fixed_size_)?list<\w+: )?(?:string|large_string|string_view)"
    r"(?: not null)?(?:>(?:\[\d+\])?)?"
)
_TEXTS, _LISTS_OF_TEXTS, _EMPTY_LISTS = "a text", "a list of texts", "an empty list"


class Kind:
    """The kind of a column, which its first cell decides and all others have.

    Kinds are texts, lists of texts, lists of other values, numbers, and every other type by itself; an empty
    list is of either kind of lists. Lists, tuples, arrays and Arrow values that hold the same are alike.

    Args:
        name: of the column, for messages.

    Example:
        >>> kind = Kind("negatives")
        >>> [kind.read(cell, row) for row, cell in enumerate([[], ("a", "b"), ["c"]])], kind.is_texts
        ([[], ['a', 'b'], ['c']], False)
        >>> kind.is_lists_of_texts
        True
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._found = _EMPTY_LISTS
        self._row: int | None = None

    @property
    def is_texts(self) -> bool:
        """Whether every cell that was read is a text."""
        return self._found == _TEXTS

    @property
    def is_lists_of_texts(self) -> bool:
        """Whether every cell that was read is a list without anything but texts."""
        return self._found in (_LISTS_OF_TEXTS, _EMPTY_LISTS)

    def read(self, cell: Any, row: int) -> Any:
        """Return a cell as a str, a list or whatever else it is.

        Raises:
            ValueError: for a null, and a list with one.
            TypeError: for a cell of another kind than those before.
        """
        if type(cell) is not str:
            cell = _plain(cell)
        found = self._kind_of(cell, row)
        if self._row is None:
            self._found, self._row = found, row
        elif found != self._found:
            self._join(found, row)
        return cell

    def _join(self, found: str, row: int) -> None:
        """Take the kind of a row for the column's, unless they differ."""
        are_lists = "list" in found and "list" in self._found
        if not (are_lists and _EMPTY_LISTS in (found, self._found)):
            raise TypeError(
                f"`{self.name}` must hold values of one kind, got {self._found} at row {self._row} "
                f"and {found} at row {row}"
            )
        if found != _EMPTY_LISTS:
            self._found, self._row = found, row

    def _kind_of(self, cell: Any, row: int) -> str:
        if isinstance(cell, str):
            return _TEXTS
        if cell is None:
            raise ValueError(f"`{self.name}` must not be null, got None at row {row}")
        if not isinstance(cell, list):
            return "a number" if isinstance(cell, Number) else f"a {type(cell).__name__}"
        if not cell:
            return _EMPTY_LISTS
        if any(item is None for item in cell):
            raise ValueError(f"`{self.name}` must not be null, got None in the list at row {row}")
        num_texts = sum(isinstance(item, str) for item in cell)
        if 0 < num_texts < len(cell):
            raise TypeError(
                f"`{self.name}` must hold lists of values of one kind, got {cell!r:.80} at row {row}"
            )
        return _LISTS_OF_TEXTS if num_texts else "a list of other values"


def values_of(name: str, column: Any) -> Any:
    """Return `column` itself where it holds texts or lists of texts, else the `str` of each value.

    Args:
        name: of the column, for messages.
        column: an Arrow array, or any iterable of cells.

    Raises:
        ValueError: at a null, a list with one, or a lone surrogate in a list; column and row are named.
        TypeError: where cells are of several kinds.
    """
    kind = getattr(column, "type", None)
    if kind is not None and hasattr(column, "to_pylist"):
        if str(kind).startswith("dictionary"):
            column, kind = column.cast(kind.value_type), kind.value_type
        if _TEXT_TYPE.fullmatch(str(kind)):
            return column  # the core looks for nulls
        column = column.to_pylist()
    elif hasattr(column, "__arrow_c_stream__") or hasattr(column, "__arrow_c_array__"):
        return column
    column = column if isinstance(column, (list, tuple)) else list(column)
    if {*map(type, column)} <= {str}:
        return column
    found = Kind(name)
    cells = [found.read(cell, row) for row, cell in enumerate(column)]
    if found.is_texts:
        return cells
    if found.is_lists_of_texts:
        import pyarrow

        with surrogates_told({name: cells}):
            return pyarrow.array(cells, pyarrow.large_list(pyarrow.large_string()))
    return [str(cell) for cell in cells]


def _plain(cell: Any) -> Any:
    """Return a value of NumPy, torch, pandas or Arrow as Python has it, a tuple as a list."""
    for method in ("as_py", "to_pylist", "tolist"):
        if hasattr(cell, method):
            cell = getattr(cell, method)()
            break
    return [*cell] if isinstance(cell, tuple) else cell
