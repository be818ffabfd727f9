"""Guided in-batch negatives for batches that do not fit: the encoder embeds a few rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.losses.gist_embed import GISTEmbedLoss, MarginStrategy
from foolsgold.losses.parts.gradient_cache import GRADIENT_CACHE_CITATION

if TYPE_CHECKING:
    from torch import nn


class CachedGISTEmbedLoss(GISTEmbedLoss):
    r"""`GISTEmbedLoss` with a gradient cache: large batches in the memory of small ones.

    The value and the gradients are those of the direct loss. Wants a batch sampler without duplicates. A thin
    name for `GISTEmbedLoss(...).cached(...)`.

    Math:
        as `GISTEmbedLoss`.

    Shape:
        columns (anchor, positive[, negative_1, ..., negative_n]), each (B, D); labels unused; returns ().

    Args:
        model: the encoder.
        guide: a model as `model` is, frozen.
        temperature: divides the cosines, above 0.
        mini_batch_size: rows that the encoder embeds at a time.
        mini_batch_num_tokens: tokens, padding included, that it embeds at a time; None for a number of rows.
        show_progress_bar: show a bar over the mini-batches.
        margin_strategy: `absolute` or `relative`.
        margin: how far below the positive a negative must be for the guide.
        contrast_anchors: take other rows' anchors as candidates.
        contrast_positives: compare positives with each other.
        gather_across_devices: take candidates from all ranks.
        mask_by_identity: leave known matches out of the negatives, where text ids are there.
        cache_embeddings: keep the guide's embeddings by text id.
        learnable_temperature: train the temperature; it stays above 0.001.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Gao et al. 2021, https://arxiv.org/abs/2101.06983, section 3.2; the objective: Solatorio 2024,
        https://arxiv.org/abs/2402.16829, eq. 2.

    See Also:
        `foolsgold.losses.parts.gradient_cache`.
    """

    def __init__(
        self,
        model: nn.Module,
        guide: nn.Module,
        temperature: float = 0.01,
        mini_batch_size: int = 32,
        mini_batch_num_tokens: int | None = None,
        show_progress_bar: bool = False,
        margin_strategy: MarginStrategy = "absolute",
        margin: float = 0.0,
        contrast_anchors: bool = True,
        contrast_positives: bool = True,
        gather_across_devices: bool = False,
        *,
        mask_by_identity: bool = True,
        cache_embeddings: bool = True,
        learnable_temperature: bool = False,
    ) -> None:
        super().__init__(
            model,
            guide,
            temperature,
            margin_strategy,
            margin,
            contrast_anchors,
            contrast_positives,
            gather_across_devices,
            mask_by_identity=mask_by_identity,
            cache_embeddings=cache_embeddings,
            learnable_temperature=learnable_temperature,
        )
        self.cached(mini_batch_size, mini_batch_num_tokens, show_progress_bar=show_progress_bar)

    @property
    def citation(self) -> str:
        """BibTeX of the papers behind the loss."""
        return f"{GRADIENT_CACHE_CITATION}\n{super().citation}"
