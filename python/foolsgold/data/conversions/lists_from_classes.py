"""(text, label) as lists: each text with another of its class, and with texts of other classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.conversions.lists import Lists, in_order, keys_of
from foolsgold.data.label_pairs import pairs_from_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Integers
    from foolsgold.data.label_pairs import PairKind


def lists_from_classes(
    texts: Integers, labels: Integers, num_negatives: int, classes: Integers, *, seed: int, threads: int
) -> tuple[Lists, dict[str, int]]:
    """Return a list for each distinct text: one other of its class, and some of other classes, at random.

    Args:
        texts: (R,) text ids.
        labels: (R,) whole numbers, equal for equal classes.
        num_negatives: of each list, as many as there are at most; 0 for none.
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
    rows, which = first[is_one], labels[first[is_one]]
    _, inverse, sizes = np.unique(which, return_inverse=True, return_counts=True)
    is_alone = sizes[inverse] == 1
    left_out["texts that are alone in their class"] = int(is_alone.sum())
    positives = _drawn(which, "same", int(not is_alone.all()), (seed, 0), threads)
    # An epoch of its own: of equal keys, a positive would tell the negatives beside it.
    negatives = _drawn(which, "different", num_negatives if len(sizes) > 1 else 0, (seed, 1), threads)
    negatives = negatives[~is_alone[negatives[:, 0]]]
    left_out["negatives that are missing"] = len(positives) * num_negatives - len(negatives)
    pairs = np.concatenate([positives, negatives])
    order = np.argsort(pairs[:, 0], kind="stable")
    anchors, starts = np.unique(pairs[order, 0], return_index=True)
    lists = Lists(
        anchors=texts[rows[anchors]],
        offsets=np.append(starts, len(order)).astype(np.int64),
        documents=texts[rows[pairs[order, 1]]],
        labels=(order < len(positives)).astype(np.int64),
    )
    return lists, {reason: count for reason, count in left_out.items() if count}


def _drawn(
    labels: Integers, kind: PairKind, most: int, order: tuple[int, int], threads: int
) -> NDArray[np.uint32]:
    """Draw pairs (P, 2) of rows of one label, or of two: `most` of each row, or all of one that has fewer."""
    if most == 0:
        return np.empty((0, 2), np.uint32)
    pairs = pairs_from_labels(labels, kind, ordered=True, max_per_anchor=most, threads=threads)
    return pairs.shuffled(*order)[:]
