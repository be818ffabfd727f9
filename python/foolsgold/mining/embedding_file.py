"""A matrix on disk that is written chunk by chunk: whole, or gone on with."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.aside import write_aside

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

_FORMAT, _VERSION = "foolsgold embeddings", 1
_MATRIX, _PROGRESS = "embeddings.npy", "progress.json"


@dataclass
class EmbeddingFile:
    """A matrix on disk that grows by chunks, and the record of those that are whole.

    Attributes:
        folder: holds `embeddings.npy` and `progress.json`.
        key: what decides the matrix, as JSON gives it back.
        rows: N, of the whole matrix.
        dtype: of the stored numbers.
        chunk_rows: rows of a chunk, the last one perhaps fewer.
        dimension: D; 0 before the first chunk.
        checksums: of the chunks that are whole, from the first.
    """

    folder: Path
    key: dict[str, Any]
    rows: int
    dtype: str
    chunk_rows: int
    dimension: int = 0
    checksums: list[str] = field(default_factory=list)

    def rows_done(self) -> int:
        """Return how many rows are whole."""
        return min(self.rows, len(self.checksums) * self.chunk_rows)

    def is_whole(self) -> bool:
        """Return whether all are."""
        return self.rows_done() == self.rows

    def open(self) -> NDArray[Any]:
        """Return the matrix (N, D), memory-mapped, not to be written to."""
        matrix: NDArray[Any] = np.load(self.folder / _MATRIX, mmap_mode="r")
        return matrix

    def read_progress(self) -> None:
        """Find the chunks that are recorded and as they were recorded.

        Raises:
            ValueError: the record is broken, of another version or of another key.
        """
        path = self.folder / _PROGRESS
        self.dimension, self.checksums = 0, []
        if not path.is_file():
            return
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            if (told["format"], told["version"]) != (_FORMAT, _VERSION):
                raise ValueError(f"version {told['version']} of {told['format']}")
            key, dimension, checksums = told["key"], int(told["dimension"]), list(told["checksums"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}: must be the record of {_FORMAT}, version {_VERSION}, got {error}\n"
                "hint: remove its folder to make the embeddings anew"
            ) from None
        if key != self.key:
            raise ValueError(
                f"{path}: must tell the key of its folder, got another one\nhint: remove its folder"
            )
        self.dimension = dimension
        self.checksums = self._sound(checksums)
        if len(self.checksums) < len(checksums):
            logger.warning(
                "Chunk %d in %s was changed: it and those after it are made again",
                len(self.checksums),
                self.folder / _MATRIX,
            )

    def append(self, embeddings: NDArray[np.float32], start: int) -> None:
        """Add the next chunk, recorded once it is on the disk.

        Args:
            embeddings: (n, D).
            start: the row where it begins.

        Raises:
            ValueError: another D than before, or a number that is not finite as stored.
            OSError: the disk is full or not writable; what was whole still is.
        """
        if self.checksums and embeddings.shape[1] != self.dimension:
            got = embeddings.shape[1]
            raise ValueError(f"`embed` must give {self.dimension} columns as before, got {got}")
        with np.errstate(over="ignore"):
            stored = embeddings.astype(self.dtype, copy=False)
        finite = np.isfinite(stored).all(axis=1)
        if not finite.all():
            row = int(finite.argmin())
            value = stored[row][~np.isfinite(stored[row])][0]
            hint = "" if self.dtype == "float32" else '\nhint: `dtype="float32"` holds larger numbers'
            raise ValueError(f"`embed` must give finite numbers, got {value} for text {start + row}{hint}")
        self.dimension = embeddings.shape[1]
        try:
            self._write(stored, start)
            self._record([*self.checksums, _checksum(stored)])
        except OSError as error:
            hint = "hint: finished chunks stay; mend this and make the same call again"
            raise OSError(error.errno, f"{error.strerror}\n{hint}", str(self.folder)) from error

    def _write(self, stored: NDArray[Any], start: int) -> None:
        path, header = self.folder / _MATRIX, self._header()
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.write(header)
            # What an interrupted call left of this chunk goes first.
            file.truncate(len(header) + start * self._row_bytes())
            file.seek(0, os.SEEK_END)
            file.write(stored.data)
            file.flush()
            os.fsync(file.fileno())

    def _record(self, checksums: list[str]) -> None:
        record = {
            "format": _FORMAT,
            "version": _VERSION,
            "key": self.key,
            "dimension": self.dimension,
            "checksums": checksums,
        }
        write_aside(self.folder / _PROGRESS, json.dumps(record, indent=2, sort_keys=True) + "\n")
        self.checksums = checksums

    def _header(self) -> bytes:
        header = BytesIO()
        described = {"descr": np.dtype(self.dtype).str, "fortran_order": False}
        np.lib.format.write_array_header_1_0(header, {**described, "shape": (self.rows, self.dimension)})
        return header.getvalue()

    def _row_bytes(self) -> int:
        return self.dimension * np.dtype(self.dtype).itemsize

    def _sound(self, checksums: list[str]) -> list[str]:
        """Return the checksums up to the first chunk whose bytes are not those that were recorded."""
        path, header = self.folder / _MATRIX, self._header()
        if not path.is_file():
            return []
        with path.open("rb") as file:
            if file.read(len(header)) != header:
                return []
            for number, recorded in enumerate(checksums):
                start = number * self.chunk_rows
                size = min(self.chunk_rows, self.rows - start) * self._row_bytes()
                if size <= 0 or _checksum(np.frombuffer(file.read(size), np.uint8)) != recorded:
                    return checksums[:number]
        return checksums


def _checksum(array: NDArray[Any]) -> str:
    return f"{_core.checksum(np.ascontiguousarray(array).reshape(-1).view(np.uint8)):016x}"
