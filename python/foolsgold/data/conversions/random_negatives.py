"""Lists with negatives drawn at random from the documents of all lists."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.conversions.lists import keys_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Integers, Lists

_NONE = 2**32 - 1


def with_random_negatives(
    lists: Lists,
    num_negatives: int,
    classes: Integers,
    *,
    further: Integers | None = None,
    seed: int,
    threads: int,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[Lists, int]:
    """Add to each list documents that are none of its anchor's, in a random order after its own.

    What an anchor never gets: the positives of all its lists, what it is itself a positive of, its own text,
    and the twins of these; nor two twins. Each other document is equally likely.

    Args:
        lists: with labels; a document with a label of 0 or less is known to be no positive and may be drawn.
        num_negatives: how many for each list, at least 1.
        classes: the class of each text id, equal for twins.
        further: text ids of documents that are in no list and may be drawn too.
        seed: decides the draw.
        threads: that draw; the answer does not depend on it.
        progress: called with the blocks done and their number.

    Returns:
        The lists, and how many negatives are missing where an anchor is allowed too few.

    Raises:
        ValueError: if the lists have no labels, or there is no negative to draw for any list.

    Example:
        >>> from foolsgold.data.conversions.lists_from_pairs import lists_from_pairs
        >>> lists = lists_from_pairs(np.array([0, 1]), np.array([2, 3]))
        >>> with_random_negatives(lists, 1, np.arange(4), seed=0, threads=1)[0].documents.tolist()
        [2, 3, 3, 2]
    """
    documents = lists.documents if further is None else np.concatenate([lists.documents, further])
    of_documents, first = np.unique(classes[documents], return_index=True)
    pool = documents[first]  # one text for each class
    place = np.full(int(classes.max(initial=0)) + 1, -1, np.int64)
    place[of_documents] = np.arange(len(pool))
    of_anchors = classes[lists.anchors]
    ranges = _forbidden(lists, classes, place)
    offsets, values = _ranges_of(ranges, of_anchors)
    width = max(1, min(num_negatives, len(pool)))  # no list can get more, and memory is rows x width
    drawn = _core.draw_outside(
        len(pool), offsets, values, width, seed, threads=threads, progress=progress
    ).astype(np.int64)
    is_there = drawn != _NONE
    if len(lists) and not is_there.any():
        raise ValueError(
            "negatives at random must be texts that are no positive of their anchor, nor the anchor, "
            f"got none among {len(pool):,} documents\n"
            "hint: give further rows, or `num_negatives=0` for a shape that needs no negatives"
        )
    num_missing = len(lists) * num_negatives - int(is_there.sum())
    return _appended(lists, pool[np.where(is_there, drawn, 0)], is_there), num_missing


def _forbidden(lists: Lists, classes: Integers, place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct (class of an anchor, place in the pool) that must not meet, ascending."""
    cuts, positives = lists.places(positive=True)
    anchors = np.repeat(classes[lists.anchors], np.diff(cuts))
    documents = classes[lists.documents[positives]]
    anchor_classes = np.unique(anchors)
    left = np.concatenate([anchors, documents, anchor_classes])
    right = place[np.concatenate([documents, anchors, anchor_classes])]
    found: NDArray[np.int64] = np.unique(keys_of(left[right >= 0], right[right >= 0]))
    return found


def _ranges_of(keys: NDArray[np.int64], anchors: Integers) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return for each anchor its places as ranges of one, as the core reads them."""
    starts = np.searchsorted(keys, anchors.astype(np.int64) << 32)
    sizes = np.searchsorted(keys, (anchors.astype(np.int64) + 1) << 32) - starts
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    places = keys[np.repeat(starts - ends[:-1], sizes) + np.arange(ends[-1])] & 0xFFFFFFFF
    values = np.stack([places, places + 1], axis=1).astype(np.uint32).reshape(-1)
    return 2 * ends, values


def _appended(lists: Lists, drawn: Any, is_there: NDArray[np.bool_]) -> Lists:
    """Return the lists with what was drawn (L, n), where it is there, behind their own documents."""
    counts = is_there.sum(axis=1)
    offsets = lists.offsets + np.concatenate([[0], np.cumsum(counts)])
    is_old = np.zeros(offsets[-1], bool)
    is_old[np.arange(len(lists.documents)) + (offsets - lists.offsets)[:-1][lists.owners]] = True
    documents = np.empty(len(is_old), np.int64)
    documents[is_old], documents[~is_old] = lists.documents, drawn[is_there]
    labels = np.zeros(len(is_old), np.int64)
    labels[is_old] = 1 if lists.labels is None else lists.labels
    return replace(lists, offsets=offsets, documents=documents, labels=labels, scores=None)
