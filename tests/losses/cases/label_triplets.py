"""Cases of the losses over the triplets that labels make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from tests.losses.cases.case import Case, Enum

if TYPE_CHECKING:
    from torch import Tensor

COSINE = Enum(path="BatchHardTripletLossDistanceFunction.cosine_distance")
EUCLIDEAN = Enum(path="BatchHardTripletLossDistanceFunction.eucledian_distance")


def groups(num_rows: int, generator: torch.Generator) -> Tensor:
    """Classes of two texts at least, where there are four rows."""
    return (torch.arange(num_rows) % max(2, num_rows // 3))[torch.randperm(num_rows, generator=generator)]


def manhattan_distance(embeddings: Tensor) -> Tensor:
    return (embeddings[:, None] - embeddings).abs().sum(dim=2)


def _cases(name: str, *margins: float) -> list[Case]:
    options = [{"margin": margin} for margin in margins] or [{}]
    made = [({**more, "distance_metric": metric}, {}) for metric in (COSINE, EUCLIDEAN) for more in options]
    made += [
        ({}, {}),
        ({"distance_metric": manhattan_distance}, {}),
        ({"distance_metric": COSINE}, {"distance_function": COSINE, "mask_by_identity": False}),
    ]
    return [
        Case(
            name=name,
            options=options,
            own_options=own,
            num_columns=1,
            labels=groups,
            fewest_rows=4,  # below, an anchor lacks a positive or a negative
            gathers=True,
        )
        for options, own in made
    ]


CASES = [
    *_cases("BatchAllTripletLoss", 0.1, 1.5),
    *_cases("BatchHardTripletLoss", 0.1, 1.5),
    *_cases("BatchHardSoftMarginTripletLoss"),
    *_cases("BatchSemiHardTripletLoss", 0.1, 1.5),
]
