"""A folder beside an output for what may be larger than memory while it is made."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def plain_schema(schema: Any) -> Any:
    """Return a schema without dictionaries, views and metadata; lists of nothing but nulls hold texts."""
    import pyarrow as pa

    return pa.schema([(field.name, _plain(field.type)) for field in schema])


def as_plain(rows: Any, schema: Any) -> Any:
    """Return a batch or table with the types of a `plain_schema`, a column that has its type as it is."""
    columns = [
        column if column.type.equals(field.type) else column.cast(field.type)
        for column, field in zip(rows.columns, schema, strict=True)
    ]
    return type(rows).from_arrays(columns, schema=schema)


def _plain(kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        item = pa.large_string() if pa.types.is_null(kind.value_type) else _plain(kind.value_type)
        if item.equals(kind.value_type):
            return kind
        return pa.list_(item) if pa.types.is_list(kind) else pa.large_list(item)
    return kind
