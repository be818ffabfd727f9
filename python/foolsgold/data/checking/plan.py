"""What becomes of each row and value of a data set in its clean copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.checking.cells import equal_rows
from foolsgold.data.checking.repeats import compared
from foolsgold.data.checking.roles import is_list_role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.checking.cells import Cells
    from foolsgold.data.checking.dataset import DataSet


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What becomes of each row and value.

    Attributes:
        rows: that stay, ascending.
        dropped: (rows,) the number in `reasons` of the rule that drops a row, -1 where it stays.
        reasons: rules, each with the column in which it was broken.
        keep: (values,) which values of a column of lists stay, for those that lose some.
        cuts: for columns of lists, rules and (values,) the values that they take out.
        wrapped: (rows,) which texts become lists of one, by column.
    """

    rows: NDArray[np.int64]
    dropped: NDArray[np.int16]
    reasons: list[tuple[str, str | None]]
    keep: dict[str, NDArray[np.bool_]]
    cuts: dict[str, list[tuple[str, NDArray[np.bool_]]]]
    wrapped: dict[str, NDArray[np.bool_]]


def plan_of(data: DataSet) -> Plan:
    """Say what becomes of the rows and values of a data set with its findings."""
    num_rows = data.num_rows
    dropped = np.full(num_rows, -1, np.int16)
    reasons: list[tuple[str, str | None]] = []

    def drop(rule: str, column: str | None, rows: NDArray[np.bool_]) -> None:
        dropped[rows & (dropped < 0)] = len(reasons)
        reasons.append((rule, column))

    for rule, name, broken in data.drops:
        # What is dropped for being a copy depends on what else changes.
        if rule != "duplicate-row" and not (rule == "mixed-types" and name not in data.roles.all):
            drop(rule, name, broken)
    keep = _kept(data)
    for name in data.roles.positives:
        column = data.columns[name]
        if column.is_list and name in keep:
            lengths = np.bincount(column.rows[keep[name]], minlength=num_rows)
            drop("empty-list", name, (lengths == 0) & ~column.is_null)
    rows: NDArray[np.int64] = np.flatnonzero(dropped < 0)
    if data.roles.texts and len(rows):
        left = [column.taken(keep.get(column.name), rows) for column in compared(data)]
        is_copy = equal_rows(left, len(rows)) != np.arange(len(rows), dtype=np.uint32)
        all_rows = np.zeros(num_rows, bool)
        all_rows[rows[is_copy]] = True
        drop("duplicate-row", None, all_rows)
        rows = rows[~is_copy]
    return Plan(
        rows=rows, dropped=dropped, reasons=reasons, keep=keep, cuts=data.cuts, wrapped=_wrapped(data)
    )


def _kept(data: DataSet) -> dict[str, NDArray[np.bool_]]:
    """(values,) which values of each changed column of lists stay; scores go with their texts."""
    keep = {name: ~np.logical_or.reduce([values for _, values in cuts]) for name, cuts in data.cuts.items()}
    for scores, beside in data.roles.parallel:
        _follow(data, data.columns[scores], [data.columns[beside]], keep)
    label = data.label
    if label is not None and label.is_list:
        texts = data.of((*data.roles.positives, *data.roles.negatives))
        _follow(data, label, texts, keep)
    return keep


def _follow(data: DataSet, scores: Cells, texts: list[Cells], keep: dict[str, NDArray[np.bool_]]) -> None:
    """Take a list of scores along with the texts, which stand one after the other in it."""
    if scores.offsets is None or not any(column.name in keep for column in texts):
        return
    is_kept = keep.get(scores.name, np.ones(len(scores.is_null_value), bool))
    total = sum((column.lengths for column in texts), np.zeros(data.num_rows, np.int64))
    # Margins have no number for the positive; where lengths do not fit, the row goes.
    shift = np.where(scores.lengths == total - 1, -1, 0)
    fits = (scores.lengths == total) | (scores.lengths == total - 1)
    for column in texts:
        if column.name in keep and column.offsets is not None:
            lost = np.flatnonzero(~keep[column.name])
            rows = column.rows[lost].astype(np.int64)
            places = scores.offsets[rows] + shift[rows] + lost - column.offsets[rows]
            is_there = fits[rows] & (places >= scores.offsets[rows]) & (places < scores.offsets[rows + 1])
            is_kept[places[is_there]] = False
        shift = shift + column.lengths
    keep[scores.name] = is_kept


def _wrapped(data: DataSet) -> dict[str, NDArray[np.bool_]]:
    found = {}
    for name, column in data.columns.items():
        kinds = data.loaded.mixed.get(name)
        if kinds is not None and column.is_list:
            found[name] = np.asarray(kinds == 1)
        elif name in data.roles.texts and not column.is_list and is_list_role(name, data.roles):
            found[name] = ~column.is_null
    return found
