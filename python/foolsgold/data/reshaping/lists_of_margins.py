"""Triplets that a teacher agrees with, as lists: a margin says how far a negative is behind its positive."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.conversions.labels_from_scores import bounds_of, labels_from_scores
from foolsgold.data.conversions.lists_from_triplets import lists_from_triplets
from foolsgold.data.conversions.margins_from_scores import margins_from_scores
from foolsgold.data.reshaping.lists_of_rows import are_margins, list_numbers, numbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.conversions.lists import Lists
    from foolsgold.data.reshaping.lists_of_rows import Interned
    from foolsgold.data.reshaping.options import Reshaping
    from foolsgold.data.reshaping.shapes import Roles
    from foolsgold.data.reshaping.sources import Source


def lists_of_margins(
    source: Source,
    roles: Roles,
    rows: Interned,
    how: Reshaping,
    left_out: dict[str, int],
    *,
    with_scores: bool,
) -> Lists:
    """Return triplets, or n-tuples as triplets, whose margins reach the threshold.

    A margin of the threshold or more: the positive has label 1 and the negative 0, as the row says. Below
    it, nothing is said of the two, and the triplet is left out. Of two thresholds, the low one is below 0:
    from it down the teacher says the reverse, and the two change places; between them nothing is said.

    Args:
        source: the rows.
        roles: of their columns; the label is a margin of each negative, or a score of each text.
        rows: the same as ids.
        how: with a threshold.
        left_out: gets how many triplets are left out.
        with_scores: as for `lists_of_rows`.

    Raises:
        ValueError: if rows have neither, the threshold is `first`, or a low one is 0 or more.
    """
    negatives = np.stack([rows.ids[name] for name in roles.negatives], axis=1)
    is_there = negatives >= 0
    margins, scores = _margins(source, roles, is_there, how)
    low, _ = bounds_of(how.threshold)
    if low is not None and low >= 0:
        raise ValueError(
            f"`threshold` must have a low one below 0 for margins, got {how.threshold!r}\n"
            "hint: from it down, positive and negative change places"
        )
    labels, is_kept = labels_from_scores(margins, how.threshold)
    if low is None:
        is_kept = labels == 1
    left_out["triplets whose margin does not reach the threshold"] = int((~is_kept).sum())
    row = np.nonzero(is_there)[0][is_kept]
    pairs = np.stack([rows.ids[roles.positive or ""][row], negatives[is_there][is_kept]], axis=1)
    order = np.where(labels[is_kept, None] == 1, [[0, 1]], [[1, 0]])
    pairs = np.take_along_axis(pairs, order, axis=1)
    if not with_scores:
        scores = None
    elif scores is not None:
        scores = np.take_along_axis(scores[is_kept], order, axis=1)
    lists = lists_from_triplets(rows.ids[roles.anchor][row], pairs[:, 0], pairs[:, 1], scores)
    return lists if lists.rows is None else replace(lists, rows=row[lists.rows])


def _margins(
    source: Source, roles: Roles, is_there: NDArray[np.bool_], how: Reshaping
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the margin of each negative that is there, and where known the scores of both texts (T, 2)."""
    counts = is_there.sum(axis=1)
    if roles.label is None or how.threshold == "first":
        told = "" if roles.label is None else ", whose label is a margin"
        raise ValueError(
            f"`threshold` must be left out from `{roles.shape}` to `{how.to or roles.shape}`{told}, "
            f"got {how.threshold!r}"
        )
    if "list" not in str(source.table.column(roles.label).type):
        if roles.shape != "triplet":
            raise ValueError(f"column `{roles.label}` must hold lists of margins or scores, got numbers")
        return numbers_of(source, roles.label).astype(np.float64), None
    if are_margins(source, roles, counts):
        margins = list_numbers(source, roles, counts)
        return np.empty(0) if margins is None else margins, None
    values = list_numbers(source, roles, 1 + counts)
    if values is None:
        return np.empty(0), None
    first = np.concatenate([[0], np.cumsum(1 + counts)])[:-1]
    is_positive = np.zeros(len(values), bool)
    is_positive[first] = True
    scores = np.stack([np.repeat(values[first], counts), values[~is_positive]], axis=1)
    return margins_from_scores(scores[:, 0], scores[:, 1]), scores
