"""Graded pairs: the cosine of two texts meets a given score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns, check_scores
from foolsgold.losses.parts.row_weights import weighted_mean
from foolsgold.similarity import pairwise_cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable

    from foolsgold.losses.parts.batch import BatchInfo


def cosine_similarity_loss(
    left: Tensor,
    right: Tensor,
    scores: Tensor,
    *,
    loss_fct: Callable[[Tensor, Tensor], Tensor] | None = None,
    cos_score_transformation: Callable[[Tensor], Tensor] | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Compare the cosine of each pair with its score; the maths is at `CosineSimilarityLoss`.

    Shape:
        left (B, D), right (B, D), scores (B,) of any dtype, weights (B,); returns ().

    Args:
        left: first texts.
        right: second texts.
        scores: wanted cosines, in [-1, 1] unless transformed.
        loss_fct: (B,) cosines, (B,) scores to (); None for the mean squared error.
        cos_score_transformation: (B,) to (B,), applied to the cosines; None leaves them as they are.
        weights: how much each pair counts in the mean squared error, at least 0; None for all the same.

    Raises:
        ValueError: weights beside a `loss_fct`.
    """
    if loss_fct is not None and weights is not None:
        raise ValueError("`weights` must be None beside a `loss_fct`, which weighs all rows alike")
    cosines = pairwise_cos_sim(left, right)
    if cos_score_transformation is not None:
        cosines = cos_score_transformation(cosines)
    scores = scores.to(cosines.dtype)
    if loss_fct is not None:
        return loss_fct(cosines, scores)
    return weighted_mean((cosines - scores).square(), weights)


class CosineSimilarityLoss(EmbeddingLoss):
    r"""Fit the cosine of each pair to its score.

    Simple regression, for data with graded scores. Any batch sampler will do.

    Math:
        $$ L = \frac{1}{B} \sum_i (g(\cos(u_i, v_i)) - y_i)^2 $$

    Shape:
        columns (sentence_A, sentence_B), each (B, D); labels (B,) or (B, 1), numbers or booleans; returns ().

    Args:
        model: the encoder.
        loss_fct: compares (B,) cosines with (B,) scores; None for the mean squared error, which alone takes
            row weights.
        cos_score_transformation: $g$, applied to the cosines; None for the identity.

    Raises:
        ValueError: not one label per row.

    Reference:
        Reimers and Gurevych 2019, "Sentence-BERT", https://arxiv.org/abs/1908.10084, section 3 (regression
        objective).
    """

    inputs = "(sentence_A, sentence_B) pairs"
    labels = "float similarity score between 0 and 1"

    def __init__(
        self,
        model: nn.Module,
        loss_fct: nn.Module | None = None,
        cos_score_transformation: nn.Module | None = None,
    ) -> None:
        super().__init__(model)
        self.loss_fct = nn.MSELoss() if loss_fct is None else loss_fct
        self.weighs_rows = loss_fct is None
        self.cos_score_transformation = (
            nn.Identity() if cos_score_transformation is None else cos_score_transformation
        )

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of the two columns and their scores."""
        check_columns(self, embeddings, minimum=2, maximum=2)
        return cosine_similarity_loss(
            embeddings[0],
            embeddings[1],
            check_scores(self, labels, len(embeddings[0])),
            loss_fct=self.loss_fct if batch.row_weights is None else None,
            cos_score_transformation=self.cos_score_transformation,
            weights=batch.row_weights,
        )

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{reimers2019sentencebert,
    title={Sentence-{BERT}: Sentence Embeddings using {Siamese} {BERT}-Networks},
    author={Nils Reimers and Iryna Gurevych},
    year={2019}, eprint={1908.10084}, archivePrefix={arXiv}, primaryClass={cs.CL}
}"""
