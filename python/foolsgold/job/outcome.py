"""What a job did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Losses: TypeAlias = list[tuple[int, float]]
"""Of a training run: (step, mean since the last one)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a job did, as its `metrics.json` tells it.

    Attributes:
        data: Name of the corpus and counts of its rows.
        recipe: Every number that decided the outcome, the seed included.
        metrics: By step, in the order of the table, each metric by name.
        losses: By step, pairs of (step of training, mean loss).
        seconds: By step.
        examples: Held-out queries, the best document found for each, and whether it is the right one.
        num_mined: Rows with mined negatives.
    """

    data: dict[str, Any]
    recipe: dict[str, Any]
    metrics: dict[str, dict[str, float]]
    losses: dict[str, Losses]
    seconds: dict[str, float]
    examples: list[dict[str, Any]]
    num_mined: int
