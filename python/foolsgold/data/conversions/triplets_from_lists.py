"""(anchor, positive, negative): each positive of a list with each of its negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foolsgold.data.conversions.lists import taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Lists


class Triplets(NamedTuple):
    """The list of each triplet, and the places of its two documents in the lists."""

    lists: NDArray[np.int64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]


def triplets_from_lists(lists: Lists, num_negatives: int | None = None) -> Triplets:
    """Return the triplets, list by list, positive by positive.

    Args:
        lists: with labels.
        num_negatives: the most that a positive gets, the first of its list; None for all.

    Raises:
        ValueError: if the lists have no labels.

    Example:
        >>> from foolsgold.data.conversions.lists_from_ragged import lists_from_ragged
        >>> cut = np.array([0, 2]), np.array([1, 2])
        >>> lists = lists_from_ragged(np.array([0]), cut, (np.array([0, 2]), np.array([3, 4])))
        >>> triplets = triplets_from_lists(lists)
        >>> lists.documents[triplets.positives].tolist(), lists.documents[triplets.negatives].tolist()
        ([1, 1, 2, 2], [3, 4, 3, 4])
    """
    cuts, positives = lists.places(positive=True)
    starts, places = lists.places(positive=False)
    sizes = np.diff(starts)
    if num_negatives is not None:
        is_kept = np.arange(len(places)) - np.repeat(starts[:-1], sizes) < num_negatives
        places = places[is_kept]
        starts = np.concatenate([[0], np.cumsum(np.minimum(sizes, num_negatives))])
    owner = np.repeat(np.arange(len(lists)), np.diff(cuts))
    ends, negatives = taken(starts, owner)
    times = np.diff(ends)
    return Triplets(np.repeat(owner, times), np.repeat(positives, times), places[negatives])
