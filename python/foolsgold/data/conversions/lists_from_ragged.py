"""(anchor, positives, negatives) as lists: the positives, then the negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.conversions.lists import Lists

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Integers

    Cut = tuple[NDArray[np.int64], Integers]


def lists_from_ragged(
    anchors: Integers, positives: Cut, negatives: Cut, scores: NDArray[np.float64] | None = None
) -> Lists:
    """Return a list for each row.

    Args:
        anchors: (R,) text ids.
        positives: offsets (R + 1,) and text ids.
        negatives: offsets (R + 1,) and text ids.
        scores: those of a row's positives, then of its negatives, row after row; None without.

    Example:
        >>> cut = np.array([0, 1]), np.array([1])
        >>> lists = lists_from_ragged(np.array([0]), cut, (np.array([0, 2]), np.array([2, 3])))
        >>> lists.documents.tolist(), lists.labels.tolist()
        ([1, 2, 3], [1, 0, 0])
    """
    (first, good), (second, bad) = positives, negatives
    offsets = first + second
    is_positive = np.zeros(len(good) + len(bad), bool)
    place = np.arange(len(good)) + np.repeat(second[:-1], np.diff(first))
    is_positive[place] = True
    documents = np.empty(len(is_positive), np.int64)
    documents[is_positive], documents[~is_positive] = good, bad
    return Lists(
        anchors=anchors,
        offsets=offsets,
        documents=documents,
        labels=is_positive.astype(np.int64),
        scores=scores,
        rows=np.arange(len(anchors)),
    )
