"""The Rust extension: each function checks its arguments and never converts them."""

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__: list[str]
__version__: str
build_profile: str

_Progress = Callable[[int, int], object]
_Plan = tuple[NDArray[np.uint32], NDArray[np.uint64], int, tuple[int, int, int, int]]

def available_threads() -> int: ...
def cpu_features() -> list[str]: ...
def wait(blocks: int, *, threads: int, progress: _Progress | None = None) -> None: ...
def num_random_batches(num_rows: int, *, batch_size: int, num_replicas: int, drop_last: bool) -> int: ...
def random_plan(
    num_rows: int,
    seed: int,
    epoch: int,
    *,
    batch_size: int,
    num_replicas: int,
    drop_last: bool,
    threads: int,
    progress: _Progress | None = None,
) -> _Plan: ...
@final
class NoDuplicates:
    def __new__(
        cls,
        columns: list[NDArray[np.uint32]],
        *,
        batch_size: int,
        num_replicas: int,
        drop_last: bool,
        threads: int,
        progress: _Progress | None = None,
    ) -> NoDuplicates: ...
    def __len__(self) -> int: ...
    def plan(self, seed: int, epoch: int, *, threads: int, progress: _Progress | None = None) -> _Plan: ...

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
