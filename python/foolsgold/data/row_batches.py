"""The rows of any data set or stream as Arrow batches of bounded size, of kinds settled by the first."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from foolsgold.data.files import names_of
from foolsgold.data.texts import columns_of, num_rows_of
from foolsgold.data.unicode import surrogates_told

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

_ROWS = 1 << 16  # of a batch at most


@dataclass(frozen=True)
class ColumnKind:
    """What a column holds.

    Attributes:
        dtype: of its numbers; None for texts.
        is_list: whether a row has a list of them.
    """

    dtype: str | None
    is_list: bool

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return self.dtype is None

    def __str__(self) -> str:
        inner = "text" if self.dtype is None else self.dtype
        return f"list of {inner}" if self.is_list else inner


@dataclass(frozen=True)
class Batch:
    """Some rows.

    Attributes:
        columns: Arrow arrays by name, of texts and lists of texts without dictionaries.
        num_rows: of each.
        first: the row number of the first one.
        total: rows of all batches, where it is known.
    """

    columns: dict[str, Any]
    num_rows: int
    first: int
    total: int | None


class RowBatches:
    """Batches of rows, read once; the first batch is read at once, for the kinds of the columns.

    Args:
        data: files as of `foolsgold.data.read`, what `columns_of` takes, or an iterable of Arrow batches or
            of rows.
        columns: those to keep, in this order; by default all, in the order of the data.

    Attributes:
        kinds: of each column.
        total: the number of rows, where it is known.

    Raises:
        TypeError: for data of another kind, and a column of neither texts nor numbers, or lists of them.
        ValueError: for a column that is missing, data without rows, and a text with a lone surrogate.
    """

    def __init__(self, data: Any, columns: Sequence[str] | None = None) -> None:
        import pyarrow as pa

        found, self.total = _batches(data)
        found = (part for batch in found for part in _parts(batch) if part.num_rows)
        first = next(found, None)
        if first is None:
            raise ValueError("`data` must have rows, got none")
        wanted = names_of("columns", columns)
        names = first.schema.names if wanted is None else wanted
        if missing := [name for name in names if name not in first.schema.names]:
            raise ValueError(f"`columns` must be among {first.schema.names}, got {missing}")
        if len(set(names)) < len(names):
            raise ValueError(f"`columns` must have names of their own, got {names}")
        self.kinds = {name: _kind(name, first.schema.field(name).type, pa) for name in names}
        self._batches = chain([first], found)

    def __iter__(self) -> Iterator[Batch]:
        row = 0
        for batch in self._batches:
            columns = {}
            for name in self.kinds:
                if name not in batch.schema.names:
                    raise ValueError(
                        f"`data` must have the columns {list(self.kinds)} in every batch, "
                        f"got {batch.schema.names} from row {row} on"
                    )
                column = batch.column(name)
                columns[name] = column.dictionary_decode() if hasattr(column, "dictionary") else column
            yield Batch(columns, batch.num_rows, row, self.total)
            row += batch.num_rows


def _batches(data: Any) -> tuple[Iterator[Any], int | None]:
    """Return Arrow batches or tables, and the number of rows where it is known."""
    import pyarrow as pa

    datasets = sys.modules.get("datasets")
    if _are_paths(data):
        return _of_files(data), None
    if datasets is not None and isinstance(data, datasets.Dataset) and data.format["type"] != "custom":
        names = data.column_names if data.format["output_all_columns"] else data.format["columns"]
        return data.with_format("arrow", columns=names).iter(_ROWS), len(data)
    if hasattr(data, "__arrow_c_stream__"):
        total = len(data) if hasattr(data, "__len__") else None
        return iter(pa.RecordBatchReader.from_stream(data)), total
    if isinstance(data, Mapping) or (hasattr(data, "column_names") and hasattr(data, "__len__")):
        return iter([_table(columns_of(data, "data"))]), num_rows_of(data)
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
        return _of_items(data), len(data) if isinstance(data, Sequence) else None
    raise TypeError(f"`data` must be a data set, files or an iterable of batches, got {type(data).__name__}")


def _table(columns: Mapping[str, Any], first_row: int = 0) -> Any:
    import pyarrow as pa

    with surrogates_told(columns, first_row=first_row):
        return pa.table({name: pa.chunked_array(_chunks(name, column)) for name, column in columns.items()})


def _chunks(name: str, column: Any) -> list[Any]:
    import pyarrow as pa

    try:
        found = column if isinstance(column, (pa.Array, pa.ChunkedArray)) else pa.array(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise ValueError(f"`{name}` must hold values of one kind, got a column of which {error}") from None
    return found.chunks if isinstance(found, pa.ChunkedArray) else [found]


def _are_paths(data: Any) -> bool:
    several = data if isinstance(data, (list, tuple)) and data else [data]
    return all(isinstance(path, (str, os.PathLike)) for path in several)


def _of_files(paths: Any) -> Iterator[Any]:
    """Yield the batches of files of one schema, whatever their size."""
    import pyarrow as pa

    from foolsgold.data.streaming import stream

    rows = stream(paths)
    for name, reason in rows.unreadable:
        logger.warning("column `%s` is left out: %s", name, reason)
    yield from pa.RecordBatchReader.from_stream(rows)


def _of_items(items: Iterable[Any]) -> Iterator[Any]:
    """Yield batches as they come, and rows gathered into batches."""
    import pyarrow as pa

    rest, num_rows = iter(items), 0
    for first in rest:
        if hasattr(first, "__arrow_c_array__"):
            yield pa.record_batch(first)
        elif hasattr(first, "__arrow_c_stream__"):
            yield pa.table(first)
        else:
            rows = [first, *islice(rest, _ROWS - 1)]
            yield _table(columns_of(rows, "data"), num_rows)
            num_rows += len(rows)


def _parts(batch: Any) -> Iterator[Any]:
    """Yield record batches of bounded size."""
    import pyarrow as pa

    whole = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
    yield from whole.to_batches(max_chunksize=_ROWS)


def _kind(name: str, kind: Any, pa: Any) -> ColumnKind:
    types = pa.types
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    inner = kind.value_type if is_list or types.is_dictionary(kind) else kind
    if types.is_string(inner) or types.is_large_string(inner) or types.is_string_view(inner):
        return ColumnKind(None, is_list)
    if types.is_null(kind):
        raise ValueError(f"`{name}` must not be null, got None at row 0")
    if types.is_null(inner):  # empty lists are lists of texts, as they are in memory
        return ColumnKind(None, is_list)
    if types.is_boolean(inner):
        return ColumnKind("bool", is_list)
    if types.is_integer(inner):
        return ColumnKind("int64", is_list)
    if types.is_floating(inner):
        return ColumnKind("float64", is_list)
    hint = "hint: name the others in `columns`"
    raise TypeError(f"`{name}` must hold texts, numbers, or lists of one of them, got {kind}\n{hint}")
