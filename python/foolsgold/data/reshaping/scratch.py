"""A folder beside an output for what may be larger than memory while it is made."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold.data.reshaping.plain import as_plain, plain_schema

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType


class Scratch:
    """A folder that is made when it is first asked for, and removed at the end, a context.

    Args:
        output: what is written; the folder is beside it, on the same disk.
    """

    def __init__(self, output: str | os.PathLike[str]) -> None:
        self._output = Path(output)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._count = 0

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def path(self, name: str) -> Path:
        """Return a path in the folder that nothing has yet."""
        if self._folder is None:
            prefix, folder = f".{self._output.name}.", self._output.absolute().parent
            # What a system cannot remove while it is mapped goes when the process ends.
            self._folder = tempfile.TemporaryDirectory(
                ".scratch", prefix, folder, ignore_cleanup_errors=os.name == "nt"
            )
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
