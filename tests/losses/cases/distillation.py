"""Losses that learn from a teacher."""

from __future__ import annotations

import torch
from tests.losses.cases.case import Case, Made
from tests.losses.encoders import TokenEncoder

from foolsgold.similarity import pairwise_cos_sim, pairwise_euclidean_sim


def random(*shape):
    """Make labels (rows, *shape), standard normal."""
    return lambda num_rows, generator: torch.randn(num_rows, *shape, generator=generator)


def teacher():
    """A model of another width, with other weights."""
    return TokenEncoder(dimension=8)


CASES = [
    Case(name="EmbedDistillLoss", num_columns=1, labels=random(6)),
    Case(name="EmbedDistillLoss", options={"distance_metric": "l2"}, labels=random(6)),
    Case(name="EmbedDistillLoss", options={"distance_metric": "mse"}, num_columns=3, labels=random(3, 6)),
    Case(
        name="EmbedDistillLoss",
        options={"distance_metric": "l2", "projection_dim": 4},
        own_options={"seed": 3},
        labels=random(2, 4),
    ),
    Case(name="EmbedDistillLoss", options={"projection_dim": 8}, labels=random(8)),
    Case(name="MSELoss", num_columns=1, labels=random(6)),
    Case(name="MSELoss", num_columns=3, labels=random(3, 6)),
    Case(
        name="MSELoss",
        options={"projection_dim": 4},
        own_options={"seed": 3},
        labels=random(4),
    ),
    # The square of a difference of dot products.
    Case(name="MarginMSELoss", num_columns=3, labels=random(), largest=1e8),
    Case(name="MarginMSELoss", num_columns=3, labels=random(2), largest=1e8),
    Case(name="MarginMSELoss", num_columns=5, labels=random(3), largest=1e8),
    Case(
        name="MarginMSELoss",
        options={"similarity_fct": pairwise_cos_sim},
        num_columns=5,
        labels=random(4),
    ),
    Case(name="DistillKLDivLoss", num_columns=3, labels=random(2)),
    Case(
        name="DistillKLDivLoss",
        options={"similarity_fct": pairwise_cos_sim, "temperature": 0.25},
        num_columns=5,
        labels=random(4),
    ),
    Case(
        name="DistillKLDivLoss",
        options={"temperature": 3.0, "student_temperature": 0.5, "teacher_temperature": 2.0},
        num_columns=4,
        labels=random(3),
    ),
    Case(
        name="DistillKLDivLoss",
        own_options={"teacher_model": Made(teacher)},
        num_columns=4,
        has_peer=False,
    ),
    Case(
        name="DistillKLDivLoss",
        options={"similarity_fct": pairwise_cos_sim, "teacher_temperature": 0.5},
        own_options={"teacher_model": Made(teacher)},
        has_peer=False,
        gathers=True,
    ),
    Case(
        name="DistillKLDivLoss",
        options={"similarity_fct": pairwise_euclidean_sim, "student_temperature": 2.0},
        own_options={
            "teacher_model": Made(teacher),
            "mask_by_identity": False,
            "cache_embeddings": False,
        },
        has_peer=False,
        gathers=True,
    ),
]
