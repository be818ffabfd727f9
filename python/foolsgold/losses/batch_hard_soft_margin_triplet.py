"""Labelled texts: the hardest triplet of each anchor, without a margin to choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from foolsgold.losses.parts.label_distances import BatchHardTripletLossDistanceFunction
from foolsgold.losses.parts.label_triplets import LabelTripletLoss, hardest_gaps, mean_over_anchors

if TYPE_CHECKING:
    from torch import Tensor, nn

    from foolsgold.losses.parts.label_distances import DistanceFunction
    from foolsgold.losses.parts.label_triplets import Anchors


def batch_hard_soft_margin_triplet_loss(
    embeddings: Tensor,
    classes: Tensor,
    *,
    distance_metric: DistanceFunction = BatchHardTripletLossDistanceFunction.euclidean_distance,
    text_ids: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    """Mean of the anchors' hardest triplets; the maths is at `BatchHardSoftMarginTripletLoss`.

    Shape:
        embeddings (G, D), classes (G,), text_ids (G,); returns ().

    Args:
        embeddings: one for each text.
        classes: whole numbers, equal for texts of one class.
        distance_metric: (G, D) to (G, G), lower is closer.
        text_ids: equal for equal texts, which form no triplet with each other; None where nothing is known.
        rows: which rows are anchors.
    """
    return mean_over_anchors(
        _softened_triplets,
        embeddings,
        classes,
        distance_metric=distance_metric,
        text_ids=text_ids,
        rows=rows,
    )


def _softened_triplets(anchors: Anchors) -> tuple[Tensor, Tensor]:
    gaps, has_triplet = hardest_gaps(anchors)
    losses = torch.where(has_triplet, F.softplus(gaps), 0.0)
    return losses.sum(), has_triplet.sum(dtype=losses.dtype)


class BatchHardSoftMarginTripletLoss(LabelTripletLoss):
    r"""Push the closest text of another class away beyond the furthest of the same class, and ever further.

    For texts with a class each. As `BatchHardTripletLoss`, but no triplet is ever done with: its gradient
    fades as the gap grows, and there is no margin to choose. Wants a batch sampler that groups by label: each
    batch needs two classes, and two texts of one of them. Anchors without a positive or a negative do not
    count, and a batch of such gives 0.

    Math:
        $$ L = \frac{1}{|A|} \sum_{a \in A} \log(1 + \exp(\max_{y_p = y_a, p \ne a} d(a, p) -
           \min_{y_n \ne y_a} d(a, n))) $$

        $A$ are the anchors that have a positive and a negative.

    Shape:
        one column (B, D); labels (B,) or (B, 1), whole numbers; returns ().

    Args:
        model: the encoder.
        distance_metric: $d$, of `BatchHardTripletLossDistanceFunction` or a function (B, D) to (B, B). Those
            are formed in blocks of rows, this one is called on all rows.
        distance_function: another name of `distance_metric`, which counts where given; None for none. Under
            either name the default is the euclidean distance.
        gather_across_devices: take positives and negatives from all ranks; two ranks of B rows then equal one
            of 2 B.
        mask_by_identity: leave rows of an anchor's own text out of its triplets, where text ids are there.

    Raises:
        ValueError: not one column, or not one whole number per row.

    Reference:
        Hermans et al. 2017, https://arxiv.org/abs/1703.07737, eq. 5 with the soft margin of its section 2.

    See Also:
        `BatchHardTripletLoss` has a margin.
    """

    def __init__(
        self,
        model: nn.Module,
        distance_metric: DistanceFunction = BatchHardTripletLossDistanceFunction.euclidean_distance,
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

    def anchor_losses(self, anchors: Anchors) -> tuple[Tensor, Tensor]:
        """Sum the losses of some anchors' hardest triplets, and count the anchors that have one."""
        return _softened_triplets(anchors)
