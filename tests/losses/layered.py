"""An encoder with layers, small enough for exact checks."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor, nn


class LayeredEncoder(nn.Sequential):
    """A stack of layers over tokens and then their mean; 6 dimensions, 3 layers before the last."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__(TokenLayers(dropout), TokenMean())

    def get_embedding_dimension(self) -> int:
        return 6


class Stack(nn.Module):
    """Stands for a model of `transformers`: its `config` says whether the states of layers are returned."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(11)
            self.tokens = nn.Embedding(40, 6)
            self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(3))
        self.dropout = nn.Dropout(dropout)
        self.config = SimpleNamespace(output_hidden_states=False)
        self.num_calls = 0

    def forward(self, ids: Tensor) -> list[Tensor]:
        self.num_calls += 1
        states = [self.dropout(self.tokens(ids))]
        for layer in self.layers:
            states.append(torch.tanh(layer(states[-1])))
        return states


class TokenLayers(nn.Module):
    """Runs the stack."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.auto_model = Stack(dropout)

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        states = self.auto_model(features["input_ids"])
        features["token_embeddings"] = states[-1]
        if self.auto_model.config.output_hidden_states:
            features["all_layer_embeddings"] = states
        return features


class TokenMean(nn.Module):
    """Mean of a row's tokens, through a layer that all layers share."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(12)
            self.dense = nn.Linear(6, 6)

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = features["attention_mask"].unsqueeze(-1)
        # Sentence-transformers' modules write into the dict they are given, too.
        features["sentence_embedding"] = self.dense(
            (features["token_embeddings"] * mask).sum(1) / mask.sum(1)
        )
        return features
