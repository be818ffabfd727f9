"""Which rows lack a text or a label that their shape needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.reshaping.plain import plain_column

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from foolsgold.data.reshaping.shapes import Roles


def faulty_rows(table: Any, roles: Roles) -> NDArray[np.bool_] | None:
    """Mark the rows (R,) of an Arrow table where a column of a role breaks its rule; None where none does."""
    bad = None
    for name in roles.columns:
        found = _faults(table.column(name), name, roles)
        if found is not None:
            bad = found if bad is None else bad | found
    return bad


def first_fault(table: Any, roles: Roles, place: Callable[[int], str]) -> ValueError:
    """Return the error that the first bad cell is, column by column; there must be one.

    Args:
        table: the rows.
        roles: of their columns.
        place: tells where a row stands.
    """
    for name in roles.columns:
        found = _faults(table.column(name), name, roles)
        if found is None:
            continue
        row = int(found.argmax())
        is_list = _is_list(table.column(name).type)
        rule = "be there" if name == roles.label else "be a text that is not blank"
        if name == roles.label and is_list:
            rule = "have a number for each text"
        cell = table.column(name)[row].as_py()
        return ValueError(f"{place(row)}, column `{name}`: must {rule}, got {cell!r:.80}")
    raise RuntimeError("rows without a fault have no first one")


def _faults(column: Any, name: str, roles: Roles) -> NDArray[np.bool_] | None:
    """Mark the rows where a column breaks its rule; None where none does."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = plain_column(column)
    if pa.types.is_null(column.type):
        return None if name in roles.negatives else _where(np.ones(len(column), bool))
    if name == roles.label:
        missing = _where(pc.is_null(column, nan_is_null=True))
        return _either(missing, _with_gaps(column)) if _is_list(column.type) else missing
    missing = np.asarray(pc.is_null(column)) if column.null_count else None
    if not _is_list(column.type):
        blank = _where(pc.fill_null(_blank(column), False))
        # A row of an n-tuple may have fewer negatives than others: a null stands for each that it lacks.
        may_lack = roles.shape == "n-tuple" and name in roles.negatives
        return blank if may_lack else _either(missing, blank)
    flat = pc.list_flatten(column)
    is_wrong = pc.or_kleene(pc.is_null(flat), pc.fill_null(_blank(flat), False))
    missing = _either(missing, _holding(column, is_wrong))
    if name == roles.positive:
        empty = pc.equal(pc.list_value_length(column), 0)
        missing = _either(missing, _where(pc.fill_null(empty, False)))
    return missing


def _with_gaps(column: Any) -> NDArray[np.bool_] | None:
    """Mark the rows whose lists lack a number."""
    import pyarrow.compute as pc

    return _holding(column, pc.is_null(pc.list_flatten(column), nan_is_null=True))


def _holding(column: Any, marks: Any) -> NDArray[np.bool_] | None:
    """Mark the rows of a list column in whose lists a value is marked."""
    import pyarrow.compute as pc

    wrong = _where(marks)
    if wrong is None:
        return None
    found = np.zeros(len(column), bool)
    found[np.asarray(pc.list_parent_indices(column))[wrong]] = True
    return found


def _where(marks: Any) -> NDArray[np.bool_] | None:
    found = np.asarray(marks)
    return found if found.any() else None


def _either(left: NDArray[np.bool_] | None, right: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    if left is None or right is None:
        return right if left is None else left
    return left | right


def _blank(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.bool_())
    return pc.or_(pc.equal(pc.binary_length(column), 0), pc.utf8_is_space(column))


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
