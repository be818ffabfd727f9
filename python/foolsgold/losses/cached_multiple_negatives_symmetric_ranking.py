"""In-batch negatives in both directions, for batches that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.losses.multiple_negatives_symmetric_ranking import MultipleNegativesSymmetricRankingLoss
from foolsgold.losses.parts.gradient_cache import GRADIENT_CACHE_CITATION
from foolsgold.similarity import cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


class CachedMultipleNegativesSymmetricRankingLoss(MultipleNegativesSymmetricRankingLoss):
    r"""`MultipleNegativesSymmetricRankingLoss` with a gradient cache.

    The value and the gradients are those of the direct loss. Wants a batch sampler without duplicates. A thin
    name for `MultipleNegativesSymmetricRankingLoss(...).cached(...)`.

    Math:
        as `MultipleNegativesSymmetricRankingLoss`.

    Shape:
        columns (anchor, positive[, negative_1, ..., negative_n]), each (B, D); labels unused, but for
        `mask_by_label` (B,); returns ().

    Args:
        model: the encoder.
        scale: factor of the similarities, above 0.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        mini_batch_size: rows that the encoder embeds at a time.
        mini_batch_num_tokens: tokens, padding included, that it embeds at a time; None for a number of rows.
        gather_across_devices: take candidates from all ranks.
        show_progress_bar: show a bar over the mini-batches.
        mask_by_identity: leave known matches out of the negatives, where text ids are there.
        mask_by_label: take a class of each row, and leave rows of one class out of each other's negatives.
        false_negative_margin: leave out candidates closer than the positive by more than this; None keeps
            them.
        learnable_scale: train the scale, from `scale` on; it stays below 100.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Gao et al. 2021, https://arxiv.org/abs/2101.06983, section 3.2; the objective: Radford et al. 2021,
        https://arxiv.org/abs/2103.00020, figure 3.

    See Also:
        `foolsgold.losses.parts.gradient_cache`.
    """

    def __init__(
        self,
        model: nn.Module,
        scale: float = 20.0,
        similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
        mini_batch_size: int = 32,
        mini_batch_num_tokens: int | None = None,
        gather_across_devices: bool = False,
        show_progress_bar: bool = False,
        *,
        mask_by_identity: bool = True,
        mask_by_label: bool = False,
        false_negative_margin: float | None = None,
        learnable_scale: bool = False,
    ) -> None:
        super().__init__(
            model,
            scale,
            similarity_fct,
            gather_across_devices,
            mask_by_identity=mask_by_identity,
            mask_by_label=mask_by_label,
            false_negative_margin=false_negative_margin,
            learnable_scale=learnable_scale,
        )
        self.cached(mini_batch_size, mini_batch_num_tokens, show_progress_bar=show_progress_bar)

    @property
    def citation(self) -> str:
        """BibTeX of the papers behind the loss."""
        return f"{GRADIENT_CACHE_CITATION}\n{super().citation}"
