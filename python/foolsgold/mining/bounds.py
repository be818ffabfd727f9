"""The rules of a search, applied to tables of other scores and of other sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from foolsgold.reals import real_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from foolsgold.mining.exclusions import Exclusion

CAPS = ("absolute_margin", "relative_margin", "max_score")
"""The rules that set a cap, in the order in which equal ones are counted."""


class Bounds(NamedTuple):
    """Bounds on a negative's score, all inclusive; None for no bound.

    Attributes:
        absolute_margin: how far below its query's positive a negative scores at least.
        relative_margin: the same as a share of that score's magnitude.
        max_score: the greatest score.
        min_score: the least score.
        margin_from: "least" or "greatest" of a query's positives.
    """

    absolute_margin: float | None = None
    relative_margin: float | None = None
    max_score: float | None = None
    min_score: float | None = None
    margin_from: str = "least"

    def check(self, *, has_positives: bool) -> None:
        """Refuse bounds that are no finite numbers, and a margin that has nothing to be measured from."""
        if self.margin_from not in ("least", "greatest"):
            raise ValueError(f'`margin_from` must be "least" or "greatest", got "{self.margin_from}"')
        for name in (*CAPS, "min_score"):
            value = real_or_none(name, getattr(self, name))
            if value is not None and not np.isfinite(value):
                raise ValueError(f"`{name}` must be finite, got {value}")
            if value is not None and name.endswith("margin") and not has_positives:
                raise ValueError(f"`{name}` must come with `positives`, got {value}")

    def anchors(self, offsets: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the score that a query's margin is measured from, NaN for a query without positives.

        Args:
            offsets: (Q + 1,) where each query's positives begin.
            scores: theirs.
        """
        found = np.full(len(offsets) - 1, np.nan, np.float32)
        has_any = np.diff(offsets) > 0
        if len(scores):
            best = np.minimum if self.margin_from == "least" else np.maximum
            found[has_any] = best.reduceat(scores, offsets[:-1][has_any])
        return found

    def caps(self, anchors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return each query's lowest cap, and which of `CAPS` set it; -1 where nothing did."""
        positive = anchors.astype(np.float64)
        caps, rules = np.full(len(anchors), np.inf), np.full(len(anchors), -1)
        with np.errstate(invalid="ignore"):  # an infinite score times a margin of 0 is no cap
            given = [
                None if self.absolute_margin is None else positive - self.absolute_margin,
                None if self.relative_margin is None else positive - np.abs(positive) * self.relative_margin,
                None if self.max_score is None else np.full(len(anchors), float(self.max_score)),
            ]
        for number, cap in enumerate(given):
            if cap is not None:
                is_lower = cap < caps  # a NaN, of a query without positives, is not
                caps[is_lower], rules[is_lower] = cap[is_lower], number
        return caps, rules


def places_within(
    ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    anchors: NDArray[np.float32],
    bounds: Bounds,
    *,
    exclusions: Sequence[Exclusion] = (),
    num: int | None = None,
    by_score: bool = True,
) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Return which places of a table the rules allow, and how many documents each rule turned away.

    A document counts for the first rule that turns it away: the exclusions in their order, the rule of the
    query's lowest cap, `min_score`.

    Args:
        ids: (Q, n) documents, -1 where there is none.
        scores: (Q, n).
        anchors: (Q,) as `Bounds.anchors` gives them.
        bounds: on the scores.
        exclusions: as `as_exclusions` gives them.
        num: how many places a query keeps at most; None for all.
        by_score: order by falling score, equal ones by document; otherwise the order stays.

    Returns:
        Places (Q, num), -1 where there are no more; and the counts.
    """
    is_there = ids >= 0
    counts = {}
    left = is_there.copy()
    for rule in exclusions:
        hit = left & _is_excluded(ids, rule)
        counts[rule[0]] = int(hit.sum())
        left &= ~hit
    caps, rules = bounds.caps(anchors)
    wide = scores.astype(np.float64)
    above = left & (wide > caps[:, None])
    by_query = above.sum(axis=1)
    for number, name in enumerate(CAPS):
        counts[name] = int(by_query[rules == number].sum())
    left &= ~above
    below = left & (wide < (-np.inf if bounds.min_score is None else bounds.min_score))
    counts["min_score"] = int(below.sum())
    left &= ~below
    num = ids.shape[1] if num is None else num
    if by_score:
        order = np.argsort(ids, axis=1, kind="stable")
        fall = np.where(left, -wide, np.inf)
        by_fall = np.argsort(np.take_along_axis(fall, order, axis=1), axis=1, kind="stable")
        order = np.take_along_axis(order, by_fall, axis=1)
    else:
        order = np.argsort(~left, axis=1, kind="stable")
    places = np.full((len(ids), num), -1, np.int64)
    width = min(num, ids.shape[1])
    best = order[:, :width]
    places[:, :width] = np.where(np.take_along_axis(left, best, axis=1), best, -1)
    return places, counts


def taken(table: NDArray[Any], places: NDArray[np.int64], missing: float) -> NDArray[Any]:
    """Return a table's values at these places, and `missing` where a place is -1."""
    if table.shape[1] == 0:
        return np.full(places.shape, missing, table.dtype)
    values = np.take_along_axis(table, np.maximum(places, 0), axis=1)
    return np.where(places >= 0, values, np.asarray(missing, table.dtype))


def _is_excluded(ids: NDArray[np.int64], rule: Exclusion) -> NDArray[np.bool_]:
    _, classes, offsets, values = rule
    of_ids = np.maximum(ids, 0)
    if classes is not None:
        of_ids = classes[of_ids].astype(np.int64)
    # A query below 2^31 and a class below 2^32 are one number each pair, in order of the query.
    queries = np.repeat(np.arange(len(ids)), np.diff(offsets))
    pairs = np.sort((queries << 32) | values)
    if len(pairs) == 0:
        return np.zeros(ids.shape, bool)
    wanted = (np.arange(len(ids))[:, None] << 32) | of_ids
    at = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    hits: NDArray[np.bool_] = pairs[at] == wanted
    return hits
