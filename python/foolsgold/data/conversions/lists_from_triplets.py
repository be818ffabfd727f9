"""(anchor, positive, negative) as lists: the positive, then its negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.conversions.lists import Lists, gathered, in_order, keys_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Integers


def lists_from_triplets(
    anchors: Integers, positives: Integers, negatives: Integers, scores: NDArray[np.float64] | None = None
) -> Lists:
    """Return a list for each (anchor, positive), in order of first appearance; its negatives in theirs.

    Where a positive has several scores, each has a list of its own.

    Args:
        anchors: (R,) text ids.
        positives: (R,) text ids.
        negatives: (R,) text ids.
        scores: (R, 2), of the positive and of the negative.

    Example:
        >>> lists = lists_from_triplets(np.array([0, 0]), np.array([1, 1]), np.array([2, 3]))
        >>> lists.documents.tolist(), lists.labels.tolist()
        ([1, 2, 3], [1, 0, 0])
    """
    first, group = in_order(keys_of(anchors, positives))
    if scores is not None:
        _, score = np.unique(scores[:, 0], return_inverse=True)
        first, group = in_order(keys_of(group, score))
    offsets, order = gathered(group, len(first))
    heads = offsets[:-1] + np.arange(len(first))  # each list is one longer: its positive
    is_negative = np.ones(len(anchors) + len(first), bool)
    is_negative[heads] = False
    documents = np.empty(len(is_negative), np.int64)
    documents[heads], documents[is_negative] = positives[first], negatives[order]
    values = None
    if scores is not None:
        values = np.empty(len(is_negative))
        values[heads], values[is_negative] = scores[first, 0], scores[order, 1]
    return Lists(
        anchors=anchors[first],
        offsets=offsets + np.arange(len(first) + 1),
        documents=documents,
        labels=(~is_negative).astype(np.int64),
        scores=values,
        rows=first if len(first) == len(anchors) else None,
    )
