"""Text files of layouts: read line by line, packed or not, and written whole or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PACKED: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}
_BLOCK_BYTES = 1 << 22


def ending_of(path: Path) -> str:
    """Return the ending of a file without that of packing, in small letters.

    Example:
        >>> ending_of(Path("rows.JSONL.gz")), ending_of(Path("rows"))
        ('.jsonl', '')
    """
    whole = Path(path.name.lower())
    return Path(whole.stem).suffix if whole.suffix in _PACKED else whole.suffix


def lines(path: str | os.PathLike[str]) -> Iterator[tuple[NDArray[np.int64], Any]]:
    """Yield the lines that are not blank, piece by piece: their numbers, from 1, and an Arrow array of texts.

    Raises:
        ValueError: if a line is no UTF-8; file and row are named.
        OSError: if the file cannot be opened.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    first = 1
    for piece in _whole_lines(blocks(path)):
        found = piece.removesuffix(b"\n").split(b"\n")
        if first == 1:
            found[0] = found[0].removeprefix(b"\xef\xbb\xbf")
        try:
            texts = pa.array(found, pa.large_binary()).cast(pa.large_string())
        except pa.ArrowInvalid:
            raise _no_utf8(path, first, found) from None
        texts = pc.utf8_rtrim(texts, "\r")
        is_there = pc.invert(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(texts)), 0))
        yield first + np.flatnonzero(np.asarray(is_there)), texts.filter(is_there)
        first += len(found)


def _no_utf8(path: Any, first: int, found: list[bytes]) -> ValueError:
    whole = b"\n".join(found)
    try:
        whole.decode()
    except UnicodeDecodeError as error:
        before = whole[: error.start]
        row, byte = first + before.count(b"\n"), len(before) - (before.rfind(b"\n") + 1)
        return ValueError(f"{path}: row {row}: must be UTF-8, got byte {byte} of the row")
    raise RuntimeError("texts that Arrow refuses must be no UTF-8")


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


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the bytes of some lines at a time."""
    rest = [b""]
    for piece in pieces:
        whole, line_end, begun = piece.rpartition(b"\n")
        if not line_end:
            rest.append(piece)
            continue
        yield b"".join([*rest, whole, line_end])
        rest = [begun]
    if any(rest):
        yield b"".join(rest)


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
