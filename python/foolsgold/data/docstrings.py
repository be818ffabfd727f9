"""A real corpus that every machine has: the docstrings of the Python packages installed on it.

A pair is a docstring's first sentence (the query) and what it stands for (the document: qualified name,
signature and the rest of the docstring, with the first sentence taken out, so that finding it is not a string
match). Sources are parsed with `ast` and never imported.
"""

from __future__ import annotations

import os
import re
import sysconfig
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from foolsgold.data.docstring_source import Pair, read_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FILES_PER_TASK = 32
_MAX_WORKERS = 61  # Windows cannot wait for more processes
_SKIPPED_FOLDERS = frozenset(
    {"test", "tests", "idle_test", "_vendor", "_vendored", "vendor", "vendored", "extern", "third_party"}
)
_TEST_FILE = re.compile(r"test_.*|.*_test|conftest|tests?")


@dataclass(frozen=True, kw_only=True)
class Docstrings:
    """Pairs of a question and what answers it, in one order for any number of workers.

    Attributes:
        queries: First sentences, distinct after lower-casing and collapsing white space.
        documents: For each query the qualified name, the signature and the rest of its docstring.
        modules: For each query the dotted name of the module it was read in.
        num_files: Source files looked at.
        num_unreadable: Files that could not be read or parsed, or are larger than `MAX_FILE_BYTES`.
        num_duplicates: Pairs left out because their first sentence, or the rest, was there before.
    """

    queries: list[str]
    documents: list[str]
    modules: list[str]
    num_files: int = 0
    num_unreadable: int = 0
    num_duplicates: int = 0

    def __len__(self) -> int:
        return len(self.queries)


class Splits(NamedTuple):
    """Three parts that share no module and no text."""

    train: Docstrings
    development: Docstrings
    test: Docstrings


