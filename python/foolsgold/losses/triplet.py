"""Triplets: an anchor is closer to its positive than to its negative, by a margin."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import torch

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns
from foolsgold.losses.parts.row_weights import weighted_mean
from foolsgold.similarity import (
    pairwise_cos_sim,
    pairwise_dot_score,
    pairwise_euclidean_sim,
    pairwise_manhattan_sim,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from foolsgold.losses.parts.batch import BatchInfo


class TripletDistanceMetric(Enum):
    """Distances for triplets; a member is called with two (B, D) tensors and gives (B,), lower is closer.

    `DOT_PRODUCT` is the negative dot product, which has no least value; the others are 0 for equal rows.
    """

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"
    MANHATTAN = "manhattan"
    DOT_PRODUCT = "dot_product"

    def __call__(self, left: Tensor, right: Tensor) -> Tensor:
        """Distance of each row of `left` to the same row of `right`, (B,) in at least float32."""
        if self is TripletDistanceMetric.COSINE:
            return 1 - pairwise_cos_sim(left, right)
        if self is TripletDistanceMetric.EUCLIDEAN:
            return -pairwise_euclidean_sim(left, right)
        if self is TripletDistanceMetric.MANHATTAN:
            return -pairwise_manhattan_sim(left, right)
        return -pairwise_dot_score(left, right)


def triplet_loss(
    anchors: Tensor,
    positives: Tensor,
    negatives: Tensor,
    *,
    distance_metric: Callable[[Tensor, Tensor], Tensor] = TripletDistanceMetric.EUCLIDEAN,
    triplet_margin: float = 5.0,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean of how far each triplet is from its margin; the maths is at `TripletLoss`.

    Shape:
        anchors (B, D), positives (B, D), negatives (B, D), weights (B,); returns ().

    Args:
        anchors: one for each triplet.
        positives: texts to pull in.
        negatives: texts to push away.
        distance_metric: (B, D), (B, D) to (B,), lower is closer.
        triplet_margin: in units of the distance.
        weights: how much each triplet counts, at least 0; None for all the same.
    """
    dtype = torch.promote_types(anchors.dtype, torch.float32)
    anchors, positives, negatives = (x.to(dtype) for x in (anchors, positives, negatives))
    violations = distance_metric(anchors, positives) - distance_metric(anchors, negatives) + triplet_margin
    return weighted_mean(violations.relu(), weights)


class TripletLoss(EmbeddingLoss):
    r"""Push the negative of each triplet at least a margin further from the anchor than the positive.

    A triplet that keeps the margin has no gradient. Any batch sampler will do; negatives are the stated ones
    alone.

    Math:
        $$ L = \frac{1}{B} \sum_i \max(0, d(a_i, p_i) - d(a_i, n_i) + m) $$

    Shape:
        columns (anchor, positive, negative), each (B, D); labels unused; returns ().

    Args:
        model: the encoder.
        distance_metric: $d$, a member of `TripletDistanceMetric` or a function (B, D), (B, D) to (B,).
        triplet_margin: $m$, in units of $d$. Cosine distances lie in [0, 2], and so do euclidean distances of
            normalised embeddings: a margin of 5 cannot be kept there.

    Reference:
        Schroff et al. 2015, "FaceNet", https://arxiv.org/abs/1503.03832, eq. 3; Hermans et al. 2017,
        https://arxiv.org/abs/1703.07737.

    See Also:
        `MultipleNegativesRankingLoss` takes the same columns, and the rest of the batch as negatives.
    """

    inputs = "(anchor, positive, negative) triplets"
    labels = "none"
    weighs_rows = True

    def __init__(
        self,
        model: nn.Module,
        distance_metric: Callable[[Tensor, Tensor], Tensor] = TripletDistanceMetric.EUCLIDEAN,
        triplet_margin: float = 5,
    ) -> None:
        super().__init__(model)
        self.distance_metric = distance_metric
        self.triplet_margin = triplet_margin

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of the three columns."""
        check_columns(self, embeddings, minimum=3, maximum=3)
        anchors, positives, negatives = embeddings
        return triplet_loss(
            anchors,
            positives,
            negatives,
            distance_metric=self.distance_metric,
            triplet_margin=self.triplet_margin,
            weights=batch.row_weights,
        )

    @property
    def citation(self) -> str:
        """BibTeX of the papers behind the loss."""
        return """@misc{schroff2015facenet,
    title={{FaceNet}: A Unified Embedding for Face Recognition and Clustering},
    author={Florian Schroff and Dmitry Kalenichenko and James Philbin},
    year={2015}, eprint={1503.03832}, archivePrefix={arXiv}, primaryClass={cs.CV}
}
@misc{hermans2017triplet,
    title={In Defense of the Triplet Loss for Person Re-Identification},
    author={Alexander Hermans and Lucas Beyer and Bastian Leibe},
    year={2017}, eprint={1703.07737}, archivePrefix={arXiv}, primaryClass={cs.CV}
}"""
