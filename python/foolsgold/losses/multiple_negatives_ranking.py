"""In-batch negatives: pick a query's document out of all documents of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_classes, check_columns
from foolsgold.losses.parts.directions import Comparisons, Direction, HardnessMode, PartitionMode
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.identity import Identity, gathered_identity
from foolsgold.losses.parts.in_batch import in_batch_cross_entropy
from foolsgold.losses.parts.scale import Scale
from foolsgold.similarity import cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from foolsgold.losses.parts.batch import BatchInfo


def multiple_negatives_ranking_loss(
    queries: Tensor,
    documents: Tensor,
    *,
    scale: float | Tensor = 20.0,
    similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
    directions: Sequence[Direction] = ("query_to_doc",),
    partition_mode: PartitionMode = "joint",
    hardness_mode: HardnessMode | None = None,
    hardness_strength: float = 0.0,
    identity: Identity | None = None,
    false_negative_margin: float | None = None,
    weights: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    r"""Cross-entropy of each query's positive against all candidates; maths at the module.

    Large batches go by blocks of rows, and their gradient is formed with the loss
    (`foolsgold.losses.parts.row_blocks`).

    Shape:
        queries (G, D), documents (C, G, D) with the positives first, weights (G,); returns () in at least
        float32.

    Args:
        queries: one for each row of the batch.
        documents: a positive and C - 1 hard negatives for each row.
        scale: factor of the similarities, above 0; a number, or a tensor of one element that is trained.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        directions: what is compared; `query_to_doc` must be there.
        partition_mode: one softmax for all directions, or one for each.
        hardness_mode: which negatives get weight by their similarity.
        hardness_strength: how much of it, at least 0.
        identity: what is known of the rows' texts and classes; known matches are no negatives.
        false_negative_margin: candidates that are closer than the positive by more than this are no
            negatives; None for any.
        weights: how much each row counts, at least 0; None for all the same.
        rows: the B rows whose loss it is; candidates are taken from all.
    """
    comparisons = Comparisons(
        directions=tuple(directions),
        partition_mode=partition_mode,
        hardness_mode=hardness_mode,
        hardness_strength=hardness_strength,
    )
    total, count = in_batch_cross_entropy(
        queries,
        documents,
        comparisons,
        scale=scale,
        similarity_fct=similarity_fct,
        identity=identity,
        margin=false_negative_margin,
        weights=weights,
        rows=rows,
    )
    return total / torch.where(count > 0, count, 1.0)


class MultipleNegativesRankingLoss(EmbeddingLoss):
    r"""Pull a query to its positive, push it from other rows' documents and its own hard negatives.

    Large batches make it a harder and better task. Wants a batch sampler without duplicates; where text ids
    are there, a known match in the batch is no negative anyway (`foolsgold.losses.parts.identity` says what a
    match is).

    Math:
        $$ L = \frac{1}{B} \sum_i \log \sum_{c \in A_i} e^{l_{ic}} - s f(q_i, d_i), \quad
           l_{ic} = s f_{ic} + \alpha_{ic} \operatorname{sg}(f_{ic}) $$

        $A_i$ holds by direction: `query_to_doc` $f(q_i, d)$, all documents; `query_to_query` $f(q_i, q_k)$
        and `doc_to_doc` $f(d, d_i)$, those of other rows; `doc_to_query` $f(q_k, d_i)$, all queries. `joint`
        has one sum over all directions, `per_direction` the mean of their logarithms. $\alpha$ is
        `hardness_strength` on the `query_to_doc` candidates that `hardness_mode` names, else 0;
        $\operatorname{sg}$ stops the gradient.

    Shape:
        columns (anchor, positive[, negative_1, ..., negative_n]), each (B, D); labels unused, but for
        `mask_by_label` (B,); returns ().

    Args:
        model: the encoder.
        scale: $s > 0$, the inverse of the temperature; 10 to 100 suit the cosine.
        similarity_fct: $f$, (N, D), (M, D) to (N, M), higher is closer.
        gather_across_devices: take candidates from all ranks; two ranks of B rows then equal one of 2 B.
        directions: what is compared; must have `query_to_doc`.
        partition_mode: `joint` or `per_direction`; the latter with `query_to_doc` and `doc_to_query` alone.
        hardness_mode: `in_batch_negatives` (documents of other rows), `hard_negatives` (the row's own) or
            `all_negatives` get weight by their similarity; None for none.
        hardness_strength: $\alpha \ge 0$; 9 and 5 are in use for the first two modes.
        mask_by_identity: leave known matches out of the negatives, where text ids are there.
        mask_by_label: take labels, a class of each row, and leave rows of one class out of each other's
            negatives.
        false_negative_margin: leave out candidates with $f_{ic} > f(q_i, d_i)$ + this margin; 0.1 is in use.
            None keeps them.
        learnable_scale: train $s$, from `scale` on; it stays below 100.

    Raises:
        ValueError: an option outside its range; labels other than whole numbers with `mask_by_label`.

    Reference:
        van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, eq. 4; directions: Li et al. 2023,
        https://arxiv.org/abs/2308.03281, section 3.3, and one by one Guenther et al. 2023,
        https://arxiv.org/abs/2310.19923; hardness: Lan et al. 2025, https://arxiv.org/abs/2503.04812, eq. 5;
        margin: Zhang et al. 2025, https://arxiv.org/abs/2506.05176, eq. 2.

    See Also:
        `CachedMultipleNegativesRankingLoss` for batches that do not fit; `GISTEmbedLoss` has a guide model
        tell false negatives.
    """

    inputs = "(anchor, positive) pairs, triplets or (anchor, positive, negative_1, ..., negative_n)"
    labels = "none"
    weighs_rows = True

    def __init__(
        self,
        model: nn.Module,
        scale: float = 20.0,
        similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
        gather_across_devices: bool = False,
        directions: Sequence[Direction] = ("query_to_doc",),
        partition_mode: PartitionMode = "joint",
        hardness_mode: HardnessMode | None = None,
        hardness_strength: float = 0.0,
        *,
        mask_by_identity: bool = True,
        mask_by_label: bool = False,
        false_negative_margin: float | None = None,
        learnable_scale: bool = False,
    ) -> None:
        super().__init__(model)
        self.comparisons = Comparisons(
            directions=tuple(directions),
            partition_mode=partition_mode,
            hardness_mode=hardness_mode,
            hardness_strength=hardness_strength,
        )
        self.scaling = Scale(scale, learnable=learnable_scale)
        self.similarity_fct = similarity_fct
        self.gather_across_devices = gather_across_devices
        self.directions = self.comparisons.directions
        self.partition_mode = partition_mode
        self.hardness_mode = hardness_mode
        self.hardness_strength = hardness_strength
        self.mask_by_identity = mask_by_identity
        self.mask_by_label = mask_by_label
        self.labels = "class of each row" if mask_by_label else type(self).labels
        self.false_negative_margin = false_negative_margin
        self.learnable_scale = learnable_scale

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Gather if asked to, and compute the loss of this rank's rows."""
        check_columns(self, embeddings, minimum=2)
        num_rows = len(embeddings[0])
        ranks = RankRows(num_rows, embeddings[0].device, gather=self.gather_across_devices)
        classes = check_classes(self, labels, num_rows) if self.mask_by_label else None
        identity = gathered_identity(batch if self.mask_by_identity else None, classes, ranks)
        columns = ranks.gather_columns(embeddings)
        total, count = in_batch_cross_entropy(
            columns[0],
            torch.stack(columns[1:]),
            self.comparisons,
            scale=self.scaling(),
            similarity_fct=self.similarity_fct,
            identity=identity,
            margin=self.false_negative_margin,
            weights=None if batch.row_weights is None else ranks.gather(batch.row_weights),
            rows=ranks.own,
        )
        return ranks.mean(total, count)

    @property
    def scale(self) -> float:
        """Factor of the similarities."""
        return self.scaling.value

    @property
    def temperature(self) -> float:
        """Inverse of the scale."""
        return 1.0 / self.scale

    @property
    def citation(self) -> str:
        """BibTeX of the papers behind the loss and its directions."""
        citation = """@misc{oord2018cpc,
    title={Representation Learning with Contrastive Predictive Coding},
    author={Aaron van den Oord and Yazhe Li and Oriol Vinyals},
    year={2018}, eprint={1807.03748}, archivePrefix={arXiv}, primaryClass={cs.LG}
}"""
        if len(self.directions) > 1 and self.partition_mode == "joint":
            citation += """
@misc{li2023gte,
    title={Towards General Text Embeddings with Multi-stage Contrastive Learning},
    author={Zehan Li and Xin Zhang and Yanzhao Zhang and Dingkun Long and Pengjun Xie and Meishan Zhang},
    year={2023}, eprint={2308.03281}, archivePrefix={arXiv}, primaryClass={cs.CL}
}"""
        elif len(self.directions) > 1:
            citation += r"""
@misc{guenther2023jina2,
    title={{Jina} {Embeddings} 2: 8192-Token General-Purpose Text Embeddings for Long Documents},
    author={Michael G{\"u}nther and Jackmin Ong and Isabelle Mohr and Alaeddine Abdessalem and Tanguy Abel
        and Mohammad Kalim Akram and Susana Guzman and Georgios Mastrapas and Saba Sturua and Bo Wang and
        Maximilian Werk and Nan Wang and Han Xiao},
    year={2023}, eprint={2310.19923}, archivePrefix={arXiv}, primaryClass={cs.CL}
}"""
        return citation
