"""Columns of a text store: ids in place of texts, which are read when a row is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from foolsgold.data.store import TextStore

    Show = Callable[[int, int], object]

_ROWS = 1 << 12  # read together in an iteration


class StoredColumn(Sequence[Any]):
    """A column of texts, or of lists of texts, by their ids in a store.

    It is what interning looks for: columns of one store are taken as they are, and no text is read. For all
    else it is a sequence of texts, and an Arrow array of views (16 bytes a text) over the mapped store.

    Args:
        store: of the texts.
        ids: one a row, or those of all rows' lists one after the other, uint32; None for the whole store.
        offsets: where each row's list begins in `ids`, and at last their number, int64; None for one text a
            row.
        block_hashes: 64 bits of each block of texts, where they are known: the fingerprint is made of them.
    """

    def __init__(
        self,
        store: TextStore,
        ids: NDArray[np.uint32] | None = None,
        offsets: NDArray[np.int64] | None = None,
        block_hashes: NDArray[np.uint64] | None = None,
    ) -> None:
        self.store = store
        self.given = ids
        self.offsets = offsets
        self.block_hashes = block_hashes

    @property
    def ids(self) -> NDArray[np.uint32]:
        """The ids, as the store numbers its texts."""
        return np.arange(len(self.store), dtype=np.uint32) if self.given is None else self.given

    def __len__(self) -> int:
        if self.offsets is not None:
            return len(self.offsets) - 1
        return len(self.store) if self.given is None else len(self.given)

    def __getitem__(self, key: Any) -> Any:
        """Return the text or the list of a row, or those of a slice or an array of rows as a list."""
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            return self.cells(np.arange(start, stop, step))
        if isinstance(key, (int, np.integer)):
            if not -len(self) <= key < len(self):
                raise IndexError(f"row must be below {len(self)}, got {key}")
            return self.cells(np.array([int(key) % len(self)]))[0]
        return self.cells(np.asarray(key))

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), _ROWS):
            yield from self[start : start + _ROWS]

    def cells(self, rows: NDArray[np.integer[Any]]) -> list[Any]:
        """Return the texts or lists of rows from 0 on."""
        take = self.store.take
        if self.offsets is None:
            return take(rows.astype(np.uint32) if self.given is None else self.given[rows])
        cuts = [(int(self.offsets[row]), int(self.offsets[row + 1])) for row in rows]
        ids = self.ids
        texts = iter(take(np.concatenate([np.empty(0, np.uint32), *(ids[low:high] for low, high in cuts)])))
        return [[next(texts) for _ in range(high - low)] for low, high in cuts]

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        array = self.store._core.column(self.ids, self.offsets, resolve(None))
        return array.__arrow_c_array__(requested_schema)


def as_stored(column: Any) -> Any:
    """Return a whole store as a column of its texts, everything else as it is."""
    core = getattr(column, "_core", None)
    return StoredColumn(column) if isinstance(core, _core.TextStore) else column


def intern_columns(
    columns: Sequence[tuple[str, Any]], *, threads: int, progress: Show | None = None
) -> tuple[_core.Texts | _core.StoredTexts, list[tuple[NDArray[np.uint32], NDArray[np.int64] | None]]]:
    """Give equal texts of all columns the same id; ids of one store are only put in order.

    Args:
        columns: names and columns, as the core takes them, or of stores.
        threads: at least 1.
        progress: called with `(done, total)`.

    Returns:
        The texts, and of each column the ids and the offsets of its lists.
    """
    columns = [(name, as_stored(column)) for name, column in columns]
    stored = [column for _, column in columns if isinstance(column, StoredColumn)]
    if not stored or len(stored) < len(columns) or len({column.store.folder for column in stored}) > 1:
        return _core.Texts.intern(columns, threads=threads, progress=progress)
    # Of stores that were opened before and after more was appended, the longer one has the ids of both.
    longest = max((column.store for column in stored), key=len)
    parts = [
        (
            None if column.given is None and column.store is longest else column.ids,
            column.offsets,
            column.block_hashes,
        )
        for column in stored
    ]
    texts, found = longest._core.intern(parts, threads=threads, progress=progress)
    ids = [column.ids if new is None else new for column, new in zip(stored, found, strict=True)]
    return texts, [(own, column.offsets) for own, column in zip(ids, stored, strict=True)]
