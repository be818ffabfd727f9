"""Graded pairs: of any two pairs, the one with the higher score is closer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns, check_scores
from foolsgold.losses.parts.gather import RankRows
from foolsgold.similarity import pairwise_cos_sim, pairwise_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from foolsgold.losses.parts.batch import BatchInfo

    PairSimilarity = Callable[[Tensor, Tensor], Tensor]


def cosent_loss(
    left: Tensor,
    right: Tensor,
    scores: Tensor,
    *,
    scale: float = 20.0,
    similarity_fct: PairSimilarity = pairwise_cos_sim,
) -> Tensor:
    """Penalise pairs that are closer than pairs of a higher score; the maths is at `CoSENTLoss`.

    Shape:
        left (B, D), right (B, D), scores (B,) of any real dtype or bool; returns ().

    Args:
        left: first texts.
        right: second texts.
        scores: their order alone counts; equal scores are not compared.
        scale: factor of the similarities, above 0; the inverse of the temperature.
        similarity_fct: (B, D), (B, D) to (B,), higher is closer; the matrix forms of
            `foolsgold.similarity` stand for their pairwise twins.
    """
    return ranking_loss(pair_similarities(left, right, similarity_fct), scores, scale=scale)


def pair_similarities(left: Tensor, right: Tensor, similarity_fct: PairSimilarity) -> Tensor:
    """Compare each row of `left` with the same row of `right`, (B,) in at least float32.

    Raises:
        ValueError: `similarity_fct` gives another shape than (B,).
    """
    dtype = torch.promote_types(left.dtype, torch.float32)
    similarities = pairwise_form(similarity_fct)(left.to(dtype), right.to(dtype))
    if similarities.shape != (len(left),):
        raise ValueError(
            f"`similarity_fct` must compare row by row and give shape ({len(left)},), "
            f"got {tuple(similarities.shape)}\nhint: pass a pairwise form, such as `pairwise_cos_sim`"
        )
    return similarities


def ranking_loss(similarities: Tensor, scores: Tensor, *, scale: float) -> Tensor:
    r"""Log of one plus the sum of $e^{s(f_j - f_i)}$ over all i, j with $y_i > y_j$; O(B log B).

    Shape:
        similarities (B,), scores (B,) of any real dtype or bool; returns ().

    Args:
        similarities: $f$, higher is closer.
        scores: $y$.
        scale: $s$.
    """
    scores = scores.detach()
    if scores.is_floating_point():
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    elif scores.dtype == torch.bool:
        scores = scores.int()
    scores, order = scores.sort()
    logits = similarities[order] * scale
    # of_higher[k]: log-sum-exp of the negative logits from place k on, of which the last is an empty sum.
    of_higher = F.pad((-logits.flip(0)).logcumsumexp(dim=0).flip(0), (0, 1), value=-torch.inf)
    next_higher = torch.searchsorted(scores, scores, right=True)
    return F.pad(logits + of_higher[next_higher], (1, 0)).logsumexp(dim=0)


class CoSENTLoss(EmbeddingLoss):
    r"""Rank pairs by their scores: of two pairs, the one with the higher score is to be closer.

    Scores need not be reachable as similarities; their order is all that is used, and equal scores are not
    compared. For data with graded scores or with labels 0 and 1. Any batch sampler will do; larger batches
    have more to compare.

    Math:
        $$ L = \log\Big(1 + \sum_{y_i > y_j} e^{s\,(f(u_j, v_j) - f(u_i, v_i))}\Big) $$

    Shape:
        columns (sentence_A, sentence_B), each (B, D); labels (B,) or (B, 1), numbers or booleans; returns ().

    Args:
        model: the encoder.
        scale: $s > 0$, the inverse of the temperature.
        similarity_fct: $f$, (B, D), (B, D) to (B,), higher is closer; the matrix forms of
            `foolsgold.similarity` stand for their pairwise twins.
        gather_across_devices: compare the pairs of all ranks; two ranks of B rows then equal one of 2 B.

    Raises:
        ValueError: a `scale` that is not above 0; not one label per row; a `similarity_fct` that does not
            compare row by row.

    Reference:
        Huang et al. 2024, "CoSENT: Consistent Sentence Embedding via Similarity Ranking",
        https://doi.org/10.1109/TASLP.2024.3402087; Su 2022, https://kexue.fm/archives/8847.

    See Also:
        `AnglELoss` ranks by an angle in complex space; `CosineSimilarityLoss` fits the scores themselves.
    """

    inputs = "(sentence_A, sentence_B) pairs"
    labels = "float similarity score between 0 and 1"

    def __init__(
        self,
        model: nn.Module,
        scale: float = 20.0,
        similarity_fct: PairSimilarity = pairwise_cos_sim,
        *,
        gather_across_devices: bool = False,
    ) -> None:
        super().__init__(model)
        if not scale > 0:
            raise ValueError(f"`scale` must be above 0, got {scale}")
        self.scale = scale
        self.similarity_fct = similarity_fct
        self.gather_across_devices = gather_across_devices

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of the pairs, of all ranks if asked to."""
        check_columns(self, embeddings, minimum=2, maximum=2)
        left, right = embeddings
        scores = check_scores(self, labels, len(left))
        ranks = RankRows(len(left), left.device, gather=self.gather_across_devices)
        similarities = ranks.gather(pair_similarities(left, right, self.similarity_fct))
        return ranking_loss(similarities, ranks.gather(scores), scale=self.scale)

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@article{huang2024cosent,
    title={{CoSENT}: Consistent Sentence Embedding via Similarity Ranking},
    author={Xiang Huang and Hao Peng and Dongcheng Zou and Zhiwei Liu and Jianxin Li and Kay Liu and Jia Wu
        and Jianlin Su and Philip S. Yu},
    journal={IEEE/ACM Transactions on Audio, Speech, and Language Processing},
    year={2024}, doi={10.1109/TASLP.2024.3402087}
}"""
