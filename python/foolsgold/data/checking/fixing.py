"""A clean copy, and the list of what was changed in it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.checking.cells import Cells, NearOptions, equal_rows
from foolsgold.data.checking.lists import list_column, values_of
from foolsgold.data.checking.repeats import compared
from foolsgold.data.checking.report import Fixed
from foolsgold.data.checking.roles import is_list_role
from foolsgold.data.checking.trimming import trimmed
from foolsgold.data.writing import check_writable, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from foolsgold.data.checking.dataset import DataSet
    from foolsgold.data.checking.loading import Loaded
    from foolsgold.data.checking.roles import Given

_BATCH = 1 << 14


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """What a report was made of, so that it can be made again of changed texts.

    Attributes:
        data: with its findings.
        loaded: where it comes from.
        tests: the test data, if any.
        given: what was told of the roles.
        near: how near-duplicates are looked for.
        threads: of the core.
    """

    data: DataSet
    loaded: Loaded
    tests: list[Loaded]
    given: Given
    near: NearOptions | None
    threads: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plan:
    """What becomes of each row and value.

    Attributes:
        rows: that stay, ascending.
        dropped: (rows,) the number in `reasons` of the rule that drops a row, -1 where it stays.
        reasons: rules, each with the column in which it was broken.
        keep: (values,) which values of a column of lists stay, for those that lose some.
        wrapped: (rows,) which texts become lists of one, by column.
    """

    rows: NDArray[np.int64]
    dropped: NDArray[np.int16]
    reasons: list[tuple[str, str | None]]
    keep: dict[str, NDArray[np.bool_]]
    cuts: dict[str, list[tuple[str, NDArray[np.bool_]]]]
    wrapped: dict[str, NDArray[np.bool_]]


def fix(source: Source, output: Any, *, changes: Any, trim: bool) -> Fixed:
    """Write the clean copy of `CheckReport.fix`."""
    _check_outside(source, output, changes)
    check_writable(output)
    data, edits = trimmed(source) if trim else (source.data, {})
    plan = _plan(data)
    if len(plan.rows) == 0:
        raise ValueError("`output` must hold rows, got none that stay\nhint: look at the findings first")
    columns = _columns(data, plan)
    schema = _schema(columns)
    check_writable(output, schema)
    fixed = _account(data, plan, edits)
    with _beside(changes) as log:
        if log is not None:
            for change in _changes(data, plan, edits):
                log.write(json.dumps(change, ensure_ascii=False) + "\n")
        write(output, _batches(columns, schema), schema)
    return fixed


def _plan(data: DataSet) -> _Plan:
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
    return _Plan(
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


def _columns(data: DataSet, plan: _Plan) -> dict[str, Any]:
    """Return the columns as Arrow arrays of the rows that stay."""
    import pyarrow as pa

    rows: Any = pa.array(plan.rows)
    is_whole = len(plan.rows) == data.num_rows
    found = {}
    for name, column in data.loaded.columns.items():
        array: Any = pa.chunked_array(column)
        if name in plan.keep:
            array = _cut(array, data.columns[name], plan.keep[name])
        if not is_whole:
            array = array.take(rows)
        if name in plan.wrapped and not data.columns[name].is_list:
            array = _as_lists(array)
        found[name] = array
    return found


def _cut(array: Any, column: Cells, keep: NDArray[np.bool_]) -> Any:
    """Return lists without the values that do not stay."""
    import pyarrow as pa

    lengths = np.bincount(column.rows[keep], minlength=len(column.is_null))
    return list_column(lengths, values_of(array).filter(pa.array(keep)), column.is_null)


def _as_lists(array: Any) -> Any:
    texts = array.combine_chunks()
    count = len(texts)
    return list_column(np.ones(count, np.int64), texts, np.zeros(count, bool))


def _schema(columns: dict[str, Any]) -> Any:
    import pyarrow as pa

    return pa.schema([(name, array.type) for name, array in columns.items()])


def _batches(columns: dict[str, Any], schema: Any) -> Iterator[Any]:
    import pyarrow as pa

    yield from pa.Table.from_arrays(list(columns.values()), schema=schema).to_batches(max_chunksize=_BATCH)


def _account(data: DataSet, plan: _Plan, edits: dict[str, Any]) -> Fixed:
    counts = np.bincount(plan.dropped[plan.dropped >= 0], minlength=len(plan.reasons)).tolist()
    dropped: dict[str, int] = {}
    for (rule, _), count in zip(plan.reasons, counts, strict=True):
        if count:
            dropped[rule] = dropped.get(rule, 0) + count
    if data.loaded.skipped[0]:
        dropped["broken-row"] = data.loaded.skipped[0]
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


def _changes(data: DataSet, plan: _Plan, edits: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a row for each change, by columns and rules, then rows."""
    for reason in data.loaded.skipped[1]:
        example = data.example_of_error(reason)
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


class _beside:  # noqa: N801
    """Opens a text file beside its place and renames it where all went well; None for no file."""

    def __init__(self, path: Any) -> None:
        self.path = None if path is None else Path(path)
        self.aside = None if self.path is None else self.path.with_name(f".{self.path.name}.aside")

    def __enter__(self) -> Any:
        self.file = None if self.aside is None else self.aside.open("w", encoding="utf-8")
        return self.file

    def __exit__(self, kind: Any, *_: Any) -> None:
        if self.file is None or self.aside is None or self.path is None:
            return
        self.file.close()
        if kind is None:
            self.aside.replace(self.path)
        else:
            self.aside.unlink(missing_ok=True)


def _check_outside(source: Source, output: Any, changes: Any) -> None:
    read = [*source.loaded.files, *(file for test in source.tests for file in test.files)]
    for name, path in (("output", output), ("changes", changes)):
        if path is not None and any(_is_same(path, file) for file in read):
            raise ValueError(f"`{name}` must not write over what is read, got {os.fspath(path)}")
    if changes is not None and _is_same(changes, output):
        raise ValueError(f"`changes` must be another file than `output`, got {os.fspath(changes)}")


def _is_same(one: Any, other: Any) -> bool:
    left, right = Path(one), Path(other)
    if left.exists() and right.exists():
        return left.samefile(right)
    return left.resolve() == right.resolve()
