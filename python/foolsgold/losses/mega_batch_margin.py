"""Large batches of pairs: each anchor is pushed from the nearest of all other positives, by a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.identity import gathered_identity
from foolsgold.losses.parts.row_blocks import sum_over_rows
from foolsgold.similarity import cos_sim, dot_score, normalize_embeddings, pairwise_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from foolsgold.losses.parts.batch import BatchInfo
    from foolsgold.losses.parts.identity import Identity

    MatrixSimilarity = Callable[[Tensor, Tensor], Tensor]


def mega_batch_margin_loss(
    anchors: Tensor,
    positives: Tensor,
    *,
    positive_margin: float = 0.8,
    negative_margin: float = 0.3,
    scale: float = 1.0,
    similarity_fct: MatrixSimilarity = cos_sim,
    identity: Identity | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Margins to the own positive and to the nearest other one; the maths is at `MegaBatchMarginLoss`.

    Large batches go by blocks of rows (`foolsgold.losses.parts.row_blocks`).

    Shape:
        anchors (B, D), positives (B, D), weights (B,); returns ().

    Args:
        anchors: one for each row.
        positives: texts to pull in, each a negative for all other rows.
        positive_margin: similarity that a positive is to reach.
        negative_margin: similarity that negatives are to stay below.
        scale: factor of the similarities, above 0.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        identity: what is known of the rows' texts; known matches are no negatives.
        weights: how much each row counts, at least 0; None for all the same.
    """
    margins = positive_margin, negative_margin
    total, count = _summed_over_rows(
        anchors, positives, margins, scale, similarity_fct, identity, weights, slice(0, len(anchors))
    )
    return total / torch.where(count > 0, count, 1.0)


def _summed_over_rows(
    anchors: Tensor,
    positives: Tensor,
    margins: tuple[float, float],
    scale: float,
    similarity_fct: MatrixSimilarity,
    identity: Identity | None,
    weights: Tensor | None,
    rows: slice,
) -> tuple[Tensor, Tensor]:
    """Sum the losses of some rows against the positives of all; and the rows' number, or weight."""
    dtype = torch.promote_types(anchors.dtype, torch.float32)
    anchors, positives = anchors.to(dtype), positives.to(dtype)
    if similarity_fct is cos_sim:
        anchors, positives = normalize_embeddings(anchors), normalize_embeddings(positives)
        similarity_fct = dot_score
    positive_margin, negative_margin = margins
    all_rows = torch.arange(len(anchors), device=anchors.device)
    twin = pairwise_form(similarity_fct)

    def block(rows: slice, anchors: Tensor, positives: Tensor) -> tuple[Tensor, Tensor]:
        own = all_rows[rows, None]
        matches = None if identity is None else identity.matches("positive", rows)
        no_negative = own == all_rows if matches is None else matches | (own == all_rows)
        # Two similarities a row have a gradient. With a pairwise twin they are formed again, for O(B D), and
        # the matrix, which tells the hardest negative, needs none.
        with torch.set_grad_enabled(torch.is_grad_enabled() and twin is similarity_fct):
            similarities = similarity_fct(anchors[rows], positives)
        nearest, found = similarities.detach().masked_fill(no_negative, -torch.inf).max(dim=1)
        if twin is similarity_fct:
            of_positive, of_hardest = similarities.gather(1, torch.cat([own, found[:, None]], 1)).unbind(1)
        else:
            of_positive = twin(anchors[rows], positives[rows])
            of_hardest = twin(anchors[rows], positives[found])
        of_positive = of_positive * scale
        # A row without a negative has none above any margin, and no gradient there.
        hardest = torch.where(nearest == -torch.inf, -torch.inf, of_hardest * scale)
        losses = (positive_margin - of_positive).relu() + (hardest - negative_margin).relu()
        if weights is None:
            return losses.sum(), losses.new_tensor(float(len(losses)))
        counts = weights[rows].to(dtype)
        return (losses * counts).sum(), counts.sum()

    return sum_over_rows(block, (anchors, positives), rows, len(positives), closed=twin is not similarity_fct)


