"""What a search answers: a table of ids and scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Candidates:
    """What was found for each query, best first.

    Attributes:
        ids: (Q, n) int64, rows of the corpus; -1 where there are no more.
        scores: (Q, n) float32; negative infinity where there are no more.
        report: counts of what was found and what was turned away.
        ranks: (Q, n) int32, each document's rank among those that the query's rules allow, from 1; 0 for one
            that was drawn to fill a place, -1 where there are no more. By default 1 to n.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    report: dict[str, int] = field(default_factory=dict)
    ranks: NDArray[np.int32] = None  # type: ignore[assignment]  # filled below

    def __post_init__(self) -> None:
        if self.ranks is None:
            places = np.arange(1, self.ids.shape[1] + 1, dtype=np.int32)
            object.__setattr__(self, "ranks", np.where(self.ids >= 0, places, np.int32(-1)))
