"""Pooling: one embedding per text from the embeddings of its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor, nn

from foolsgold.models.folder import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PoolingMode = Literal["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]

# The flags that say the mode in folders of older releases; several of them concatenate in this order.
_LEGACY_FLAGS: dict[str, PoolingMode] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


class Pooling(nn.Module):
    """Reduce token embeddings to one sentence embedding.

    | Mode | Sentence embedding |
    |---|---|
    | `cls` | of the first token |
    | `max` | largest value per dimension |
    | `mean` | mean |
    | `mean_sqrt_len_tokens` | sum over the square root of the number of tokens |
    | `weightedmean` | mean weighted by the position, 1 for the first token |
    | `lasttoken` | of the last token |

    Padding, on either side, is never read. Sums are in at least float32. A text without tokens gives zeros.

    Shape:
        `token_embeddings` (B, L, D), `attention_mask` (B, L) in; `sentence_embedding` (B, MD) of M modes out.

    Args:
        embedding_dimension: D.
        pooling_mode: one mode, or several whose results are concatenated in that order.
        include_prompt: whether the tokens of the prompt (`prompt_length` in the features) are pooled too.

    Raises:
        ValueError: no such mode, or none at all.
    """

    def __init__(
        self,
        embedding_dimension: int,
        pooling_mode: PoolingMode | Sequence[PoolingMode] = "mean",
        include_prompt: bool = True,
    ) -> None:
        super().__init__()
        self.pooling_modes: tuple[PoolingMode, ...] = (
            (pooling_mode,) if isinstance(pooling_mode, str) else tuple(pooling_mode)
        )
        if not self.pooling_modes or not set(self.pooling_modes) <= set(get_args(PoolingMode)):
            raise ValueError(f"`pooling_mode` must be of {get_args(PoolingMode)}, got {pooling_mode!r}")
        self.embedding_dimension = embedding_dimension
        self.include_prompt = include_prompt

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        """Add `sentence_embedding` to the features."""
        tokens: Tensor = features["token_embeddings"]
        mask: Tensor = features["attention_mask"].bool()
        # Position in the text: 0 at the first token, negative in padding on the left.
        positions = torch.arange(mask.shape[1], device=mask.device) - mask.int().argmax(dim=1, keepdim=True)
        if not self.include_prompt and "prompt_length" in features:
            mask = mask & (positions >= features["prompt_length"])
        pooled = [_pool(mode, tokens, mask, positions) for mode in self.pooling_modes]
        return {**features, "sentence_embedding": torch.cat(pooled, dim=-1)}

    def get_embedding_dimension(self) -> int:
        """Return the width of the sentence embedding."""
        return len(self.pooling_modes) * self.embedding_dimension

    def save(self, folder: Path) -> None:
        """Write `config.json`."""
        modes = self.pooling_modes
        config = {
            "embedding_dimension": self.embedding_dimension,
            "pooling_mode": modes[0] if len(modes) == 1 else list(modes),
            "include_prompt": self.include_prompt,
        }
        write_json(folder / "config.json", config)

    @classmethod
    def load(cls, folder: Path) -> Pooling:
        """Read `config.json`, of this release or an older one.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not JSON, or a key is missing or has no such value.
        """
        path = folder / "config.json"
        config = read_json(path)
        dimension = config.get("embedding_dimension", config.get("word_embedding_dimension"))
        if not isinstance(dimension, int):
            raise ValueError(f"`{path}` must have an integer `embedding_dimension`, got {dimension}")
        modes = config.get("pooling_mode") or [
            mode for flag, mode in _LEGACY_FLAGS.items() if config.get(flag)
        ]
        return cls(dimension, modes or "mean", config.get("include_prompt", True))


def _pool(mode: PoolingMode, tokens: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
    """Pool tokens (B, L, D) where mask (B, L) is true; positions (B, L) are 0 at a text's first token."""
    if mode == "cls":
        return _at(tokens, mask.int().argmax(dim=1))
    if mode == "lasttoken":
        last = mask.shape[1] - 1 - mask.int().flip(1).argmax(dim=1)
        return _at(tokens, last) * mask.any(dim=1, keepdim=True)
    if mode == "max":
        largest = tokens.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(dim=1)
        return largest.masked_fill(~mask.any(dim=1, keepdim=True), 0.0)
    dtype = torch.promote_types(tokens.dtype, torch.float32)
    weights = mask.to(dtype) * (positions + 1) if mode == "weightedmean" else mask.to(dtype)
    total = (tokens * weights.unsqueeze(-1)).sum(dim=1)
    weight = weights.sum(dim=1, keepdim=True).clamp(min=1e-9)
    return (total / (weight.sqrt() if mode == "mean_sqrt_len_tokens" else weight)).to(tokens.dtype)


def _at(tokens: Tensor, columns: Tensor) -> Tensor:
    """Take one token per text: (B, L, D), (B,) to (B, D)."""
    return tokens[torch.arange(len(tokens), device=tokens.device), columns]
