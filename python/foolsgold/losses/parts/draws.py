"""Draws that a step decides: alike on all ranks, the same after a resume, without a global generator."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Draw:
    """One draw, which gives the same whenever it is asked; so a gradient cache may ask again in its replay.

    Attributes:
        key: what decides it.
    """

    key: str

    def sample(self, population: int, count: int) -> list[int]:
        """Draw `count` different numbers below `population`, in ascending order; all if there are fewer."""
        return sorted(random.Random(self.key).sample(range(population), min(count, population)))


class Draws:
    """Counts draws within a step; each is a function of seed, step and count alone.

    Without anyone to say the step, the count alone tells draws apart.

    Args:
        stream: tells draws for different ends apart.
        seed: of all draws.

    Attributes:
        step: number of the training forward.
        count: draws since that began.
    """

    def __init__(self, stream: str, seed: int) -> None:
        self.stream, self.seed = stream, seed
        self.step, self.count = 0, 0

    def set_step(self, step: int) -> None:
        """Begin a training forward."""
        self.step, self.count = step, 0

    def draw(self) -> Draw:
        """Make the next draw of this step."""
        key = f"{self.stream}:{self.seed}:{self.step}:{self.count}"
        self.count += 1
        return Draw(key)
