"""Losses of a batch in which a row may have several positives: all known matches are, and none is masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from foolsgold.losses.parts.checks import check_classes, check_columns
from foolsgold.losses.parts.identity import Identity, gathered_identity
from foolsgold.losses.parts.row_blocks import sum_over_rows
from foolsgold.similarity import cos_sim, dot_score, normalize_embeddings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from foolsgold.losses.base import EmbeddingLoss
    from foolsgold.losses.parts.batch import BatchInfo
    from foolsgold.losses.parts.gather import RankRows

    RowLosses = Callable[..., tuple[Tensor, Tensor]]


def sum_row_losses(
    row_losses: RowLosses,
    anchors: Tensor,
    documents: Tensor | None,
    parameters: Sequence[float | Tensor],
    *,
    similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
    identity: Identity | None = None,
    weights: Tensor | None = None,
    rows: slice = slice(None),
) -> tuple[Tensor, Tensor]:
    """Sum the losses of some rows over all candidates, by blocks of rows where the batch is large.

    Without documents the candidates of an anchor are the other anchors, and its positives are those that
    match it. With documents the candidates are all of these, and its positives its own and those that match.

    Shape:
        anchors (G, D), documents (C, G, D) with the positives first, weights (G,); returns (), ().

    Args:
        row_losses: maps similarities (B, N), which of them are positives (B, N), which are compared (B, N),
            and the parameters, each (), to the rows' losses (B,) and which rows count (B,) bool.
        anchors: one for each row of the batch.
        documents: a positive and C - 1 negatives for each row, or None.
        parameters: numbers, or tensors of one element that are trained.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        identity: what is known of the rows.
        weights: how much each row counts; None for all the same.
        rows: the B rows whose losses are summed.

    Returns:
        The sum of the losses, and the number of rows that count, or the sum of their weights.
    """
    dtype = torch.promote_types(anchors.dtype, torch.float32)
    ours = similarity_fct in (cos_sim, dot_score)
    prepare = normalize_embeddings if similarity_fct is cos_sim else Tensor.contiguous
    similarity = dot_score if ours else similarity_fct
    anchors = prepare(anchors.to(dtype))
    candidates = anchors if documents is None else prepare(documents.to(dtype)).flatten(0, 1)
    scalars = [torch.as_tensor(x, dtype=dtype, device=anchors.device).reshape(()) for x in parameters]
    first, last, _ = rows.indices(len(anchors))

    def block(rows: slice, anchors: Tensor, candidates: Tensor, *scalars: Tensor) -> tuple[Tensor, Tensor]:
        all_rows = torch.arange(len(anchors), device=anchors.device)
        own = all_rows[rows, None] == all_rows
        side = "query" if documents is None else "doc"
        matches = None if identity is None else identity.matches(side, rows)
        if documents is None:
            compared = ~own
            positives = torch.zeros_like(own) if matches is None else matches & compared
        else:
            positives = own if matches is None else _either(own, matches)
            positives = F.pad(positives, (0, len(candidates) - positives.shape[1]))
            compared = torch.ones_like(positives)
        similarities = similarity(anchors[rows], candidates)
        losses, counted = row_losses(similarities, positives, compared, *scalars)
        counts = counted.to(dtype) if weights is None else counted * weights[rows].to(dtype)
        return (losses * counts).sum(), counts.sum()

    with torch.autocast(anchors.device.type, enabled=False):
        return sum_over_rows(
            block, (anchors, candidates, *scalars), slice(first, last), len(candidates), closed=ours
        )


def _either(own: Tensor, matches: Tensor) -> Tensor:
    """Join what is known of the first documents, (B, G), with what is known of these or of all, (B, N)."""
    return F.pad(own, (0, matches.shape[1] - own.shape[1])) | matches


def gathered_rows(
    loss: EmbeddingLoss, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo, ranks: RankRows
) -> tuple[Tensor, Tensor | None, Identity | None]:
    """Gather anchors, documents and what is known of them; None for the documents of a single column.

    Args:
        loss: for its name and words, and whether it looks at text ids.
        embeddings: one tensor (B, D) per column.
        labels: classes of the rows, which a single column needs.
        batch: brings text ids and known positives, which a single column has no use for.
        ranks: whose rows.
    """
    check_columns(loss, embeddings, minimum=1)
    single = len(embeddings) == 1
    classes = check_classes(loss, labels, len(embeddings[0])) if single or labels is not None else None
    identity = gathered_identity(batch if loss.mask_by_identity and not single else None, classes, ranks)
    columns = ranks.gather_columns(embeddings)
    return columns[0], None if single else torch.stack(columns[1:]), identity
