"""What a query may never get, as the core reads it: named rules of lists, and of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.integers import MAX_ROWS
from foolsgold.mining.arrays import as_lists, lists_of_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.mining.arrays import Embeddings

    Exclusion = tuple[str, NDArray[np.uint32] | None, NDArray[np.int64], NDArray[np.uint32]]
    Lists = tuple[NDArray[np.int64], NDArray[np.uint32]]


def as_exclusions(
    num_queries: int,
    num_documents: int,
    *,
    positives: Any = None,
    exclude: Any = None,
    classes: Mapping[str, tuple[Any, Any]] | None = None,
) -> list[Exclusion]:
    """Return the rules in the order in which a document that several turn away is counted.

    Args:
        num_queries: Q.
        num_documents: N.
        positives: rows of the corpus by query, in any form of `as_lists`; the rule "positive".
        exclude: further rows by query; the rule "excluded".
        classes: by the rule's name the classes of the documents (N,) and those of each query, in any form of
            `as_lists`; a document of a class of the query's is turned away.

    Returns:
        For each rule its name, the classes of the documents (None where lists hold rows), and the lists as
        offsets and values.

    Raises:
        TypeError: if ids or classes are no integers, or `classes` is no mapping from names to pairs.
        ValueError: for another number of queries or documents, or an id out of range.

    Example:
        >>> rules = as_exclusions(1, 3, positives=[0], classes={"page": ([4, 5, 5], [[5]])})
        >>> [(name, None if of is None else of.tolist(), values.tolist()) for name, of, _, values in rules]
        [('positive', None, [0]), ('page', [4, 5, 5], [5])]
    """
    found: list[Exclusion] = []
    for name, argument, lists in [("positive", "positives", positives), ("excluded", "exclude", exclude)]:
        if lists is not None:
            found.append((name, None, *as_lists(argument, lists, num_queries, num_documents)))
    for name, pair in _checked(classes or {}).items():
        argument = f"classes[{name!r}]"
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            got = f"{len(pair)} entries" if isinstance(pair, (tuple, list)) else type(pair).__name__
            raise TypeError(f"`{argument}` must be a pair, {_PAIR}, got {got}")
        of_documents, of_queries = pair
        found.append((name, *_class_lists(argument, of_documents, of_queries, num_queries, num_documents)))
    names = [rule[0] for rule in found]
    if len(set(names)) < len(names):
        raise ValueError(f"`classes` must not be named like another rule, got {sorted(names)}")
    return found


def for_each_positive(
    queries: Embeddings, exclusions: list[Exclusion], lists: Lists
) -> tuple[Embeddings, list[Exclusion], Lists]:
    """Return a query for each positive, with the exclusions of its query, and that positive alone.

    Args:
        queries: (Q, D).
        exclusions: as `as_exclusions` gives them.
        lists: the positives by query.
    """
    offsets, values = lists
    owners = np.repeat(np.arange(len(queries)), np.diff(offsets))
    repeated = [(name, of, *lists_of_rows((starts, ids), owners)) for name, of, starts, ids in exclusions]
    return queries[owners], repeated, (np.arange(len(values) + 1, dtype=np.int64), values)


_PAIR = "the classes of the documents and those that each query excludes"


def _checked(classes: Any) -> Mapping[str, Any]:
    if not isinstance(classes, Mapping):
        raise TypeError(f"`classes` must be a mapping from names to pairs, got {type(classes).__name__}")
    for name in classes:
        if not isinstance(name, str):
            raise TypeError(f"`classes` must have names that are texts, got {name!r}")
    return classes


def _class_lists(
    argument: str, of_documents: Any, of_queries: Any, num_queries: int, num_documents: int
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32]]:
    flat = np.asarray(of_documents)
    if flat.ndim != 1 or len(flat) != num_documents:
        raise ValueError(f"`{argument}` must have one class a document, {num_documents}, got {flat.shape}")
    _, values = as_lists(argument, flat, num_documents, MAX_ROWS, kind="classes")
    if len(values) != num_documents:
        raise ValueError(f"`{argument}` must hold classes of at least 0, got -1")
    return values, *as_lists(argument, of_queries, num_queries, MAX_ROWS, kind="classes")
