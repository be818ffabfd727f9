"""Rows of any shape as lists of ids, with what is known of the texts behind the ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.conversions.lists_from_labeled_pairs import lists_from_labeled_pairs
from foolsgold.data.conversions.lists_from_n_tuples import lists_from_n_tuples
from foolsgold.data.conversions.lists_from_pairs import lists_from_pairs
from foolsgold.data.conversions.lists_from_ragged import lists_from_ragged
from foolsgold.data.conversions.lists_from_triplets import lists_from_triplets
from foolsgold.data.stored_rows import StoredRows
from foolsgold.data.texts import Texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Lists
    from foolsgold.data.reshaping.scratch import Scratch
    from foolsgold.data.reshaping.shapes import Roles
    from foolsgold.data.reshaping.sources import Source
    from foolsgold.data.store import TextStore
    from foolsgold.data.stored_column import StoredColumn

    Cut = tuple[NDArray[np.int64], NDArray[Any]]

_CORPUS = "\0corpus"


@dataclass(frozen=True, kw_only=True, eq=False)
class Interned:
    """The text columns of rows as ids.

    Attributes:
        texts: behind the ids.
        ids: by column; of n-tuples -1 where a negative is missing.
        offsets: of list columns, where each row's list begins, and at last their number.
        corpus: ids of further documents.
        distinct: the texts as an Arrow array.
        order: the place of each id among them; None where it is the id.
    """

    texts: Texts
    ids: dict[str, NDArray[np.int64]]
    offsets: dict[str, NDArray[np.int64]]
    corpus: NDArray[np.int64] | None
    distinct: Any
    order: NDArray[np.uint32] | None = None


def interned(source: Source, roles: Roles, *, threads: int | None, progress: bool) -> Interned:
    """Give equal texts of all columns that hold texts one id, the anchors first.

    Texts of a source on disk are stored on disk, once each, and mapped.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = {}
    for name in roles.texts:
        column = source.table.column(name)
        if column.null_count:
            missing[name] = np.asarray(pc.is_null(column))
    if source.scratch is None:
        columns = {name: _filled(source.table.column(name)) for name in roles.texts}
        if source.corpus is not None:
            columns[_CORPUS] = source.corpus
        texts, found = Texts.intern(columns, threads=threads, progress=progress)
        distinct, order = texts.distinct(), None
    else:
        store, columns = _stored(source, source.scratch, roles, threads=threads, progress=progress)
        texts, found = Texts.intern(columns, threads=threads, progress=progress)
        distinct, order = store.distinct(threads=threads), texts.store_ids()
    ids = {name: array.astype(np.int64) for name, array in found.items()}
    for name, rows in missing.items():
        ids[name][rows] = -1
    corpus = ids.pop(_CORPUS, None)
    return Interned(
        texts=texts,
        ids=ids,
        offsets=texts.offsets,
        corpus=corpus,
        distinct=pa.array(distinct),
        order=order,
    )


