"""Contrastive tension: two encoders agree on equal texts and on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foolsgold.losses.parts.checks import check_columns, check_scores, described
from foolsgold.losses.parts.equal_texts import equal_texts
from foolsgold.losses.parts.two_encoders import TwoEncoderLoss
from foolsgold.similarity import pairwise_dot_score, pairwise_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from foolsgold.losses.parts.batch import BatchInfo


def contrastive_tension_loss(
    first: Tensor,
    second: Tensor,
    labels: Tensor,
    *,
    scale: float = 1.0,
    similarity_fct: Callable[[Tensor, Tensor], Tensor] = pairwise_dot_score,
    weights: Tensor | None = None,
) -> Tensor:
    """Sum the cross-entropies of pairs that hold one text or two; the maths is at `ContrastiveTensionLoss`.

    Shape:
        first (B, D), second (B, D), labels (B,) of any dtype, weights (B,); returns ().

    Args:
        first: left texts, by one encoder.
        second: right texts, by the other.
        labels: 1 for one text, 0 for two.
        scale: factor of the similarities, above 0.
        similarity_fct: (B, D), (B, D) to (B,), or to (B, B), whose diagonal is taken.
        weights: how much each pair counts, at least 0; None for all the same.
    """
    similarities = pairwise_form(similarity_fct)(first, second)
    if similarities.ndim == 2:
        similarities = similarities.diagonal()
    targets = labels.to(similarities.dtype)
    losses = F.binary_cross_entropy_with_logits(similarities * scale, targets, reduction="none")
    return losses.sum() if weights is None else (losses * weights.to(losses.dtype)).sum()


class ContrastiveTensionLoss(TwoEncoderLoss):
    r"""Train an encoder and a copy of it, so that they agree on equal texts and on no others.

    Needs sentences alone. Pairs may be given, with one positive to some negatives
    (`foolsgold.data.contrastive_tension` makes them), or single sentences: row i is then paired with itself
    and, as negatives, with the rows that follow it in the batch. Any batch sampler will do. `model` is the
    encoder to keep.

    The loss is a sum over pairs, so it grows with the batch, and the learning rate has to fit it. Two ranks
    of B rows train with the mean of their sums, half of what one rank of 2 B rows gets.

    Math:
        $$ L = \sum_{(i, j)} \log(1 + e^{-z_{ij} s f(u_i, v_j)}), \quad z_{ij} = \pm 1 $$

        $u$ by the copy, $v$ by the model. Single sentences: $z = 1$ for $(i, i)$ and $-1$ for
        $(i, (i + r) \bmod B)$, $r = 1, \dots, \min(k, B) - 1$, $k$ the `pos_neg_ratio`.

    Shape:
        columns (sentence_A, sentence_B), each (B, D), labels (B,) or (B, 1) of 0 and 1, or None for
        whether the texts are equal; or one column, labels unused; returns ().

    Args:
        model: the encoder.
        scale: $s > 0$, factor of the similarities.
        similarity_fct: $f$, (B, D), (B, D) to (B,), higher is closer; a matrix form is used row by row. None
            for the dot product.
        pos_neg_ratio: $k \ge 1$, one positive to k - 1 negatives, for single sentences. With text ids no pair
            of equal texts is a negative.

    Raises:
        ValueError: an option outside its range; not one label per row; no labels, and nothing to tell them
            from.

    Reference:
        Carlsson et al. 2021, "Semantic Re-tuning with Contrastive Tension",
        https://openreview.net/pdf?id=Ov_sMNau-PF; seven negatives to a positive.

    See Also:
        `ContrastiveTensionLossInBatchNegatives` takes all other rows as negatives, a stronger signal.
    """

    inputs = "single sentences or (sentence_A, sentence_B) pairs"
    labels = "1 for equal texts, 0 for others, or none"
    mask_by_identity = True

    def __init__(
        self,
        model: nn.Module,
        *,
        scale: float = 1.0,
        similarity_fct: Callable[[Tensor, Tensor], Tensor] | None = None,
        pos_neg_ratio: int = 8,
    ) -> None:
        if not scale > 0:
            raise ValueError(f"`scale` must be above 0, got {scale}")
        if pos_neg_ratio < 1:
            raise ValueError(f"`pos_neg_ratio` must be at least 1, got {pos_neg_ratio}")
        super().__init__(model)
        self.scale = scale
        self.similarity_fct = pairwise_dot_score if similarity_fct is None else similarity_fct
        self.pos_neg_ratio = pos_neg_ratio

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of what the two encoders made of the pairs, or of the single sentences."""
        check_columns(self, embeddings, minimum=2, maximum=2)
        first, second = embeddings
        weights = None
        if len(batch.features) == 1:
            shifts = range(min(self.pos_neg_ratio, len(first)))
            labels = first.new_zeros(len(shifts), len(first))
            labels[0] = 1
            weights = _differ(batch.text_ids[0], shifts)
            second = torch.cat([second.roll(-shift, dims=0) for shift in shifts])
            first, labels = first.repeat(len(shifts), 1), labels.flatten()
        elif labels is None:
            labels = equal_texts(batch)
            if labels is None:
                raise ValueError(f"{described(self)}, got no labels, and neither text ids nor tokens")
        else:
            labels = check_scores(self, labels, len(first))
        return contrastive_tension_loss(
            first, second, labels, scale=self.scale, similarity_fct=self.similarity_fct, weights=weights
        )


def _differ(text_ids: Tensor | None, shifts: range) -> Tensor | None:
    """Tell which pairs of single sentences count: the positives, and negatives of two texts."""
    if text_ids is None:
        return None
    return torch.cat([(text_ids != text_ids.roll(-shift)) | (shift == 0) for shift in shifts])
