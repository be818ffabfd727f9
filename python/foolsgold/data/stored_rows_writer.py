"""Writing rows to disk: ids by the core, numbers here, and last the manifest."""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.aside import write_aside
from foolsgold.data.row_batches import RowBatches
from foolsgold.data.store import MANIFEST, TextStore
from foolsgold.data.store_writer import StoreWriter
from foolsgold.data.stored_rows import FORMAT, TEXTS, VERSION
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from foolsgold.data.row_batches import Batch, ColumnKind

_OWN = re.compile(r"(?:ids|offsets|values|cuts)-\d+\.npy|\..+\.aside|\.lock")


def write_rows(
    folder: str | os.PathLike[str],
    data: Any,
    *,
    texts: TextStore | str | os.PathLike[str] | None,
    columns: Sequence[str] | None,
    threads: int | None,
    progress: bool,
) -> None:
    """Write rows; see `StoredRows.build`."""
    path = Path(folder)
    if path.is_file():
        raise ValueError(f"{path}: must be a folder, got a file")
    path.mkdir(parents=True, exist_ok=True)
    path = path.resolve()
    _check_absent(path)
    given = None if texts is None else Path(texts.folder if isinstance(texts, TextStore) else texts).resolve()
    batches = RowBatches(data, columns)
    names = [name for name, kind in batches.kinds.items() if kind.is_text]
    if not names:
        raise ValueError(f"`data` must have a column of texts, got {list(batches.kinds)}")
    with closing(_core.FolderLock(str(path))), ExitStack() as stack:
        _check_absent(path)
        if given is None:
            # Texts that no manifest of rows tells of are what a stopped call has left.
            shutil.rmtree(path / TEXTS, ignore_errors=True)
        store = path / TEXTS if given is None else given
        is_there = given is not None and (given / MANIFEST).exists()
        numbers = {
            name: stack.enter_context(NumberWriter(path, at, name, kind))
            for at, (name, kind) in enumerate(batches.kinds.items())
            if not kind.is_text
        }
        writer = stack.enter_context(
            StoreWriter(
                store, names, ids_folder=path, append=is_there, threads=resolve(threads), progress=progress
            )
        )
        for batch in batches:
            for own in numbers.values():
                own.push(batch)
            writer.push(batch)
        told = {name: own.finish() for name, own in numbers.items()}
        written = writer.finish()
        told |= {name: _told_of(at, written[name]) for at, name in enumerate(names)}
        found = TextStore.open(store)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "num_rows": writer.rows,
            "texts": TEXTS if given is None else os.path.relpath(given, path),
            "num_texts": len(found),
            "fingerprint": f"{found.fingerprint:016x}",
            "columns": [{"name": name, **told[name]} for name in batches.kinds],
        }
        write_aside(path / MANIFEST, json.dumps(manifest, indent=1) + "\n")


