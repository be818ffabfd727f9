"""All that a data set knows to answer a query, looked up by text id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class KnownPositives:
    """The distinct positives of every query over all rows of a data set.

    Takes 4 bytes a distinct (query, positive) and 8 bytes a text id; made in O(R log R).

    Args:
        queries: text ids (R,) of the queries.
        positives: text ids (R,) of their positives.

    Example:
        >>> known = KnownPositives(np.array([0, 1, 0]), np.array([2, 3, 4]))
        >>> known.of(np.array([1, 0]))
        array([[ 3, -1],
               [ 2,  4]])
    """

    def __init__(self, queries: NDArray[np.integer[Any]], positives: NDArray[np.integer[Any]]) -> None:
        pairs = np.unique(queries.astype(np.uint64) << np.uint64(32) | positives.astype(np.uint64))
        self._positives = (pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        counts = np.bincount((pairs >> np.uint64(32)).astype(np.int64))
        self._offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.most = int(counts.max(initial=0))

    def of(self, queries: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return the positives of B queries of the data set, (B, P) ascending, filled up with -1."""
        queries = queries.astype(np.int64)
        starts, counts = self._offsets[queries], self._offsets[queries + 1] - self._offsets[queries]
        places = np.arange(counts.max(initial=0))
        within = places < counts[:, None]
        found = np.full(within.shape, -1, dtype=np.int64)
        found[within] = self._positives[(starts[:, None] + places)[within]]
        return found
