"""The sigmoid loss: each pair of a batch is judged by itself, a match or none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.multi_positive import gathered_rows, sum_row_losses
from foolsgold.similarity import cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable

    from foolsgold.losses.parts.batch import BatchInfo
    from foolsgold.losses.parts.identity import Identity


def sigmoid_contrastive_loss(
    anchors: Tensor,
    documents: Tensor | None = None,
    *,
    scale: float | Tensor = 10.0,
    bias: float | Tensor = -10.0,
    similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
    identity: Identity | None = None,
    weights: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    """Mean over rows of the cross-entropies of their pairs; the maths is at `SigmoidContrastiveLoss`.

    Large batches go by blocks of rows (`foolsgold.losses.parts.row_blocks`).

    Shape:
        anchors (G, D), documents (C, G, D) with the positives first, weights (G,); returns () in at least
        float32.

    Args:
        anchors: one for each row of the batch.
        documents: a positive and C - 1 negatives for each row; None to compare anchors with each other.
        scale: factor of the similarities, above 0; a number, or a tensor of one element that is trained.
        bias: added to the scaled similarities; a number, or a tensor of one element that is trained.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        identity: what is known of the rows, such as `Identity(classes=labels)`; matches are positives.
        weights: how much each row counts, at least 0; None for all the same.
        rows: the B rows whose loss it is; candidates are taken from all.
    """
    total, count = sum_row_losses(
        _row_losses,
        anchors,
        documents,
        (scale, bias),
        similarity_fct=similarity_fct,
        identity=identity,
        weights=weights,
        rows=rows,
    )
    return total / torch.where(count > 0, count, 1.0)


def _row_losses(
    similarities: Tensor, positives: Tensor, compared: Tensor, scale: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Losses (B,); every row counts."""
    logits = similarities * scale + bias
    losses = -F.logsigmoid(torch.where(positives, logits, -logits))
    return losses.masked_fill(~compared, 0.0).sum(dim=1), torch.ones_like(logits[:, 0], dtype=torch.bool)


class SigmoidContrastiveLoss(EmbeddingLoss):
    r"""Tell for every pair of the batch by itself whether it belongs together (SigLIP).

    No softmax ties the candidates of a row together, so several positives are no trouble, and small batches
    do nearly as well as large ones. With (anchor, positive) columns, a row's own document is a positive, and
    so is each that is known to match it, by text ids, known positives or class labels
    (`foolsgold.losses.parts.identity` says what a match is); any batch sampler will do. With one column and
    class labels, the positives are the texts of one class. The bias begins low, as nearly all pairs are
    negatives.

    Math:
        $$ L = -\frac{1}{B} \sum_i \sum_j \log \sigma(z_{ij} (s f(x_i, y_j) + b)) $$

        $z_{ij} = 1$ for positives, else -1; $j$ runs over all documents, or over all other texts of a single
        column; $s = e^t$, and $t$ and $b$ are trained.

    Shape:
        one column (B, D) with labels (B,) or (B, 1) of whole numbers; or columns (anchor, positive[,
        negative_1, ..., negative_n]), each (B, D), with such labels or None; returns ().

    Args:
        model: the encoder.
        scale: $s > 0$ at the start.
        bias: $b$ at the start; about minus the logarithm of the candidates per positive, or less.
        similarity_fct: $f$, (N, D), (M, D) to (N, M), higher is closer.
        gather_across_devices: take candidates from all ranks; two ranks of B rows then equal one of 2 B.
        mask_by_identity: take known matches as positives, where text ids are there; else the row's own
            document and those of its class alone.
        learnable: train $t$ and $b$; else they stay as they begin.

    Raises:
        ValueError: a `scale` that is not above 0; one column without labels; labels that are no whole
            numbers.

    Reference:
        Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training", https://arxiv.org/abs/2303.15343,
        section 3.2 and algorithm 1.

    See Also:
        `SupervisedContrastiveLoss` has the positives compete with the negatives of their row.
    """

    inputs = "single texts or (anchor, positive[, negative_1, ..., negative_n]) tuples"
    labels = "class of each row, which tuples may leave out"
    weighs_rows = True

    def __init__(
        self,
        model: nn.Module,
        scale: float = 10.0,
        bias: float = -10.0,
        similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
        gather_across_devices: bool = False,
        *,
        mask_by_identity: bool = True,
        learnable: bool = True,
    ) -> None:
        if not scale > 0:
            raise ValueError(f"`scale` must be above 0, got {scale}")
        super().__init__(model)
        self.similarity_fct = similarity_fct
        self.gather_across_devices = gather_across_devices
        self.mask_by_identity = mask_by_identity
        self.learnable = learnable
        # One-dimensional, since FSDP shards no scalars.
        self.logit_scale = nn.Parameter(torch.tensor([math.log(scale)]), requires_grad=learnable)
        self.logit_bias = nn.Parameter(torch.tensor([float(bias)]), requires_grad=learnable)

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Gather if asked to, and compute the loss of this rank's rows."""
        check_columns(self, embeddings, minimum=1)
        ranks = RankRows(len(embeddings[0]), embeddings[0].device, gather=self.gather_across_devices)
        anchors, documents, identity = gathered_rows(self, embeddings, labels, batch, ranks)
        total, count = sum_row_losses(
            _row_losses,
            anchors,
            documents,
            (self.logit_scale.exp(), self.logit_bias),
            similarity_fct=self.similarity_fct,
            identity=identity,
            weights=None if batch.row_weights is None else ranks.gather(batch.row_weights),
            rows=ranks.own,
        )
        return ranks.mean(total, count)

    @property
    def scale(self) -> float:
        """Factor of the similarities, as trained so far."""
        return float(self.logit_scale.detach().exp())

    @property
    def bias(self) -> float:
        """What is added to the scaled similarities, as trained so far."""
        return float(self.logit_bias.detach())

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{zhai2023siglip,
    title={Sigmoid Loss for Language Image Pre-Training},
    author={Xiaohua Zhai and Basil Mustafa and Alexander Kolesnikov and Lucas Beyer},
    year={2023}, eprint={2303.15343}, archivePrefix={arXiv}, primaryClass={cs.CV}
}"""