class NumberWriter:
    """A column of numbers, or of lists of them, that is written batch by batch, a context.

    Args:
        folder: of the rows.
        at: the place of the column, which names its files.
        name: of the column, for messages.
        kind: what it holds.
    """

    def __init__(self, folder: Path, at: int, name: str, kind: ColumnKind) -> None:
        self.folder = folder
        self.name = name
        self.kind = kind
        self.dtype = np.dtype(kind.dtype)
        self._files = {"values": f"values-{at}.npy"}
        if kind.is_list:
            self._files["offsets"] = f"cuts-{at}.npy"
        self._counts = dict.fromkeys(self._files, 0)

    def __enter__(self) -> NumberWriter:
        self._stack = ExitStack()
        # Room for the header, which says how many numbers there are.
        self._open = {
            part: self._stack.enter_context((self.folder / file).open("wb"))
            for part, file in self._files.items()
        }
        for file in self._open.values():
            file.write(bytes(128))
        if self.kind.is_list:
            self._write("offsets", np.zeros(1, np.int64))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def push(self, batch: Batch) -> None:
        """Write further rows.

        Raises:
            ValueError: at a null, or a number that does not fit; its row is named.
            TypeError: for another type than before.
        """
        column = batch.columns[self.name]
        self._check_nulls(column, batch.first)
        values = column
        if self.kind.is_list:
            import pyarrow.compute as pc

            if not hasattr(column.type, "value_type"):
                raise TypeError(self._differs(column, batch.first))
            lengths = np.asarray(pc.list_value_length(column)).astype(np.int64)
            self._write("offsets", np.cumsum(lengths) + self._counts["values"])
            values = pc.list_flatten(column)
        self._write("values", self._numbers(values, column, batch.first))

    def finish(self) -> dict[str, Any]:
        """Put the column on the disk; return what the manifest tells of it."""
        dtypes = {"values": self.dtype, "offsets": np.dtype(np.int64)}
        checksums = {}
        for part, file in self._open.items():
            described = {"descr": dtypes[part].str, "fortran_order": False, "shape": (self._counts[part],)}
            file.seek(0)
            np.lib.format.write_array_header_1_0(file, described)
            file.flush()
            os.fsync(file.fileno())
            whole = np.memmap(self.folder / self._files[part], np.uint8, "r")
            checksums[part] = f"{_core.checksum(whole):016x}"
        return {
            "kind": "number",
            "dtype": self.dtype.str,
            "num_values": self._counts["values"],
            "files": self._files,
            "checksums": checksums,
        }

    def _write(self, part: str, numbers: Any) -> None:
        self._open[part].write(np.ascontiguousarray(numbers).data)
        self._counts[part] += len(numbers)

    def _numbers(self, values: Any, column: Any, first: int) -> Any:
        import pyarrow as pa

        wanted = pa.from_numpy_dtype(self.dtype)
        is_null = pa.types.is_null(values.type)  # of lists that are all empty
        widens = self.kind.dtype == "float64" and pa.types.is_integer(values.type)
        is_same = {
            "float64": pa.types.is_floating(values.type),
            "int64": pa.types.is_integer(values.type),
            "bool": pa.types.is_boolean(values.type),
        }
        if not (is_same[str(self.kind.dtype)] or widens or is_null):
            raise TypeError(self._differs(column, first))
        try:
            return np.asarray(values.cast(wanted))
        except pa.ArrowInvalid as error:
            raise ValueError(f"`{self.name}` must hold numbers of {wanted}, got {error}") from None

    def _differs(self, column: Any, first: int) -> str:
        return f"`{self.name}` must hold {self.kind} as before, got {column.type} from row {first} on"

    def _check_nulls(self, column: Any, first: int) -> None:
        import pyarrow.compute as pc

        if column.null_count:
            row = first + pc.index(column.is_null(), True).as_py()
            raise ValueError(f"`{self.name}` must not be null, got None at row {row}")
        if self.kind.is_list and (values := pc.list_flatten(column)).null_count:
            place = pc.index(values.is_null(), True).as_py()
            ends = np.cumsum(np.asarray(pc.list_value_length(column)))
            row = first + int(np.searchsorted(ends, place, side="right"))
            raise ValueError(f"`{self.name}` must not be null, got None in the list at row {row}")


def _told_of(at: int, written: Any) -> dict[str, Any]:
    _, num_ids, is_ragged, hashes, ids_checksum, offsets_checksum = written
    files, checksums = {"values": f"ids-{at}.npy"}, {"values": f"{ids_checksum:016x}"}
    if is_ragged:
        files["offsets"], checksums["offsets"] = f"offsets-{at}.npy", f"{offsets_checksum:016x}"
    return {
        "kind": "text",
        "dtype": "<u4",
        "num_values": num_ids,
        "files": files,
        "checksums": checksums,
        "block_hashes": [f"{block:016x}" for block in hashes],
    }


def _check_absent(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    if MANIFEST in names:
        raise ValueError(
            f"{folder}: must hold no rows yet, got `{MANIFEST}`\nhint: open it, or give another folder"
        )
    for name in names:
        if not (_OWN.fullmatch(name) or name == TEXTS):
            raise ValueError(
                f"{folder}: must hold nothing else, got `{name}`\nhint: give a new folder, or an empty one"
            )
