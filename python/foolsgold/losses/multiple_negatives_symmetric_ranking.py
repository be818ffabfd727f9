"""In-batch negatives in both directions: queries pick documents, and documents pick queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.losses.multiple_negatives_ranking import MultipleNegativesRankingLoss
from foolsgold.similarity import cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


class MultipleNegativesSymmetricRankingLoss(MultipleNegativesRankingLoss):
    r"""Pick each query's document, and each document's query, out of the batch.

    For pairs where either side may be the query: paraphrases, translations. A thin name for
    `MultipleNegativesRankingLoss` with `directions=("query_to_doc", "doc_to_query")` and
    `partition_mode="per_direction"`; one matrix of similarities serves both. Wants a batch sampler without
    duplicates.

    Math:
        $$ L = -\frac{1}{2B} \sum_i \left( \log \frac{e^{s f(q_i, d_i)}}{\sum_{d} e^{s f(q_i, d)}} +
           \log \frac{e^{s f(q_i, d_i)}}{\sum_k e^{s f(q_k, d_i)}} \right) $$

        with all documents $d$, hard negatives among them, in the first sum.

    Shape:
        columns (anchor, positive[, negative_1, ..., negative_n]), each (B, D); labels unused, but for
        `mask_by_label` (B,); returns ().

    Args:
        model: the encoder.
        scale: $s > 0$, the inverse of the temperature.
        similarity_fct: $f$, (N, D), (M, D) to (N, M), higher is closer.
        gather_across_devices: take candidates from all ranks; two ranks of B rows then equal one of 2 B.
        mask_by_identity: leave known matches out of the negatives, where text ids are there.
        mask_by_label: take a class of each row, and leave rows of one class out of each other's negatives.
        false_negative_margin: leave out candidates closer than the positive by more than this; None keeps
            them.
        learnable_scale: train $s$, from `scale` on; it stays below 100.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Radford et al. 2021, "CLIP", https://arxiv.org/abs/2103.00020, figure 3; for texts: Guenther et al.
        2023, https://arxiv.org/abs/2310.19923.

    See Also:
        `CachedMultipleNegativesSymmetricRankingLoss` for batches that do not fit.
    """

    inputs = "(anchor, positive) pairs, triplets or (anchor, positive, negative_1, ..., negative_n)"

    def __init__(
        self,
        model: nn.Module,
        scale: float = 20.0,
        similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
        gather_across_devices: bool = False,
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
            directions=("query_to_doc", "doc_to_query"),
            partition_mode="per_direction",
            mask_by_identity=mask_by_identity,
            mask_by_label=mask_by_label,
            false_negative_margin=false_negative_margin,
            learnable_scale=learnable_scale,
        )

    @property
    def citation(self) -> str:
        """BibTeX of the papers behind the loss."""
        citation = """@misc{radford2021clip,
    title={Learning Transferable Visual Models From Natural Language Supervision},
    author={Alec Radford and Jong Wook Kim and Chris Hallacy and Aditya Ramesh and Gabriel Goh and Sandhini
        Agarwal and Girish Sastry and Amanda Askell and Pamela Mishkin and Jack Clark and Gretchen Krueger
        and Ilya Sutskever},
    year={2021}, eprint={2103.00020}, archivePrefix={arXiv}, primaryClass={cs.CV}
}"""
        return f"{citation}\n{super().citation}"
