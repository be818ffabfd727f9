"""The changes that a clean copy makes, counted and listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.checking.repeats import compared
from foolsgold.data.checking.report import Fixed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from foolsgold.data.checking.dataset import DataSet
    from foolsgold.data.checking.plan import Plan
    from foolsgold.data.checking.trimming import Edit


def account_of(data: DataSet, plan: Plan, edits: Mapping[str, Edit]) -> Fixed:
    """Count what a plan changes, with the edits of texts by column."""
    counts = np.bincount(plan.dropped[plan.dropped >= 0], minlength=len(plan.reasons)).tolist()
    dropped: dict[str, int] = {}
    for (rule, _), count in zip(plan.reasons, counts, strict=True):
        if count:
            dropped[rule] = dropped.get(rule, 0) + count
    if data.loaded.skipped.count:
        dropped["broken-row"] = data.loaded.skipped.count
    stays = plan.dropped < 0
    changed: dict[str, int] = {}
    for name, cuts in plan.cuts.items():
        for rule, values in _first_cuts(cuts):
            count = int(np.count_nonzero(values & stays[data.columns[name].rows]))
            changed[rule] = changed.get(rule, 0) + count
    wrapped = sum(int(np.count_nonzero(rows & stays)) for rows in plan.wrapped.values())
    changed["text-for-list"] = wrapped
    changed["untrimmed"] = sum(len(found.rows_of(stays)) for found in edits.values())
    left_out = {"unreadable-column": len(data.loaded.unreadable)}
    return Fixed(
        rows_before=data.num_rows,
        rows_after=len(plan.rows),
        dropped=dropped,
        changed={rule: count for rule, count in {**changed, **left_out}.items() if count},
    )


def _first_cuts(cuts: list[tuple[str, NDArray[np.bool_]]]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give each value to the first rule that takes it out."""
    taken = np.zeros(len(cuts[0][1]), bool)
    for rule, values in cuts:
        yield rule, values & ~taken
        taken |= values


def changes_of(data: DataSet, plan: Plan, edits: Mapping[str, Edit]) -> Iterator[dict[str, Any]]:
    """Give a row for each change, by columns and rules, then rows."""
    for skipped in data.loaded.skipped.rows:
        example = data.example_of_skipped(skipped)
        yield _change("broken-row", "dropped", example.file, example.line, None, None, example.excerpt, None)
    for name, reason in data.loaded.unreadable.items():
        yield _change("unreadable-column", "left out", None, None, None, name, reason, None)
    for row in np.flatnonzero(plan.dropped >= 0).tolist():
        rule, name = plan.reasons[plan.dropped[row]]
        cells = {one.name: data.cell(one, row) for one in compared(data)}
        before = cells if name is None else data.cell(data.columns[name], row)
        yield _change(rule, "dropped", *data.place(row), row, name, before, None)
    stays = plan.dropped < 0
    for name, cuts in plan.cuts.items():
        column = data.columns[name]
        for rule, values in _first_cuts(cuts):
            for at in np.flatnonzero(values & stays[column.rows]).tolist():
                row = int(column.rows[at])
                yield _change(rule, "taken out", *data.place(row), row, name, data.value(column, at), None)
    for name, rows in plan.wrapped.items():
        column = data.columns[name]
        for row in np.flatnonzero(rows & stays).tolist():
            cell = data.cell(column, row)
            before, after = (cell[0], cell) if column.is_list else (cell, [cell])
            yield _change("text-for-list", "made a list", *data.place(row), row, name, before, after)
    for name, found in edits.items():
        for row, before, after in found.rows_of(stays):
            yield _change("untrimmed", "trimmed", *data.place(row), row, name, before, after)


def _change(
    rule: str,
    action: str,
    file: str | None,
    line: int | None,
    row: int | None,
    column: str | None,
    before: Any,
    after: Any,
) -> dict[str, Any]:
    return {
        "rule": rule,
        "action": action,
        "file": file,
        "line": line,
        "row": row,
        "column": column,
        "before": before,
        "after": after,
    }
