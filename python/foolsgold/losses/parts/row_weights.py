"""Rows that count more than others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def weighted_mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    r"""Mean of the rows' losses, $\sum_i w_i l_i / \sum_i w_i$; 0 in the graph where all weights are 0.

    Shape:
        losses (B,), weights (B,); returns ().

    Args:
        losses: one for each row.
        weights: how much each row counts, at least 0; None for all the same.
    """
    if weights is None:
        return losses.mean()
    weights = weights.to(losses.dtype)
    total = weights.sum()
    return (losses * weights).sum() / torch.where(total > 0, total, 1.0)
