"""Several positives in a softmax: rows of one class, or documents that are known to answer a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.multi_positive import gathered_rows, sum_row_losses
from foolsgold.losses.parts.scale import Scale
from foolsgold.similarity import cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable

    from foolsgold.losses.parts.batch import BatchInfo
    from foolsgold.losses.parts.identity import Identity


def supervised_contrastive_loss(
    anchors: Tensor,
    documents: Tensor | None = None,
    *,
    scale: float | Tensor = 20.0,
    similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
    identity: Identity | None = None,
    weights: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    """Mean cross-entropy of each anchor's positives against all candidates; maths at the module.

    Large batches go by blocks of rows (`foolsgold.losses.parts.row_blocks`).

    Shape:
        anchors (G, D), documents (C, G, D) with the positives first, weights (G,); returns () in at least
        float32.

    Args:
        anchors: one for each row of the batch.
        documents: a positive and C - 1 negatives for each row; None to compare anchors with each other.
        scale: factor of the similarities, above 0; a number, or a tensor of one element that is trained.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        identity: what is known of the rows, such as `Identity(classes=labels)`; matches are positives.
        weights: how much each row counts, at least 0; None for all the same.
        rows: the B rows whose loss it is; candidates are taken from all.
    """
    total, count = sum_row_losses(
        _row_losses,
        anchors,
        documents,
        (scale,),
        similarity_fct=similarity_fct,
        identity=identity,
        weights=weights,
        rows=rows,
    )
    return total / torch.where(count > 0, count, 1.0)


def _row_losses(
    similarities: Tensor, positives: Tensor, compared: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor]:
    """Losses (B,) and which rows have a positive (B,)."""
    logits = similarities * scale
    # The least number in place of minus infinity: a row without candidates has finite gradients, too.
    partition = logits.masked_fill(~compared, torch.finfo(logits.dtype).min).logsumexp(dim=1)
    num_positives = positives.sum(dim=1, keepdim=True)
    shares = positives.to(logits.dtype) / num_positives.clamp(min=1)
    counted = num_positives.squeeze(1) > 0
    return torch.where(counted, partition - (logits * shares).sum(dim=1), 0.0), counted


class SupervisedContrastiveLoss(EmbeddingLoss):
    r"""Pull an anchor to all of its positives in the batch, push it from everything else.

    With one column and class labels, the texts of its class are an anchor's positives; wants a batch sampler
    that puts several texts of a class into a batch. With (anchor, positive) columns and what is known of
    them (text ids, known positives, or class labels), every document that matches the row is a positive as
    its own one is (`foolsgold.losses.parts.identity` says what a match is); any batch sampler will do.
    An anchor without positives counts for nothing.

    Math:
        $$ L = \frac{1}{|A|} \sum_{i \in A} \frac{-1}{|P_i|} \sum_{p \in P_i}
           \log \frac{e^{s f(x_i, x_p)}}{\sum_{c \in C_i} e^{s f(x_i, x_c)}} $$

        $P_i$ the positives of anchor i, $C_i$ its candidates, the positives among them: all other texts of a
        single column, or all documents; $A$ the anchors with a positive.

    Shape:
        one column (B, D) with labels (B,) or (B, 1) of whole numbers; or columns (anchor, positive[,
        negative_1, ..., negative_n]), each (B, D), with such labels or None; returns ().

    Args:
        model: the encoder.
        scale: $s > 0$, the inverse of the temperature; 10 to 100 suit the cosine.
        similarity_fct: $f$, (N, D), (M, D) to (N, M), higher is closer.
        gather_across_devices: take candidates from all ranks; two ranks of B rows then equal one of 2 B.
        mask_by_identity: take known matches as positives, where text ids are there; else the row's own
            document and those of its class alone.
        learnable_scale: train $s$, from `scale` on; it stays below 100.

    Raises:
        ValueError: a `scale` outside its range; one column without labels; labels that are no whole numbers.

    Reference:
        Khosla et al. 2020, "Supervised Contrastive Learning", https://arxiv.org/abs/2004.11362, eq. 2.

    See Also:
        `MultipleNegativesRankingLoss` leaves further matches out in place of pulling them in;
        `SigmoidContrastiveLoss` judges each pair by itself.
    """

    inputs = "single texts or (anchor, positive[, negative_1, ..., negative_n]) tuples"
    labels = "class of each row, which tuples may leave out"
    weighs_rows = True

    def __init__(
        self,
        model: nn.Module,
        scale: float = 20.0,
        similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
        gather_across_devices: bool = False,
        *,
        mask_by_identity: bool = True,
        learnable_scale: bool = False,
    ) -> None:
        super().__init__(model)
        self.scaling = Scale(scale, learnable=learnable_scale)
        self.similarity_fct = similarity_fct
        self.gather_across_devices = gather_across_devices
        self.mask_by_identity = mask_by_identity
        self.learnable_scale = learnable_scale

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Gather if asked to, and compute the loss of this rank's rows."""
        check_columns(self, embeddings, minimum=1)
        ranks = RankRows(len(embeddings[0]), embeddings[0].device, gather=self.gather_across_devices)
        anchors, documents, identity = gathered_rows(self, embeddings, labels, batch, ranks)
        total, count = sum_row_losses(
            _row_losses,
            anchors,
            documents,
            (self.scaling(),),
            similarity_fct=self.similarity_fct,
            identity=identity,
            weights=None if batch.row_weights is None else ranks.gather(batch.row_weights),
            rows=ranks.own,
        )
        return ranks.mean(total, count)

    @property
    def scale(self) -> float:
        """Factor of the similarities."""
        return self.scaling.value

    @property
    def temperature(self) -> float:
        """Inverse of the scale."""
        return 1.0 / self.scale

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{khosla2020supcon,
    title={Supervised Contrastive Learning},
    author={Prannay Khosla and Piotr Teterwak and Chen Wang and Aaron Sarna and Yonglong Tian and Phillip
        Isola and Aaron Maschinot and Ce Liu and Dilip Krishnan},
    year={2020}, eprint={2004.11362}, archivePrefix={arXiv}, primaryClass={cs.LG}
}"""
