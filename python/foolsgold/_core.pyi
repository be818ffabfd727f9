"""The Rust extension: each function checks its arguments and never converts them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from foolsgold.mining.strategies import Selection

__all__ = [
    "Batch",
    "Bm25",
    "CandidateStore",
    "CandidateTable",
    "Corpus",
    "Examined",
    "FileStream",
    "FileWriter",
    "FolderLock",
    "Labels",
    "Packing",
    "StoredTexts",
    "StreamBatches",
    "Table",
    "TextStore",
    "TextStoreBuilder",
    "Texts",
    "Tuples",
    "__version__",
    "available_threads",
    "blend_plan",
    "build_profile",
    "check_fits",
    "check_writable",
    "checksum",
    "code_peak",
    "cpu_features",
    "draw_negatives",
    "draw_negatives_of_row",
    "draw_outside",
    "equal_rows",
    "evaluate",
    "examine",
    "fingerprint",
    "fuse",
    "is_beir",
    "known_positives",
    "mine",
    "mix_counts",
    "mix_passes",
    "mix_plan",
    "multiply_add_peak",
    "near_duplicates",
    "near_duplicates_between",
    "num_batches",
    "pair_scores",
    "permute",
    "random_plan",
    "read_beir",
    "read_sound",
    "read_trec_run",
    "search",
    "sequential_plan",
    "shared",
    "tally",
    "tiles",
    "wait",
    "write_arrow",
    "write_stream",
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
_Column = tuple[str, NDArray[np.uint64] | None, NDArray[Any]]
_Embeddings = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint16]
_Exclusion = tuple[str, NDArray[np.uint32] | None, NDArray[np.int64], NDArray[np.uint32]]
_Anchors = tuple[NDArray[np.int64], NDArray[np.uint32]] | NDArray[np.float32]
_Rules = tuple[str, float | None, float | None, float | None, float | None]
_Mined = tuple[
    NDArray[np.int64],
    NDArray[np.float32],
    NDArray[np.int32],
    tuple[list[int], int, int, int, int, int],
]
_NearOptions = tuple[float, int, int, int, int]
_NearReport = tuple[int, int, int, float, int, int, int]
_NearPairs = tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float32]]
_NearDuplicates = tuple[_NearPairs, NDArray[np.uint32], NDArray[np.uint32], _NearReport]
_Overlap = tuple[_NearPairs, NDArray[np.bool_], NDArray[np.bool_], _NearReport]
_Space = tuple[NDArray[Any], str]
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
def draw_outside(
    total: int,
    offsets: NDArray[np.int64],
    ranges: NDArray[np.uint32],
    count: int,
    seed: int,
    *,
    threads: int,
    progress: _Progress | None = None,
) -> NDArray[np.uint32]: ...
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
    def near_duplicates(
        self, options: _NearOptions, *, threads: int, progress: _Progress | None = None
    ) -> _NearDuplicates: ...

@final
class TextStore:
    def __new__(cls, folder: str) -> TextStore: ...
    @property
    def fingerprint(self) -> int: ...
    @property
    def num_bytes(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, id: int, /) -> str: ...
    def take(self, ids: NDArray[np.uint32]) -> list[str]: ...
    def distinct(self, *, threads: int, progress: _Progress | None = None) -> Any: ...
    def column(self, ids: NDArray[np.uint32], offsets: NDArray[np.int64] | None, threads: int) -> Any: ...
    def verify(self, *, threads: int, progress: _Progress | None = None) -> None: ...
    def intern(
        self,
        columns: list[tuple[NDArray[np.uint32] | None, NDArray[np.int64] | None, NDArray[np.uint64] | None]],
        *,
        threads: int,
        progress: _Progress | None = None,
    ) -> tuple[StoredTexts, list[NDArray[np.uint32] | None]]: ...

@final
class StoredTexts:
    @property
    def fingerprint(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, id: int, /) -> str: ...
    def take(self, ids: NDArray[np.uint32]) -> list[str]: ...
    def store_ids(self) -> NDArray[np.uint32] | None: ...
    def distinct(self) -> Any: ...
    def twins(self, *, threads: int, progress: _Progress | None = None) -> NDArray[np.uint32]: ...
    def near_duplicates(
        self, options: _NearOptions, *, threads: int, progress: _Progress | None = None
    ) -> _NearDuplicates: ...

@final
class TextStoreBuilder:
    def __new__(
        cls,
        folder: str,
        columns: list[str],
        *,
        ids_folder: str | None = None,
        append: bool = False,
        threads: int,
        progress: _Progress | None = None,
    ) -> TextStoreBuilder: ...
    def push(self, columns: list[tuple[str, Any]], threads: int) -> None: ...
    def finish(
        self, *, progress: _Progress | None = None
    ) -> list[tuple[int, int, bool, list[int], int, int | None]]: ...
    def close(self) -> None: ...

def near_duplicates(
    texts: Any, options: _NearOptions, *, threads: int, progress: _Progress | None = None
) -> _NearDuplicates: ...
def near_duplicates_between(
    left: Any, right: Any, options: _NearOptions, *, threads: int, progress: _Progress | None = None
) -> _Overlap: ...

_IdColumn = tuple[NDArray[np.uint32], NDArray[np.int64] | None]
_Examination = tuple[str, NDArray[np.bool_], NDArray[np.int64] | None, NDArray[np.bool_], NDArray[Any] | None]

@final
class Examined:
    def __len__(self) -> int: ...
    def __getitem__(self, id: int, /) -> str: ...
    def traits(self) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]: ...
    def twins(self, *, threads: int, progress: _Progress | None = None) -> NDArray[np.uint32]: ...
    def near_duplicates(
        self, options: _NearOptions, *, threads: int, progress: _Progress | None = None
    ) -> _NearDuplicates: ...
    def near_duplicates_between(
        self,
        left: NDArray[np.uint32],
        right: NDArray[np.uint32],
        options: _NearOptions,
        *,
        threads: int,
        progress: _Progress | None = None,
    ) -> _Overlap: ...

def examine(
    columns: list[tuple[str, Any]], *, threads: int, progress: _Progress | None = None
) -> tuple[Examined, list[_Examination]]: ...
def equal_rows(
    columns: list[_IdColumn],
    words: list[NDArray[np.uint64]],
    num_rows: int,
    *,
    progress: _Progress | None = None,
) -> NDArray[np.uint32]: ...
def shared(left: _IdColumn, right: _IdColumn) -> NDArray[np.bool_]: ...
def known_positives(
    anchors: NDArray[np.uint32], positives: list[_IdColumn], negatives: list[_IdColumn]
) -> list[NDArray[np.bool_]]: ...
def read_sound(
    files: list[str], *, threads: int, progress: _Progress | None = None
) -> tuple[Table, tuple[int, list[tuple[str, int, str]]], list[tuple[str, NDArray[np.uint8]]]]: ...

@final
class Bm25:
    @staticmethod
    def build(
        corpus: Any, *, k1: float, b: float, threads: int, progress: _Progress | None = None
    ) -> Bm25: ...
    def search(
        self,
        queries: Any,
        exclusions: list[_Exclusion],
        top_k: int,
        *,
        threads: int,
        progress: _Progress | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...
    def __len__(self) -> int: ...
    @property
    def num_terms(self) -> int: ...

def fuse(
    tables: list[tuple[NDArray[np.int64], NDArray[np.float32]]],
    num: int,
    *,
    k: float,
    quotas: list[int] | None,
    threads: int,
    progress: _Progress | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint32]]: ...
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
    queries: _Embeddings,
    corpus: _Embeddings,
    exclusions: list[_Exclusion],
    anchors: _Anchors | None,
    *,
    similarity: str,
    rules: _Rules,
    selection: Selection,
    threads: int,
    max_memory: int = 2147483648,
    tile: str | None = None,
    prepared: Corpus | None = None,
    progress: _Progress | None = None,
) -> _Mined: ...
def search(
    queries: _Embeddings,
    corpus: _Embeddings,
    exclusions: list[_Exclusion],
    anchors: _Anchors | None,
    *,
    similarity: str,
    rules: _Rules,
    depth: int,
    first_document: int = 0,
    threads: int,
    max_memory: int = 2147483648,
    tile: str | None = None,
    prepared: Corpus | None = None,
    progress: _Progress | None = None,
) -> CandidateTable: ...

@final
class Corpus:
    def __new__(
        cls,
        corpus: _Embeddings,
        queries: _Embeddings,
        *,
        similarity: str,
        depth: int,
        threads: int,
        max_memory: int = 2147483648,
        tile: str | None = None,
        progress: _Progress | None = None,
    ) -> Corpus: ...
    def __len__(self) -> int: ...

@final
class CandidateTable:
    @staticmethod
    def from_columns(
        columns: dict[str, NDArray[Any]],
        *,
        rules: _Rules,
        depth: int,
        documents: int,
        exclusions: list[str],
    ) -> CandidateTable: ...
    def columns(self) -> dict[str, NDArray[Any]]: ...
    def __len__(self) -> int: ...
    @property
    def depth(self) -> int: ...
    @property
    def documents(self) -> int: ...
    @property
    def exclusions(self) -> list[str]: ...
    def rejected(self) -> list[int]: ...
    def starved(self) -> int: ...
    @staticmethod
    def merge(
        tables: list[CandidateTable], *, threads: int, progress: _Progress | None = None
    ) -> CandidateTable: ...
    @staticmethod
    def concat(tables: list[CandidateTable]) -> CandidateTable: ...
    def narrow(
        self, *, rules: _Rules, depth: int, threads: int, progress: _Progress | None = None
    ) -> CandidateTable: ...
    def select(self, selection: Selection, *, threads: int, progress: _Progress | None = None) -> _Mined: ...

def pair_scores(
    queries: _Embeddings,
    corpus: _Embeddings,
    query_ids: NDArray[np.uint32],
    document_ids: NDArray[np.uint32],
    *,
    similarity: str,
    threads: int,
    progress: _Progress | None = None,
) -> NDArray[np.float32]: ...
def checksum(bytes: NDArray[np.uint8]) -> int: ...

@final
class FolderLock:
    def __new__(cls, folder: str) -> FolderLock: ...
    def close(self) -> None: ...

@final
class CandidateStore:
    @staticmethod
    def create(
        folder: str, *, queries: int, part_rows: int, key: str, progress: _Progress | None = None
    ) -> CandidateStore: ...
    @staticmethod
    def open(folder: str) -> CandidateStore: ...
    @property
    def queries(self) -> int: ...
    @property
    def parts(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def missing(self) -> list[int]: ...
    @property
    def damaged(self) -> list[Path]: ...
    def rows(self, part: int) -> tuple[int, int]: ...
    def write(self, part: int, columns: list[_Column], *, progress: _Progress | None = None) -> None: ...
    def read(
        self, part: int, names: Sequence[str] | None = None, *, progress: _Progress | None = None
    ) -> list[_Column]: ...
    def statistics(
        self, name: str, *, progress: _Progress | None = None
    ) -> tuple[int, float, float, float, list[float], float]: ...
    def num_short(self, name: str, wanted: int, *, progress: _Progress | None = None) -> int: ...
    def close(self) -> None: ...

def check_fits(name: str, got: int, queries: int, query_bytes: int) -> None: ...
def code_peak(rounds: int, *, threads: int, tile: str | None = None) -> int: ...
def tiles() -> list[str]: ...
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

def read_trec_run(
    file: str, query_ids: Any, document_ids: Any, *, progress: _Progress | None = None
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]]: ...
def is_beir(folder: str) -> bool: ...
def read_beir(
    folder: str, *, threads: int, progress: _Progress | None = None
) -> tuple[
    Table,
    Table,
    list[tuple[str, Table, NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float64]]],
]: ...

_Skipped = tuple[int, list[tuple[str, int, str]]]

@final
class FileStream:
    @staticmethod
    def open(
        files: list[str],
        *,
        columns: list[str] | None,
        types: dict[str, str],
        names: list[str] | None,
        quoting: bool,
        nested: bool,
        on_error: str,
        batch_rows: int,
        block_bytes: int,
        threads: int,
        progress: _Progress | None = None,
    ) -> FileStream: ...
    @property
    def kinds(self) -> list[tuple[str, str]]: ...
    @property
    def unreadable(self) -> list[tuple[str, str]]: ...
    @property
    def num_bytes(self) -> int: ...
    def batches(self) -> StreamBatches: ...
    def __arrow_c_schema__(self) -> Any: ...

@final
class Batch:
    @property
    def num_rows(self) -> int: ...
    @property
    def kinds(self) -> list[tuple[str, str]]: ...
    def __len__(self) -> int: ...
    def column(self, name: str) -> Any: ...
    def __arrow_c_schema__(self) -> Any: ...
    def __arrow_c_array__(self, requested_schema: Any = None) -> Any: ...

@final
class StreamBatches:
    def next(self, progress: _Progress | None = None) -> Batch | None: ...
    @property
    def skipped(self) -> _Skipped: ...
    def source(self, row: int) -> tuple[str, int]: ...
    def as_stream(self, schema: Any, requested_schema: Any = None) -> Any: ...

@final
class FileWriter:
    def __new__(
        cls,
        path: str,
        schema: Any,
        *,
        nested: bool | None,
        array: bool,
        header: bool,
        quoting: bool,
        threads: int,
    ) -> FileWriter: ...
    def push(self, batch: Any) -> None: ...
    def finish(self) -> int: ...
    def drop(self) -> None: ...

def check_writable(path: str, schema: Any, *, nested: bool | None, array: bool) -> None: ...
def write_arrow(
    source: Any,
    path: str,
    *,
    nested: bool | None,
    array: bool,
    header: bool,
    quoting: bool,
    threads: int,
) -> int: ...
def write_stream(
    stream: FileStream,
    path: str,
    *,
    nested: bool | None,
    array: bool,
    header: bool,
    quoting: bool,
    threads: int,
    progress: _Progress | None = None,
) -> tuple[int, _Skipped]: ...

@final
class Tuples:
    @staticmethod
    def from_labels(
        labels: NDArray[np.uint32],
        num_classes: int,
        *,
        form: tuple[str, bool],
        share: tuple[str, int],
        noise: tuple[int | None, bool],
        ids: NDArray[np.uint32] | None = None,
        progress: _Progress | None = None,
    ) -> Tuples: ...
    @staticmethod
    def from_scores(
        anchors: NDArray[np.uint32],
        items: NDArray[np.uint32],
        scores: NDArray[np.float64],
        *,
        options: tuple[float, int | None, bool],
        progress: _Progress | None = None,
    ) -> Tuples: ...
    @staticmethod
    def from_distances(
        labels: NDArray[np.uint32],
        noise: int | None,
        space: _Space,
        *,
        options: tuple[str, float],
        threads: int,
        progress: _Progress | None = None,
    ) -> Tuples: ...
    @property
    def count(self) -> int: ...
    @property
    def report(self) -> list[tuple[str, int]]: ...
    def take(
        self,
        places: tuple[int, int] | NDArray[np.uint64] | list[int],
        order: tuple[int, int, bool],
        *,
        space: _Space | None = None,
        threads: int,
        progress: _Progress | None = None,
    ) -> NDArray[np.uint32]: ...

def permute(len: int, key: tuple[int, int], places: list[int], *, undo: bool = False) -> list[int | None]: ...
