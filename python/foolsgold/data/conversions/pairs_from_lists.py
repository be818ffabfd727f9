"""(anchor, positive): each positive of each list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Lists


def pairs_from_lists(lists: Lists) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the list of each pair, and the place of its positive in `lists.documents`.

    Raises:
        ValueError: if the lists have no labels.

    Example:
        >>> from foolsgold.data.conversions.lists_from_ragged import lists_from_ragged
        >>> cut = np.array([0, 2]), np.array([1, 2])
        >>> lists = lists_from_ragged(np.array([0]), cut, (np.array([0, 1]), np.array([3])))
        >>> [found.tolist() for found in pairs_from_lists(lists)]
        [[0, 0], [0, 1]]
    """
    offsets, places = lists.places(positive=True)
    return np.repeat(np.arange(len(lists)), np.diff(offsets)), places
