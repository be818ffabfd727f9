"""Which rows are held out, so that no text of theirs is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class HeldOutRows(NamedTuple):
    """Rows held out, by place; and whether the rest shares no text with them."""

    is_held_out: NDArray[np.bool_]
    is_disjoint: bool


def held_out_rows(
    anchors: NDArray[np.uint32], positives: NDArray[np.uint32], *, share: float, most: int, seed: int
) -> HeldOutRows:
    """Choose rows to hold out: whole groups of rows that are linked by a shared text.

    Where one group holds so much of the data that less than half of what is wanted could be held out, all
    rows of randomly chosen anchors are held out instead, and their positives may be trained on with other
    anchors.

    Args:
        anchors: (N,) text ids.
        positives: (N,) text ids, of the same interning.
        share: Of the rows to hold out, 0 to 1.
        most: Rows to hold out at most.
        seed: Of the choice.
    """
    wanted = max(1, min(most, int(len(anchors) * share)))
    groups = linked_rows(anchors, positives)
    chosen = _whole_groups(groups, wanted, seed)
    if 2 * int(chosen.sum()) >= wanted:
        return HeldOutRows(chosen, is_disjoint=True)
    return HeldOutRows(_whole_groups(anchors, wanted, seed), is_disjoint=False)


def linked_rows(anchors: NDArray[np.uint32], positives: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Number the groups of rows linked by shared texts: least labels, passed on until nothing moves."""
    label = np.arange(int(max(anchors.max(initial=0), positives.max(initial=0))) + 1)
    while True:
        least = np.minimum(label[anchors], label[positives])
        passed = label.copy()
        np.minimum.at(passed, anchors, least)
        np.minimum.at(passed, positives, least)
        passed = passed[passed]
        if np.array_equal(passed, label):
            return label[anchors]
        label = passed


def _whole_groups(groups: NDArray[np.integer], wanted: int, seed: int) -> NDArray[np.bool_]:
    """Rows of randomly chosen groups, as many as fit in `wanted`; never all rows."""
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    taken = np.zeros(len(sizes), dtype=bool)
    room = min(wanted, len(groups) - 1)
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        if room <= 0:
            break
        if sizes[group] <= room:
            taken[group] = True
            room -= int(sizes[group])
    return taken[group_of]
