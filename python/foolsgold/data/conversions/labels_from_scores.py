"""Labels from scores, grades or margins, by one threshold or by two with a band between them left out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from foolsgold.reals import real

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Threshold: TypeAlias = "float | tuple[float, float] | Literal['first'] | None"


def labels_from_scores(
    scores: ArrayLike, threshold: float | tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return 1 where a score is at least the threshold, else 0; and which are judged at all.

    Args:
        scores: (R,) numbers, as similarities, grades, or the margins of triplets.
        threshold: t; or low and high: 0 at most low, 1 at least high, and what lies between has no label.

    Returns:
        Labels (R,), and whether each is judged (R,); what lies between is not, nor is NaN.

    Raises:
        TypeError: if a threshold is no number.
        ValueError: if one is not finite, or low is above high.

    Example:
        >>> labels, is_judged = labels_from_scores([0.1, 0.5, 0.9], (0.3, 0.7))
        >>> labels.tolist(), is_judged.tolist()
        ([0, 0, 1], [True, False, True])
    """
    low, high = bounds_of(threshold)
    values = np.asarray(scores, np.float64)
    is_high = values >= high
    is_low = values < high if low is None else values <= low
    return is_high.astype(np.int64), is_high | is_low


def bounds_of(threshold: Any) -> tuple[float | None, float]:
    """Return a threshold as low, None for a single one, and high.

    Raises:
        TypeError: if it is no number and no pair of them.
        ValueError: if one is not finite, or low is above high.
    """
    numbers = threshold if isinstance(threshold, (tuple, list)) else [threshold]
    if len(numbers) not in (1, 2):
        raise ValueError(f"`threshold` must be a number or a low and a high one, got {threshold!r}")
    found = [real("threshold", number) for number in numbers]
    if not all(map(math.isfinite, found)):
        raise ValueError(f"`threshold` must be finite, got {threshold!r}")
    if found[0] > found[-1]:
        raise ValueError(f"`threshold` must have the low one first, got {threshold!r}")
    return (found[0] if len(found) == 2 else None), found[-1]