def _filled(column: Any) -> Any:
    """Return a column of texts with empty ones for nulls."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    return pc.fill_null(column, "") if column.null_count else column


def _stored(
    source: Source, scratch: Scratch, roles: Roles, *, threads: int | None, progress: bool
) -> tuple[TextStore, dict[str, StoredColumn]]:
    """Store the texts of a source batch by batch, and return the store and the columns of its ids."""
    import pyarrow as pa

    names = list(roles.texts)
    batches = (
        pa.table({name: _filled(batch.column(name)) for name in names})
        for batch in source.table.select(names).to_batches()
    )
    rows = StoredRows.build(scratch.path("texts"), batches, threads=threads, progress=progress)
    store, columns = rows.texts, {name: rows[name] for name in names}
    if source.corpus is not None:
        chunks = source.corpus.chunks if isinstance(source.corpus, pa.ChunkedArray) else [source.corpus]
        further = (pa.table({"text": chunk}) for chunk in chunks)
        rows = StoredRows.build(
            scratch.path("corpus"), further, texts=store, threads=threads, progress=progress
        )
        store, columns[_CORPUS] = rows.texts, rows["text"]
    return store, columns


def lists_of_rows(source: Source, roles: Roles, rows: Interned, *, with_scores: bool) -> Lists:
    """Return rows of any shape but `class` and `class-pair` as lists.

    Args:
        source: the rows.
        roles: of their columns.
        rows: the same as ids.
        with_scores: whether scores of triplets are wanted, so that a positive with several has several lists.

    Raises:
        ValueError: if lists of labels or scores are not as long as what they are of; file, row and column are
            named.
    """
    anchors = rows.ids[roles.anchor]
    documents = rows.ids[roles.positive or ""]
    if roles.shape == "pair":
        return lists_from_pairs(anchors, documents)
    if roles.shape == "triplet":
        scores = list_numbers(source, roles, np.full(len(anchors), 2))
        pairs = scores.reshape(-1, 2) if scores is not None and with_scores else None
        return lists_from_triplets(anchors, documents, rows.ids[roles.negatives[0]], pairs)
    if roles.shape == "n-tuple":
        table = np.stack([rows.ids[name] for name in roles.negatives], axis=1)
        counts = (table >= 0).sum(axis=1)
        scores = None if are_margins(source, roles, counts) else list_numbers(source, roles, 1 + counts)
        return lists_from_n_tuples(anchors, documents, table, scores)
    if roles.shape == "ragged":
        positives, negatives = (_cut(rows, name) for name in (roles.positive or "", roles.negatives[0]))
        scores = list_numbers(source, roles, np.diff(positives[0]) + np.diff(negatives[0]))
        return lists_from_ragged(anchors, positives, negatives, scores)
    if roles.shape == "labeled-list":
        return _of_labeled_lists(source, roles, rows)
    values = numbers_of(source, roles.label or "")
    if roles.shape == "scored-pair":
        return lists_from_labeled_pairs(anchors, documents, scores=values.astype(np.float64))
    return lists_from_labeled_pairs(anchors, documents, labels=values)


def numbers_of(source: Source, name: str) -> NDArray[Any]:
    """Return a column of numbers.

    Raises:
        ValueError: if it holds anything else.
    """
    column = source.table.column(name)
    if not any(kind in str(column.type) for kind in ("int", "float", "double", "bool")) or "list" in str(
        column.type
    ):
        raise ValueError(f"column `{name}` must hold numbers, got {column.type}")
    values = np.asarray(column)
    is_whole = values.dtype.kind in "bui" and not _is_long(values)
    return values.astype(np.int64 if is_whole else np.float64)


def _is_long(values: NDArray[Any]) -> bool:
    """Say whether there are numbers beyond int64."""
    return bool(len(values)) and not (values.min() >= -(2.0**63) and values.max() < 2.0**63)


def _of_labeled_lists(source: Source, roles: Roles, rows: Interned) -> Lists:
    from foolsgold.data.conversions.lists import Lists

    offsets, documents = _cut(rows, roles.positive or "")
    values = list_numbers(source, roles, np.diff(offsets))
    if values is None:
        raise ValueError(
            f"column `{roles.label}` must hold lists of numbers, got {source.table.column(roles.label).type}"
        )
    is_score = (roles.label or "").startswith("score")
    if not is_score and len(values) and not _is_long(values) and (values == np.floor(values)).all():
        values = values.astype(np.int64)
    return Lists(
        anchors=rows.ids[roles.anchor],
        offsets=offsets,
        documents=documents,
        labels=None if is_score else values,
        scores=values if is_score else None,
        rows=np.arange(len(offsets) - 1),
    )


def _cut(rows: Interned, name: str) -> Cut:
    """Return a column as offsets and ids, lists of one where it has none."""
    ids = rows.ids[name]
    return rows.offsets.get(name, np.arange(len(ids) + 1)), ids


def are_margins(source: Source, roles: Roles, counts: NDArray[Any]) -> bool:
    """Say whether the label column has lists of as many numbers as rows have negatives (R,)."""
    import pyarrow.compute as pc

    if roles.label is None or "list" not in str(source.table.column(roles.label).type):
        return False
    found = np.asarray(pc.list_value_length(source.table.column(roles.label)))
    return bool((found == counts).all())


def list_numbers(source: Source, roles: Roles, sizes: Any) -> NDArray[np.float64] | None:
    """Return the numbers of the label column's lists, one after the other; None where it has no lists."""
    import pyarrow.compute as pc

    if roles.label is None or "list" not in str(source.table.column(roles.label).type):
        return None
    column = source.table.column(roles.label)
    found = np.asarray(pc.list_value_length(column))
    if (found != sizes).any():
        row = int((found != sizes).argmax())
        raise ValueError(
            f"{source.place(row)}, column `{roles.label}`: must have one number for each text, {sizes[row]}, "
            f"got {found[row]}"
        )
    numbers = pc.list_flatten(column)
    if not _holds_numbers(numbers.type):
        raise ValueError(f"column `{roles.label}` must hold lists of numbers, got {column.type}")
    return np.asarray(numbers).astype(np.float64)


def _holds_numbers(kind: Any) -> bool:
    import pyarrow as pa

    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return bool(is_number or pa.types.is_null(kind))
