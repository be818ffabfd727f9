"""(anchor, positive, negative_1, ..., negative_n) as lists: the positive, then the negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.conversions.lists import Lists

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Integers


def lists_from_n_tuples(
    anchors: Integers,
    positives: Integers,
    negatives: NDArray[np.int64],
    scores: NDArray[np.float64] | None = None,
) -> Lists:
    """Return a list for each row.

    Args:
        anchors: (R,) text ids.
        positives: (R,) text ids.
        negatives: (R, n) text ids, -1 where a row has no more.
        scores: those of the positive and of each negative that is there, row after row; None without.

    Example:
        >>> lists = lists_from_n_tuples(np.array([0]), np.array([1]), np.array([[2, -1]]))
        >>> lists.documents.tolist(), lists.labels.tolist()
        ([1, 2], [1, 0])
    """
    documents = np.column_stack([positives.astype(np.int64), negatives])
    is_there = documents >= 0
    labels = np.zeros(documents.shape, np.int64)
    labels[:, 0] = 1
    return Lists(
        anchors=anchors,
        offsets=np.concatenate([[0], np.cumsum(is_there.sum(axis=1))]).astype(np.int64),
        documents=documents[is_there],
        labels=labels[is_there],
        scores=scores,
        rows=np.arange(len(anchors)),
    )
