"""(anchor, positive) pairs and a corpus as text ids: what a data set says before a model is asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.stored_column import StoredColumn, as_stored, intern_columns
from foolsgold.data.stored_rows import StoredRows
from foolsgold.data.texts import columns_of, num_rows_of
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from foolsgold.data.store import TextStore

    Lists = tuple[NDArray[np.int64], NDArray[np.uint32]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Distinct (anchor, positive) pairs, ordered by query.

    Attributes:
        anchor: the name of the column of anchors.
        positive: the name of the column of positives.
        texts: all texts; the first `num_documents` are the corpus, by id.
        num_documents: N.
        queries: (Q,) text ids of the distinct anchors, in order of first appearance.
        query: (P,) a pair's place in `queries`, ascending.
        document: (P,) a pair's positive, a text id below N.
        row_query: (R,) the place in `queries` of each row of the data set.
        row_document: (R,) its positive.
        corpus_document: (C,) the text id of each row of the given corpus; empty without one.
        excluded: for each query the text ids that were named as never its negatives, as offsets and values.
        store: where the texts are, if all of them are stored ones.
    """

    anchor: str
    positive: str
    texts: _core.Texts | _core.StoredTexts
    num_documents: int
    queries: NDArray[np.uint32]
    query: NDArray[np.uint32]
    document: NDArray[np.uint32]
    row_query: NDArray[np.uint32]
    row_document: NDArray[np.uint32]
    corpus_document: NDArray[np.uint32]
    excluded: Lists | None = None
    store: TextStore | None = None

    def query_texts(self) -> Sequence[str]:
        """Return the texts of the distinct anchors."""
        return self._texts_of(self.queries)

    def documents(self) -> Sequence[str]:
        """Return the texts of the corpus."""
        return self._texts_of(np.arange(self.num_documents, dtype=np.uint32))

    def _texts_of(self, ids: NDArray[np.uint32]) -> Sequence[str]:
        """Return texts by id: read when they are looked at, where they are stored."""
        if self.store is None or isinstance(self.texts, _core.Texts):
            return self.texts.take(ids)
        order = self.texts.store_ids()
        return StoredColumn(self.store, ids if order is None else order[ids])

    def positives(self) -> Lists:
        """Return each query's positives, as offsets and values."""
        return np.searchsorted(self.query, np.arange(len(self.queries) + 1)), self.document


def read_pairs(
    columns: Mapping[str, Any],
    anchor: str,
    positive: str,
    *,
    corpus: Sequence[str] | Any = None,
    exclude: Any = None,
    threads: int,
    progress: bool,
) -> Pairs:
    """Give every text an id, and gather the positives of each anchor.

    Args:
        columns: of the data set, by name.
        anchor: the column of anchors.
        positive: the column of positives.
        corpus: further documents: texts, an Arrow column, a store, or stored rows of one column.
        exclude: a list of texts, or of rows of `corpus`, for each row: never negatives of its anchor.
        threads: that read.
        progress: show a progress bar.

    Raises:
        ValueError: at a text that is null, or none.
        TypeError: where `corpus` or `exclude` holds no texts.
    """
    # The corpus comes first, so that a document's id is its row in the matrix of their embeddings.
    read = [(positive, columns[positive]), (anchor, columns[anchor])]
    if corpus is not None:
        read.insert(0, ("corpus", _column("corpus", corpus)))
    excluded = None if exclude is None else _excluded_lists(exclude, len(columns[anchor]))
    names_texts = excluded is not None and not _holds_integers(excluded)
    if names_texts:
        read.append(("exclude", excluded))
    with progress_bar("Read texts", enabled=progress) as show:
        texts, found = intern_columns(read, threads=threads, progress=show)
    excluded_ids: Any = found.pop() if names_texts else None
    *documents, (anchor_ids, _) = found
    num_documents = 1 + max(int(ids.max(initial=0)) for ids, _ in documents)
    positive_ids = documents[-1][0]
    queries, query = _in_order(anchor_ids)
    _, first = np.unique(query.astype(np.int64) * num_documents + positive_ids, return_index=True)
    first = first[np.lexsort((first, query[first]))]
    logger.info("Read %d pairs of %d queries, %d documents", len(first), len(queries), num_documents)
    corpus_document = documents[0][0] if corpus is not None else np.empty(0, np.uint32)
    if excluded is not None and excluded_ids is None:
        excluded_ids = _rows_of_corpus(excluded, corpus_document)
    by_query: Lists | None = None
    if excluded_ids is not None:
        excluded_texts, offsets = excluded_ids
        by_query = gathered(np.repeat(query, np.diff(offsets)), excluded_texts, len(queries))
    return Pairs(
        anchor=anchor,
        positive=positive,
        texts=texts,
        num_documents=num_documents,
        queries=queries,
        query=query[first],
        document=positive_ids[first],
        row_query=query,
        row_document=positive_ids,
        corpus_document=corpus_document,
        excluded=by_query,
        store=_store_of(read),
    )


