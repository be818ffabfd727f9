"""What the job does and how long: every number that decides its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One run over the training pairs.

    Attributes:
        epochs: Passes over the rows, more than 0.
        learning_rate: Its greatest value; it rises over the warm-up and falls linearly to zero.
        warmup: Share of the steps to rise for, 0 to 1.
        scale: What cosine similarities are multiplied by before the softmax; the inverse of the temperature.
    """

    epochs: float
    learning_rate: float
    warmup: float = 0.1
    scale: float = 20.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Train with in-batch negatives, mine with what came out, train on with what was mined.

    Attributes:
        in_batch: The first stage.
        mined: The second stage, with mined negatives; the control runs it without them.
        batch_size: Rows of a batch, at least 2.
        num_negatives: Mined negatives of each row, at least 1.
        relative_margin: A document scored above the positive's score less this share of it is no negative.
        range_min: So many of the best-ranked candidates are passed over.
        range_max: Candidates come from so many of the best ranks.
        sampling_strategy: Of the candidates, the best (`top`) or any (`random`).
        seed: Of everything random: split, initial weights, batches.
    """

    in_batch: Stage
    mined: Stage
    batch_size: int
    num_negatives: int
    relative_margin: float = 0.05
    range_min: int = 0
    range_max: int = 10
    sampling_strategy: Literal["top", "random"] = "random"
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class EmbeddedModel:
    """The default model: static token embeddings over a vocabulary learnt from the data.

    Attributes:
        vocabulary_size: The most tokens.
        dimension: Of the embeddings.
        max_tokens: What a text is cut to.
    """

    vocabulary_size: int = 8_000
    dimension: int = 256
    max_tokens: int = 96


@dataclass(frozen=True, kw_only=True)
class StaticRecipe(Recipe):
    """For static embeddings, trained from nothing in a minute: large batches, large steps."""

    in_batch: Stage = field(default_factory=lambda: Stage(epochs=1.5, learning_rate=0.2, scale=15.0))
    mined: Stage = field(default_factory=lambda: Stage(epochs=2, learning_rate=0.1, scale=15.0))
    batch_size: int = 512
    num_negatives: int = 4


@dataclass(frozen=True, kw_only=True)
class TransformerRecipe(Recipe):
    """For a pre-trained transformer: one careful pass each."""

    in_batch: Stage = field(default_factory=lambda: Stage(epochs=1, learning_rate=2e-5))
    mined: Stage = field(default_factory=lambda: Stage(epochs=1, learning_rate=1e-5))
    batch_size: int = 64
    num_negatives: int = 2