def read_docstrings(
    roots: Sequence[str | os.PathLike[str]] | None = None,
    *,
    limit: int | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> Docstrings:
    r"""Read pairs from the docstrings of all packages under `roots`.

    Files are visited in the order of a hash of their module's name, so that a `limit` takes a fair sample of
    all packages. Tests, vendored copies and docstrings with nothing beyond their first sentence are left out.
    A pair whose first sentence or rest was seen before is left out too, so no two splits can share a text.

    With more than one worker, processes are spawned: a script that calls this needs the usual
    `if __name__ == "__main__":` guard.

    Args:
        roots: Folders that packages lie in; by default the standard library and site-packages of this Python.
        limit: Stop after so many pairs, at least 1.
        workers: Number of processes, at least 1; by default one for each CPU core.
        progress: Show a progress bar.

    Returns:
        The pairs and what was left out; the same for any number of workers.

    Raises:
        ValueError: If `limit` or `workers` is less than 1, or a root is no folder.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> docstring = "Return the sum of two numbers.\n\n    Works for any type with a plus sign."
        >>> _ = (folder / "sums.py").write_text(f"def add(a, b=1):\n    '''{docstring}'''")
        >>> pairs = read_docstrings([folder], workers=1)
        >>> pairs.queries
        ['Return the sum of two numbers.']
        >>> pairs.documents
        ['sums.add(a, b=1)\nWorks for any type with a plus sign.']
    """
    for name, value in (("limit", limit), ("workers", workers)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1, got {value}")
    files = _list_files(_default_roots() if roots is None else [Path(root) for root in roots])
    tasks = [files[start : start + _FILES_PER_TASK] for start in range(0, len(files), _FILES_PER_TASK)]
    with (
        tqdm(total=len(files), desc="docstrings", unit="file", disable=not progress) as bar,
        _results(tasks, workers or os.cpu_count() or 1) as results,
    ):
        gathered = _Gathered(limit)
        for task, result in zip(tasks, results, strict=True):
            gathered.add(task, result)
            bar.update(len(task))
            if gathered.is_full:
                break
    return gathered.docstrings()


def split_by_module(
    docstrings: Docstrings, *, development: float = 0.1, test: float = 0.1, seed: int = 0
) -> Splits:
    """Divide pairs by a hash of their module's name, so that a module's pairs stay together.

    A module keeps its part whatever else is installed. No text comes twice in what `read_docstrings` returns,
    so the parts share none.

    Args:
        docstrings: What `read_docstrings` returned.
        development: Share of the modules held out for choices, 0 to 1.
        test: Share of the modules held out for the last measurement, 0 to 1.
        seed: Another seed is another division.

    Raises:
        ValueError: If a share is negative or both exceed 1.
    """
    if min(development, test) < 0 or development + test > 1:
        shares = f"{development} and {test}"
        raise ValueError(f"`development` and `test` must be shares of one whole, got {shares}")
    rows: tuple[list[int], list[int], list[int]] = ([], [], [])
    for row, module in enumerate(docstrings.modules):
        place = _hash(f"{seed}/{module}") / 2**64
        rows[2 if place < test else 1 if place < test + development else 0].append(row)
    return Splits(*(_take(docstrings, part) for part in rows))


def _take(docstrings: Docstrings, rows: list[int]) -> Docstrings:
    return Docstrings(
        queries=[docstrings.queries[row] for row in rows],
        documents=[docstrings.documents[row] for row in rows],
        modules=[docstrings.modules[row] for row in rows],
    )


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big")


def _default_roots() -> list[Path]:
    paths = sysconfig.get_paths()
    found = {Path(paths[name]).resolve(): None for name in ("stdlib", "purelib", "platlib")}
    return [path for path in found if path.is_dir()]


class _Gathered:
    """Pairs that are new, in the order they are added."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.rows: list[tuple[str, str, str]] = []
        self.num_files = self.num_unreadable = self.num_duplicates = 0
        self._queries: set[str] = set()
        self._rests: set[str] = set()

    @property
    def is_full(self) -> bool:
        return self.limit is not None and len(self.rows) >= self.limit

    def add(self, files: list[tuple[str, str]], results: list[list[Pair] | None]) -> None:
        for (_, module), pairs in zip(files, results, strict=True):
            if self.is_full:
                return
            self.num_files += 1
            self.num_unreadable += pairs is None
            for pair in pairs or ():
                self._add_pair(pair, module)

    def _add_pair(self, pair: Pair, module: str) -> None:
        query, rest = _normalised(pair.query), _normalised(pair.rest)
        if query in self._queries or rest in self._rests:
            self.num_duplicates += 1
        elif not self.is_full:
            self._queries.add(query)
            self._rests.add(rest)
            self.rows.append((pair.query, f"{pair.title}\n{pair.rest}", module))

    def docstrings(self) -> Docstrings:
        return Docstrings(
            queries=[query for query, _, _ in self.rows],
            documents=[document for _, document, _ in self.rows],
            modules=[module for _, _, module in self.rows],
            num_files=self.num_files,
            num_unreadable=self.num_unreadable,
            num_duplicates=self.num_duplicates,
        )


@contextmanager
def _results(tasks: list[list[tuple[str, str]]], workers: int) -> Iterator[Iterator[list[list[Pair] | None]]]:
    """The results of `tasks` in their order; on leaving, what was not asked for is cancelled."""
    workers = min(workers, len(tasks), _MAX_WORKERS)
    if workers <= 1:
        yield map(read_files, tasks)
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool.map(read_files, tasks)
    finally:
        pool.shutdown(cancel_futures=True)


def _normalised(text: str) -> str:
    return " ".join(text.lower().split())


def _list_files(roots: list[Path]) -> list[tuple[str, str]]:
    """Paths and module names of the sources, in the order of the hash of the module's name."""
    files: dict[str, str] = {}
    for root in roots:
        if not root.is_dir():
            raise ValueError(f"`roots` must be folders, got {root}")
        for folder, subfolders, names in os.walk(root):
            subfolders[:] = [
                name for name in subfolders if name.isidentifier() and name not in _SKIPPED_FOLDERS
            ]
            parents = Path(folder).relative_to(root).parts
            for name in names:
                stem, _, extension = name.partition(".")
                if extension == "py" and stem.isidentifier() and not _TEST_FILE.fullmatch(stem):
                    parts = parents if stem == "__init__" else (*parents, stem)
                    files.setdefault(".".join(parts) or root.name, f"{folder}{os.sep}{name}")
    return [(files[module], module) for module in sorted(files, key=lambda module: (_hash(module), module))]
