"""Rows of a data set from mined ids: texts are taken by id, never copied one by one."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_CHUNK = 1 << 16  # rows; keeps a chunk of texts below the 2 GiB that 32-bit offsets address


def triplet_rows(
    ids: NDArray[np.int64], scores: NDArray[np.float32], positive_scores: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return one row for each negative of each pair, pair after pair.

    Args:
        ids: (P, n) negatives of each (anchor, positive) pair, -1 where there is none.
        scores: (P, n) their scores.
        positive_scores: (P,).

    Returns:
        The pair (R,), the negative (R, 1), and the scores (R, 2) of its positive and its negative.
    """
    pairs, places = np.nonzero(ids >= 0)
    both = np.stack([positive_scores[pairs], scores[pairs, places]], axis=1)
    return pairs, ids[pairs, places][:, None], both.astype(np.float64)


def n_tuple_rows(
    ids: NDArray[np.int64], scores: NDArray[np.float32], positive_scores: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return one row for each pair that has all its negatives.

    Args:
        ids: (P, n), as in `triplet_rows`.
        scores: (P, n).
        positive_scores: (P,).

    Returns:
        The pair (R,), the negatives (R, n), and the scores (R, 1 + n) of its positive and its negatives.
    """
    (pairs,) = np.nonzero((ids >= 0).all(axis=1))
    joined = np.column_stack([positive_scores[pairs], scores[pairs]])
    return pairs, ids[pairs], joined.astype(np.float64)


def to_dataset(
    distinct: Any, columns: Mapping[str, NDArray[np.integer[Any]]], scores: NDArray[np.float64] | None
) -> Any:
    """Return a `datasets.Dataset` of texts.

    Args:
        distinct: Arrow array of texts, the place is the id.
        columns: (R,) text ids by column name.
        scores: (R, k), the column `scores` of lists; None for no such column.
    """
    import pyarrow as pa
    from datasets import Dataset

    texts = pa.array(distinct)
    table = {name: _texts_column(texts, ids) for name, ids in columns.items()}
    if scores is not None:
        table["scores"] = _scores_column(scores)
    return Dataset(pa.table(table), fingerprint=_content_hash(table))


def _content_hash(columns: Mapping[str, Any]) -> str:
    """Return 64 bits of the columns; `datasets` would pickle them for that, at the price of two copies."""
    digest = blake2b(digest_size=8)
    for name, column in columns.items():
        digest.update(f"{name} {len(column)} {column.type}".encode())
        for chunk in column.chunks:
            for buffer in filter(None, chunk.buffers()):
                digest.update(buffer)
    return digest.hexdigest()


def _texts_column(texts: Any, ids: NDArray[np.integer[Any]]) -> Any:
    import pyarrow as pa

    parts = (texts.take(pa.array(ids[at : at + _CHUNK])) for at in range(0, len(ids), _CHUNK))
    return pa.chunked_array([part.cast(pa.string()) for part in parts], type=pa.string())


def _scores_column(scores: NDArray[np.float64]) -> Any:
    import pyarrow as pa

    def part(rows: NDArray[np.float64]) -> Any:
        offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(rows.ravel()))

    parts = [part(scores[at : at + _CHUNK]) for at in range(0, len(scores), _CHUNK)]
    kind: Any = pa.list_(pa.float64())
    return pa.chunked_array(parts, type=kind)
