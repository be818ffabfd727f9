"""Deletion noise on tokens, in shapes that do not depend on chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping


def delete_tokens(
    features: Mapping[str, Any], ratio: float, special_ids: Tensor, generator: torch.Generator
) -> dict[str, Any]:
    """Delete each token of the content with probability `ratio`, and close the gaps.

    Special tokens, padding and a prompt (`prompt_length`) are no content. At least one token of a row's
    content stays. The width of the batch stays, too: what is deleted becomes padding on the right.

    Args:
        features: `input_ids` (B, L), `attention_mask` (B, L), and others; left as they are.
        ratio: in [0, 1).
        special_ids: ids of special tokens, (S,).
        generator: on the device of the features.

    Returns:
        The features, the token matrices (B, L) among them in their new order.
    """
    ids, mask = features["input_ids"], features["attention_mask"].ne(0)
    places = torch.arange(ids.shape[1], device=ids.device)
    content = mask & ~torch.isin(ids, special_ids) & (places >= features.get("prompt_length", 0))
    draws = torch.rand(ids.shape, generator=generator, device=ids.device).masked_fill(~content, -1.0)
    stays = (draws >= ratio) | (draws == draws.amax(dim=1, keepdim=True))
    kept = mask & (stays | ~content)
    order = kept_first(kept)
    damaged = {**features, "attention_mask": kept.to(features["attention_mask"].dtype)}
    for name, value in damaged.items():
        if isinstance(value, Tensor) and value.shape == ids.shape:
            damaged[name] = value.gather(1, order)
    return damaged


def kept_first(kept: Tensor) -> Tensor:
    """Order each row so that what is kept comes first, and nothing else changes.

    Shape:
        kept (B, L) bool; returns (B, L), places to gather along the last dimension.
    """
    return kept.int().argsort(dim=1, descending=True, stable=True)
