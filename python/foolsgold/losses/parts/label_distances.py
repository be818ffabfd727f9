"""Distances between the rows of a labelled batch: all of them at once, or those of some anchors."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from foolsgold.losses.parts.row_blocks import with_gradients
from foolsgold.similarity import (
    cos_sim,
    dot_score,
    euclidean_sim,
    normalize_embeddings,
    pairwise_dot_score,
    pairwise_euclidean_sim,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    DistanceFunction: TypeAlias = Callable[[Tensor], Tensor]


class BatchHardTripletLossDistanceFunction:
    """Distances of all rows of a batch to each other, for losses over labelled texts; lower is closer."""

    @staticmethod
    def cosine_distance(embeddings: Tensor) -> Tensor:
        """1 - cosine, in [0, 2].

        Args:
            embeddings: (B, D).

        Returns:
            (B, B), in at least float32.
        """
        return 1 - cos_sim(embeddings, embeddings)

    @staticmethod
    def euclidean_distance(embeddings: Tensor, squared: bool = False) -> Tensor:
        """Euclidean distance, or its square; the diagonal is 0 and has no gradient.

        Args:
            embeddings: (B, D).
            squared: give squares.

        Returns:
            (B, B), in at least float32, at least 0.
        """
        distances = -euclidean_sim(embeddings, embeddings)
        own = torch.eye(len(distances), dtype=torch.bool, device=distances.device)
        distances = distances.masked_fill(own, 0.0)
        return distances.square() if squared else distances

    eucledian_distance = euclidean_distance


class CosineRows:
    """Cosine distances, formed as they are asked for; the embeddings are normalised."""

    def __init__(self, embeddings: Tensor) -> None:
        self.embeddings = embeddings

    def to_all(self, anchors: slice) -> Tensor:
        """Distances of A anchors to all G rows, (A, G), without gradient."""
        fixed = self.embeddings.detach()
        return 1 - dot_score(fixed[anchors], fixed)

    def to_each(self, anchors: slice, rows: Tensor) -> Tensor:
        """Distance of each of A anchors to one row, (A,) each."""
        return 1 - pairwise_dot_score(self.embeddings[anchors], self.embeddings.index_select(0, rows))

    def with_changes(self, total: Tensor, anchors: slice, distances: Tensor, changes: Tensor) -> Tensor:
        """Give `total` a gradient: it changes by `changes` (A, G) per unit of `distances` (A, G)."""
        return with_gradients(total, [self.embeddings], [-_weighted_sums(self.embeddings, anchors, changes)])


class EuclideanRows:
    """Euclidean distances, formed as they are asked for."""

    def __init__(self, embeddings: Tensor) -> None:
        self.embeddings = embeddings

    def to_all(self, anchors: slice) -> Tensor:
        """Distances of A anchors to all G rows, (A, G), without gradient."""
        fixed = self.embeddings.detach()
        return -euclidean_sim(fixed[anchors], fixed)

    def to_each(self, anchors: slice, rows: Tensor) -> Tensor:
        """Distance of each of A anchors to one row, (A,) each; good for near duplicates, too."""
        return -pairwise_euclidean_sim(self.embeddings[anchors], self.embeddings.index_select(0, rows))

    def with_changes(self, total: Tensor, anchors: slice, distances: Tensor, changes: Tensor) -> Tensor:
        """Give `total` a gradient: it changes by `changes` (A, G) per unit of `distances` (A, G).

        The gradient of a distance is the difference of its two rows, divided by it; 0 for equal rows.
        """
        weights = changes / distances.masked_fill(distances == 0, torch.inf)
        fixed = self.embeddings.detach()
        if len(weights) == len(fixed):
            weights += weights.T.contiguous()  # a sum across memory is slower than the copy
            gradient = torch.addmm(fixed * weights.sum(dim=1, keepdim=True), weights, fixed, alpha=-1)
        else:
            sums = weights.sum(dim=0)
            sums[anchors] += weights.sum(dim=1)
            gradient = fixed * sums[:, None] - _weighted_sums(fixed, anchors, weights)
        return with_gradients(total, [self.embeddings], [gradient])


class MatrixRows:
    """Distances that are all there, (G, G)."""

    def __init__(self, distances: Tensor) -> None:
        self.distances = distances

    def to_all(self, anchors: slice) -> Tensor:
        """Distances of A anchors to all G rows, (A, G), without gradient."""
        return self.distances.detach()[anchors]

    def to_each(self, anchors: slice, rows: Tensor) -> Tensor:
        """Distance of each of A anchors to one row, (A,) each."""
        return self.distances[anchors].gather(1, rows[:, None]).squeeze(1)

    def with_changes(self, total: Tensor, anchors: slice, distances: Tensor, changes: Tensor) -> Tensor:
        """Give `total` a gradient: it changes by `changes` (A, G) per unit of `distances` (A, G)."""
        return with_gradients(total, [self.distances[anchors]], [changes])


def _weighted_sums(embeddings: Tensor, anchors: slice, weights: Tensor) -> Tensor:
    """Sum for each of G rows the rows that it shares a weight (A, G) with, from either side; (G, D)."""
    embeddings = embeddings.detach()
    if len(weights) == len(embeddings):
        return (weights + weights.T.contiguous()) @ embeddings  # a sum across memory is slower than the copy
    sums = weights.T @ embeddings[anchors]
    sums[anchors] += weights @ embeddings
    return sums


RowDistances: TypeAlias = CosineRows | EuclideanRows | MatrixRows


def prepared(embeddings: Tensor, distance_metric: DistanceFunction) -> tuple[type[RowDistances], Tensor]:
    """Choose how distances are formed, and make what they are formed from, once for all anchors.

    Args:
        embeddings: (G, D).
        distance_metric: those of `BatchHardTripletLossDistanceFunction` are formed block by block; any other
            is called here, on all rows.

    Returns:
        A class, and what it takes: (G, D), or (G, G) for a metric of the caller's.
    """
    embeddings = embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))
    if distance_metric is BatchHardTripletLossDistanceFunction.cosine_distance:
        return CosineRows, normalize_embeddings(embeddings)
    if distance_metric is BatchHardTripletLossDistanceFunction.euclidean_distance:
        return EuclideanRows, embeddings
    distances = distance_metric(embeddings)
    return MatrixRows, distances.to(torch.promote_types(distances.dtype, torch.float32))
