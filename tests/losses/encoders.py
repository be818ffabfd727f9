"""Encoders small enough for exact checks, and features for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TokenEncoder(nn.Module):
    """Mean of a row's token embeddings, with dropout, through one layer; counts its calls."""

    def __init__(self, dropout: float = 0.0, dimension: int = 6) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            self.tokens = nn.Embedding(40, dimension)
            self.layer = nn.Linear(dimension, dimension)
        self.dropout = nn.Dropout(dropout)
        self.calls: list[torch.Size] = []

    @property
    def device(self) -> torch.device:
        return self.layer.weight.device

    def get_embedding_dimension(self) -> int:
        return self.layer.out_features

    def __getitem__(self, index: int) -> TokenEncoder:
        return self  # sentence-transformers looks for a first module

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        self.calls.append(features["input_ids"].shape)
        mask = features["attention_mask"].unsqueeze(-1)
        # Sentence-transformers' modules write into the dict they are given, too.
        features["token_embeddings"] = self.dropout(self.tokens(features["input_ids"]))
        means = (features["token_embeddings"] * mask).sum(1) / mask.sum(1)
        features["sentence_embedding"] = torch.tanh(self.layer(means))
        return features


class Given(nn.Module):
    """An encoder whose embeddings are its features, 6 dimensions as a rule."""

    def get_embedding_dimension(self) -> int:
        return 6

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {**features, "sentence_embedding": features["embedding"]}


class FlatEncoder(nn.Module):
    """Mean of token embeddings of flat features, `input_ids` (tokens,) and `offsets` (rows,)."""

    def __init__(self, dimension: int = 6) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            self.bag = nn.EmbeddingBag(40, dimension, mode="mean")
        self.calls = 0

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        self.calls += 1
        features["sentence_embedding"] = self.bag(features["input_ids"], features["offsets"])
        return features


def token_rows(num_rows: int, max_length: int, seed: int) -> list[list[int]]:
    """Random rows of 1 to `max_length` tokens, 1 to 39; the first has the full length."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, max_length + 1, (num_rows,), generator=generator).tolist()
    lengths[0] = max_length
    return [torch.randint(1, 40, (length,), generator=generator).tolist() for length in lengths]


def padded(rows: list[list[int]]) -> dict[str, Tensor]:
    """`input_ids` and `attention_mask`, padded with 0 to the longest row."""
    width = max(map(len, rows))
    return {
        "input_ids": torch.tensor([row + [0] * (width - len(row)) for row in rows]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
    }


def flat(rows: list[list[int]]) -> dict[str, Tensor]:
    """`input_ids` of all rows, one after the other, and `offsets` where each begins."""
    starts = [0]
    for row in rows[:-1]:
        starts.append(starts[-1] + len(row))
    return {
        "input_ids": torch.tensor([token for row in rows for token in row]),
        "offsets": torch.tensor(starts),
    }


def columns(num_rows: int, *max_lengths: int, seed: int = 0) -> list[dict[str, Tensor]]:
    """One padded column for each length."""
    return [padded(token_rows(num_rows, length, seed + i)) for i, length in enumerate(max_lengths)]


def embeddings(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
