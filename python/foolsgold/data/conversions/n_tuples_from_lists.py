"""(anchor, positive, negative_1, ..., negative_n): each positive of a list with n of its negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Lists


class NTuples(NamedTuple):
    """The list of each row, and the places of its documents in the lists; `negatives` is (R, n)."""

    lists: NDArray[np.int64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]


def n_tuples_from_lists(lists: Lists, num_negatives: int | None = None) -> NTuples:
    """Return the rows of the lists that have as many negatives; those with fewer have none.

    Args:
        lists: with labels.
        num_negatives: n; None for that of all lists with a positive and a negative, which must agree.

    Raises:
        ValueError: if the lists have no labels, or differ in their number of negatives and none is given.

    Example:
        >>> from foolsgold.data.conversions.lists_from_ragged import lists_from_ragged
        >>> cut = np.array([0, 1]), np.array([1])
        >>> lists = lists_from_ragged(np.array([0]), cut, (np.array([0, 2]), np.array([3, 4])))
        >>> lists.documents[n_tuples_from_lists(lists).negatives].tolist()
        [[3, 4]]
    """
    cuts, positives = lists.places(positive=True)
    starts, negatives = lists.places(positive=False)
    sizes, counts = np.diff(starts), np.diff(cuts)
    if num_negatives is None:
        usable = sizes[(sizes > 0) & (counts > 0)]
        least, most = int(usable.min(initial=2**31)), int(usable.max(initial=1))
        if least < most:
            raise ValueError(
                f"`num_negatives` must be given for rows of {least} to {most} negatives, got None\n"
                "hint: rows with fewer are left out, of those with more the first ones are taken"
            )
        num_negatives = most
    counts = np.where(sizes >= num_negatives, counts, 0)
    owner = np.repeat(np.arange(len(lists)), counts)
    kept = positives[np.repeat(sizes >= num_negatives, np.diff(cuts))]
    return NTuples(owner, kept, negatives[starts[:-1][owner][:, None] + np.arange(num_negatives)])
