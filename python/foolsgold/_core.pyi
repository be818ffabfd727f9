"""The Rust extension: each function checks its arguments and never converts them."""

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Texts",
    "__version__",
    "available_threads",
    "build_profile",
    "cpu_features",
    "wait",
]
__version__: str
build_profile: str

_Progress = Callable[[int, int], object]

def available_threads() -> int: ...
def cpu_features() -> list[str]: ...
def wait(blocks: int, *, threads: int, progress: _Progress | None = None) -> None: ...

@final
class Texts:
    @staticmethod
    def intern(
        columns: list[tuple[str, Any]], *, threads: int, progress: _Progress | None = None
    ) -> tuple[Texts, list[tuple[NDArray[np.uint32], NDArray[np.int64] | None]]]: ...
    @property
    def fingerprint(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, id: int, /) -> str: ...
    def distinct(self) -> Any: ...
    def take(self, ids: NDArray[np.uint32]) -> list[str]: ...
    def twins(self, *, threads: int, progress: _Progress | None = None) -> NDArray[np.uint32]: ...
