"""Rows to convert: an Arrow table, where each row stands, and which of them are sound."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold.data.files import read
from foolsgold.data.texts import columns_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from foolsgold.data.reshaping.shapes import Roles, Shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """Rows as they are read.

    Attributes:
        table: Arrow table of all columns.
        place: tells of a row where it stands, as messages have it.
        shape: of the rows, where the layout says it.
        unreadable: columns that could not be read, and why.
        corpus: Arrow array of further documents, in no row; None without.
        left_out: by reason what of the files is in no row.
        num_skipped: rows of the files that were skipped.
    """

    table: Any
    place: Callable[[int], str]
    shape: Shape | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    corpus: Any = None
    left_out: dict[str, int] = field(default_factory=dict)
    num_skipped: int = 0


def source_of_files(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    threads: int | None = None,
    progress: bool = False,
) -> Source:
    """Read files of one schema, as `read` does.

    Raises:
        ValueError: as `read`.
        OSError: if a file cannot be opened.
    """
    import pyarrow as pa

    found = read(paths, threads=threads, progress=progress)

    def place(row: int) -> str:
        file, line = found.source(row)
        return f"{file}: row {line}"

    return Source(table=pa.table(found), place=place, unreadable=tuple(found.unreadable))


def source_of_data(data: Any) -> Source:
    """Take a data set in memory: a `datasets.Dataset`, a mapping of columns, rows; see `columns_of`.

    Raises:
        TypeError: if it is none, or a column holds values of several types.
    """
    import pyarrow as pa

    columns = columns_of(data)
    try:
        table = pa.table(columns)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TypeError(f"`data` must have columns of one type each\nhint: {error}") from None
    return Source(table=table, place=lambda row: f"row {row}")


def sound_rows(source: Source, roles: Roles, on_error: Literal["raise", "skip"]) -> tuple[Source, int]:
    """Return the rows whose texts are there and not blank, and how many are left out.

    Raises:
        ValueError: at the first that is not, naming file, row and column, where `on_error` is `raise`.
    """
    bad = np.zeros(source.table.num_rows, bool)
    for name in roles.columns:
        found = _faults(source.table.column(name), name, roles)
        if found.any() and on_error == "raise":
            row = int(found.argmax())
            cell = source.table.column(name)[row].as_py()
            raise ValueError(
                f"{source.place(row)}, column `{name}`: must {_rule(name, roles)}, got {cell!r:.80}"
            )
        bad |= found
    if not bad.any():
        return source, 0
    rows = np.flatnonzero(~bad)
    place = source.place
    kept = replace(source, table=source.table.take(rows), place=lambda row: place(int(rows[row])))
    return kept, int(bad.sum())


def _rule(name: str, roles: Roles) -> str:
    if name == roles.label:
        return "be there"
    return "be a text that is not blank"


def _faults(column: Any, name: str, roles: Roles) -> NDArray[np.bool_]:
    """Mark the rows where a column breaks its rule."""
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = np.asarray(pc.is_null(column, nan_is_null=True))
    if pa.types.is_null(column.type):
        return np.zeros(len(column), bool) if name in roles.negatives else missing
    if name == roles.label:
        return missing
    if not _is_list(column.type):
        blank = np.asarray(pc.fill_null(_blank(column), False))
        # A row of an n-tuple may have fewer negatives than others: a null stands for each that it lacks.
        return blank if roles.shape == "n-tuple" and name in roles.negatives else blank | missing
    flat = pc.list_flatten(column)
    wrong = np.asarray(pc.or_kleene(pc.is_null(flat), pc.fill_null(_blank(flat), False)))
    rows = np.asarray(pc.list_parent_indices(column))[wrong]
    missing = missing.copy()
    missing[rows] = True
    if name == roles.positive:
        missing |= np.asarray(pc.fill_null(pc.invert(pc.list_value_length(column).cast(pa.bool_())), False))
    return missing


def _blank(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.bool_())
    return pc.or_(pc.invert(pc.binary_length(column).cast(pa.bool_())), pc.utf8_is_space(column))


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
