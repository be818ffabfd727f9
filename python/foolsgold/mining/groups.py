"""Groups of documents, say the page that a passage is from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.mining.pairs import gathered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.mining.pairs import Lists, Pairs


def groups_of(pairs: Pairs, row_groups: Any, corpus_groups: Any) -> Lists | None:
    """Return the groups of each document as numbers, as offsets and values; None without groups.

    Args:
        pairs: the texts; equal texts are one document, which has the groups of all.
        row_groups: the group of each row's positive: texts or integers, null for none; None without groups.
        corpus_groups: likewise of each row of the corpus.

    Raises:
        ValueError: for another number of groups than the corpus has rows.
    """
    if row_groups is None and corpus_groups is None:
        return None
    if corpus_groups is not None and len(corpus_groups) != len(pairs.corpus_document):
        if not len(pairs.corpus_document):
            raise ValueError("`corpus_groups` must be left out without `corpus`")
        wanted = f"`corpus_groups` must have one entry a row of `corpus`, {len(pairs.corpus_document)}"
        raise ValueError(f"{wanted}, got {len(corpus_groups)}")
    columns = [(row_groups, pairs.row_document), (corpus_groups, pairs.corpus_document)]
    given = [(groups, documents) for groups, documents in columns if groups is not None]
    numbers = _numbered([groups for groups, _ in given])
    documents = np.concatenate([documents for _, documents in given])[numbers >= 0]
    return gathered(documents, numbers[numbers >= 0], pairs.num_documents)


def class_by_group(groups: Lists) -> NDArray[np.int64]:
    """Return a class of each document: its first group, or one of its own where it has none.

    Example:
        >>> class_by_group((np.array([0, 1, 1, 3]), np.array([5, 2, 5]))).tolist()
        [5, 7, 2]
    """
    offsets, numbers = groups
    has = np.diff(offsets) > 0
    classes = np.arange(len(has)) + (int(numbers.max()) + 1 if len(numbers) else 0)
    classes[has] = numbers[offsets[:-1][has]]
    return classes


def _numbered(columns: list[Any]) -> NDArray[np.int64]:
    """Give equal values of the columns the same number, from 0, and -1 to a null."""
    import pyarrow as pa

    chunks: list[Any] = []
    for column in columns:
        is_stream = hasattr(column, "__arrow_c_stream__")
        values = pa.chunked_array(column) if is_stream else pa.array(column)
        chunks += getattr(values.cast(pa.string()), "chunks", None) or [values.cast(pa.string())]
    coded: Any = pa.chunked_array(chunks, type=pa.string()).combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    return np.asarray(coded.indices.fill_null(-1)).astype(np.int64)
