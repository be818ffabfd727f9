"""Contrastive tension over a batch: an encoder's text is found among all texts of its copy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from foolsgold.losses.parts.checks import check_columns
from foolsgold.losses.parts.directions import Comparisons
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.identity import Identity, gathered_identity
from foolsgold.losses.parts.in_batch import in_batch_cross_entropy
from foolsgold.losses.parts.two_encoders import TwoEncoderLoss
from foolsgold.similarity import cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable

    from foolsgold.losses.parts.batch import BatchInfo

_BOTH_WAYS = Comparisons(directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction")


def contrastive_tension_in_batch_negatives_loss(
    first: Tensor,
    second: Tensor,
    *,
    scale: float | Tensor = 20.0,
    similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
    identity: Identity | None = None,
    weights: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    """Cross-entropy of finding each text among those of the other encoder, both ways; maths at the module.

    Shape:
        first (G, D), second (G, D), weights (G,); returns () in at least float32.

    Args:
        first: the texts by one encoder.
        second: the same texts by the other.
        scale: factor of the similarities, above 0; a number, or a tensor of one element that is trained.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        identity: what is known of the rows' texts; equal ones are no negatives.
        weights: how much each row counts, at least 0; None for all the same.
        rows: the B rows whose loss it is; candidates are taken from all.
    """
    total, count = in_batch_cross_entropy(
        first,
        second[None],
        _BOTH_WAYS,
        scale=scale,
        similarity_fct=similarity_fct,
        identity=identity,
        weights=weights,
        rows=rows,
    )
    return total / torch.where(count > 0, count, 1.0)


class ContrastiveTensionLossInBatchNegatives(TwoEncoderLoss):
    r"""Train an encoder and a copy of it to find each other's view of a text among the whole batch.

    Needs sentences alone; dropout makes the two views differ further. Large batches make it a harder and
    better task. Wants a batch sampler without duplicates; where text ids are there, equal texts are no
    negatives anyway. `model` is the encoder to keep; the scale is trained with it.

    Math:
        $$ L = -\frac{1}{2B} \sum_i \left( \log \frac{e^{s f(u_i, v_i)}}{\sum_j e^{s f(u_i, v_j)}}
           + \log \frac{e^{s f(u_i, v_i)}}{\sum_j e^{s f(u_j, v_i)}} \right) $$

        $u$ by the copy, $v$ by the model, $s = e^t$ with $t$ trained.

    Shape:
        one column, or columns (anchor, anchor), each (B, D); labels unused; returns ().

    Args:
        model: the encoder.
        scale: $s > 0$ at the start, the inverse of the temperature.
        similarity_fct: $f$, (N, D), (M, D) to (N, M), higher is closer.
        gather_across_devices: take candidates from all ranks; two ranks of B rows then equal one of 2 B.
        mask_by_identity: leave equal texts out of the negatives, where text ids are there.

    Raises:
        ValueError: a `scale` that is not above 0.

    Reference:
        Carlsson et al. 2021, "Semantic Re-tuning with Contrastive Tension",
        https://openreview.net/pdf?id=Ov_sMNau-PF; the symmetric form and the trained scale: Radford et al.
        2021, https://arxiv.org/abs/2103.00020, figure 3.

    See Also:
        `MultipleNegativesRankingLoss` with equal columns (SimCSE) has one encoder in place of two.
    """

    inputs = "single sentences or (anchor, anchor) pairs"
    labels = "none"
    weighs_rows = True

    def __init__(
        self,
        model: nn.Module,
        scale: float = 20.0,
        similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
        *,
        gather_across_devices: bool = False,
        mask_by_identity: bool = True,
    ) -> None:
        if not scale > 0:
            raise ValueError(f"`scale` must be above 0, got {scale}")
        super().__init__(model)
        self.similarity_fct = similarity_fct
        self.gather_across_devices = gather_across_devices
        self.mask_by_identity = mask_by_identity
        # One-dimensional, since FSDP shards no scalars.
        self.logit_scale = nn.Parameter(torch.tensor([math.log(scale)]))

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Gather if asked to, and compute the loss of this rank's rows."""
        check_columns(self, embeddings, minimum=2, maximum=2)
        ranks = RankRows(len(embeddings[0]), embeddings[0].device, gather=self.gather_across_devices)
        first, second = ranks.gather_columns(embeddings)
        total, count = in_batch_cross_entropy(
            first,
            second[None],
            _BOTH_WAYS,
            scale=self.logit_scale.exp(),
            similarity_fct=self.similarity_fct,
            identity=gathered_identity(batch if self.mask_by_identity else None, None, ranks),
            weights=None if batch.row_weights is None else ranks.gather(batch.row_weights),
            rows=ranks.own,
        )
        return ranks.mean(total, count)

    @property
    def scale(self) -> float:
        """Factor of the similarities, as trained so far."""
        return float(self.logit_scale.detach().exp())
