"""How much each of several sources gives in an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from foolsgold import _core
from foolsgold.integers import integer

if TYPE_CHECKING:
    from collections.abc import Sequence

Stop = Literal["first", "all"] | int
"""When an epoch ends: before a source would begin again, when all have given everything, or after so many
steps."""

_MOST_STEPS = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What decides the shares of sources; at most one of weights, temperature and sizes.

    Attributes:
        weights: one non-negative number a source.
        temperature: above 0; weights are the rows of each source to the power of 1 / `temperature`.
        sizes: steps of each source in an epoch.
        stop: when an epoch ends; None is "first".

    Raises:
        ValueError: if more than one is given, or one is out of range.
    """

    weights: Sequence[float] | None = None
    temperature: float | None = None
    sizes: Sequence[int] | None = None
    stop: Stop | None = None

    def __post_init__(self) -> None:
        options = {"weights": self.weights, "temperature": self.temperature, "sizes": self.sizes}
        given = [name for name, value in options.items() if value is not None]
        if len(given) > 1:
            one = "at most one of `weights`, `temperature` and `sizes`"
            raise ValueError(f"{one} must be given, got {' and '.join(given)}")
        if self.temperature is not None and not 0 < _number("temperature", self.temperature) < math.inf:
            raise ValueError(f"`temperature` must be a finite number above 0, got {self.temperature}")
        if self.stop is not None:
            is_number = hasattr(self.stop, "__index__") and not isinstance(self.stop, bool)
            if self.stop not in ("first", "all") and not (is_number and int(self.stop) >= 1):
                raise ValueError(
                    f"`stop` must be first, all or a number of steps of at least 1, got {self.stop!r}"
                )
            if self.sizes is not None:
                raise ValueError(
                    f"`stop` must be None where `sizes` say how long an epoch is, got {self.stop!r}"
                )

    def counts(self, lengths: Sequence[int], rows: Sequence[int], whole: int = 1) -> list[int]:
        """Return the parts that each source gives in an epoch, in steps of `whole` parts.

        Without weights the shares are those of the lengths, and with no `stop` either every part comes once
        if steps are of one.

        Args:
            lengths: the parts that each source has: its steps, or where a step mixes sources, its rows.
            rows: the rows of each source.
            whole: parts of a step.

        Raises:
            ValueError: if there are no sources, one has nothing, weights or sizes do not fit the sources, or
                an epoch would have no step.
        """
        if self.sizes is not None:
            sizes = [integer(f"sizes[{at}]", size, 0) for at, size in enumerate(self.sizes)]
            if len(sizes) != len(lengths) or not 1 <= sum(sizes) <= _MOST_STEPS:
                raise ValueError(
                    f"`sizes` must be {len(lengths)} numbers of steps, together from 1 to {_MOST_STEPS}, "
                    f"got {sizes}"
                )
            return [size * whole for size in sizes]
        weights = [float(length) for length in lengths]
        if self.weights is not None:
            weights = [_number(f"weights[{at}]", weight) for at, weight in enumerate(self.weights)]
        elif self.temperature is not None:
            most = max(rows, default=1)
            # The last digits of a power are not the same on every platform.
            weights = [float(f"{(count / most) ** (1 / self.temperature):.9g}") for count in rows]
        stop = "first" if self.stop is None else self.stop
        return _core.mix_counts(list(lengths), weights=weights, stop=stop, whole=whole)


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"`{name}` must be a number, got {value!r:.80}") from None
