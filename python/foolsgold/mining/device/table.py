"""What a search on a device answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from foolsgold import _core
from foolsgold.mining.bounds import CAPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.mining.tables import Rules


class DeviceTable(NamedTuple):
    """What a search answers, as the core's table has it.

    Attributes:
        ids: (Q, depth) int64, the best documents first; -1 where there are no more.
        scores: (Q, depth) float32; negative infinity where there are no more.
        anchors: (Q,) float32, the positive scores that margins are measured from; NaN where there is none.
        above: (Q,) int64, documents that no exclusion turns away above the query's lowest cap; 0 where that
            cap lies below the least score.
        cap_rules: (Q,) int64, which of the two margins and `max_score` set that cap; -1 for none.
        away: the pairs that an exclusion turned away and that score at least as well as the query's last
            candidate, or as `min_score` where it has fewer than `depth`; none where the lowest cap lies below
            the least score. Query, document, score and the number of the first rule, in the order of queries,
            scores, documents.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    anchors: NDArray[np.float32]
    above: NDArray[np.int64]
    cap_rules: NDArray[np.int64]
    away: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]

    def counts(self, rules: list[str], num_documents: int) -> dict[str, int]:
        """Return how many documents each rule turned away, over all queries.

        Args:
            rules: the names of the exclusions, in order.
            num_documents: N.
        """
        found = {name: int((self.away[3] == number).sum()) for number, name in enumerate(rules)}
        for number, name in enumerate(CAPS):
            found[name] = int(self.above[self.cap_rules == number].sum())
        taken = (self.ids >= 0).sum(axis=1)
        away = np.bincount(self.away[0], minlength=len(self.ids))
        below = num_documents - taken - away - self.above
        found["min_score"] = int(below[taken < self.ids.shape[1]].sum())
        return found

    def as_core(
        self, rules: Rules, *, depth: int, num_documents: int, exclusions: list[str]
    ) -> _core.CandidateTable:
        """Return the core's table: what its own search would have found, bit for bit.

        Args:
            rules: of the search.
            depth: that was asked for, at least as many as there are columns.
            num_documents: N.
            exclusions: their names.
        """
        is_there = self.ids >= 0
        bars = np.full(len(self.ids), np.nan, np.float32)
        if self.ids.shape[1] == depth:
            bars[is_there[:, -1]] = self.scores[is_there[:, -1], -1]
        query, documents, scores, numbers = self.away
        columns: dict[str, NDArray[Any]] = {
            "offsets": _offsets(is_there.sum(axis=1)),
            "ids": self.ids[is_there].astype(np.uint32),
            "scores": self.scores[is_there],
            "bars": bars,
            "anchors": self.anchors,
            "above": self.above.astype(np.uint32),
            "away_offsets": _offsets(np.bincount(query, minlength=len(self.ids))),
            "away_ids": documents.astype(np.uint32),
            "away_scores": scores,
            "away_rules": numbers.astype(np.uint16),
        }
        return _core.CandidateTable.from_columns(
            columns, rules=rules, depth=depth, documents=num_documents, exclusions=exclusions
        )


def _offsets(lengths: NDArray[np.integer[Any]]) -> NDArray[np.uint64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint64)
