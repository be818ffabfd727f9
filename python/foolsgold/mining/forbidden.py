"""Which documents are never a query's negatives, and the check that none of them became one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.mining.pairs import gathered
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.mining.pairs import Lists, Pairs

_BLOCK = 1 << 16  # queries that are checked together


@dataclass(frozen=True, kw_only=True, eq=False)
class Exclusion:
    """Documents that are never a query's negatives: those whose class is in the query's list.

    Attributes:
        classes: (N,) uint32, the class of each document; None where a document is its own class.
        lists: the classes of each query, as offsets (Q + 1,) and values.
    """

    classes: NDArray[np.uint32] | None
    lists: Lists


def exclusions_of(
    pairs: Pairs,
    *,
    has_positives: bool = True,
    twins: bool = True,
    row_groups: Any = None,
    corpus_groups: Any = None,
    threads: int,
    progress: bool = False,
) -> dict[str, Exclusion]:
    """Return what excludes documents, by name, in the order in which it is counted.

    Args:
        pairs: the texts.
        has_positives: whether the positives of a query are excluded, and with them what is excluded for their
            sake: their twins and groups, and the query's own text; False leaves only what was named.
        twins: whether texts count as equal that differ in case, white space and Unicode form at most, and a
            document that is the query's own text is excluded.
        row_groups: the group of each row's positive; None for no groups.
        corpus_groups: the group of each row of the corpus; None for no groups.
        threads: that normalise texts.
        progress: show a progress bar.
    """
    num_queries, found = len(pairs.queries), {}
    classes: NDArray[np.uint32] | None = None
    if twins:
        with progress_bar("Normalise texts", enabled=progress) as show:
            classes = pairs.texts.twins(threads=threads, progress=show)
    class_of = np.arange(len(pairs.texts), dtype=np.uint32) if classes is None else classes
    of_documents = None if classes is None else classes[: pairs.num_documents]
    if has_positives:
        found["positive"] = Exclusion(classes=None, lists=pairs.positives())
    if pairs.excluded is not None:
        offsets, texts = pairs.excluded
        owner = np.repeat(np.arange(num_queries), np.diff(offsets))
        excluded = class_of[texts]
        if classes is None:  # what is no document of the corpus cannot come back
            owner, excluded = owner[excluded < pairs.num_documents], excluded[excluded < pairs.num_documents]
        lists = gathered(owner, excluded, num_queries)
        found["excluded"] = Exclusion(classes=of_documents, lists=lists)
    if twins and has_positives:
        own = (np.arange(num_queries + 1), class_of[pairs.queries])
        found["own_text"] = Exclusion(classes=of_documents, lists=own)
        lists = gathered(pairs.query, class_of[pairs.document], num_queries)
        found["twin"] = Exclusion(classes=of_documents, lists=lists)
    if has_positives and (row_groups is not None or corpus_groups is not None):
        found.update(_groups(pairs, row_groups, corpus_groups))
    return found


def check_negatives(
    exclusions: dict[str, Exclusion], query: NDArray[np.integer[Any]], ids: NDArray[np.int64]
) -> None:
    """Check that no negative is excluded.

    Args:
        exclusions: by name.
        query: (P,) ascending, the query of each row of `ids`.
        ids: (P, n) documents, -1 for none.

    Raises:
        RuntimeError: if one is; the search has a defect then.
    """
    for name, exclusion in exclusions.items():
        offsets, values = exclusion.lists
        for first in range(0, len(ids), _BLOCK):
            rows = slice(first, first + _BLOCK)
            low, high = int(query[rows][0]), int(query[rows][-1]) + 1
            cuts = offsets[low : high + 1]
            owner = np.repeat(np.arange(high - low), np.diff(cuts))
            forbidden = owner << 32 | values[cuts[0] : cuts[-1]].astype(np.int64)
            places, ranks = np.nonzero(ids[rows] >= 0)
            documents = ids[rows][places, ranks]
            classes = documents if exclusion.classes is None else exclusion.classes[documents]
            keys = (query[rows][places].astype(np.int64) - low) << 32 | classes
            if np.isin(keys, forbidden).any():
                raise RuntimeError(
                    f"a negative is excluded as `{name}`\nhint: this is a defect; please report it"
                )


def _groups(pairs: Pairs, row_groups: Any, corpus_groups: Any) -> dict[str, Exclusion]:
    """A document in a group of one of the query's positives; a text may be in several groups."""
    if corpus_groups is not None and len(corpus_groups) != len(pairs.corpus_document):
        if not len(pairs.corpus_document):
            raise ValueError("`corpus_groups` must be left out without `corpus`")
        wanted = f"`corpus_groups` must have one entry a row of `corpus`, {len(pairs.corpus_document)}"
        raise ValueError(f"{wanted}, got {len(corpus_groups)}")
    columns = [(row_groups, pairs.row_document), (corpus_groups, pairs.corpus_document)]
    given = [(groups, documents) for groups, documents in columns if groups is not None]
    numbers, num_groups = _numbered([groups for groups, _ in given])
    documents = np.concatenate([documents for _, documents in given])[numbers >= 0]
    offsets, groups = gathered(documents, numbers[numbers >= 0], pairs.num_documents)
    query, members = _followed(pairs.query, pairs.document, (offsets, groups))
    lists = gathered(query, members, len(pairs.queries))
    classes = np.full(pairs.num_documents, num_groups, np.uint32)  # a class that is in no list
    has = np.diff(offsets) > 0
    classes[has] = groups[offsets[:-1][has]]
    rules = {"group": Exclusion(classes=classes, lists=lists)}
    # Texts have one class; those in further groups are listed one by one.
    owner = np.repeat(np.arange(pairs.num_documents), np.diff(offsets))
    is_further = np.ones(len(groups), bool)
    is_further[offsets[:-1][has]] = False
    if is_further.any():
        further = gathered(groups[is_further], owner[is_further].astype(np.uint32), num_groups)
        query, documents = _followed(
            np.repeat(np.arange(len(pairs.queries)), np.diff(lists[0])), lists[1], further
        )
        rules["further_group"] = Exclusion(classes=None, lists=gathered(query, documents, len(pairs.queries)))
    return rules


def _followed(
    owner: NDArray[np.integer[Any]], key: NDArray[np.uint32], lists: Lists
) -> tuple[NDArray[np.integer[Any]], NDArray[np.uint32]]:
    """Return each owner with each value of its key's list."""
    offsets, values = lists
    counts = np.diff(offsets)[key]
    places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(owner, counts), values[np.repeat(offsets[key], counts) + places]


def _numbered(columns: list[Any]) -> tuple[NDArray[np.int64], int]:
    """Give equal values of the columns the same number, from 0, and -1 to a null."""
    import pyarrow as pa

    chunks: list[Any] = []
    for column in columns:
        is_stream = hasattr(column, "__arrow_c_stream__")
        values = pa.chunked_array(column) if is_stream else pa.array(column)
        chunks += getattr(values.cast(pa.string()), "chunks", None) or [values.cast(pa.string())]
    coded: Any = pa.chunked_array(chunks, type=pa.string()).combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    return np.asarray(coded.indices.fill_null(-1)).astype(np.int64), len(coded.dictionary)
