"""In-batch negatives: pick a query's document out of all documents of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from foolsgold.losses.base import BatchInfo, EmbeddingLoss, check_columns
from foolsgold.losses.directions import (
    DIRECTIONS,
    Direction,
    HardnessMode,
    PartitionMode,
    check_directions,
    check_hardness,
    is_weighted,
    left_out,
    similarities,
)
from foolsgold.losses.gather import gather_rows
from foolsgold.losses.identity import known_matches
from foolsgold.losses.row_blocks import mean_over_rows
from foolsgold.similarity import cos_sim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def multiple_negatives_ranking_loss(
    queries: Tensor,
    documents: Tensor,
    *,
    scale: float = 20.0,
    similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
    directions: Sequence[Direction] = ("query_to_doc",),
    partition_mode: PartitionMode = "joint",
    hardness_mode: HardnessMode | None = None,
    hardness_strength: float = 0.0,
    query_ids: Tensor | None = None,
    document_ids: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    r"""Cross-entropy of each query's positive against all candidates; maths at the module.

    Large batches go by blocks of rows (`foolsgold.losses.row_blocks`).

    Shape:
        queries (G, D), documents (C, G, D) with the positives first, query_ids (G,), document_ids (C, G);
        returns () in at least float32.

    Args:
        queries: one for each row of the batch.
        documents: a positive and C - 1 hard negatives for each row.
        scale: factor of the similarities, above 0.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        directions: what is compared; `query_to_doc` must be there.
        partition_mode: one softmax for all directions, or one for each.
        hardness_mode: which negatives get weight by their similarity.
        hardness_strength: how much of it, at least 0.
        query_ids: text ids; given with `document_ids`, known matches are no negatives.
        document_ids: text ids.
        rows: the B rows whose loss it is; candidates are taken from all.
    """
    check_directions(directions, partition_mode)
    check_hardness(hardness_mode, hardness_strength)
    dtype = torch.promote_types(queries.dtype, torch.float32)
    queries, documents = queries.to(dtype), documents.to(dtype)
    all_rows = torch.arange(len(queries), device=queries.device)
    names = [name for name in DIRECTIONS if name in directions]

    def row_losses(rows: slice) -> Tensor:
        own = all_rows[rows, None] == all_rows
        logits = []
        for name in names:
            raw = similarities(name, queries, documents, rows, similarity_fct)
            scores = raw * scale
            if name == "query_to_doc":
                positives = scores[:, rows].diagonal()
                if hardness_mode is not None:
                    weighted = is_weighted(hardness_mode, own, raw.shape[1])
                    scores = scores + raw.detach() * weighted * hardness_strength
            matches = None
            if query_ids is not None and document_ids is not None:
                texts = document_ids if name.endswith("doc") else query_ids[None]
                matches = known_matches(texts, query_ids, document_ids[0], rows)
            masked = left_out(name, own, raw.shape[1], matches)
            logits.append(scores if masked is None else scores.masked_fill(masked, -torch.inf))
        if partition_mode == "joint" and len(logits) > 1:
            logits = [torch.cat(logits, dim=1)]
        return torch.stack([scores.logsumexp(dim=1) for scores in logits]).mean(dim=0) - positives

    first, last, _ = rows.indices(len(queries))
    logits_per_row = len(queries) * (len(documents) + 1) * len(names)
    with torch.autocast(queries.device.type, enabled=False):
        return mean_over_rows(row_losses, first, last, logits_per_row)


class MultipleNegativesRankingLoss(EmbeddingLoss):
    r"""Pull a query to its positive, push it from other rows' documents and its own hard negatives.

    Large batches make it a harder and better task. Wants a batch sampler without duplicates; where text ids
    are there, a known match in the batch is no negative anyway (`foolsgold.losses.identity` says what a
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
        columns (anchor, positive[, negative_1, ..., negative_n]), each (B, D); labels unused; returns ().

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

    Raises:
        ValueError: an option outside its range.

    Reference:
        van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, eq. 4; directions: Li et al. 2023,
        https://arxiv.org/abs/2308.03281, section 3.3; hardness: Lan et al. 2025,
        https://arxiv.org/abs/2503.04812, eq. 5.
    """

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
    ) -> None:
        super().__init__(model)
        if not scale > 0:
            raise ValueError(f"`scale` must be above 0, got {scale}")
        check_directions(directions, partition_mode)
        check_hardness(hardness_mode, hardness_strength)
        self.scale = scale
        self.similarity_fct = similarity_fct
        self.gather_across_devices = gather_across_devices
        self.directions = tuple(directions)
        self.partition_mode = partition_mode
        self.hardness_mode = hardness_mode
        self.hardness_strength = hardness_strength
        self.mask_by_identity = mask_by_identity

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Gather if asked to, and compute the loss of this rank's rows."""
        check_columns(self, embeddings, "(anchor, positive[, negative_1, ..., negative_n])", minimum=2)
        num_rows, share, first = len(embeddings[0]), 1.0, 0
        text_ids = [ids for ids in batch.text_ids if ids is not None]
        if not self.mask_by_identity or len(text_ids) < len(embeddings):
            text_ids = []
        if self.gather_across_devices:
            embeddings, first = gather_rows(embeddings)
            text_ids = gather_rows(text_ids)[0] if text_ids else []
            share = num_rows * batch.world_size / len(embeddings[0])
        loss = multiple_negatives_ranking_loss(
            embeddings[0],
            torch.stack(embeddings[1:]),
            scale=self.scale,
            similarity_fct=self.similarity_fct,
            directions=self.directions,
            partition_mode=self.partition_mode,
            hardness_mode=self.hardness_mode,
            hardness_strength=self.hardness_strength,
            query_ids=text_ids[0] if text_ids else None,
            document_ids=torch.stack(text_ids[1:]) if text_ids else None,
            rows=slice(first, first + num_rows),
        )
        return loss * share

    @property
    def temperature(self) -> float:
        """Inverse of the scale."""
        return 1.0 / self.scale
