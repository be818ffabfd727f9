"""The Rust extension: each function checks its arguments and never converts them."""

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Bm25",
    "Labels",
    "Packing",
    "Table",
    "Texts",
    "__version__",
    "available_threads",
    "blend_plan",
    "build_profile",
    "cpu_features",
    "draw_negatives",
    "draw_negatives_of_row",
    "evaluate",
    "fingerprint",
    "is_beir",
    "mine",
    "mix_counts",
    "mix_passes",
    "mix_plan",
    "multiply_add_peak",
    "num_batches",
    "pair_scores",
    "random_plan",
    "read_beir",
    "sequential_plan",
    "tally",
    "wait",
]
__version__: str
build_profile: str

_Progress = Callable[[int, int], object]
_Report = tuple[int, int, list[tuple[str, int]]]
_Plan = tuple[NDArray[np.uint32], NDArray[np.uint64], int, _Report]
_Batching = tuple[int, int, str]
_Draw = tuple[int, int, int]
_Schedule = tuple[list[int], list[int], bool]
_Pass = tuple[NDArray[np.uint32], NDArray[np.uint64], list[tuple[str, int]]]
_Ids = NDArray[np.uint32] | tuple[NDArray[np.int64], NDArray[np.uint32]]

def available_threads() -> int: ...
def cpu_features() -> list[str]: ...
def wait(blocks: int, *, threads: int, progress: _Progress | None = None) -> None: ...
def num_batches(num_rows: int, *, batching: _Batching) -> int: ...
def random_plan(
    num_rows: int, draw: _Draw, *, batching: _Batching, threads: int, progress: _Progress | None = None
) -> _Plan: ...
def fingerprint(columns: list[NDArray[np.uint32]]) -> int: ...
def sequential_plan(num_rows: int, *, batching: _Batching) -> _Plan: ...
def draw_negatives(
    lengths: NDArray[np.uint32],
    count: int,
    draw: _Draw,
    *,
    weighting: str,
    threads: int,
    progress: _Progress | None = None,
) -> NDArray[np.uint32]: ...
def draw_negatives_of_row(length: int, count: int, draw: _Draw, row: int, *, weighting: str) -> list[int]: ...
def tally(
    rows: NDArray[np.uint32], groups: NDArray[np.uint32], num_groups: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]: ...

@final
class Labels:
    def __new__(
        cls,
        labels: NDArray[np.uint32],
        num_classes: int,
        *,
        batching: _Batching,
        k: int | None = None,
        imbalance: str = "cap",
        coverage: bool = False,
        progress: _Progress | None = None,
    ) -> Labels: ...
    def __len__(self) -> int: ...
    @property
    def fingerprint(self) -> int: ...
    def plan(self, draw: _Draw, *, threads: int, progress: _Progress | None = None) -> _Plan: ...

def mix_counts(
    lengths: list[int], *, weights: list[float] | None, stop: str | int, whole: int
) -> list[int]: ...
def mix_passes(draw: _Draw, *, schedule: _Schedule) -> list[tuple[int, _Draw]]: ...
def mix_plan(
    draw: _Draw,
    passes: list[_Pass],
    *,
    schedule: _Schedule,
    rows: list[int],
    num_replicas: int,
    threads: int,
    progress: _Progress | None = None,
) -> tuple[_Plan, list[_Report]]: ...
def blend_plan(
    draw: _Draw,
    columns: list[NDArray[np.uint32]],
    *,
    rows: list[int],
    counts: list[int],
    batching: _Batching,
    threads: int,
    progress: _Progress | None = None,
) -> tuple[_Plan, list[_Report]]: ...

@final
class Packing:
    def __new__(
        cls,
        num_rows: int,
        columns: list[_Ids],
        *,
        batching: _Batching,
        names: list[str] = ...,
        pairs: NDArray[np.uint32] | None = None,
        known_positives: bool = False,
        lengths: NDArray[np.uint32] | None = None,
        max_tokens: int | None = None,
        max_padding: float = 0.0,
        sources: list[int] = ...,
        num_batches: int | None = None,
        threads: int,
        progress: _Progress | None = None,
    ) -> Packing: ...
    def __len__(self) -> int: ...
    def has_pairs(self) -> bool: ...
    def num_without_pairs(self) -> int: ...
    def plan(self, draw: _Draw, *, threads: int, progress: _Progress | None = None) -> _Plan: ...

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

@final
class Bm25:
    @staticmethod
    def build(
        corpus: Any, *, k1: float, b: float, threads: int, progress: _Progress | None = None
    ) -> Bm25: ...
    def search(
        self, queries: Any, top_k: int, *, threads: int, progress: _Progress | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...
    def __len__(self) -> int: ...
    @property
    def num_terms(self) -> int: ...

def evaluate(
    ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    offsets: NDArray[np.int64],
    relevant: NDArray[np.uint32],
    gains: NDArray[np.float64],
    cutoffs: list[tuple[str, int]],
    *,
    threads: int,
    progress: _Progress | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]: ...
def mine(
    queries: NDArray[np.float32],
    corpus: NDArray[np.float32],
    positives: tuple[NDArray[np.int64], NDArray[np.uint32]] | None,
    *,
    similarity: str,
    num_negatives: int,
    absolute_margin: float | None,
    relative_margin: float | None,
    max_score: float | None,
    min_score: float | None,
    range_min: int,
    range_max: int | None,
    sampling_strategy: str,
    seed: int,
    threads: int,
    progress: _Progress | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32], list[int], int, int]: ...
def pair_scores(
    queries: NDArray[np.float32],
    corpus: NDArray[np.float32],
    query_ids: NDArray[np.uint32],
    document_ids: NDArray[np.uint32],
    *,
    similarity: str,
    threads: int,
    progress: _Progress | None = None,
) -> NDArray[np.float32]: ...
def multiply_add_peak(rounds: int, *, threads: int) -> int: ...

@final
class Table:
    @staticmethod
    def read(
        files: list[str], *, columns: list[str] | None, threads: int, progress: _Progress | None = None
    ) -> Table: ...
    @property
    def kinds(self) -> list[tuple[str, str]]: ...
    @property
    def unreadable(self) -> list[tuple[str, str]]: ...
    def __len__(self) -> int: ...
    def column(self, name: str) -> Any: ...
    def require(self, name: str) -> None: ...
    def rows_equal(self, name: str, value: str) -> NDArray[np.uint32]: ...
    def take(self, rows: NDArray[np.uint32], *, threads: int, progress: _Progress | None = None) -> Table: ...
    def source(self, row: int) -> tuple[str, int]: ...
    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...

def is_beir(folder: str) -> bool: ...
def read_beir(
    folder: str, *, threads: int, progress: _Progress | None = None
) -> tuple[
    Table,
    Table,
    list[tuple[str, Table, NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float64]]],
]: ...
