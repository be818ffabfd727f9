"""Lists without negatives that are known to be positives of the same anchor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.conversions.lists import keys_of

if TYPE_CHECKING:
    from foolsgold.data.conversions.lists import Lists


def without_conflicts(lists: Lists) -> tuple[Lists, int]:
    """Take away each negative that some list of its anchor has as a positive, or that is the anchor itself.

    Returns:
        The lists, and how many documents were taken away.

    Raises:
        ValueError: if the lists have no labels.

    Example:
        >>> from foolsgold.data.conversions.lists_from_labeled_pairs import lists_from_labeled_pairs
        >>> ids = np.array([0, 0, 0]), np.array([1, 1, 2]), np.array([1, 0, 0])
        >>> lists, num_conflicts = without_conflicts(lists_from_labeled_pairs(*ids))
        >>> lists.documents.tolist(), num_conflicts
        ([1, 2], 1)
    """
    _, positives = lists.places(positive=True)
    _, negatives = lists.places(positive=False)
    anchors = lists.anchors[lists.owners]
    known = np.unique(keys_of(anchors[positives], lists.documents[positives]))
    found = keys_of(anchors[negatives], lists.documents[negatives])
    place = np.searchsorted(known, found)
    is_known = np.zeros(len(found), bool) if len(known) == 0 else known[place % len(known)] == found
    is_wrong = is_known | (anchors[negatives] == lists.documents[negatives])
    is_kept = np.ones(len(lists.documents), bool)
    is_kept[negatives[is_wrong]] = False
    return lists.only(is_kept), int(is_wrong.sum())
