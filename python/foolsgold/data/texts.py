"""Text ids: every distinct text of a data set as one number, so that equality is a comparison of integers."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.stored_column import as_stored, intern_columns
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_MAX_SMALL_BYTES = 2**31 - 1  # what the 32-bit offsets of an Arrow string column can address


class Texts:
    """The distinct texts of some columns; a text's id is its place in order of first appearance.

    Attributes:
        fingerprint: 64 bits of the columns' content; equal content gives equal bits on every machine.
        offsets: for each list column where its lists begin in the ids, and at last their number.

    Example:
        >>> texts, ids = Texts.intern({"query": ["a", "b"], "answer": ["c", "a"]})
        >>> ids["answer"].tolist(), texts[2], len(texts)
        ([2, 0], 'c', 3)
    """

    def __init__(self, core: _core.Texts | _core.StoredTexts, offsets: dict[str, NDArray[np.int64]]) -> None:
        self._core = core
        self.offsets = offsets
        self.fingerprint = core.fingerprint

    @staticmethod
    def intern(
        data: Any, *, threads: int | None = None, progress: bool = False
    ) -> tuple[Texts, dict[str, NDArray[np.uint32]]]:
        """Give equal texts of all columns the same id.

        Texts in Arrow memory are read where they are, and those of a text store not at all. Equality is
        exact: case, white space and Unicode form count.

        Args:
            data: a `datasets.Dataset`, an Arrow table, or a mapping from names to columns (Arrow arrays,
                lists of str); see `columns_of` for all kinds.
            threads: by default a fair share of the cores; the ids do not depend on it.
            progress: show a progress bar.

        Returns:
            The texts, and one array of ids (number of rows,) by column; for a list column the ids of its
            lists one after the other, cut at `texts.offsets[name]`.

        Raises:
            ValueError: at a null, naming column and row.
            TypeError: where a column holds no texts.
        """
        columns = columns_of(data)
        with progress_bar("Intern texts", enabled=progress) as show:
            core, found = intern_columns([*columns.items()], threads=resolve(threads), progress=show)
        ids = {name: column for name, (column, _) in zip(columns, found, strict=True)}
        offsets = {name: cuts for name, (_, cuts) in zip(columns, found, strict=True) if cuts is not None}
        return Texts(core, offsets), ids

    def __len__(self) -> int:
        return len(self._core)

    def __getitem__(self, id: int) -> str:
        try:
            return self._core[id]
        except OverflowError:
            raise IndexError(f"`id` must be at least 0 and below {len(self)}, got {id}") from None

    def take(self, ids: NDArray[np.uint32]) -> list[str]:
        """Return the texts of `ids`, a uint32 array of any length."""
        return self._core.take(ids)

    def distinct(self) -> Any:
        """Return all distinct texts in the order of their ids, as an Arrow array that shares their memory."""
        return self._core.distinct()

    def store_ids(self) -> NDArray[np.uint32] | None:
        """Return the id that each text has in its store; None without a store, or where ids are the same."""
        return None if isinstance(self._core, _core.Texts) else self._core.store_ids()

    def twins(self, *, threads: int | None = None, progress: bool = False) -> NDArray[np.uint32]:
        """Return for each id its class of texts that differ in case, white space and Unicode form at most."""
        with progress_bar("Normalise texts", enabled=progress) as show:
            return self._core.twins(threads=resolve(threads), progress=show)


def columns_of(data: Any, argument: str = "dataset") -> dict[str, Any]:
    """Return the columns of a data set by name, as Arrow arrays where it has them, without a copy.

    Args:
        data: one of

            - a `datasets.Dataset`; selected or shuffled rows are followed, a transform set on it is applied,
            - an Arrow table, or any other object with `__arrow_c_stream__` (needs pyarrow),
            - a mapping from names to columns,
            - an object with `column_names` that gives a column for a name, such as `StoredRows`,
            - a sequence of rows: mappings, all with the names of the first, or tuples, whose columns are
              named by their numbers.
        argument: what the caller knows it by, for messages.

    Raises:
        TypeError: for anything else, and a column without a value for each row.
    """
    datasets = sys.modules.get("datasets")
    if datasets is not None and isinstance(data, (datasets.DatasetDict, datasets.IterableDatasetDict)):
        raise TypeError(
            f"`{argument}` must be one data set, got the splits {list(data)}\nhint: name one of them"
        )
    if isinstance(data, Mapping):
        _check_columns(data)
        return {name: _resolved(column) for name, column in data.items()}
    if datasets is not None and isinstance(data, datasets.Dataset):
        return _columns_of_dataset(data)
    if hasattr(data, "__arrow_c_stream__"):
        import pyarrow

        table = pyarrow.table(data)
        twice = [name for name in table.column_names if table.column_names.count(name) > 1]
        if twice:
            raise ValueError(f"`{argument}` must name each column once, got `{twice[0]}` twice")
        return dict(zip(table.column_names, table.columns, strict=True))
    if hasattr(data, "column_names"):
        return {name: _resolved(data[name]) for name in data.column_names}
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, str):
        return _columns_of_rows((data[row] for row in range(len(data))), argument)
    raise TypeError(f"`{argument}` must be a Dataset, table, mapping or sequence, got {type(data).__name__}")


def num_rows_of(data: Any) -> int:
    """Return the number of rows of a data set: the length of a mapping's columns, of all else its own.

    Raises:
        ValueError: for a mapping with columns of several lengths.

    Example:
        >>> num_rows_of({"query": ["a", "b", "c"]}), num_rows_of(range(2))
        (3, 2)
    """
    if not isinstance(data, Mapping):
        return len(data)
    lengths = {name: len(column) for name, column in data.items()}
    if len({*lengths.values()}) > 1:
        raise ValueError(f"`dataset` must have columns of one length, got {lengths}")
    return next(iter(lengths.values()), 0)


def _check_columns(data: Mapping[Any, Any]) -> None:
    """Refuse what is no column: one value, a text or bytes, and what has no order."""
    for name, column in data.items():
        no_rows = isinstance(column, (str, bytes, set, frozenset, Mapping))
        if no_rows or not (hasattr(column, "__iter__") or hasattr(column, "__getitem__")):
            raise TypeError(f"column `{name}` must have a value for each row, got a {type(column).__name__}")


def _resolved(column: Any) -> Any:
    """Return a lazy column of a `datasets.Dataset` in Arrow form, an array as a list, all else as it is."""
    column = as_stored(column)
    source, name = getattr(column, "source", None), getattr(column, "column_name", None)
    datasets = sys.modules.get("datasets")
    if datasets is not None and isinstance(source, datasets.Dataset) and isinstance(name, str):
        return _columns_of_dataset(source.select_columns([name]))[name]
    if hasattr(column, "__arrow_c_stream__") or hasattr(column, "__arrow_c_array__"):
        return column
    if isinstance(column, np.ndarray):
        return column.tolist()
    return column if isinstance(column, (list, tuple)) else list(column)


def _columns_of_dataset(dataset: Any) -> dict[str, Any]:
    layout = dataset.format
    if layout["type"] == "custom":
        return {name: _resolved(column) for name, column in dataset[:].items()}
    names = dataset.column_names if layout["output_all_columns"] else layout["columns"]
    indices = dataset._indices
    columns = {name: dataset.data.column(name) for name in names}
    if indices is None:
        return columns
    return {name: _taken(column, indices.column(0)) for name, column in columns.items()}


def _taken(column: Any, indices: Any) -> Any:
    if str(column.type) == "string" and column.nbytes > _MAX_SMALL_BYTES:
        column = column.cast("large_string")
    return column.take(indices)


def _columns_of_rows(rows: Iterable[Any], argument: str) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {}
    for number, row in enumerate(rows):
        if isinstance(row, Mapping):
            cells = row
        elif isinstance(row, Sequence) and not isinstance(row, str):
            cells = {str(at): cell for at, cell in enumerate(row)}
        else:
            raise TypeError(
                f"`{argument}` must hold mappings or tuples, got {type(row).__name__} at row {number}"
            )
        if number == 0:
            columns = {name: [] for name in cells}
        if cells.keys() != columns.keys():
            wanted = f"`{argument}` must have the columns {list(columns)} in every row"
            raise ValueError(f"{wanted}, got {list(cells)} at row {number}")
        for name, cell in cells.items():
            columns[name].append(cell)
    return columns
