"""Groups of documents, say the page that a passage is from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.mining.pairs import gathered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from foolsgold.mining.pairs import Lists, Pairs


def groups_of(pairs: Pairs, row_groups: Any, corpus_groups: Any) -> Lists | None:
    """Return the groups of each document as numbers, as offsets and values; None without groups.

    Args:
        pairs: the texts; equal texts are one document, which has the groups of all.
        row_groups: the group of each row's positive: texts or integers; null, NaN or a blank text for none;
            None without groups.
        corpus_groups: likewise of each row of the corpus.

    Raises:
        ValueError: for another number of groups than the corpus has rows.
        TypeError: if groups are neither texts nor numbers, or both.
    """
    if row_groups is None and corpus_groups is None:
        return None
    if corpus_groups is not None and len(corpus_groups) != len(pairs.corpus_document):
        if not len(pairs.corpus_document):
            raise ValueError("`corpus_groups` must be left out without `corpus`")
        wanted = f"`corpus_groups` must have one entry a row of `corpus`, {len(pairs.corpus_document)}"
        raise ValueError(f"{wanted}, got {len(corpus_groups)}")
    columns = {"group_column_name": row_groups, "corpus_groups": corpus_groups}
    given = {name: groups for name, groups in columns.items() if groups is not None}
    of = {"group_column_name": pairs.row_document, "corpus_groups": pairs.corpus_document}
    numbers = _numbered(given)
    documents = np.concatenate([of[name] for name in given])[numbers >= 0]
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


def _numbered(columns: Mapping[str, Any]) -> NDArray[np.int64]:
    """Give equal values of the columns the same number, from 0, and -1 to a null, a NaN and a blank text."""
    import pyarrow as pa

    chunks: list[Any] = []
    for name, column in columns.items():
        try:
            texts = _as_texts(column)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise TypeError(
                f"`{name}` must hold texts or numbers, of one kind, got others\nhint: {error}"
            ) from None
        chunks += texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    coded: Any = pa.chunked_array(chunks, type=pa.string()).combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    return np.asarray(coded.indices.fill_null(-1)).astype(np.int64)


def _as_texts(column: Any) -> Any:
    """Return a column as Arrow texts, null for none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_stream = hasattr(column, "__arrow_c_stream__")
    # `from_pandas` takes NaN for null, among texts too.
    values: Any = pa.chunked_array(column) if is_stream else pa.array(column, from_pandas=True)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    texts: Any = values.cast(pa.string())
    is_blank = pc.equal(pc.utf8_trim_whitespace(texts), pa.scalar(""))
    return pc.if_else(is_blank, None, texts)
