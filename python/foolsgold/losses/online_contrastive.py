"""Pairs labelled alike or not, of which the hard ones of the batch alone count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.contrastive import SiameseDistanceMetric
from foolsgold.losses.parts.checks import check_columns, check_scores
from foolsgold.losses.parts.gather import RankRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from foolsgold.losses.parts.batch import BatchInfo


def online_contrastive_loss(
    left: Tensor,
    right: Tensor,
    labels: Tensor,
    *,
    distance_metric: Callable[[Tensor, Tensor], Tensor] = SiameseDistanceMetric.COSINE_DISTANCE,
    margin: float = 0.5,
    size_average: bool = False,
) -> Tensor:
    """Contrastive loss of the hard pairs; the maths is at `OnlineContrastiveLoss`.

    Shape:
        left (B, D), right (B, D), labels (B,) of any real dtype or bool; returns ().

    Args:
        left: first texts.
        right: second texts.
        labels: 1 for alike, 0 for not; pairs with any other label do not count.
        distance_metric: (B, D), (B, D) to (B,), lower is closer.
        margin: distance that pairs labelled 0 are to keep, in units of the distance.
        size_average: take the mean of the hard pairs; else their sum.
    """
    return _loss_of_distances(_distances(left, right, distance_metric), labels, margin, size_average)


def _distances(left: Tensor, right: Tensor, metric: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    dtype = torch.promote_types(left.dtype, torch.float32)
    return metric(left.to(dtype), right.to(dtype))


def _loss_of_distances(distances: Tensor, labels: Tensor, margin: float, size_average: bool) -> Tensor:
    positive, negative = labels == 1, labels == 0
    fixed = distances.detach()
    farthest_positive = torch.where(positive, fixed, -torch.inf).amax()
    nearest_negative = torch.where(negative, fixed, torch.inf).amin()
    near = torch.where(positive.any(), farthest_positive, _mean_of(fixed, negative))
    far = torch.where(negative.any(), nearest_negative, _mean_of(fixed, positive))
    hard_positive, hard_negative = positive & (fixed > far), negative & (fixed < near)
    # Both cases are formed of the same distances, so that what is not chosen has a gradient of 0.
    losses = torch.where(hard_positive, distances.square(), 0.0) + torch.where(
        hard_negative, (margin - distances).relu().square(), 0.0
    )
    if not size_average:
        return losses.sum()
    return losses.sum() / (hard_positive | hard_negative).sum().clamp(min=1)


def _mean_of(values: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen, values, 0.0).sum() / chosen.sum().clamp(min=1)


class OnlineContrastiveLoss(EmbeddingLoss):
    r"""Contrastive loss of the batch's hard pairs: far positives and near negatives.

    A positive is hard if some negative pair of the batch is closer, a negative if some positive pair is
    farther; the rest has no gradient. Of a batch with one kind alone, positives farther than their mean and
    negatives closer than their mean count. Any batch sampler will do; larger batches find harder pairs.

    Math:
        $$ L = \sum_{i \in P,\, d_i > \min_{k \in N} d_k} d_i^2
        + \sum_{i \in N,\, d_i < \max_{k \in P} d_k} \max(0, m - d_i)^2 $$
        with $d_i = d(u_i, v_i)$ and $P$, $N$ the pairs labelled 1 and 0.

    Shape:
        columns (anchor, positive/negative), each (B, D); labels (B,) or (B, 1), numbers or booleans;
        returns ().

    Args:
        model: the encoder.
        distance_metric: $d$, a member of `SiameseDistanceMetric` or a function (B, D), (B, D) to (B,).
        margin: $m$, in units of $d$. Cosine distances lie in [0, 2].
        size_average: take the mean of the hard pairs, so that the batch size does not scale the loss; else
            their sum, which is the usual form, though some descriptions of this loss have the mean.
        gather_across_devices: find hard pairs among those of all ranks; two ranks of B rows then equal one
            of 2 B.

    Raises:
        ValueError: not one label per row.

    Reference:
        Hadsell et al. 2006, "Dimensionality Reduction by Learning an Invariant Mapping",
        https://doi.org/10.1109/CVPR.2006.100, eq. 4, over hard pairs alone.

    See Also:
        `ContrastiveLoss` counts every pair.
    """

    inputs = "(anchor, positive/negative) pairs"
    labels = "1 if positive, 0 if negative"

    def __init__(
        self,
        model: nn.Module,
        distance_metric: Callable[[Tensor, Tensor], Tensor] = SiameseDistanceMetric.COSINE_DISTANCE,
        margin: float = 0.5,
        *,
        size_average: bool = False,
        gather_across_devices: bool = False,
    ) -> None:
        super().__init__(model)
        self.distance_metric = distance_metric
        self.margin = margin
        self.size_average = size_average
        self.gather_across_devices = gather_across_devices

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of the pairs, of all ranks if asked to."""
        check_columns(self, embeddings, minimum=2, maximum=2)
        left, right = embeddings
        labels = check_scores(self, labels, len(left))
        ranks = RankRows(len(left), left.device, gather=self.gather_across_devices)
        distances = ranks.gather(_distances(left, right, self.distance_metric))
        return _loss_of_distances(distances, ranks.gather(labels), self.margin, self.size_average)

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@inproceedings{hadsell2006dimensionality,
    title={Dimensionality Reduction by Learning an Invariant Mapping},
    author={Raia Hadsell and Sumit Chopra and Yann LeCun},
    booktitle={2006 IEEE Computer Society Conference on Computer Vision and Pattern Recognition (CVPR'06)},
    year={2006}, volume={2}, pages={1735--1742}, doi={10.1109/CVPR.2006.100}
}"""