def columns_of_dataset(dataset: Any) -> dict[str, Any]:
    """Return the columns of what mining takes for a data set.

    Raises:
        TypeError: if it is none.
        ValueError: if it has no rows.
    """
    if isinstance(dataset, Mapping) and any(hasattr(split, "column_names") for split in dataset.values()):
        splits = list(dataset)
        raise ValueError(
            f"`dataset` must be one data set, got {type(dataset).__name__} of {splits}\n"
            f"hint: name the split: `dataset[{splits[0]!r}]`"
        )
    if not hasattr(dataset, "__len__"):
        raise TypeError(
            f"`dataset` must have a length, got {type(dataset).__name__}\n"
            "hint: mining reads every row; gather a stream first, `Dataset.from_generator`"
        )
    columns = columns_of(dataset) if num_rows_of(dataset) else {}
    if not columns:
        raise ValueError("`dataset` must have at least one row, got 0")
    return columns


def column_names(columns: Mapping[str, Any], anchor: str | None, positive: str | None) -> tuple[str, str]:
    """Return the names of the columns of anchors and positives: those given, else the first and the second.

    Raises:
        ValueError: if a name is none of the columns, or both are the same.
    """
    names = list(columns)
    if len(names) < 2:
        raise ValueError(f"`dataset` must have a column of anchors and one of positives, got {names}")
    anchor, positive = anchor or names[0], positive or names[1]
    for argument, name in [("anchor_column_name", anchor), ("positive_column_name", positive)]:
        if name not in names:
            raise ValueError(f"`{argument}` must be one of {names}, got {name!r}")
    if anchor == positive:
        raise ValueError(f"`positive_column_name` must differ from `anchor_column_name`, got {positive!r}")
    return anchor, positive


def gathered(group: NDArray[np.integer[Any]], values: NDArray[np.integer[Any]], num_groups: int) -> Lists:
    """Return the distinct values of each group, ascending, as offsets and values.

    Args:
        group: (M,) numbers below `num_groups`.
        values: (M,) uint32.
        num_groups: G.

    Returns:
        Offsets (G + 1,) and values.
    """
    keys = np.unique(group.astype(np.uint64) << np.uint64(32) | values.astype(np.uint64))
    groups = (keys >> np.uint64(32)).astype(np.int64)
    offsets = np.searchsorted(groups, np.arange(num_groups + 1)).astype(np.int64)
    return offsets, (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def _store_of(read: Sequence[tuple[str, Any]]) -> TextStore | None:
    stores = [column.store for _, column in read if isinstance(column, StoredColumn)]
    return max(stores, key=len, default=None)


def _column(name: str, texts: Any) -> Any:
    texts = as_stored(texts)
    if isinstance(texts, StoredRows) and len(texts.column_names) == 1:
        texts = texts[texts.column_names[0]]
    # A string is a sequence of strings too, and its letters are no documents; nor are the keys of a mapping,
    # the names of a table's columns, or texts whose order is another one in each run.
    has_columns = hasattr(texts, "column_names") or hasattr(texts, "columns")
    if has_columns or isinstance(texts, (str, bytes, Mapping, AbstractSet)):
        hint = f"\nhint: `list({name}.values())`" if isinstance(texts, Mapping) else ""
        hint = f"\nhint: `sorted({name})`" if isinstance(texts, AbstractSet) else hint
        hint = "\nhint: name the column: `table[...]`" if has_columns else hint
        raise TypeError(f"`{name}` must be a list of texts, got {type(texts).__name__}{hint}")
    return columns_of({name: texts})[name]


def _excluded_lists(exclude: Any, num_rows: int) -> Any:
    """Return the lists as an Arrow array of lists of texts or of integers."""
    import pyarrow as pa

    lists = _column("exclude", exclude)
    if len(lists) != num_rows:
        raise ValueError(f"`exclude` must have one list a row, {num_rows}, got {len(lists)}")
    if isinstance(lists, StoredColumn) and lists.offsets is not None:
        return lists
    if not hasattr(lists, "to_pylist"):
        for row, cell in enumerate(lists):
            if not isinstance(cell, (list, tuple)):
                raise TypeError(f"`exclude` must hold lists, got {type(cell).__name__} at row {row}")
        try:
            lists = pa.array(lists, None if any(map(len, lists)) else pa.list_(pa.string()))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise TypeError(f"`exclude` must hold lists of one kind, got several\nhint: {error}") from None
    inner = getattr(lists.type, "value_type", None)
    if inner is None or not (pa.types.is_integer(inner) or "string" in str(inner)):
        raise TypeError(f"`exclude` must hold lists of texts or of rows of `corpus`, got {lists.type}")
    return lists


def _holds_integers(lists: Any) -> bool:
    return not isinstance(lists, StoredColumn) and "int" in str(lists.type.value_type)


def _rows_of_corpus(
    lists: Any, corpus_document: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    import pyarrow.compute as pc

    rows = np.asarray(pc.list_flatten(lists)).astype(np.int64)
    outside = (rows < 0) | (rows >= len(corpus_document))
    if outside.any():
        wanted = f"`exclude` must hold rows of `corpus`, below {len(corpus_document)}"
        raise ValueError(f"{wanted}, got {rows[outside.argmax()]}")
    lengths = np.asarray(pc.list_value_length(lists).fill_null(0)).astype(np.int64)
    return corpus_document[rows], np.concatenate([[0], np.cumsum(lengths)])


def _in_order(ids: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the distinct ids in order of first appearance, and each id's place among them."""
    distinct, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    return distinct[order], place[inverse]
