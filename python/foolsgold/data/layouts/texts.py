"""Text files of layouts: read line by line, packed or not, and written whole or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PACKED: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}
_BLOCK_BYTES = 1 << 22


def lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield the number, from 1, and the text of each line that is not blank.

    Raises:
        ValueError: if a line is no UTF-8; file and row are named.
        OSError: if the file cannot be opened.
    """
    for number, line in enumerate(_split(blocks(path)), start=1):
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}: row {number}: must be UTF-8, got byte {error.start} of the row"
            ) from None
        if number == 1:
            text = text.removeprefix("\ufeff")
        if text.strip():
            yield number, text


def blocks(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces, unpacked where its first bytes say that it is packed."""
    import pyarrow as pa

    with Path(path).open("rb") as file:
        start = file.read(4)
    packing: Literal["gzip", "zstd"] | None
    packing = "gzip" if start.startswith(_GZIP) else "zstd" if start == _ZSTD else None
    with (
        pa.OSFile(str(path), "rb") as raw,
        pa.CompressedInputStream(raw, packing) if packing else raw as stream,
    ):
        try:
            while block := stream.read(_BLOCK_BYTES):
                yield block
        except OSError as error:
            raise ValueError(f"{path}: must be whole, got {error}") from None


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest.removesuffix(b"\r")


@contextmanager
def written(path: Path) -> Iterator[Any]:
    """Give a stream of bytes whose file takes its place at the end, packed as its ending says."""
    import pyarrow as pa

    aside = path.with_name(f".{path.name}.aside")
    packing = _PACKED.get(path.suffix.lower())
    try:
        with pa.OSFile(str(aside), "wb") as file:
            if packing is None:
                yield file
            else:
                with pa.CompressedOutputStream(file, packing) as packed:
                    yield packed
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """Give a new folder that takes its place at the end; where one stands, it must be empty.

    Raises:
        ValueError: if something else stands there.
    """
    import shutil

    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ValueError(f"{path}: must be a new folder or an empty one")
    aside = path.with_name(f".{path.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        if path.is_dir():
            path.rmdir()
        aside.replace(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
