"""What a search answers: a table of ids and scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Candidates:
    """What was found for each query, best first.

    Attributes:
        ids: (Q, n) int64, rows of the corpus; -1 where there are no more.
        scores: (Q, n) float32; negative infinity where there are no more.
        report: counts of what was found and what was turned away.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    report: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Candidates:
        """Read all that `mine(..., folder=...)` has found, as one table, as wide as the longest list.

        Raises:
            FileNotFoundError: there are no stored candidates.
            ValueError: they are not finished, or a file was changed.

        See Also:
            `CandidateStore`, which reads part by part.
        """
        from foolsgold.mining.store import CandidateStore

        return CandidateStore(folder).load()
