"""What columns hold, and whether each cell is there: types, nulls, blanks, lists, order."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.checking.cells import BLANK
from foolsgold.data.checking.loading import NULL, TEXT, TEXTS
from foolsgold.data.checking.roles import is_list_role
from foolsgold.data.columns import RESERVED_COLUMNS, Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.checking.cells import Cells
    from foolsgold.data.checking.dataset import DataSet

EMBEDDING = 16
"""Numbers from which on a list of equally many in every row is taken for an embedding."""


def check_structure(data: DataSet) -> None:
    """Find what is wrong with columns and single cells."""
    _broken_rows(data)
    _types(data)
    for name in data.roles.all:
        _holes(data, data.columns[name])
    _unequal_lists(data)
    _columns(data)


def _broken_rows(data: DataSet) -> None:
    skipped = data.loaded.skipped
    if skipped.count:
        found = [data.example_of_skipped(row) for row in skipped.rows[: data.max_examples]]
        data.add("broken-row", [], skipped.count, skipped.count + data.num_rows, "rows", found)


def _types(data: DataSet) -> None:
    for name, reason in data.loaded.unreadable.items():
        data.add_column("unreadable-column", name, reason)
    for name, kinds in data.loaded.mixed.items():
        column = data.columns[name]
        severity = None if name in data.roles.all else "warning"
        if column.is_list:
            _texts_for_lists(data, column, kinds == TEXT, severity=severity)
        others = ~np.isin(kinds, (NULL, TEXT, TEXTS))
        data.add_rows("mixed-types", column, others, severity=severity)
    for name in data.roles.texts:
        column = data.columns[name]
        if not column.is_list and is_list_role(name, data.roles):
            _texts_for_lists(data, column, ~column.is_null)
    anchor = data.roles.anchor
    if anchor is not None and data.columns[anchor].is_list:
        data.add_rows("list-for-text", data.columns[anchor], ~data.columns[anchor].is_null)


def _texts_for_lists(data: DataSet, column: Cells, rows: NDArray[np.bool_], **said: str | None) -> None:
    before = len(data.drops)
    data.add_rows("text-for-list", column, rows, **said)
    # Such rows are mended, not dropped.
    del data.drops[before:]


def _holes(data: DataSet, column: Cells) -> None:
    kinds = data.loaded.mixed.get(column.name)
    is_null = column.is_null if kinds is None else kinds == NULL
    data.add_rows("null", column, is_null)
    if column.is_list:
        if column.name in data.roles.texts:
            data.add_values("null", column, column.is_null_value)
        else:
            data.add_rows("null", column, column.rows_with(column.is_null_value))
        is_empty = (column.lengths == 0) & ~column.is_null
        if column.name in data.roles.positives or column.name == data.roles.anchor:
            data.add_rows("empty-list", column, is_empty)
        elif column.name in data.roles.negatives:
            data.add_rows("no-negatives", column, is_empty)
    if column.is_texts and column.name in data.roles.texts:
        data.add_values("blank", column, data.examined.have(BLANK, column))


def _unequal_lists(data: DataSet) -> None:
    for scores, beside in data.roles.parallel:
        _compare(data, data.columns[scores], [data.columns[beside].lengths])
    label = data.label
    if label is None or not label.is_list or data.roles.anchor is None:
        return
    texts = data.of((*data.roles.positives, *data.roles.negatives))
    if is_embedding(data) or not (data.roles.negatives or any(column.is_list for column in texts)):
        return
    wanted = sum((column.lengths for column in texts), np.zeros(data.num_rows, np.int64))
    # Margins are one fewer than the texts they lie between.
    allowed = [wanted, wanted - 1] if data.roles.negatives else [wanted]
    _compare(data, label, allowed)


def is_embedding(data: DataSet) -> bool:
    """Return whether labels are embeddings: as many fractions in every row, and no score of a text each."""
    label = data.label
    if label is None or not label.is_list or label.item != "float64" or label.is_null.any():
        return False
    least, most = int(label.lengths.min()), int(label.lengths.max())
    return least == most >= EMBEDDING


def _compare(data: DataSet, column: Cells, allowed: list[NDArray[np.int64]]) -> None:
    is_wrong = ~np.logical_or.reduce([column.lengths == lengths for lengths in allowed])
    data.add_rows("unequal-lists", column, is_wrong & ~column.is_null)


def _columns(data: DataSet) -> None:
    """Tell what a loss would make of the columns as they stand, by the rules that training has."""
    roles = data.roles
    if roles.anchor is None and len(roles.candidates) > 1:
        data.add(
            "roles",
            data.of(roles.candidates),
            len(roles.candidates),
            len(data.columns),
            "columns",
            [],
        )
    ids = [name for name in roles.others if data.columns[name].is_texts and _looks_like_ids(name)]
    for name in ids:
        data.add_column("id-column", name, name)
    others = [name for name in roles.others if name not in (*ids, *RESERVED_COLUMNS)]
    if others:
        data.add("extra-column", data.of(tuple(others)), len(others), len(data.columns), "columns", [])
    order = [name for name in data.columns if name in roles.texts]
    for message in _said(order):
        if "is number" in message:
            data.add_column("column-order", message.split("`")[1], message.split("\n")[0])


def _looks_like_ids(name: str) -> bool:
    return any("looks like an identifier" in message for message in _said([name]))


def _said(names: list[str]) -> list[str]:
    """Return the warnings that training gives of columns of texts with these names."""
    names = [name for name in names if name not in RESERVED_COLUMNS]
    if not names:
        return []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            Columns.from_row(dict.fromkeys(names, "text"))
        except ValueError:  # texts by the name of a label
            return []
    return [str(warning.message) for warning in told]
