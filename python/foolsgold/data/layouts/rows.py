"""What layouts share: how they are read, their columns by one name, and rows of them to write."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from foolsgold.data.layouts.collections import Collection
    from foolsgold.data.reshaping.scratch import Scratch
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read a layout.

    Attributes:
        corpus: the file of documents, where a layout has only their ids.
        queries: that of queries.
        splits: which judgments, where there are several: their names, or `all`; empty for what a layout reads
            by default.
        keeps_splits: whether the output keeps judgments of several splits apart.
        on_error: at a bad row.
        threads: that parse.
        progress: whether to show progress bars.
        scratch: where what may be larger than memory goes.
    """

    scratch: Scratch
    corpus: Path | None = None
    queries: Path | None = None
    splits: tuple[str, ...] = ()
    keeps_splits: bool = False
    on_error: Literal["raise", "skip"] = "raise"
    threads: int | None = None
    progress: bool = False

    @property
    def split(self) -> str | None:
        """The first split that is named, for a layout that reads one; None for none."""
        return next(iter(self.splits), None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Writing:
    """Rows to write, in columns of the names that all layouts share.

    Attributes:
        schema: Arrow schema.
        batches: gives them in pieces, as often as it is called.
        split: the name of the judgments; None where a column `split` has that of each row, or `train`.
        collections: texts by id that a folder has beside those of the rows: `queries` and `corpus`.
    """

    schema: Any
    batches: Callable[[], Iterator[Any]]
    split: str | None = None
    collections: Mapping[str, Collection] = field(default_factory=dict)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the rows one by one."""
        for batch in self.batches():
            yield from batch.to_pylist()

    def split_of(self, record: dict[str, Any]) -> str:
        """Return the split of a row.

        Raises:
            UnwritableError: if its name can be none of a file.
        """
        name = self.split or record.get("split", "train")
        if not isinstance(name, str) or not name.strip() or any(mark in name for mark in "/\\\0\n"):
            raise UnwritableError("split", "the name of a split", name)
        return name


class UnwritableError(ValueError):
    """A value that a layout cannot hold.

    Args:
        column: its column, by the name that layouts share.
        rule: what the layout wants it to be.
        value: as it is.
    """

    def __init__(self, column: str, rule: str, value: Any) -> None:
        self.column, self.value = column, value
        self.told = f"must be {rule}, got {value!r:.80}"
        super().__init__(f"column `{column}` {self.told}")


def renamed(source: Source, names: Mapping[str, str], shape: Shape) -> Source:
    """Return the rows with the columns of a layout under the names that all share.

    Args:
        source: the rows.
        names: ours by theirs.
        shape: of the rows.
    """
    ours = [names.get(name, name) for name in source.table.schema.names]
    return replace(source, table=source.table.rename_columns(ours), shape=shape)


def check_lists(source: Source, columns: Mapping[str, bool]) -> None:
    """Refuse a text, or anything else, where a list belongs: its letters would become documents.

    Args:
        source: the rows.
        columns: names, and whether each must be there.

    Raises:
        ValueError: naming file, row and column.
    """
    for name, is_needed in columns.items():
        if name not in source.table.schema.names:
            if is_needed:
                got = ", ".join(source.table.schema.names)
                raise ValueError(f"{source.place(0)}: must have a column `{name}`, got {got}")
            continue
        kind = source.table.schema.field(name).type
        if "list" not in str(kind) and str(kind) != "null":
            row = max(0, source.table.column(name).is_valid().index(True).as_py())
            cell = source.table.column(name)[row].as_py()
            raise ValueError(f"{source.place(row)}, column `{name}`: must be a list, got {cell!r:.80}")


def cut_like(column: Any, flat: Any) -> Any:
    """Return other values as an Arrow array of lists as long as those of a column; a null is an empty one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
    offsets: Any = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    flat = flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat
    return pa.LargeListArray.from_arrays(offsets, flat)


def listed(value: Any) -> list[Any]:
    """Return a list as it is, nothing as an empty one, and all else as a list of it."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that hold something."""
    return {name: value for name, value in record.items() if value is not None}
