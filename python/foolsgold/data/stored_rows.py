"""Rows on disk: columns of text ids, labels and scores, over a store of texts."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.mapped_array import mapped
from foolsgold.data.store import MANIFEST, TextStore, check_store
from foolsgold.data.stored_column import StoredColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from foolsgold.data.id_columns import IdColumn

FORMAT, VERSION = "foolsgold rows", 1
TEXTS = "texts"


class StoredRows:
    """A data set on disk, row by row: ids of texts in a store, labels and scores; texts are read by id.

    It is what every sampler, the trainer, the miner and the checks take for a data set. They find the ids as
    they lie on the disk, equal to those that the same data has in memory, with the same fingerprint; so plans
    are the same, and no text is read for them. A row's texts are looked up when it is asked for.

    A row is a dict; a list or a slice of row numbers gives a dict of lists, and a column's name a column, as
    a `datasets.Dataset` does. Pickled, it is a path and a fingerprint: workers of a loader, forked or
    spawned, map the same files.

    Attributes:
        folder: where it is.
        texts: the store.
        column_names: the columns, in order.
        fingerprint: 64 bits of the content of the columns.

    Example:
        >>> import tempfile
        >>> pairs = [{"query": "a", "answer": "b", "label": 1}, {"query": "c", "answer": "a", "label": 0}]
        >>> rows = StoredRows.build(tempfile.mkdtemp(), pairs)
        >>> rows[1], rows[[1, 0]]["query"], len(rows)
        ({'query': 'c', 'answer': 'a', 'label': 0}, ['c', 'a'], 2)
        >>> rows.ids["answer"].tolist(), len(rows.texts)
        ([2, 0], 3)
    """

    def __init__(self, folder: Path, texts: TextStore, num_rows: int, columns: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.texts = texts
        self._num_rows = num_rows
        self._told = {str(told["name"]): told for told in columns}
        self._arrays: dict[str, tuple[NDArray[Any], NDArray[np.int64] | None]] = {}

    @staticmethod
    def open(folder: str | os.PathLike[str]) -> StoredRows:
        """Open finished rows, and their store.

        Raises:
            ValueError: if the folder holds none, or a file was cut short or replaced; it is named.
            OSError: if there is no such folder, or it cannot be read.
        """
        path = Path(os.path.realpath(folder))
        told = _manifest(path)
        try:
            num_rows, columns = int(told["num_rows"]), list(told["columns"])
            place, num_texts, fingerprint = (
                told["texts"],
                int(told["num_texts"]),
                int(told["fingerprint"], 16),
            )
            names = [str(column["name"]) for column in columns]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path / MANIFEST}: must be a manifest of stored rows, got {error!r}") from None
        texts = TextStore.open(path / place)
        check_store(texts, num_texts, fingerprint)
        rows = StoredRows(path, texts, num_rows, columns)
        for name in names:
            rows._array(name)
        return rows

    @staticmethod
    def build(
        folder: str | os.PathLike[str],
        data: Any,
        *,
        texts: TextStore | str | os.PathLike[str] | None = None,
        columns: Sequence[str] | None = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> StoredRows:
        """Write a data set or a stream, in the memory of a batch and of what `TextStore.build` takes.

        A call that is stopped, or killed, leaves a folder that cannot be opened: the same call begins anew.

        Args:
            folder: new or empty, or with what a stopped call has left.
            data: as for `TextStore.build`. Columns hold texts, numbers, truth values, or lists of one of
                them; whole numbers are kept as int64, others as float64.
            texts: a store that gets the texts that it lacks, so that corpus, train and test share ids; by
                default the rows have one of their own, in their folder.
            columns: those that are kept, in this order; by default all.
            threads: by default a fair share of the cores; nothing depends on it.
            progress: show a progress bar.

        Raises:
            ValueError: at a null, naming column and row; for a missing column, or a folder that holds
                anything else.
            TypeError: for a column of other values.
            OSError: if the disk is full or not writable.
        """
        from foolsgold.data.stored_rows_writer import write_rows

        write_rows(folder, data, texts=texts, columns=columns, threads=threads, progress=progress)
        return StoredRows.open(folder)

    @property
    def column_names(self) -> list[str]:
        """The columns, in order."""
        return list(self._told)

    @property
    def ids(self) -> dict[str, IdColumn]:
        """The columns of texts: ids of the store, and of lists offsets and ids, mapped into memory."""
        found: dict[str, IdColumn] = {}
        for name, told in self._told.items():
            if told["kind"] == "text":
                ids, offsets = self._array(name)
                found[name] = ids if offsets is None else (offsets, ids)
        return found

    @property
    def fingerprint(self) -> int:
        """64 bits of the content of the columns, and of their names and order."""
        parts = json.dumps([self._num_rows, *self._told.values()], sort_keys=True)
        return int.from_bytes(hashlib.blake2b(parts.encode(), digest_size=8).digest(), "little")

    def select_columns(self, names: str | Sequence[str]) -> StoredRows:
        """Return the same rows with these columns, in this order.

        Raises:
            ValueError: if there is no such column.
        """
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            self._check_name("names", name)
        chosen = StoredRows(self.folder, self.texts, self._num_rows, [self._told[name] for name in names])
        chosen._arrays = {name: self._array(name) for name in names}
        return chosen

    def remove_columns(self, names: str | Sequence[str]) -> StoredRows:
        """Return the same rows without these columns.

        Raises:
            ValueError: if there is no such column.
        """
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            self._check_name("names", name)
        return self.select_columns([name for name in self._told if name not in names])

    def __len__(self) -> int:
        return self._num_rows

    def __getitem__(self, key: Any) -> Any:
        """Return a row; the columns of several rows; or a column."""
        if isinstance(key, str):
            return self._column(key)
        if isinstance(key, (int, np.integer)):
            return self.__getitems__([int(key)])[0]
        return self._cells(np.arange(*key.indices(len(self))) if isinstance(key, slice) else self._rows(key))

    def __getitems__(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return several rows; a DataLoader prefers this to one `__getitem__` per row."""
        cells = self._cells(self._rows(rows))
        names = list(cells)
        return [dict(zip(names, row, strict=True)) for row in zip(*cells.values(), strict=True)]

    def verify(self, *, threads: int | None = None, progress: bool = False) -> None:
        """Read all files, those of the store too, and compare them with what the manifests tell.

        Raises:
            ValueError: if one was changed; it is named.
        """
        for told in self._told.values():
            for part, name in told["files"].items():
                path = self.folder / name
                if f"{_core.checksum(np.memmap(path, np.uint8, 'r')):016x}" != told["checksums"][part]:
                    raise ValueError(f"{path}: must match the checksum of its manifest: it was changed")
        self.texts.verify(threads=threads, progress=progress)

    def __reduce__(self) -> Any:
        return _opened, (str(self.folder), self.column_names, self.fingerprint)

    def __repr__(self) -> str:
        return f"StoredRows({str(self.folder)!r}, num_rows={len(self)}, column_names={self.column_names})"

    def _check_name(self, argument: str, name: str) -> None:
        if name not in self._told:
            raise ValueError(f"`{argument}` must be among {self.column_names}, got {name!r}")

    def _rows(self, rows: Any) -> NDArray[np.int64]:
        given = np.asarray(rows)
        if given.size and given.dtype.kind not in "iu":
            raise TypeError(f"rows must be integers, got {given.dtype}")
        found = given.astype(np.int64)
        for row in (found.min(initial=0), found.max(initial=-1)):
            if not -len(self) <= row < len(self) and found.size:
                raise IndexError(f"row must be below {len(self)}, got {row}")
        return found % max(len(self), 1)

    def _cells(self, rows: NDArray[np.int64]) -> dict[str, list[Any]]:
        return {name: self._cells_of(name, rows) for name in self._told}

    def _cells_of(self, name: str, rows: NDArray[np.int64]) -> list[Any]:
        values, offsets = self._array(name)
        if self._told[name]["kind"] == "text":
            return StoredColumn(self.texts, values, offsets).cells(rows)
        if offsets is None:
            found: list[Any] = values[rows].tolist()
            return found
        return [values[offsets[row] : offsets[row + 1]].tolist() for row in rows]

    def _column(self, name: str) -> Any:
        """Return a column: of texts by their ids, of numbers as an Arrow array over the mapped file."""
        if name not in self._told:
            raise KeyError(f"`column` must be among {self.column_names}, got {name!r}")
        (values, offsets), told = self._array(name), self._told[name]
        if told["kind"] == "text":
            hashes = np.array([int(digits, 16) for digits in told["block_hashes"]], np.uint64)
            return StoredColumn(self.texts, values, offsets, hashes)
        import pyarrow as pa

        numbers: Any = pa.array(np.asarray(values))
        if offsets is None:
            return numbers
        cuts: Any = pa.array(np.asarray(offsets))
        return pa.LargeListArray.from_arrays(cuts, numbers)

    def _array(self, name: str) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
        """Return a column's values and offsets, mapped the first time."""
        if name not in self._arrays:
            told, offsets = self._told[name], None
            values = mapped(self.folder / told["files"]["values"], told["dtype"], told["num_values"])
            if "offsets" in told["files"]:
                offsets = mapped(self.folder / told["files"]["offsets"], "<i8", self._num_rows + 1)
            self._arrays[name] = values, offsets
        return self._arrays[name]


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file() and (folder / ".lock").is_file():
        raise ValueError(
            f"{folder}: must hold finished rows, got no `{MANIFEST}`\n"
            "hint: the call that builds them was stopped; make it again"
        )
    if folder.is_dir() and not path.exists():
        raise ValueError(f"{folder}: must hold rows, got no `{MANIFEST}`")
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: must be a manifest of stored rows, got broken JSON: {error}") from None
    found = (told.get("format"), told.get("version")) if isinstance(told, dict) else None
    if found != (FORMAT, VERSION):
        raise ValueError(f"{path}: must be a manifest of {FORMAT}, version {VERSION}, got {found}")
    return dict(told)


def _opened(folder: str, names: list[str], fingerprint: int) -> StoredRows:
    rows = StoredRows.open(folder).select_columns(names)
    if rows.fingerprint != fingerprint:
        raise ValueError(f"{folder}: must be the rows that were pickled, got others")
    return rows
