"""Embedding distillation by the mean squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.losses.embed_distill import EmbedDistillLoss, embed_distill_loss

if TYPE_CHECKING:
    from torch import Tensor, nn


def mse_loss(embeddings: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Mean squared error of embeddings and their targets; the maths is at `MSELoss`.

    Shape:
        embeddings (B, C, D), targets (B, C, D), or (B, D) for one target of all columns, weights (B,);
        returns ().

    Args:
        embeddings: the student's, C texts for each row.
        targets: the teacher's, in the same space; without gradient.
        weights: how much each row counts, at least 0; None for all the same.
    """
    return embed_distill_loss(embeddings, targets, distance_metric="mse", weights=weights)


class MSELoss(EmbedDistillLoss):
    r"""Move each number of a text's embedding to that of the embedding a teacher gave it.

    The classic way to make a model multilingual: the texts are translations of one sentence, and one target,
    the teacher's embedding of the source, is that of all columns. Any batch sampler will do.

    Math:
        $$ L = \frac{1}{B C D_t} \sum_{i, c} \lVert W e_{ic} + b - t_{ic} \rVert^2 $$

        Without a projection, $W$ is the identity and $b$ is 0.

    Shape:
        columns (sentence_1, ..., sentence_C), each (B, D); labels (B, Dt) or (B, C, Dt); returns ().

    Args:
        model: the encoder, the student.
        projection_dim: Dt, where it is not D: trains a linear layer from D to Dt with the student. None for
            no layer.
        seed: of the layer's start.

    Raises:
        ValueError: a dimension below 1, or labels of another shape.
        TypeError: a projection for an encoder that does not tell its dimension.

    Reference:
        Reimers and Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual",
        https://arxiv.org/abs/2004.09813, section 2.

    See Also:
        `EmbedDistillLoss` has other distances.
    """

    inputs = "`sentence` or (sentence_1, sentence_2, ..., sentence_N)"

    def __init__(self, model: nn.Module, projection_dim: int | None = None, *, seed: int = 0) -> None:
        super().__init__(model, "mse", projection_dim, seed=seed)

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{reimers2020multilingual,
    title={Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation},
    author={Nils Reimers and Iryna Gurevych},
    year={2020}, eprint={2004.09813}, archivePrefix={arXiv}, primaryClass={cs.CL}
}"""
