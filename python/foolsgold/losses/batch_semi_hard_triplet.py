"""Labelled texts: for each positive, the closest negative that is further away than it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from foolsgold.losses.parts.label_distances import BatchHardTripletLossDistanceFunction
from foolsgold.losses.parts.label_triplets import LabelTripletLoss, mean_over_anchors, merged_order

if TYPE_CHECKING:
    from torch import Tensor, nn

    from foolsgold.losses.parts.label_distances import DistanceFunction
    from foolsgold.losses.parts.label_triplets import Anchors


def batch_semi_hard_triplet_loss(
    embeddings: Tensor,
    classes: Tensor,
    *,
    distance_metric: DistanceFunction = BatchHardTripletLossDistanceFunction.euclidean_distance,
    margin: float = 5.0,
    text_ids: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    """Mean of the positives' semi-hard triplets; the maths is at `BatchSemiHardTripletLoss`.

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
        lambda anchors: _semi_hard_triplets(anchors, margin),
        embeddings,
        classes,
        distance_metric=distance_metric,
        text_ids=text_ids,
        rows=rows,
    )


def _semi_hard_triplets(anchors: Anchors, margin: float) -> tuple[Tensor, Tensor]:
    """Sum the losses of some anchors' positive pairs, and count the pairs.

    From the furthest row of an anchor on, the closest negative that is further away than a positive is the
    last one before it. With none before, the furthest is the first.
    """
    distances = anchors.to_all()
    order, is_positive = merged_order(0.0 - distances, anchors)
    is_negative = anchors.negatives.gather(1, order)
    places = torch.arange(order.shape[1], dtype=torch.int32, device=order.device)
    last = (places * is_negative).cummax(dim=1).values.long()
    chosen = last.maximum(is_negative.to(torch.int8).argmax(dim=1, keepdim=True))
    ordered = distances.gather(1, order)
    losses = ordered - ordered.gather(1, chosen) + margin
    pairs = is_positive & is_negative.any(dim=1, keepdim=True)
    active = (pairs & (losses > 0)).to(losses.dtype)
    changes = active.scatter_add(1, chosen, -active)
    gradient = torch.empty_like(changes).scatter_(1, order, changes)
    return anchors.with_changes((losses * active).sum(), distances, gradient), pairs.sum(dtype=losses.dtype)


class BatchSemiHardTripletLoss(LabelTripletLoss):
    r"""Push the closest text of another class that is further away than a positive beyond it by a margin.

    For texts with a class each. One triplet per positive pair, with a negative that is no closer than the
    positive but may be within the margin: softer than the hardest negative, which can make training collapse.
    Where all negatives are closer, it is the furthest one. Wants a batch sampler that groups by label: each
    batch needs two classes, and two texts of one of them. A batch without a triplet gives 0.

    Math:
        $$ L = \frac{1}{|P|} \sum_{(a, p) \in P} \max(0, d(a, p) - d(a, n_{ap}) + m), \quad
           d(a, n_{ap}) = \min_{y_n \ne y_a, d(a, n) > d(a, p)} d(a, n) $$

        or $\max_{y_n \ne y_a} d(a, n)$ where there is no such $n$; $P = \{(a, p) : y_p = y_a, p \ne a\}$, for
        anchors that have a negative.

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
        Schroff et al. 2015, "FaceNet", https://arxiv.org/abs/1503.03832, section 3.2, eq. 4; see Hermans
        et al. 2017, https://arxiv.org/abs/1703.07737, for other choices of triplets.

    See Also:
        `BatchHardTripletLoss` takes the closest negative whatever the positive, `BatchAllTripletLoss` all.
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
        """Sum the losses of some anchors' positive pairs, and count the pairs."""
        return _semi_hard_triplets(anchors, self.margin)

    @property
    def citation(self) -> str:
        """BibTeX of the papers behind the loss."""
        citation = """@misc{schroff2015facenet,
    title={{FaceNet}: A Unified Embedding for Face Recognition and Clustering},
    author={Florian Schroff and Dmitry Kalenichenko and James Philbin},
    year={2015}, eprint={1503.03832}, archivePrefix={arXiv}, primaryClass={cs.CV}
}"""
        return f"{citation}\n{super().citation}"
