"""(anchor, positive) as lists of one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.conversions.lists import Lists

if TYPE_CHECKING:
    from foolsgold.data.conversions.lists import Integers


def lists_from_pairs(anchors: Integers, positives: Integers) -> Lists:
    """Return a list for each pair.

    Args:
        anchors: (R,) text ids.
        positives: (R,) text ids.

    Example:
        >>> lists_from_pairs(np.array([0, 1]), np.array([2, 3])).documents.tolist()
        [2, 3]
    """
    rows = np.arange(len(anchors))
    labels = np.ones(len(anchors), np.int64)
    return Lists(
        anchors=anchors, offsets=np.arange(len(anchors) + 1), documents=positives, labels=labels, rows=rows
    )
