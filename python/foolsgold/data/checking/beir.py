"""A BEIR folder as rows of query, document and score, for training and for measuring."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from foolsgold import _core
from foolsgold.data.checking.loading import Loaded
from foolsgold.data.files import listed
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

_TRAIN, _TEST = "train", "test"


def load_beir(folder: str, *, threads: int, progress: bool) -> tuple[Loaded, Loaded | None]:
    """Return the judgments of the split `train`, or of the only one, and of `test` where both are there.

    Raises:
        ValueError: as `foolsgold._core.read_beir`.
        OSError: if a file cannot be opened.
    """
    found = _splits(folder, threads=threads, progress=progress)
    train = _TRAIN if _TRAIN in found else next(iter(found))
    return found[train](), found[_TEST]() if _TEST in found and train != _TEST else None


def load_beir_test(data: Any, *, threads: int, progress: bool) -> Loaded:
    """Return the judgments to measure by: of the split `test`, else of another than `train`.

    Args:
        data: the path of a BEIR folder, or a list of it.
        threads: that parse.
        progress: show a progress bar.

    Raises:
        ValueError: as `foolsgold._core.read_beir`.
        OSError: if a file cannot be opened.
    """
    found = _splits(listed(data)[0], threads=threads, progress=progress)
    return found[min(found, key=lambda name: (name != _TEST, name == _TRAIN))]()


def _splits(folder: str, *, threads: int, progress: bool) -> dict[str, Callable[[], Loaded]]:
    """Return what gives the judgments of each split."""
    with progress_bar("read", enabled=progress, unit="B") as show:
        documents, queries, splits = _core.read_beir(folder, threads=threads, progress=show)
    return {
        split[0]: partial(_rows, documents, queries, *split[1:], folder=folder, threads=threads)
        for split in splits
    }


def _rows(
    documents: Any,
    queries: Any,
    table: Any,
    query_rows: NDArray[np.uint32],
    document_rows: NDArray[np.uint32],
    scores: NDArray[np.float64],
    *,
    folder: str,
    threads: int,
) -> Loaded:
    import pyarrow as pa

    return Loaded(
        columns={
            "query": queries.take(query_rows, threads=threads).column("text"),
            "document": documents.take(document_rows, threads=threads).column("text"),
            "score": pa.chunked_array([pa.array(scores).cast(pa.int64(), safe=False)])
            if (scores == scores.round()).all()
            else pa.chunked_array([pa.array(scores)]),
        },
        num_rows=len(query_rows),
        files=(folder,),
        source=table.source,
    )
