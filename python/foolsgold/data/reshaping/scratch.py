"""A folder beside an output for what may be larger than memory while it is made."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from foolsgold.data.reshaping.plain import as_plain, plain_schema

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

_LOCK = "lock"


class Scratch:
    """A folder that is made when it is first asked for, and removed at the end, a context.

    A process that is killed leaves its folder; the next one with the same output removes it. A folder in use
    has a file that its process holds a lock on, which the system lets go with the process: folders of other
    processes stay, on other machines too. Without such locks (Windows) none is removed.

    Args:
        output: what is written; the folder is beside it, on the same disk.
    """

    def __init__(self, output: str | os.PathLike[str]) -> None:
        self._output = Path(output)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._lock: IO[bytes] | None = None
        self._count = 0

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()
        if self._lock is not None:
            self._lock.close()

    def path(self, name: str) -> Path:
        """Return a path in the folder that nothing has yet."""
        if self._folder is None:
            prefix, folder = f".{self._output.name}.", self._output.absolute().parent
            _remove_stale(folder, prefix)
            # What a system cannot remove while it is mapped goes when the process ends.
            self._folder = tempfile.TemporaryDirectory(
                ".scratch", prefix, folder, ignore_cleanup_errors=os.name == "nt"
            )
            self._lock = _locked(Path(self._folder.name))
        self._count += 1
        return Path(self._folder.name) / f"{self._count}-{name}"

    def table(self, schema: Any, batches: Iterable[Any]) -> Any:
        """Write Arrow batches, and return them as a table over the mapped file.

        Args:
            schema: of the batches; columns of dictionaries are written as their values.
            batches: record batches or tables.
        """
        import pyarrow as pa

        path = self.path("rows.arrow")
        plain = plain_schema(schema)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, plain) as writer:
            for batch in batches:
                writer.write(as_plain(batch, plain))
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _locked(folder: Path) -> IO[bytes] | None:
    """Hold a lock in a folder for as long as the file that comes back is open."""
    if fcntl is None:
        return None
    begun = folder / f"{_LOCK}.begun"
    file = begun.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a file system without locks
        return file
    begun.rename(folder / _LOCK)  # never there without its lock
    return file


def _remove_stale(parent: Path, prefix: str) -> None:
    """Remove the folders whose process is gone."""
    if fcntl is None:
        return
    for folder in parent.glob(f"{glob.escape(prefix)}*.scratch"):
        # One in use is locked; one without the file is of another kind, or about to get it.
        with suppress(OSError), (folder / _LOCK).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
