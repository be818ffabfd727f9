"""(text, label) as lists: each text with another of its class, and with texts of other classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.conversions.lists import Lists, in_order, keys_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Integers

_NONE = 2**32 - 1


def lists_from_classes(
    texts: Integers, labels: Integers, num_negatives: int, classes: Integers, *, seed: int, threads: int
) -> tuple[Lists, dict[str, int]]:
    """Return a list for each distinct text: one other of its class, and some of other classes, at random.

    Args:
        texts: (R,) text ids.
        labels: (R,) whole numbers, equal for equal classes.
        num_negatives: of each list; 0 for none.
        classes: the class of each text id, equal for twins.
        seed: decides the draw.
        threads: that draw; the answer does not depend on it.

    Returns:
        The lists, in the order of the texts, and by reason how many rows have none or how much is missing.

    Example:
        >>> ids = np.arange(4)
        >>> lists, left_out = lists_from_classes(ids, ids // 2, 1, ids, seed=0, threads=1)
        >>> lists.documents.reshape(-1, 2)[:, 0].tolist(), left_out
        ([1, 0, 3, 2], {})
    """
    twin = classes[texts].astype(np.int64)
    first, _ = in_order(keys_of(twin, labels))
    left_out = {"repeated texts": len(texts) - len(first)}
    _, which, times = np.unique(twin[first], return_inverse=True, return_counts=True)
    is_one = times[which] == 1
    left_out["texts of several classes"] = int((~is_one).sum())
    first = first[is_one]
    order = first[np.argsort(labels[first], kind="stable")]  # of rows, class by class
    _, starts, inverse, sizes = np.unique(
        labels[order], return_index=True, return_inverse=True, return_counts=True
    )
    start, end = starts[inverse], (starts + sizes)[inverse]
    is_usable = end - start > 1
    left_out["texts that are alone in their class"] = int((~is_usable).sum())
    at = np.flatnonzero(is_usable)
    width = min(num_negatives, len(order))  # no text can get more, and memory is rows x width
    positives, negatives = _drawn(len(order), at, start[at], end[at], width, seed, threads)
    is_there = np.concatenate([np.full((len(at), 1), True), negatives != _NONE], axis=1)
    left_out["negatives that are missing"] = len(at) * (1 + num_negatives) - int(is_there.sum())
    places = np.concatenate([positives[:, None], np.where(negatives == _NONE, 0, negatives)], axis=1)
    found = np.zeros(is_there.shape, np.int64)
    found[:, 0] = 1
    rows = order[at]
    back = np.argsort(rows)
    is_there, documents, found = is_there[back], texts[order[places]][back], found[back]
    lists = Lists(
        anchors=texts[rows[back]],
        offsets=np.concatenate([[0], np.cumsum(is_there.sum(axis=1))]).astype(np.int64),
        documents=documents[is_there],
        labels=found[is_there],
    )
    return lists, {reason: count for reason, count in left_out.items() if count}


def _drawn(
    total: int, at: Any, start: Any, end: Any, num_negatives: int, seed: int, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw for each place `at`, in a class from `start` to `end`, one place within it and others outside."""
    zero, last = np.zeros_like(at), np.full_like(at, total)
    # A positive is outside of what is before its class, the text itself, and what is behind.
    inside = np.stack([zero, start, at, at + 1, end, last], axis=1).astype(np.uint32)
    outside = np.stack([start, end], axis=1).astype(np.uint32)
    ranges = np.concatenate([inside.reshape(-1), outside.reshape(-1)])
    sizes = np.repeat([6, 2], len(at))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    drawn = _core.draw_outside(total, offsets, ranges, max(1, num_negatives), seed, threads=threads)
    both = drawn.astype(np.int64).reshape(2, len(at), drawn.shape[1])
    return both[0, :, 0], both[1, :, :num_negatives]
