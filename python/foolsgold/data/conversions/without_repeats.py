"""Lists in which no document comes twice as a positive, nor twice as a negative."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.conversions.lists import keys_of

if TYPE_CHECKING:
    from foolsgold.data.conversions.lists import Lists


def without_repeats(lists: Lists) -> tuple[Lists, int]:
    """Take away each document that its list has before, with a label of the same sign.

    Returns:
        The lists, and how many documents were taken away.

    Raises:
        ValueError: if the lists have no labels.

    Example:
        >>> from foolsgold.data.conversions.lists_from_labeled_pairs import lists_from_labeled_pairs
        >>> ids = np.array([0, 0, 0]), np.array([1, 1, 1]), np.array([2, 1, 0])
        >>> lists, num_repeats = without_repeats(lists_from_labeled_pairs(*ids))
        >>> lists.labels.tolist(), num_repeats
        ([2, 0], 1)
    """
    is_kept = np.zeros(len(lists.documents), bool)
    keys = keys_of(lists.owners, lists.documents)
    for positive in (True, False):
        _, places = lists.places(positive=positive)
        _, first = np.unique(keys[places], return_index=True)
        is_kept[places[first]] = True
    return lists.only(is_kept), int((~is_kept).sum())
