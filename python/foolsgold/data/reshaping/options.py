"""How rows become rows of another shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold.data.conversions.labels_from_scores import labels_from_scores
from foolsgold.data.reshaping.shapes import SHAPES
from foolsgold.integers import MAX_UINT64, integer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from foolsgold.data.reshaping.shapes import Shape

_MAX_NEGATIVES = 1 << 16  # columns of an n-tuple, and texts drawn for a row

Numbers = Literal["labels", "scores", "margins", "none"]


@dataclass(frozen=True, kw_only=True)
class Reshaping:
    """How rows become rows of another shape; what each option says is told at `reshape`."""

    to: Shape | None = None
    num_negatives: int | None = None
    threshold: Any = None
    numbers: Numbers | None = None
    positive_label: Any = None
    negative_label: Any = None
    noise: Any = None
    keep_columns: bool | None = None
    on_error: Literal["raise", "skip"] = "raise"
    miner: Callable[[Any], Any] | None = None
    seed: int = 0
    threads: int | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        if self.to is not None and self.to not in SHAPES:
            wanted = ", ".join(map(repr, SHAPES))
            raise ValueError(f"`to` must be one of {wanted}, got {self.to!r}")
        if self.on_error not in ("raise", "skip"):
            raise ValueError(f"`on_error` must be 'raise' or 'skip', got {self.on_error!r}")
        if self.numbers not in (None, "labels", "scores", "margins", "none"):
            raise ValueError(
                f"`numbers` must be 'labels', 'scores', 'margins' or 'none', got {self.numbers!r}"
            )
        if self.num_negatives is not None:
            least = 1 if self.to in ("triplet", "n-tuple") else 0
            if integer("num_negatives", self.num_negatives, least) > _MAX_NEGATIVES:
                raise ValueError(
                    f"`num_negatives` must be at most {_MAX_NEGATIVES}, got {self.num_negatives}"
                )
        if isinstance(self.threshold, np.ndarray):
            object.__setattr__(self, "threshold", tuple(self.threshold.reshape(-1).tolist()))
        if self.threshold is not None and self.threshold != "first":
            labels_from_scores([], self.threshold)
        if self.miner is not None and not callable(self.miner):
            raise TypeError(f"`miner` must be callable, got {self.miner!r}")
        integer("seed", self.seed, 0, MAX_UINT64)

    def refuse(self, names: Sequence[str], shape: str, to: str) -> None:
        """Refuse options that say nothing of a change from `shape` to `to`.

        Raises:
            ValueError: if one of `names` is given.
        """
        for name in names:
            value = getattr(self, name)
            if value is not None:
                raise ValueError(f"`{name}` must be left out from `{shape}` to `{to}`, got {value!r}")

    @property
    def changes_nothing(self) -> bool:
        """Whether rows that keep their shape stay as they are."""
        given = (self.num_negatives, self.threshold, self.numbers, self.noise)
        return all(value is None for value in (*given, self.positive_label, self.negative_label))

    def keeps_scores(self, to: str) -> bool:
        """Whether rows of the shape `to` have the scores of lists that know both labels and scores."""
        if self.numbers is not None:
            return self.numbers in ("scores", "margins")
        return to == "scored-pair" or (self.threshold is None and to in ("triplet", "n-tuple", "ragged"))
