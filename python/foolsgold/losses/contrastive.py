"""Pairs labelled alike or not: the alike come close, the others keep a margin."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import torch

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns, check_scores
from foolsgold.losses.parts.row_weights import weighted_mean
from foolsgold.similarity import pairwise_cos_sim, pairwise_euclidean_sim, pairwise_manhattan_sim

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from foolsgold.losses.parts.batch import BatchInfo


class SiameseDistanceMetric(Enum):
    """Distances for pairs; a member is called with two (B, D) tensors and gives (B,), 0 for equal rows."""

    EUCLIDEAN = "euclidean"
    MANHATTAN = "manhattan"
    COSINE_DISTANCE = "cosine_distance"

    def __call__(self, left: Tensor, right: Tensor) -> Tensor:
        """Distance of each row of `left` to the same row of `right`, (B,) in at least float32."""
        if self is SiameseDistanceMetric.EUCLIDEAN:
            return -pairwise_euclidean_sim(left, right)
        if self is SiameseDistanceMetric.MANHATTAN:
            return -pairwise_manhattan_sim(left, right)
        return 1 - pairwise_cos_sim(left, right)


def contrastive_loss(
    left: Tensor,
    right: Tensor,
    labels: Tensor,
    *,
    distance_metric: Callable[[Tensor, Tensor], Tensor] = SiameseDistanceMetric.COSINE_DISTANCE,
    margin: float = 0.5,
    size_average: bool = True,
    weights: Tensor | None = None,
) -> Tensor:
    """Pull pairs labelled 1 together and push those labelled 0 apart; the maths is at `ContrastiveLoss`.

    Shape:
        left (B, D), right (B, D), labels (B,) of any real dtype or bool, weights (B,); returns ().

    Args:
        left: first texts.
        right: second texts.
        labels: 1 for alike, 0 for not; a number between weighs both parts.
        distance_metric: (B, D), (B, D) to (B,), lower is closer.
        margin: distance that pairs labelled 0 are to keep, in units of the distance.
        size_average: take the mean of the pairs; else their sum.
        weights: how much each pair counts, at least 0; None for all the same.
    """
    dtype = torch.promote_types(left.dtype, torch.float32)
    distances = distance_metric(left.to(dtype), right.to(dtype))
    labels = labels.to(distances.dtype)
    losses = 0.5 * (labels * distances.square() + (1 - labels) * (margin - distances).relu().square())
    if size_average:
        return weighted_mean(losses, weights)
    return losses.sum() if weights is None else (losses * weights.to(losses.dtype)).sum()


class ContrastiveLoss(EmbeddingLoss):
    r"""Pull the texts of pairs labelled 1 together, push those of pairs labelled 0 a margin apart.

    Pairs labelled 0 that keep the margin have no gradient. Any batch sampler will do.

    Math:
        $$ L = \frac{1}{2B} \sum_i y_i\, d(u_i, v_i)^2 + (1 - y_i) \max(0, m - d(u_i, v_i))^2 $$

    Shape:
        columns (anchor, positive/negative), each (B, D); labels (B,) or (B, 1), numbers or booleans;
        returns ().

    Args:
        model: the encoder.
        distance_metric: $d$, a member of `SiameseDistanceMetric` or a function (B, D), (B, D) to (B,). Some
            descriptions of this loss have `EUCLIDEAN` as the default.
        margin: $m$, in units of $d$. Cosine distances lie in [0, 2].
        size_average: take the mean of the pairs; else their sum, which takes no row weights.

    Raises:
        ValueError: not one label per row.

    Reference:
        Hadsell et al. 2006, "Dimensionality Reduction by Learning an Invariant Mapping",
        https://doi.org/10.1109/CVPR.2006.100, eq. 4.

    See Also:
        `OnlineContrastiveLoss` keeps the hard pairs of each batch alone.
    """

    inputs = "(anchor, positive/negative) pairs"
    labels = "1 if positive, 0 if negative"
    weighs_rows = True

    def __init__(
        self,
        model: nn.Module,
        distance_metric: Callable[[Tensor, Tensor], Tensor] = SiameseDistanceMetric.COSINE_DISTANCE,
        margin: float = 0.5,
        size_average: bool = True,
    ) -> None:
        super().__init__(model)
        self.distance_metric = distance_metric
        self.margin = margin
        self.size_average = size_average
        self.weighs_rows = size_average

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of the pairs."""
        check_columns(self, embeddings, minimum=2, maximum=2)
        return contrastive_loss(
            embeddings[0],
            embeddings[1],
            check_scores(self, labels, len(embeddings[0])),
            distance_metric=self.distance_metric,
            margin=self.margin,
            size_average=self.size_average,
            weights=batch.row_weights,
        )

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@inproceedings{hadsell2006dimensionality,
    title={Dimensionality Reduction by Learning an Invariant Mapping},
    author={Raia Hadsell and Sumit Chopra and Yann LeCun},
    booktitle={2006 IEEE Computer Society Conference on Computer Vision and Pattern Recognition (CVPR'06)},
    year={2006}, volume={2}, pages={1735--1742}, doi={10.1109/CVPR.2006.100}
}"""
