"""What losses that work on top of other losses share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

import torch

from foolsgold.losses.base import EmbeddingLoss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from foolsgold.losses.parts.gradient_cache import ChunkSize

    Outcome: TypeAlias = Tensor | dict[str, Tensor]
    Objective: TypeAlias = Callable[[list[Tensor]], Outcome]


class LossModifier(EmbeddingLoss):
    """Base of losses that apply another one: its columns, labels, masks and gradient cache are that one's.

    Args:
        model: the encoder; the one of `loss`.
        loss: the loss to apply.

    Attributes:
        loss: as given.
        labels_are_embeddings: whether the labels of `loss` are embeddings of a teacher.
    """

    def __init__(self, model: nn.Module, loss: EmbeddingLoss) -> None:
        check_modifiable(loss, model, "loss")
        super().__init__(model)
        self.loss = loss
        # Instance attributes shadow those of the class.
        self.inputs, self.labels = loss.inputs, loss.labels
        self.weighs_rows, self.mask_by_identity = loss.weighs_rows, loss.mask_by_identity
        self.labels_are_embeddings = loss.labels_are_embeddings

    @property
    def chunk_size(self) -> ChunkSize | None:
        """How much is embedded at a time; the setting of `loss`."""
        return self.loss.chunk_size

    @chunk_size.setter
    def chunk_size(self, size: ChunkSize | None) -> None:
        self.loss.chunk_size = size

    def embed(self, features: Sequence[dict[str, Any]]) -> list[Tensor]:
        """Embed every column as the modified loss does."""
        return self.loss.embed(features)


def check_modifiable(loss: EmbeddingLoss, model: nn.Module, name: str) -> None:
    """Refuse what cannot be applied by its `embed` and `compute`.

    Args:
        loss: the loss to apply.
        model: the one it must have.
        name: of the argument, for messages.

    Raises:
        TypeError: not an `EmbeddingLoss`, or one with a `forward` of its own.
        ValueError: another model.
    """
    if not isinstance(loss, EmbeddingLoss):
        raise TypeError(
            f"`{name}` must be an EmbeddingLoss of foolsgold, got {type(loss).__name__}\n"
            "hint: a loss of your own becomes one by a `compute(embeddings, labels, batch)`"
        )
    if type(loss).forward is not EmbeddingLoss.forward:
        raise TypeError(
            f"`{name}` must do all its work in `compute`, got {type(loss).__name__} with its own `forward`"
        )
    if loss.model is not model:
        raise ValueError(f"`{name}` must have the same `model` as its modifier, got another")


def embeds_as_base(loss: EmbeddingLoss) -> bool:
    """Tell whether what a loss embeds is one embedding by `model` per text."""
    kind = type(loss)
    if kind.encode is not EmbeddingLoss.encode:
        return False
    if isinstance(loss, LossModifier) and kind.embed is LossModifier.embed:
        return embeds_as_base(loss.loss)
    return kind.embed is EmbeddingLoss.embed


def check_embeds_as_base(loss: EmbeddingLoss, name: str) -> None:
    """Raise TypeError for a loss that embeds in a way of its own."""
    if not embeds_as_base(loss):
        raise TypeError(
            f"`{name}` must take one embedding of `model` per text, "
            f"got {type(loss).__name__}, which embeds in its own way"
        )


def weighted_sum(outcomes: Sequence[Outcome], weights: Sequence[float]) -> Outcome:
    """Add up what a loss gives several times; named components name by name."""
    if isinstance(outcomes[0], dict):
        parts = cast("Sequence[dict[str, Tensor]]", outcomes)
        return {name: _weighted([part[name] for part in parts], weights) for name in outcomes[0]}
    return _weighted(cast("Sequence[Tensor]", outcomes), weights)


def _weighted(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    return torch.stack([weight * value for weight, value in zip(weights, values, strict=True)]).sum()
