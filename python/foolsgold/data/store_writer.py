"""Writing a text store from batches of columns."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from foolsgold import _core
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from foolsgold.data.row_batches import Batch


class StoreWriter:
    """A store that is written, a context; what is left before `finish` leaves the folder as it was.

    Args:
        folder: of the store.
        columns: names of those that every batch has and that hold texts.
        ids_folder: where the columns' ids go; None for nowhere.
        append: whether there is a store already.
        threads: at least 1.
        progress: show progress bars.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        columns: Sequence[str],
        *,
        ids_folder: str | os.PathLike[str] | None = None,
        append: bool = False,
        threads: int,
        progress: bool = False,
    ) -> None:
        self.columns = list(columns)
        self.threads = threads
        self.progress = progress
        self.rows = 0
        self._shown = ExitStack()
        with progress_bar("Read the store", enabled=progress and append, unit="text") as show:
            self._core = _core.TextStoreBuilder(
                os.fspath(folder),
                self.columns,
                ids_folder=None if ids_folder is None else os.fspath(ids_folder),
                append=append,
                threads=threads,
                progress=show,
            )

    def __enter__(self) -> StoreWriter:
        self._show = self._shown.enter_context(progress_bar("Store texts", enabled=self.progress, unit="row"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.close()
        self._core.close()

    def push(self, batch: Batch) -> None:
        """Take further rows."""
        self._core.push([(name, batch.columns[name]) for name in self.columns], self.threads)
        self.rows += batch.num_rows
        if self._show is not None:
            self._show(self.rows, batch.total or self.rows)

    def finish(self) -> Mapping[str, Any]:
        """Let the texts count, and return what was written of each column, by name."""
        self._shown.close()
        with progress_bar("Put texts in order", enabled=self.progress) as show:
            written = self._core.finish(progress=show)
        return dict(zip(self.columns, written, strict=False))
