"""Margins from scores: how much more a teacher gives the positive than each negative."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def margins_from_scores(positives: ArrayLike, negatives: ArrayLike) -> NDArray[np.float64]:
    """Return the score of the positive minus that of the negative, as `MarginMSELoss` learns it.

    Args:
        positives: (R,).
        negatives: (R,), or (R, n) for n negatives of each.

    Returns:
        As `negatives`.

    Example:
        >>> margins_from_scores([9.0], [[4.0, 6.5]]).tolist()
        [[5.0, 2.5]]
    """
    left, right = np.asarray(positives, np.float64), np.asarray(negatives, np.float64)
    return np.asarray((left[:, None] if right.ndim == 2 else left) - right)
