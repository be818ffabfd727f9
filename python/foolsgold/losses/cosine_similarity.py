"""Graded pairs: the cosine of two texts meets a given score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn

from foolsgold.losses.base import BatchInfo, EmbeddingLoss, check_columns, check_labels
from foolsgold.similarity import pairwise_cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable


def cosine_similarity_loss(
    left: Tensor,
    right: Tensor,
    scores: Tensor,
    *,
    loss_fct: Callable[[Tensor, Tensor], Tensor] = F.mse_loss,
    cos_score_transformation: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Compare the cosine of each pair with its score; the maths is at `CosineSimilarityLoss`.

    Shape:
        left (B, D), right (B, D), scores (B,) of any dtype; returns ().

    Args:
        left: first texts.
        right: second texts.
        scores: wanted cosines, in [-1, 1] unless transformed.
        loss_fct: (B,) cosines, (B,) scores to ().
        cos_score_transformation: (B,) to (B,), applied to the cosines; None leaves them as they are.
    """
    cosines = pairwise_cos_sim(left, right)
    if cos_score_transformation is not None:
        cosines = cos_score_transformation(cosines)
    return loss_fct(cosines, scores.to(cosines.dtype))


class CosineSimilarityLoss(EmbeddingLoss):
    r"""Fit the cosine of each pair to its score.

    Simple regression, for data with graded scores. Any batch sampler will do.

    Math:
        $$ L = \frac{1}{B} \sum_i (g(\cos(u_i, v_i)) - y_i)^2 $$

    Shape:
        columns (text, text), each (B, D); labels (B,) or (B, 1), numbers or booleans; returns ().

    Args:
        model: the encoder.
        loss_fct: compares (B,) cosines with (B,) scores; None for the mean squared error.
        cos_score_transformation: $g$, applied to the cosines; None for the identity.

    Raises:
        ValueError: not one label per row.

    Reference:
        Reimers and Gurevych 2019, "Sentence-BERT", https://arxiv.org/abs/1908.10084, section 3 (regression
        objective).
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fct: nn.Module | None = None,
        cos_score_transformation: nn.Module | None = None,
    ) -> None:
        super().__init__(model)
        self.loss_fct = nn.MSELoss() if loss_fct is None else loss_fct
        self.cos_score_transformation = (
            nn.Identity() if cos_score_transformation is None else cos_score_transformation
        )

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of the two columns and their scores."""
        check_columns(self, embeddings, "(text, text)", minimum=2, maximum=2)
        return cosine_similarity_loss(
            embeddings[0],
            embeddings[1],
            check_labels(self, labels, len(embeddings[0])),
            loss_fct=self.loss_fct,
            cos_score_transformation=self.cos_score_transformation,
        )
