"""Where candidates come from: a model's embeddings, the words of the texts, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.mining.fusion import FusedCandidates

SOURCES = ("model", "bm25")
"""Their names, in the order by which columns of results number them."""

_BLOCK = 1 << 14  # rows that are looked up together


@dataclass(frozen=True)
class Sources:
    """Which sources give candidates.

    Attributes:
        names: of `SOURCES`, in the order in which equal ranks are settled.
        quotas: the most candidates that each gives a query, taken in turn; None for all of them by reciprocal
            ranks.
    """

    names: tuple[str, ...]
    quotas: dict[str, int] | None = None

    @property
    def method(self) -> Literal["rrf", "quota"]:
        """How `fuse` makes one ranking of them."""
        return "rrf" if self.quotas is None else "quota"

    def depth(self, default: int) -> int:
        """Return how many candidates each source is asked for, and how many there are together at most."""
        return default if self.quotas is None else sum(self.quotas.values())


def as_sources(value: Sequence[str] | Mapping[str, int] | None) -> Sources | None:
    """Check what was given as sources.

    Raises:
        TypeError: if it is neither a list of names nor a mapping from names to numbers.
        ValueError: if there is none, a name is unknown or comes twice, or a number is below 1.

    Example:
        >>> as_sources({"model": 5, "bm25": 2}).names
        ('model', 'bm25')
    """
    if value is None:
        return None
    if isinstance(value, (str, bytes)) or not isinstance(value, (Mapping, Sequence)):
        wanted = "a list of names, or a mapping from names to numbers of candidates"
        raise TypeError(f"`sources` must be {wanted}, got {type(value).__name__}")
    names = tuple(value)
    if not names or not all(name in SOURCES and names.count(name) == 1 for name in names):
        raise ValueError(
            f'`sources` must be "model", "bm25" or both, each once, got {list(names)}\n'
            "hint: a run file is read by `mining.read_run`, and is a source of `mining.mine_fused`"
        )
    if not isinstance(value, Mapping):
        return Sources(names)
    for name, number in value.items():
        if not isinstance(number, Integral) or isinstance(number, bool) or number < 1:
            raise ValueError(f"`sources` must have a number of at least 1 for {name!r}, got {number!r}")
    return Sources(names, dict(value))


def sources_of(fused: FusedCandidates, ids: NDArray[np.int64], rows: NDArray[Any]) -> NDArray[np.int64]:
    """Return (R, n) where each negative comes from, as a place in `SOURCES`; -1 where there is none.

    Args:
        fused: the candidates of Q queries.
        ids: (R, n) some of them, -1 for none.
        rows: (R,) the query of each row of `ids`.
    """
    numbers = np.array([*(SOURCES.index(name) for name in fused.source_names), -1])
    found = np.full(ids.shape, -1, np.int64)
    for start in range(0, len(ids), _BLOCK):
        part = slice(start, start + _BLOCK)
        own = fused.ids[rows[part]]
        places = (ids[part, :, None] == own[:, None, :]).argmax(axis=2)
        sources = np.minimum(np.take_along_axis(fused.sources[rows[part]], places, axis=1), len(numbers) - 1)
        found[part] = np.where(ids[part] >= 0, numbers[sources], -1)
    return found