class MegaBatchMarginLoss(EmbeddingLoss):
    r"""Push each anchor from the nearest positive of another row, and pull it to its own, up to two margins.

    The larger the batch, the harder its hardest negative: several hundred rows and more, for which the
    encoder runs on mini-batches. Wants a batch sampler without duplicates; where text ids are there, a known
    match is no negative anyway (`foolsgold.losses.parts.identity` says what a match is).

    Math:
        $$ L = \frac{1}{B} \sum_i \max(0, m_+ - s f(a_i, p_i))
        + \max\big(0, \max_{j \ne i} s f(a_i, p_j) - m_-\big) $$
        A row with no negative has the first part alone.

    Shape:
        columns (anchor, positive), each (B, D); labels unused; returns ().

    Args:
        model: the encoder.
        positive_margin: $m_+$, the similarity that positives are to reach.
        negative_margin: $m_-$, the similarity that negatives are to stay below.
        use_mini_batched_version: embed with a gradient cache, as `cached` does; changes memory, not values.
        mini_batch_size: rows that the encoder then embeds at a time, at least 1.
        mini_batch_num_tokens: tokens that it embeds at a time in place of a number of rows; None for rows.
        show_progress_bar: show a bar over the mini-batches of each batch.
        scale: $s > 0$; the margins are of the scaled similarity.
        similarity_fct: $f$, (N, D), (M, D) to (N, M), higher is closer.
        gather_across_devices: take negatives from all ranks; two ranks of B rows then equal one of 2 B.
        mask_by_identity: leave known matches out of the negatives, where text ids are there.

    Raises:
        TypeError: a margin that is no number.
        ValueError: a mini-batch size below 1; a `scale` that is not above 0.

    Reference:
        Wieting and Gimpel 2018, "ParaNMT-50M", https://aclanthology.org/P18-1042 (mega-batching).

    See Also:
        `CachedMultipleNegativesRankingLoss` learns from all negatives of the batch.
    """

    inputs = "(anchor, positive) pairs"
    labels = "none"
    weighs_rows = True

    def __init__(
        self,
        model: nn.Module,
        positive_margin: float = 0.8,
        negative_margin: float = 0.3,
        use_mini_batched_version: bool = True,
        mini_batch_size: int = 50,
        mini_batch_num_tokens: int | None = None,
        show_progress_bar: bool = False,
        *,
        scale: float = 1.0,
        similarity_fct: MatrixSimilarity = cos_sim,
        gather_across_devices: bool = False,
        mask_by_identity: bool = True,
    ) -> None:
        super().__init__(model)
        for name, margin in (("positive_margin", positive_margin), ("negative_margin", negative_margin)):
            if not isinstance(margin, (int, float)):
                raise TypeError(f"`{name}` must be a number, got {type(margin).__name__}")
        if not scale > 0:
            raise ValueError(f"`scale` must be above 0, got {scale}")
        self.positive_margin = positive_margin
        self.negative_margin = negative_margin
        self.use_mini_batched_version = use_mini_batched_version
        self.mini_batch_size = mini_batch_size
        self.mini_batch_num_tokens = mini_batch_num_tokens
        self.show_progress_bar = show_progress_bar
        self.scale = scale
        self.similarity_fct = similarity_fct
        self.gather_across_devices = gather_across_devices
        self.mask_by_identity = mask_by_identity
        if use_mini_batched_version:
            self.cached(mini_batch_size, mini_batch_num_tokens, show_progress_bar=show_progress_bar)

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Gather if asked to, and compute the loss of this rank's rows."""
        check_columns(self, embeddings, minimum=2, maximum=2)
        ranks = RankRows(len(embeddings[0]), embeddings[0].device, gather=self.gather_across_devices)
        anchors, positives = ranks.gather_columns(embeddings)
        total, count = _summed_over_rows(
            anchors,
            positives,
            (self.positive_margin, self.negative_margin),
            self.scale,
            self.similarity_fct,
            gathered_identity(batch if self.mask_by_identity else None, None, ranks),
            None if batch.row_weights is None else ranks.gather(batch.row_weights),
            ranks.own,
        )
        return ranks.mean(total, count)

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@inproceedings{wieting2018paranmt,
    title={{ParaNMT-50M}: Pushing the Limits of Paraphrastic Sentence Embeddings with Millions of Machine
        Translations},
    author={John Wieting and Kevin Gimpel},
    booktitle={Proceedings of the 56th Annual Meeting of the Association for Computational Linguistics},
    year={2018}, pages={451--462}, doi={10.18653/v1/P18-1042}
}"""
