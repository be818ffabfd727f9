"""Where in the source a value stands that the layout of the output cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.reshaping.sources import Source

if TYPE_CHECKING:
    from foolsgold.data.layouts.rows import UnwritableError
    from foolsgold.data.reshaping.file_rows import FileRows


def placed(error: UnwritableError, found: Source | FileRows) -> ValueError:
    """Return an error that names the first row of the source with the value, where one has it."""
    for source in [found] if isinstance(found, Source) else found.sources():
        names = sorted(source.table.schema.names, key=lambda name: name != error.column)
        for name in names:
            row = _row_of(source.table.column(name), str(error.value))
            if row is not None:
                return ValueError(f"{source.place(row)}, column `{name}`: {error.told}")
    return ValueError(str(error))


def _row_of(column: Any, text: str) -> int | None:
    """Return the first row of an Arrow column that holds a text, or a list with it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = 0
    for chunk in column.chunks:
        is_list = "list" in str(chunk.type)
        flat = pc.list_flatten(chunk) if is_list else chunk
        try:
            texts = flat.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
        hits = np.flatnonzero(np.asarray(pc.fill_null(pc.equal(texts, pa.scalar(text, texts.type)), False)))
        if len(hits):
            at = int(hits[0])
            return first + (int(pc.list_parent_indices(chunk)[at].as_py()) if is_list else at)
        first += len(chunk)
    return None
