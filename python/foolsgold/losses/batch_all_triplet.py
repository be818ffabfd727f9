"""Labelled texts: all triplets of a batch that break their margin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from foolsgold.losses.parts.label_distances import BatchHardTripletLossDistanceFunction
from foolsgold.losses.parts.label_triplets import LabelTripletLoss, mean_over_anchors, merged_order

if TYPE_CHECKING:
    from torch import Tensor, nn

    from foolsgold.losses.parts.label_distances import DistanceFunction
    from foolsgold.losses.parts.label_triplets import Anchors


def batch_all_triplet_loss(
    embeddings: Tensor,
    classes: Tensor,
    *,
    distance_metric: DistanceFunction = BatchHardTripletLossDistanceFunction.euclidean_distance,
    margin: float = 5.0,
    text_ids: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    """Mean of all triplets' losses that are above 0; the maths is at `BatchAllTripletLoss`.

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
        lambda anchors: _broken_margins(anchors, margin),
        embeddings,
        classes,
        distance_metric=distance_metric,
        text_ids=text_ids,
        rows=rows,
    )


def _broken_margins(anchors: Anchors, margin: float) -> tuple[Tensor, Tensor]:
    """Sum the losses of all triplets of some anchors, and count those above 0.

    The gradient is made of counts: after how many negatives a positive comes that is moved by the margin, and
    how many such positives come after a negative. The distances times these are the sum.
    """
    distances = anchors.to_all()
    if anchors.few_mates is None:
        counts = _counts_by_order(anchors, distances, margin)
    else:
        counts = _counts_by_mates(anchors, anchors.few_mates, distances, margin)
    # The counts of an anchor sum up to 0, so its distances may be taken from any centre: from the mean, no
    # digits go to what cancels.
    wide = torch.float32 if counts.device.type == "mps" else torch.float64
    num_broken = counts.relu().sum(dtype=wide)
    centred = distances - distances.mean(dim=1, keepdim=True)
    total = centred.mul_(counts).sum(dtype=wide) + margin * num_broken
    return anchors.with_changes(total, distances, counts), num_broken


def _counts_by_order(anchors: Anchors, distances: Tensor, margin: float) -> Tensor:
    """Count by one sort of the positives, moved by the margin, and the negatives of each anchor."""
    order, is_positive = merged_order(distances + anchors.positives * margin, anchors)
    positives_so_far = is_positive.cumsum(dim=1, dtype=distances.dtype)
    places = torch.arange(1, order.shape[1] + 1, dtype=distances.dtype, device=order.device)
    after = positives_so_far - positives_so_far[:, -1:]
    sorted_counts = torch.where(is_positive, places - positives_so_far, after)
    return torch.empty_like(distances).scatter_(1, order, sorted_counts)


def _counts_by_mates(anchors: Anchors, mates: Tensor, distances: Tensor, margin: float) -> Tensor:
    """Count by one comparison with the negatives for each of the few texts that a class has."""
    num_after = torch.zeros_like(anchors.negatives, dtype=torch.uint8)  # of positives, for each negative
    num_before = []  # of negatives, for each positive
    for mate in mates.T[:, :, None]:
        place = mate.clamp(min=0)
        is_positive = anchors.positives.gather(1, place) & (mate >= 0)
        limit = torch.where(is_positive, distances.gather(1, place) + margin, -torch.inf)
        broken = (distances < limit).logical_and_(anchors.negatives)
        num_after += broken
        num_before.append(broken.sum(dim=1, dtype=distances.dtype))
    counts = -num_after.to(distances.dtype)
    return counts.scatter_add_(1, mates.clamp(min=0), torch.stack(num_before, dim=1))


class BatchAllTripletLoss(LabelTripletLoss):
    r"""Push every text of another class at least a margin further away than every text of the same class.

    For texts with a class each. Takes all triplets of a batch and averages those that break the margin, so
    that kept ones do not water down the mean. Wants a batch sampler that groups by label: each batch needs
    two classes, and two texts of one of them. A batch without a triplet gives 0. Time is $O(B^2 \log B)$ and
    memory $O(B^2)$ however large the classes are; past a few thousand rows, memory hardly grows.

    Math:
        $$ L = \frac{1}{|T|} \sum_{(a, p, n) \in T} d(a, p) - d(a, n) + m, \quad
           T = \{(a, p, n) : y_p = y_a, p \ne a, y_n \ne y_a, d(a, p) + m > d(a, n)\} $$

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
        Hermans et al. 2017, https://arxiv.org/abs/1703.07737, eq. 6, averaged over the losses above 0 as in
        its section 3.2.

    See Also:
        `BatchHardTripletLoss` takes the hardest triplet of each anchor, `BatchSemiHardTripletLoss` one for
        each positive.
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
        """Sum the losses of all triplets of some anchors, and count those above 0."""
        return _broken_margins(anchors, self.margin)
