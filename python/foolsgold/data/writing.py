"""Tables into files, a piece at a time: JSON Lines, CSV, TSV and Parquet, or a folder of `datasets`."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_PACKED: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_JSON = (".jsonl", ".ndjson", ".json")
_FOLDER_MARK = "dataset_info.json"


def check_writable(path: str | os.PathLike[str], schema: Any = None) -> None:
    """Check that `write` can write a table to `path`, before it is made.

    Args:
        path: as in `write`.
        schema: Arrow schema of the table; None for any.

    Raises:
        ValueError: if the ending is unknown, the format cannot hold a column, or something stands there that
            is none of ours.
        OSError: if there is no such folder to write in, or it may not be written to.
    """
    path = Path(path)
    kind, _ = _kind(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: must be in a folder that exists, got {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"{path}: must be in a folder that may be written to, got {path.parent}")
    if kind == "folder":
        if path.exists() and not (path / _FOLDER_MARK).is_file() and not _is_empty_folder(path):
            raise ValueError(f"{path}: must be a new folder, an empty one or an earlier data set's")
    elif path.is_dir():
        raise ValueError(f"{path}: must be a file, got a folder")
    if kind in _SEPARATORS and schema is not None:
        for name, column in zip(schema.names, schema.types, strict=True):
            if "list" in str(column):
                raise ValueError(
                    f"{path}: must hold no lists, got column `{name}`\nhint: write .jsonl or .parquet"
                )


def check_folder(name: str, folder: str | os.PathLike[str]) -> None:
    """Check that files can be written to a folder, which is made where it is not there, before they are made.

    Args:
        name: the argument, for messages.
        folder: its path.

    Raises:
        TypeError: if it is no path.
        ValueError: if a file stands there, or where a folder above it is to be.
        PermissionError: if it may not be written to.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"`{name}` must be a path, got {folder!r}")
    there = Path(folder).absolute()
    while not (there.exists() or there.is_symlink()):
        there = there.parent
    if not there.is_dir():
        raise ValueError(f"`{name}` must be a folder, got {os.fspath(folder)}: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"`{name}` must be a folder that may be written to, got {os.fspath(folder)}")


def write(path: str | os.PathLike[str], batches: Iterable[Any], schema: Any) -> None:
    r"""Write a table, beside its place and renamed at the end, so that no reader meets half of it.

    Args:
        path: its ending says the format: `.jsonl`, `.ndjson` or `.json` (one object a line), `.csv`, `.tsv`
            (with a header), each also with `.gz` or `.zst`; `.parquet`; without an ending a folder that
            `datasets.load_from_disk` reads. What stands there is replaced.
        batches: Arrow record batches; only one is in memory at a time, for a folder all.
        schema: their Arrow schema.

    Raises:
        ValueError: as `check_writable`.
        OSError: if it cannot be written.

    Example:
        >>> import pyarrow, tempfile
        >>> table = pyarrow.table({"anchor": ["who?"], "scores": [[0.5, 0.25]]})
        >>> file = Path(tempfile.mkdtemp()) / "mined.jsonl"
        >>> write(file, table.to_batches(), table.schema)
        >>> file.read_text()
        '{"anchor":"who?","scores":[0.5,0.25]}\n'
    """
    path = Path(path)
    check_writable(path, schema)
    kind, packing = _kind(path)
    aside = path.with_name(f".{path.name}.aside")
    _remove(aside)
    try:
        if kind == "folder":
            _write_folder(aside, batches, schema)
        else:
            with _opened(aside, packing) as sink:
                _writer(kind)(sink, batches, schema)
        if kind == "folder":
            _remove(path)
        aside.replace(path)
    finally:
        _remove(aside)


def _kind(path: Path) -> tuple[str, Literal["gzip", "zstd"] | None]:
    """Return what a path's ending says: the format, and how it is packed."""
    ending = path.suffix.lower()
    packing = _PACKED.get(ending)
    inner = path.with_suffix("").suffix.lower() if packing else ending
    if inner in (*_JSON, *_SEPARATORS) or (inner == ".parquet" and not packing):
        return inner, packing
    if not ending:
        return "folder", None
    raise ValueError(
        f"{path}: must end in .jsonl, .ndjson, .json, .csv or .tsv (also with .gz or .zst), .parquet, "
        "or have no ending for a folder"
    )


@contextmanager
def _opened(path: Path, packing: Literal["gzip", "zstd"] | None) -> Iterator[Any]:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as file:
        if packing is None:
            yield file
        else:
            with pa.CompressedOutputStream(file, packing) as packed:
                yield packed


def _writer(kind: str) -> Callable[[Any, Iterable[Any], Any], None]:
    if kind in _SEPARATORS:
        return lambda sink, batches, schema: _write_separated(sink, batches, schema, _SEPARATORS[kind])
    return _write_parquet if kind == ".parquet" else _write_json


def _write_json(sink: Any, batches: Iterable[Any], schema: Any) -> None:
    for batch in batches:
        if batch.num_rows:
            frame = batch.to_pandas()
            sink.write(
                frame.to_json(orient="records", lines=True, force_ascii=False, double_precision=15).encode()
            )


def _write_separated(sink: Any, batches: Iterable[Any], schema: Any, separator: str) -> None:
    import pyarrow.csv

    options = pyarrow.csv.WriteOptions(delimiter=separator)
    with pyarrow.csv.CSVWriter(sink, schema, write_options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_parquet(sink: Any, batches: Iterable[Any], schema: Any) -> None:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_folder(path: Path, batches: Iterable[Any], schema: Any) -> None:
    import pyarrow as pa
    from datasets import Dataset

    Dataset(pa.Table.from_batches(list(batches), schema=schema)).save_to_disk(path)


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
