"""The names that scripts of the field import from `util`; each has its home in another module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold.similarity import (
    SimilarityFunction,
    cos_sim,
    dot_score,
    euclidean_sim,
    manhattan_sim,
    normalize_embeddings,
    pairwise_angle_sim,
    pairwise_cos_sim,
    pairwise_dot_score,
    pairwise_euclidean_sim,
    pairwise_manhattan_sim,
)

if TYPE_CHECKING:
    from foolsgold.mining.hard_negatives import mine_hard_negatives

__all__ = [
    "SimilarityFunction",
    "cos_sim",
    "dot_score",
    "euclidean_sim",
    "manhattan_sim",
    "mine_hard_negatives",
    "normalize_embeddings",
    "pairwise_angle_sim",
    "pairwise_cos_sim",
    "pairwise_dot_score",
    "pairwise_euclidean_sim",
    "pairwise_manhattan_sim",
]


def __getattr__(name: str) -> Any:
    # The similarities need torch alone; mining brings the data side with it.
    if name == "mine_hard_negatives":
        from foolsgold.mining.hard_negatives import mine_hard_negatives

        return mine_hard_negatives
    raise AttributeError(f"module `foolsgold.util` has no attribute `{name}`")
