"""Documents by anchor, as ids: what every shape of anchors and documents can become."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lists:
    """L lists of documents, each of one anchor; M documents in all.

    Attributes:
        anchors: (L,) text ids; an anchor may have several lists.
        offsets: (L + 1,) int64, where each list begins, and at last M.
        documents: (M,) text ids.
        labels: (M,) what is said of each document, above 0 for a positive; None where only scores are known.
        scores: (M,) float64, a teacher's or a search's; None without.
        rows: (L,) the row that each list comes from; None where a list gathers several.
    """

    anchors: Integers
    offsets: NDArray[np.int64]
    documents: Integers
    labels: NDArray[Any] | None = None
    scores: NDArray[np.float64] | None = None
    rows: Integers | None = None

    def __len__(self) -> int:
        return len(self.anchors)

    @property
    def owners(self) -> NDArray[np.int64]:
        """(M,) the list of each document."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def places(self, *, positive: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places in `documents` of all positives, or of all negatives.

        Returns:
            Offsets (L + 1,), by list, and places.

        Raises:
            ValueError: if the lists have no labels.
        """
        if self.labels is None:
            raise ValueError(
                "`threshold` must be given where rows have scores alone, got None\n"
                "hint: the least score of a positive; or 'first', where each list begins with its positive"
            )
        is_wanted = (self.labels > 0) == positive
        ends = np.concatenate([[0], np.cumsum(is_wanted)])
        return ends[self.offsets], np.flatnonzero(is_wanted)

    def of(self, lists: Any) -> Lists:
        """Return some of the lists: their numbers, or a mask (L,)."""
        kept = np.arange(len(self))[lists]
        offsets, places = taken(self.offsets, kept)
        return Lists(
            anchors=self.anchors[kept],
            offsets=offsets,
            documents=self.documents[places],
            labels=None if self.labels is None else self.labels[places],
            scores=None if self.scores is None else self.scores[places],
            rows=None if self.rows is None else self.rows[kept],
        )

    def only(self, is_kept: NDArray[np.bool_]) -> Lists:
        """Return the lists with those documents alone that are so marked, (M,)."""
        if is_kept.all():
            return self
        return replace(
            self,
            offsets=np.concatenate([[0], np.cumsum(is_kept)])[self.offsets],
            documents=self.documents[is_kept],
            labels=None if self.labels is None else self.labels[is_kept],
            scores=None if self.scores is None else self.scores[is_kept],
        )


def taken(offsets: NDArray[np.int64], lists: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the offsets of some lists put one after the other, and the places of what they hold.

    Example:
        >>> offsets, places = taken(np.array([0, 2, 3]), np.array([1, 0]))
        >>> offsets.tolist(), places.tolist()
        ([0, 1, 3], [2, 0, 1])
    """
    sizes = np.diff(offsets)[lists]
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return ends, np.repeat(offsets[:-1][lists] - ends[:-1], sizes) + np.arange(ends[-1])


def in_order(keys: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group equal keys, the groups in order of first appearance.

    Returns:
        The place at which each group first appears, ascending, and each key's group.

    Example:
        >>> first, group = in_order(np.array([7, 3, 7, 1]))
        >>> first.tolist(), group.tolist()
        ([0, 1, 3], [0, 1, 0, 2])
    """
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[inverse]


def gathered(group: NDArray[np.int64], num_groups: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what each group holds, in order: offsets (G + 1,) and places."""
    counts = np.bincount(group, minlength=num_groups)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    is_sorted = len(group) < 2 or bool((group[1:] >= group[:-1]).all())
    return offsets, np.arange(len(group)) if is_sorted else np.argsort(group, kind="stable")


def keys_of(left: Integers, right: Integers) -> NDArray[np.int64]:
    """Return one number for each pair of ids."""
    return left.astype(np.int64) << 32 | right.astype(np.int64)
