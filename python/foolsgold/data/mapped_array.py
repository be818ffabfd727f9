"""Arrays of numbers on disk, mapped into memory: shared by processes, and sent to them by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

_HEADER = 128  # bytes before the numbers, as NumPy aligns them


class MappedArray(np.memmap):
    """A mapped `.npy` file of numbers, not to be written to; pickled, it is the file's name.

    What is taken from it is a plain array.
    """

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self)[key]

    def __reduce__(self) -> Any:
        path = self.filename
        is_whole = path is not None and self.flags.c_contiguous
        if is_whole and Path(str(path)).stat().st_size == _HEADER + self.nbytes:
            return mapped, (str(path), self.dtype.str, len(self))
        return np.asarray(self).__reduce__()


def mapped(path: str | os.PathLike[str], dtype: str, length: int) -> NDArray[Any]:
    """Map a `.npy` file of `length` numbers.

    Raises:
        ValueError: if it holds anything else, or was cut short.
        OSError: if it cannot be read.
    """
    wanted = np.dtype(dtype)
    size = Path(path).stat().st_size
    if size != _HEADER + length * wanted.itemsize:
        raise ValueError(f"{path}: must have {_HEADER + length * wanted.itemsize} bytes, got {size}")
    if length == 0:
        return np.empty(0, wanted)
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{path}: must be an array of {wanted}, got {error}") from None
    if found.dtype != wanted or found.shape != (length,):
        raise ValueError(f"{path}: must be {length} numbers of {wanted}, got {found.dtype} {found.shape}")
    array: NDArray[Any] = found.view(MappedArray)
    return array
