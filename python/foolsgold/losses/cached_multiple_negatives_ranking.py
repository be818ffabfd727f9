"""In-batch negatives for batches that do not fit: the encoder embeds a few rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.losses.multiple_negatives_ranking import MultipleNegativesRankingLoss
from foolsgold.losses.parts.gradient_cache import GRADIENT_CACHE_CITATION
from foolsgold.similarity import cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from foolsgold.losses.parts.directions import Direction, HardnessMode, PartitionMode


class CachedMultipleNegativesRankingLoss(MultipleNegativesRankingLoss):
    r"""`MultipleNegativesRankingLoss` with a gradient cache: large batches in the memory of small ones.

    The value and the gradients are those of the direct loss; the time is about that of a second forward, and
    nothing more than the direct one's where the batch fits into one mini-batch. Wants a batch sampler without
    duplicates. A thin name for `MultipleNegativesRankingLoss(...).cached(...)`, which any other loss has too.

    Math:
        as `MultipleNegativesRankingLoss`.

    Shape:
        columns (anchor, positive[, negative_1, ..., negative_n]), each (B, D); labels unused, but for
        `mask_by_label` (B,); returns ().

    Args:
        model: the encoder.
        scale: factor of the similarities, above 0.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        mini_batch_size: rows that the encoder embeds at a time; decides memory and speed, not the result.
        mini_batch_num_tokens: tokens, padding included, that it embeds at a time, in rows of like lengths;
            None for a number of rows.
        gather_across_devices: take candidates from all ranks.
        directions: what is compared; must have `query_to_doc`.
        partition_mode: `joint` or `per_direction`.
        show_progress_bar: show a bar over the mini-batches.
        hardness_mode: which negatives get weight by their similarity; None for none.
        hardness_strength: how much of it, at least 0.
        mask_by_identity: leave known matches out of the negatives, where text ids are there.
        mask_by_label: take a class of each row, and leave rows of one class out of each other's negatives.
        false_negative_margin: leave out candidates closer than the positive by more than this; None keeps
            them.
        learnable_scale: train the scale, from `scale` on; it stays below 100.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup",
        https://arxiv.org/abs/2101.06983, section 3.2; the objective: van den Oord et al. 2018,
        https://arxiv.org/abs/1807.03748, eq. 4.

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
        directions: Sequence[Direction] = ("query_to_doc",),
        partition_mode: PartitionMode = "joint",
        show_progress_bar: bool = False,
        hardness_mode: HardnessMode | None = None,
        hardness_strength: float = 0.0,
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
            directions,
            partition_mode,
            hardness_mode,
            hardness_strength,
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
