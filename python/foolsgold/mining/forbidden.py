"""Which documents are never a query's negatives, and the check that none of them became one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.mining.arrays import lists_of_rows
from foolsgold.mining.pairs import gathered
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    near_duplicates: float | None = None,
    groups: Lists | None = None,
    threads: int,
    progress: bool = False,
) -> dict[str, Exclusion]:
    """Return what excludes documents, by name, in the order in which it is counted.

    Args:
        pairs: the texts.
        has_positives: whether the positives of a query are excluded, and with them what is excluded for their
            sake: their twins, near-duplicates and groups, and the query's own text; False leaves only what
            was named.
        twins: whether texts count as equal that differ in case, white space and Unicode form at most, and a
            document that is the query's own text is excluded.
        near_duplicates: the least similarity to a positive that excludes a document; None for no such rule.
        groups: of each document, as `groups_of` finds them; None for no such rule.
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
    if has_positives and near_duplicates is not None:
        found["near_duplicate"] = _near_duplicates(pairs, near_duplicates, threads, progress)
    if has_positives and groups is not None:
        found.update(_group_rules(pairs, groups))
    return found


def arguments_of(
    exclusions: Mapping[str, Exclusion], num_documents: int, rows: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Return exclusions as the arguments `positives` and `classes` of a search.

    Args:
        exclusions: by name.
        num_documents: N.
        rows: the queries that are searched for; None for all.
    """
    lists = {
        name: exclusion.lists if rows is None else lists_of_rows(exclusion.lists, rows)
        for name, exclusion in exclusions.items()
    }
    alone = np.arange(num_documents, dtype=np.uint32)
    classes = {
        name: (alone if exclusion.classes is None else exclusion.classes, lists[name])
        for name, exclusion in exclusions.items()
        if name != "positive"
    }
    return {"positives": lists.get("positive"), "classes": classes or None}


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


def _near_duplicates(pairs: Pairs, threshold: float, threads: int, progress: bool) -> Exclusion:
    """Documents near to a positive of the query itself; what is near to those may be far from it."""
    import pyarrow as pa

    from foolsgold.data.duplicates import near_duplicates

    documents = pa.array(pairs.texts.distinct()).slice(0, pairs.num_documents)
    near = near_duplicates(documents, threshold=threshold, threads=threads, progress=progress)
    # Pairs are of the first texts of classes, or of one class, so that classes stand for texts.
    left, right = near.twins[near.left], near.twins[near.right]
    num_classes = int(near.twins.max(initial=0)) + 1
    itself = np.arange(num_classes, dtype=np.uint32)
    neighbours = gathered(
        np.concatenate([itself, left, right]), np.concatenate([itself, right, left]), num_classes
    )
    offsets, classes = lists_of_rows(neighbours, near.twins[pairs.document])
    query = np.repeat(pairs.query, np.diff(offsets))
    return Exclusion(classes=near.twins, lists=gathered(query, classes, len(pairs.queries)))


def _group_rules(pairs: Pairs, groups: Lists) -> dict[str, Exclusion]:
    """A document in a group of one of the query's positives; a text may be in several groups."""
    offsets, numbers = groups
    num_groups = int(numbers.max()) + 1 if len(numbers) else 0
    starts, of_positives = lists_of_rows(groups, pairs.document)
    lists = gathered(np.repeat(pairs.query, np.diff(starts)), of_positives, len(pairs.queries))
    classes = np.full(pairs.num_documents, num_groups, np.uint32)  # a class that is in no list
    has = np.diff(offsets) > 0
    classes[has] = numbers[offsets[:-1][has]]
    rules = {"group": Exclusion(classes=classes, lists=lists)}
    # Texts have one class; those in further groups are listed one by one.
    owner = np.repeat(np.arange(pairs.num_documents), np.diff(offsets))
    is_further = np.ones(len(numbers), bool)
    is_further[offsets[:-1][has]] = False
    if is_further.any():
        further = gathered(numbers[is_further], owner[is_further].astype(np.uint32), num_groups)
        starts, documents = lists_of_rows(further, lists[1])
        query = np.repeat(np.repeat(np.arange(len(pairs.queries)), np.diff(lists[0])), np.diff(starts))
        rules["further_group"] = Exclusion(classes=None, lists=gathered(query, documents, len(pairs.queries)))
    return rules
