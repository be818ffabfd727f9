"""A clean copy, and the list of what was changed in it, as files."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.checking.changes import account_of, changes_of
from foolsgold.data.checking.folders import write_folder
from foolsgold.data.checking.lists import list_column, values_of
from foolsgold.data.checking.plan import plan_of
from foolsgold.data.checking.trimming import trimmed
from foolsgold.data.writing import check_writable, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from foolsgold.data.checking.cells import Cells, NearOptions
    from foolsgold.data.checking.dataset import DataSet
    from foolsgold.data.checking.loading import Loaded
    from foolsgold.data.checking.plan import Plan
    from foolsgold.data.checking.report import Fixed
    from foolsgold.data.checking.roles import Given

_BATCH = 1 << 14
_OTHER_FILES = (".csv", ".tsv", ".parquet", ".arrow", ".arrows", ".feather", ".gz", ".zst")


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


def fix(source: Source, output: Any, *, changes: Any, trim: bool) -> Fixed:
    """Write the clean copy of `CheckReport.fix`."""
    _check_outside(source, output, changes)
    _check_list(changes)
    if source.data.shape == "beir":
        return _fix_folder(source.data, Path(output), changes, trim=trim)
    check_writable(output)
    data, edits = trimmed(source) if trim else (source.data, {})
    plan = _plan_with_rows(data)
    columns = _columns(data, plan)
    schema = _schema(columns)
    check_writable(output, schema)
    fixed = account_of(data, plan, edits)
    with _beside(changes) as log:
        _list_changes(log, changes_of(data, plan, edits))
        write(output, _batches(columns, schema), schema)
    return fixed


def _fix_folder(data: DataSet, output: Path, changes: Any, *, trim: bool) -> Fixed:
    """Write a BEIR folder without the judgments that are dropped."""
    if trim:
        raise ValueError("`trim` must be left out for a BEIR folder, whose texts stay as they are, got True")
    plan = _plan_with_rows(data)
    with _beside(changes) as log:
        _list_changes(log, changes_of(data, plan, {}))
        write_folder(data, plan, output)
    return account_of(data, plan, {})


def _plan_with_rows(data: DataSet) -> Plan:
    plan = plan_of(data)
    if len(plan.rows) == 0:
        raise ValueError("`output` must hold rows, got none that stay\nhint: look at the findings first")
    return plan


def _list_changes(log: Any, changes: Iterator[dict[str, Any]]) -> None:
    if log is not None:
        log.writelines(json.dumps(change, ensure_ascii=False) + "\n" for change in changes)


def _columns(data: DataSet, plan: Plan) -> dict[str, Any]:
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
        if path is not None and any(_is_within(path, file) for file in read):
            raise ValueError(f"`{name}` must not write over what is read, got {os.fspath(path)}")
    if changes is not None and _is_same(changes, output):
        raise ValueError(f"`changes` must be another file than `output`, got {os.fspath(changes)}")


def _check_list(changes: Any) -> None:
    """Check that the list of changes can be written, and is not called what it is not."""
    if changes is None:
        return
    path, told = Path(changes), os.fspath(changes)
    if path.name.lower().endswith(_OTHER_FILES):
        raise ValueError(f"`changes` must be a JSON Lines file, got {told}\nhint: let it end in .jsonl")
    if path.is_dir():
        raise ValueError(f"`changes` must be a file, got the folder {told}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"`changes` must be in a folder that exists, got {told}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"`changes` must be in a folder that may be written to, got {told}")


def _is_within(path: Any, read: Any) -> bool:
    """Return whether a path is one that was read, or lies in one that is a folder."""
    resolved = Path(path).resolve()
    return any(_is_same(place, read) for place in (resolved, *resolved.parents))


def _is_same(one: Any, other: Any) -> bool:
    left, right = Path(one), Path(other)
    if left.exists() and right.exists():
        return left.samefile(right)
    return left.resolve() == right.resolve()
