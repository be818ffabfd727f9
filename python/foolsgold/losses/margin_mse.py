"""Margins: a query prefers one passage to another by as much as a teacher does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns, check_finite, described
from foolsgold.losses.parts.row_weights import weighted_mean
from foolsgold.losses.parts.score_divergence import pair_scores
from foolsgold.similarity import pairwise_dot_score

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from foolsgold.losses.parts.batch import BatchInfo


def margin_mse_loss(
    queries: Tensor,
    positives: Tensor,
    negatives: Tensor,
    margins: Tensor,
    *,
    similarity_fct: Callable[[Tensor, Tensor], Tensor] = pairwise_dot_score,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean squared error of margins; the maths is at `MarginMSELoss`.

    Shape:
        queries (B, D), positives (B, D), negatives (B, K, D), margins (B, K), weights (B,); returns ().

    Args:
        queries: one for each row.
        positives: one for each query.
        negatives: K for each query.
        margins: the teacher's score of the positive minus that of each negative; without gradient.
        similarity_fct: (N, D), (N, D) to (N,), higher is closer.
        weights: how much each row counts, at least 0; None for all the same.
    """
    scores = pair_scores([queries, positives, *negatives.unbind(dim=1)], similarity_fct)
    return _squared_errors(scores, margins, weights)


def _squared_errors(scores: Tensor, margins: Tensor, weights: Tensor | None) -> Tensor:
    """Compare the margins of scores (B, 1 + K), the positive first, with those of the teacher, (B, K)."""
    found, wanted = scores[:, :1] - scores[:, 1:], margins.detach().to(scores.dtype)
    if weights is None:
        return F.mse_loss(found, wanted)
    return weighted_mean((found - wanted).square().mean(dim=1), weights)


class MarginMSELoss(EmbeddingLoss):
    r"""Fit how much more similar the positive is than each negative to the same difference of a teacher.

    Only differences count, so student and teacher may score on different levels; their scales must agree,
    which the dot product, unbounded, can learn. "Negatives" may be any passages: where the teacher prefers
    one, its margin is below 0. Any batch sampler will do.

    Math:
        $$ L = \frac{1}{B K} \sum_{i, k} (f(q_i, p_i) - f(q_i, n_{ik}) - m_{ik})^2 $$

    Shape:
        columns (query, positive, negative_1, ..., negative_K), each (B, D); labels (B, K) margins, (B,) ones
        for one negative, or (B, K + 1) scores $t$ of the positive and the negatives, and
        $m_{ik} = t_{i0} - t_{ik}$; returns ().

    Args:
        model: the encoder, the student.
        similarity_fct: $f$, (N, D), (N, D) to (N,), higher is closer.

    Raises:
        ValueError: labels of another shape.

    Reference:
        Hofstaetter et al. 2020, "Improving Efficient Neural Ranking Models with Cross-Architecture Knowledge
        Distillation", https://arxiv.org/abs/2010.02666 (Margin-MSE).

    See Also:
        `DistillKLDivLoss` takes the same scores and fits their order more than their size.
    """

    inputs = "(query, positive, negative_1, ..., negative_n)"
    labels = (
        "[gold_sim(query, positive) - gold_sim(query, negative_i) for i in 1..n] or "
        "[gold_sim(query, positive), gold_sim(query, negative_i)...]"
    )
    weighs_rows = True

    def __init__(
        self, model: nn.Module, similarity_fct: Callable[[Tensor, Tensor], Tensor] = pairwise_dot_score
    ) -> None:
        super().__init__(model)
        self.similarity_fct = similarity_fct

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of the columns and the teacher's margins or scores."""
        check_columns(self, embeddings, minimum=3)
        margins = self._margins(labels, len(embeddings[0]), len(embeddings) - 2)
        return _squared_errors(pair_scores(embeddings, self.similarity_fct), margins, batch.row_weights)

    def _margins(self, labels: Tensor | None, num_rows: int, num_negatives: int) -> Tensor:
        """Return margins (B, K) of labels in either form, or raise ValueError."""
        if labels is None:
            raise ValueError(f"{described(self)}, got no labels")
        margins, scores = (num_rows, num_negatives), (num_rows, num_negatives + 1)
        shapes = [margins, scores, *([(num_rows,)] if num_negatives == 1 else [])]
        if tuple(labels.shape) not in shapes:
            allowed = " or ".join(map(str, shapes))
            raise ValueError(f"{described(self)}, of shape {allowed}, got {tuple(labels.shape)}")
        check_finite(self, labels)
        if tuple(labels.shape) == scores:
            # Integers and half precision would lose the difference.
            labels = labels.to(torch.promote_types(labels.dtype, torch.float32))
            return labels[:, :1] - labels[:, 1:]
        return labels.view(margins)

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return r"""@misc{hofstaetter2020marginmse,
    title={Improving Efficient Neural Ranking Models with Cross-Architecture Knowledge Distillation},
    author={Sebastian Hofst{\"a}tter and Sophia Althammer and Michael Schr{\"o}der and Mete Sertkan and
        Allan Hanbury},
    year={2020}, eprint={2010.02666}, archivePrefix={arXiv}, primaryClass={cs.IR}
}"""
