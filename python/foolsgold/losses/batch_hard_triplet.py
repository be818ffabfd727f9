"""Labelled texts: the furthest positive and the closest negative of each anchor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from foolsgold.losses.parts.label_distances import BatchHardTripletLossDistanceFunction
from foolsgold.losses.parts.label_triplets import LabelTripletLoss, hardest_gaps, mean_over_anchors

if TYPE_CHECKING:
    from torch import Tensor, nn

    from foolsgold.losses.parts.label_distances import DistanceFunction
    from foolsgold.losses.parts.label_triplets import Anchors

__all__ = ["BatchHardTripletLoss", "BatchHardTripletLossDistanceFunction", "batch_hard_triplet_loss"]


def batch_hard_triplet_loss(
    embeddings: Tensor,
    classes: Tensor,
    *,
    distance_metric: DistanceFunction = BatchHardTripletLossDistanceFunction.euclidean_distance,
    margin: float = 5.0,
    text_ids: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    """Mean of the anchors' hardest triplets; the maths is at `BatchHardTripletLoss`.

    Shape:
        embeddings (G, D), classes (G,), text_ids (G,); returns ().

    Args:
        embeddings: one for each text.
        classes: whole numbers, equal for texts of one class.
        distance_metric: (G, D) to (G, G), lower is closer.
        margin: in units of the distance.
        text_ids: equal for equal texts, which form no triplet with each other; None where nothing is known.
        rows: which rows are anchors.
    """
    return mean_over_anchors(
        lambda anchors: _hardest_triplets(anchors, margin),
        embeddings,
        classes,
        distance_metric=distance_metric,
        text_ids=text_ids,
        rows=rows,
    )


def _hardest_triplets(anchors: Anchors, margin: float) -> tuple[Tensor, Tensor]:
    gaps, has_triplet = hardest_gaps(anchors)
    losses = torch.where(has_triplet, (gaps + margin).relu(), 0.0)
    return losses.sum(), has_triplet.sum(dtype=losses.dtype)


class BatchHardTripletLoss(LabelTripletLoss):
    r"""Push the closest text of another class at least a margin further away than the furthest of the same.

    For texts with a class each. One triplet per anchor, the hardest of the batch: a strong signal that noisy
    labels can mislead. Wants a batch sampler that groups by label: each batch needs two classes, and two
    texts of one of them. Anchors without a positive or a negative do not count, and a batch of such gives 0.

    Math:
        $$ L = \frac{1}{|A|} \sum_{a \in A} \max(0, m + \max_{y_p = y_a, p \ne a} d(a, p) -
           \min_{y_n \ne y_a} d(a, n)) $$

        $A$ are the anchors that have a positive and a negative.

    Shape:
        one column (B, D); labels (B,) or (B, 1), whole numbers; returns ().

    Args:
        model: the encoder.
        distance_metric: $d$, of `BatchHardTripletLossDistanceFunction` or a function (B, D) to (B, B). Those
            are formed in blocks of rows, this one is called on all rows.
        margin: $m$, in units of $d$. Cosine distances lie in [0, 2], and so do euclidean distances of
            normalised embeddings: a margin of 5 cannot be kept there.
        distance_function: another name of `distance_metric`, which counts where given; None for none. Under
            either name the default is the euclidean distance.
        gather_across_devices: take positives and negatives from all ranks; two ranks of B rows then equal one
            of 2 B.
        mask_by_identity: leave rows of an anchor's own text out of its triplets, where text ids are there.

    Raises:
        ValueError: not one column, or not one whole number per row.

    Reference:
        Hermans et al. 2017, https://arxiv.org/abs/1703.07737, eq. 5.

    See Also:
        `BatchHardSoftMarginTripletLoss` needs no margin; `BatchSemiHardTripletLoss` spares the hardest
        negatives; `BatchAllTripletLoss` takes all triplets.
    """

    def __init__(
        self,
        model: nn.Module,
        distance_metric: DistanceFunction = BatchHardTripletLossDistanceFunction.euclidean_distance,
        margin: float = 5,
        *,
        distance_function: DistanceFunction | None = None,
        gather_across_devices: bool = False,
        mask_by_identity: bool = True,
    ) -> None:
        super().__init__(
            model,
            distance_metric,
            distance_function=distance_function,
            gather_across_devices=gather_across_devices,
            mask_by_identity=mask_by_identity,
        )
        self.margin = margin

    def anchor_losses(self, anchors: Anchors) -> tuple[Tensor, Tensor]:
        """Sum the losses of some anchors' hardest triplets, and count the anchors that have one."""
        return _hardest_triplets(anchors, self.margin)
