"""Texts on disk: every distinct text once, mapped into memory, shared by processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.stored_column import StoredColumn
from foolsgold.data.texts import Texts
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MANIFEST = "manifest.json"


class TextStore:
    """A folder of distinct texts; a text's id is its place in order of first appearance, as `Texts` has it.

    Opening takes no time: the file is mapped, so that pages are read when a text of them is asked for, and
    all processes share them. Texts are never changed; `append` puts more behind them, and ids stay. A call
    that writes and is stopped, or killed, leaves the store as it was: the same call begins anew.

    A store may be larger than memory. What is not: `distinct` looks at every text once, and `twins` and
    `near_duplicates` keep a copy of all texts in normal form. The files must not be made shorter while they
    are open: the system ends a process that reads behind the end of a mapped file.

    Attributes:
        folder: where it is.
        fingerprint: 64 bits of the texts in order: that of `Texts.intern` over all of them as one column.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> store = TextStore.build(folder, {"query": ["a", "b"], "answer": ["c", "a"]})
        >>> len(store), store[2], store.take(np.array([1, 0], np.uint32))
        (3, 'c', ['b', 'a'])
        >>> store = store.append({"document": ["c", "d"]})
        >>> len(store), store[3], TextStore.open(folder)[2]
        (4, 'd', 'c')
    """

    def __init__(self, folder: Path, core: _core.TextStore) -> None:
        self.folder = folder
        self._core = core
        self.fingerprint: int = core.fingerprint

    @staticmethod
    def open(folder: str | os.PathLike[str]) -> TextStore:
        """Open a finished store.

        Raises:
            ValueError: if the folder holds none, or one that was cut short; the file is named.
            OSError: if there is no such folder, or it cannot be read.
        """
        path = Path(os.path.realpath(folder))
        try:
            return TextStore(path, _core.TextStore(str(path)))
        except OSError:
            _check_manifest(path)
            raise

    @staticmethod
    def build(
        folder: str | os.PathLike[str],
        data: Any,
        *,
        columns: Sequence[str] | None = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> TextStore:
        """Write the distinct texts of a data set or a stream, in the memory of a batch.

        Beside the batch, a text takes 10 to 20 bytes of memory until all are written, of which 8 to 16 are
        of a table of hashes; equality is exact, for texts of equal hashes are compared.

        Args:
            folder: new or empty, or with what a stopped call has left; the store begins anew there.
            data: what `foolsgold.data.texts.columns_of` takes, files as of `read`, or an iterable of Arrow
                batches or of rows.
            columns: those of texts and of lists of texts that are stored; by default all of them.
            threads: by default a fair share of the cores; nothing depends on it.
            progress: show a progress bar.

        Raises:
            ValueError: at a null, naming column and row; if there is no such column, or the folder holds
                anything else.
            OSError: if the disk is full or not writable.
        """
        return _written(folder, data, columns, is_new=True, threads=threads, progress=progress)

    def append(
        self,
        data: Any,
        *,
        columns: Sequence[str] | None = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> TextStore:
        """Write the texts that are not there yet behind the others; arguments are those of `build`.

        The store is read once, as its texts are needed to know which are new.

        Returns:
            The store with the new texts; this one stays as it is.
        """
        return _written(self.folder, data, columns, is_new=False, threads=threads, progress=progress)

    def __len__(self) -> int:
        return len(self._core)

    def __getitem__(self, id: int) -> str:
        try:
            return self._core[id]
        except OverflowError:
            raise IndexError(f"`id` must be at least 0 and below {len(self)}, got {id}") from None

    @property
    def num_bytes(self) -> int:
        """The bytes of all texts in UTF-8."""
        return self._core.num_bytes

    def take(self, ids: NDArray[np.uint32]) -> list[str]:
        """Return the texts of `ids`, a uint32 array of any length."""
        return self._core.take(np.ascontiguousarray(ids))

    def distinct(self, *, threads: int | None = None, progress: bool = False) -> Any:
        """Return all texts in the order of their ids, as an Arrow array over the mapped file.

        The first call looks at every text, so that none is handed out that is no text.
        """
        with progress_bar("Check texts", enabled=progress) as show:
            return self._core.distinct(threads=resolve(threads), progress=show)

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        return self.distinct().__arrow_c_array__(requested_schema)

    def texts(self, *, threads: int | None = None) -> Texts:
        """Return the texts as `Texts` has them, for what compares all of them."""
        return Texts.intern({"text": StoredColumn(self)}, threads=threads)[0]

    def twins(self, *, threads: int | None = None, progress: bool = False) -> NDArray[np.uint32]:
        """Return for each id its class of texts that differ in case, white space and Unicode form at most."""
        return self.texts(threads=threads).twins(threads=threads, progress=progress)

    def verify(self, *, threads: int | None = None, progress: bool = False) -> None:
        """Read all texts and compare them with the fingerprint.

        Raises:
            ValueError: if the files were changed; the file is named.
        """
        with progress_bar("Verify texts", enabled=progress) as show:
            self._core.verify(threads=resolve(threads), progress=show)

    def __reduce__(self) -> Any:
        return _opened, (str(self.folder), len(self), self.fingerprint)


def check_store(store: TextStore, num_texts: int, fingerprint: int) -> None:
    """Check that a store is the one that had so many texts with that fingerprint, or has more by now.

    Raises:
        ValueError: if it is another one.
    """
    if len(store) < num_texts or (len(store) == num_texts and store.fingerprint != fingerprint):
        raise ValueError(
            f"{store.folder}: must be the store of {num_texts} texts with the fingerprint "
            f"{fingerprint:016x}, got {len(store)} with {store.fingerprint:016x}"
        )


def _check_manifest(folder: Path) -> None:
    """Check that a folder, where it is one, has a manifest of a store, in UTF-8."""
    path = folder / MANIFEST
    if folder.is_dir() and not path.exists():
        raise ValueError(f"{folder}: must hold a store, got no `{MANIFEST}`") from None
    if path.is_file():
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: must be a manifest of stored texts, got no UTF-8: {error}") from None


def _opened(folder: str, num_texts: int, fingerprint: int) -> TextStore:
    store = TextStore.open(folder)
    check_store(store, num_texts, fingerprint)
    return store


def _written(
    folder: str | os.PathLike[str],
    data: Any,
    columns: Sequence[str] | None,
    *,
    is_new: bool,
    threads: int | None,
    progress: bool,
) -> TextStore:
    from foolsgold.data.row_batches import RowBatches
    from foolsgold.data.store_writer import StoreWriter

    batches = RowBatches(data, columns)
    names = [name for name, kind in batches.kinds.items() if kind.is_text]
    others = [name for name in columns or () if name not in names]
    if others or not names:
        kinds = {name: str(kind) for name, kind in batches.kinds.items()}
        raise ValueError(f"`columns` must hold texts or lists of texts, got {others or kinds}")
    writer = StoreWriter(folder, names, append=not is_new, threads=resolve(threads), progress=progress)
    with writer:
        for batch in batches:
            writer.push(batch)
        writer.finish()
    return TextStore.open(folder)
