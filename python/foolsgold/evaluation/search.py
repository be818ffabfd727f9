"""Exact search by any similarity, in memory that does not grow with the corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

_SCORES_AT_ONCE = 1 << 24


def search_by(
    similarity: Callable[[Tensor, Tensor], Tensor],
    queries: Tensor,
    corpus: Tensor,
    top_k: int,
    chunk_size: int,
) -> tuple[Tensor, Tensor]:
    """Find the best documents of each query by a matrix similarity.

    Args:
        similarity: (N, D), (M, D) to (N, M), higher is closer.
        queries: (Q, D).
        corpus: (C, D).
        top_k: at least 1.
        chunk_size: documents compared at once.

    Returns:
        Ids int64 and scores float32, (Q, min(top_k, C)) each, best first, on the CPU.
    """
    rows = max(1, _SCORES_AT_ONCE // max(1, min(chunk_size, len(corpus))))
    parts = torch.split(queries, rows)
    found = [_search(similarity, part, corpus, top_k, chunk_size) for part in parts]
    ids, scores = zip(*found, strict=True)
    return torch.cat(ids), torch.cat(scores)


def _search(
    similarity: Callable[[Tensor, Tensor], Tensor],
    queries: Tensor,
    corpus: Tensor,
    top_k: int,
    chunk_size: int,
) -> tuple[Tensor, Tensor]:
    ids = torch.empty(len(queries), 0, dtype=torch.int64)
    scores = torch.empty(len(queries), 0)
    for start in range(0, len(corpus), chunk_size):
        chunk = similarity(queries, corpus[start : start + chunk_size]).float()
        best = chunk.topk(min(top_k, chunk.shape[1]), dim=1)
        ids = torch.cat([ids, best.indices.cpu() + start], dim=1)
        # Stable, so that of equal scores the earlier chunk comes first.
        scores, order = torch.cat([scores, best.values.cpu()], dim=1).sort(
            dim=1, descending=True, stable=True
        )
        ids, scores = ids.gather(1, order)[:, :top_k], scores[:, :top_k]
    return ids, scores
