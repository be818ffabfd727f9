"""Pairs with a class: a linear classifier on top of both embeddings and their difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_classes, check_columns, check_finite
from foolsgold.losses.parts.row_weights import weighted_mean
from foolsgold.losses.parts.seeded_linear import seeded_linear

if TYPE_CHECKING:
    from collections.abc import Callable

    from foolsgold.losses.parts.batch import BatchInfo


def softmax_loss(
    left: Tensor,
    right: Tensor,
    labels: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    concatenation_sent_rep: bool = True,
    concatenation_sent_difference: bool = True,
    concatenation_sent_multiplication: bool = False,
    loss_fct: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> Tensor:
    """Classify each pair; the maths is at `SoftmaxLoss`.

    Shape:
        left (B, D), right (B, D), labels (B,) int64 or probabilities (B, K), weight (K, V * D), bias (K,);
        returns (). V is 2, 1 and 1 for each of the three parts of the features.

    Args:
        left: first texts.
        right: second texts.
        labels: classes 0 to K - 1, or how probable each class is.
        weight: of the classifier.
        bias: of the classifier.
        concatenation_sent_rep: whether both embeddings are features.
        concatenation_sent_difference: whether their absolute difference is one.
        concatenation_sent_multiplication: whether their product is one.
        loss_fct: (B, K) logits, labels to ().
    """
    parts = concatenation_sent_rep, concatenation_sent_difference, concatenation_sent_multiplication
    return loss_fct(_logits(left, right, weight, bias, parts), labels)


def _logits(
    left: Tensor, right: Tensor, weight: Tensor, bias: Tensor, parts: tuple[bool, bool, bool]
) -> Tensor:
    """Concatenate the features and classify them, (B, K) in at least float32."""
    dtype = torch.promote_types(weight.dtype, torch.float32)
    left, right = left.to(dtype), right.to(dtype)
    both, difference, product = parts
    features = [left, right] if both else []
    if difference:
        features.append((left - right).abs())
    if product:
        features.append(left * right)
    with torch.autocast(left.device.type, enabled=False):
        return F.linear(torch.cat(features, dim=1), weight.to(dtype), bias.to(dtype))


class SoftmaxLoss(EmbeddingLoss):
    r"""Classify pairs by a linear layer on both embeddings, which the loss owns and trains.

    For pairs with a class each, such as entailment, neutral and contradiction. Any batch sampler will do.

    Math:
        $$ L = -\frac{1}{B} \sum_i \log \operatorname{softmax}\big(W [u_i; v_i; |u_i - v_i|; u_i v_i]
        + b\big)_{y_i} $$
        with those parts of the features that the options choose.

    Shape:
        columns (sentence_A, sentence_B), each (B, D); labels (B,) or (B, 1), whole numbers from 0 to
        `num_labels` - 1, or probabilities (B, `num_labels`); returns (). With labels None: the embeddings of
        the two columns, and the logits (B, `num_labels`).

    Args:
        model: the encoder.
        embedding_dimension: D.
        num_labels: number of classes.
        concatenation_sent_rep: make both embeddings features.
        concatenation_sent_difference: make their absolute difference a feature.
        concatenation_sent_multiplication: make their product a feature.
        loss_fct: compares (B, `num_labels`) logits with labels; None for the cross-entropy, which alone takes
            row weights.
        sentence_embedding_dimension: another name of `embedding_dimension`; one of the two is given.
        seed: of the classifier's first weights.

    Attributes:
        classifier: the linear layer.

    Raises:
        ValueError: no size, or two; no part of the features chosen; not one class per row.

    Reference:
        Reimers and Gurevych 2019, "Sentence-BERT", https://arxiv.org/abs/1908.10084, section 3
        (classification objective).

    See Also:
        `MultipleNegativesRankingLoss`, for entailed pairs with contradictions as hard negatives, as a rule
        makes better embeddings.
    """

    inputs = "(sentence_A, sentence_B) pairs"
    labels = "class"

    def __init__(
        self,
        model: nn.Module,
        embedding_dimension: int | None = None,
        num_labels: int | None = None,
        concatenation_sent_rep: bool = True,
        concatenation_sent_difference: bool = True,
        concatenation_sent_multiplication: bool = False,
        loss_fct: Callable[[Tensor, Tensor], Tensor] | None = None,
        *,
        sentence_embedding_dimension: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(model)
        dimension = embedding_dimension or sentence_embedding_dimension
        if dimension is None or num_labels is None:
            raise ValueError(
                f"`embedding_dimension` and `num_labels` must be given, got {dimension} and {num_labels}"
            )
        if sentence_embedding_dimension not in (None, dimension):
            raise ValueError(
                "`sentence_embedding_dimension` must be `embedding_dimension`, "
                f"got {sentence_embedding_dimension} and {dimension}"
            )
        self.embedding_dimension = dimension
        self.num_labels = num_labels
        self.concatenation_sent_rep = concatenation_sent_rep
        self.concatenation_sent_difference = concatenation_sent_difference
        self.concatenation_sent_multiplication = concatenation_sent_multiplication
        num_vectors = 2 * concatenation_sent_rep + concatenation_sent_difference
        num_vectors += concatenation_sent_multiplication
        if not num_vectors:
            raise ValueError("one of the `concatenation_sent_` options must be True, got False for all")
        self.loss_fct = nn.CrossEntropyLoss() if loss_fct is None else loss_fct
        self.weighs_rows = loss_fct is None
        self.seed = seed
        self.classifier = seeded_linear(model, num_vectors * dimension, num_labels, seed)

    def compute(  # type: ignore[override]
        self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo
    ) -> Tensor | tuple[list[Tensor], Tensor]:
        """Compute the loss of the pairs, or their logits where there are no labels."""
        check_columns(self, embeddings, minimum=2, maximum=2)
        parts = (
            self.concatenation_sent_rep,
            self.concatenation_sent_difference,
            self.concatenation_sent_multiplication,
        )
        left, right = embeddings
        logits = _logits(left, right, self.classifier.weight, self.classifier.bias, parts)
        if labels is None:
            return embeddings, logits
        if labels.is_floating_point() and labels.shape == logits.shape and self.num_labels > 1:
            check_finite(self, labels)
            labels = labels.to(logits.dtype)
        else:
            labels = check_classes(self, labels, len(logits), self.num_labels)
        if batch.row_weights is None:
            return self.loss_fct(logits, labels)
        return weighted_mean(F.cross_entropy(logits, labels, reduction="none"), batch.row_weights)

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{reimers2019sentencebert,
    title={Sentence-{BERT}: Sentence Embeddings using {Siamese} {BERT}-Networks},
    author={Nils Reimers and Iryna Gurevych},
    year={2019}, eprint={1908.10084}, archivePrefix={arXiv}, primaryClass={cs.CL}
}"""
