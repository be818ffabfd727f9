"""(anchor, positives, negatives): what a list calls positive, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Lists

    Cut = tuple[NDArray[np.int64], NDArray[np.int64]]


class Ragged(NamedTuple):
    """The list of each row, and by row the places of its documents in the lists, as offsets and places."""

    lists: NDArray[np.int64]
    positives: Cut
    negatives: Cut


def ragged_from_lists(lists: Lists, num_negatives: int | None = None) -> Ragged:
    """Return a row for each list; one without a positive is there too, without.

    Args:
        lists: with labels.
        num_negatives: the most that a row gets, the first of its list; None for all.

    Raises:
        ValueError: if the lists have no labels.

    Example:
        >>> from foolsgold.data.conversions.lists_from_labeled_pairs import lists_from_labeled_pairs
        >>> lists = lists_from_labeled_pairs(np.array([0, 0]), np.array([1, 2]), np.array([0, 1]))
        >>> ragged = ragged_from_lists(lists)
        >>> lists.documents[ragged.positives[1]].tolist(), lists.documents[ragged.negatives[1]].tolist()
        ([2], [1])
    """
    starts, places = lists.places(positive=False)
    if num_negatives is not None:
        sizes = np.diff(starts)
        is_kept = np.arange(len(places)) - np.repeat(starts[:-1], sizes) < num_negatives
        places = places[is_kept]
        starts = np.concatenate([[0], np.cumsum(np.minimum(sizes, num_negatives))]).astype(np.int64)
    return Ragged(np.arange(len(lists)), lists.places(positive=True), (starts, places))
