"""(anchor, document) with a label, a grade or a score, gathered by anchor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold.data.conversions.lists import Lists, gathered, in_order

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Integers


def lists_from_labeled_pairs(
    anchors: Integers,
    documents: Integers,
    labels: NDArray[Any] | None = None,
    scores: NDArray[np.float64] | None = None,
) -> Lists:
    """Return a list for each anchor, in order of first appearance; its documents in theirs.

    Args:
        anchors: (R,) text ids.
        documents: (R,) text ids.
        labels: (R,) labels or grades.
        scores: (R,) scores.

    Example:
        >>> import numpy as np
        >>> lists = lists_from_labeled_pairs(np.array([0, 1, 0]), np.array([2, 2, 3]), np.array([1, 1, 0]))
        >>> lists.anchors.tolist(), lists.offsets.tolist(), lists.documents.tolist()
        ([0, 1], [0, 2, 3], [2, 3, 2])
    """
    first, group = in_order(anchors)
    offsets, order = gathered(group, len(first))
    return Lists(
        anchors=anchors[first],
        offsets=offsets,
        documents=documents[order],
        labels=None if labels is None else labels[order],
        scores=None if scores is None else scores[order],
        rows=first if len(first) == len(anchors) else None,
    )
