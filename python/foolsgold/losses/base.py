"""What every embedding loss shares: an encoder, columns of features in, an objective out."""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch import distributed as dist

from foolsgold.losses.gradient_cache import embed_in_chunks
from foolsgold.losses.merging import embed_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class BatchInfo:
    """What an objective may want to know of its batch besides the embeddings and the labels.

    Attributes:
        features: one feature dict per column, as the encoder gets it.
        text_ids: per column, the ids of its texts, (B,) int64; None where the features bring none.
        rank: place of this process, 0 <= `rank` < `world_size`.
        world_size: number of processes that train together.
    """

    features: tuple[dict[str, Any], ...]
    text_ids: tuple[Tensor | None, ...]
    rank: int = 0
    world_size: int = 1

    @classmethod
    def from_features(cls, sentence_features: Iterable[dict[str, Any]]) -> BatchInfo:
        """Split the optional `text_ids` off copies of the features; look up the rank layout."""
        columns = tuple(dict(column) for column in sentence_features)
        text_ids = tuple(column.pop("text_ids", None) for column in columns)
        if dist.is_available() and dist.is_initialized():
            return cls(columns, text_ids, dist.get_rank(), dist.get_world_size())
        return cls(columns, text_ids)


class EmbeddingLoss(nn.Module):
    """Base of all losses over embeddings: embeds the columns, then computes the objective.

    A subclass writes its constructor, which stores each argument under the argument's name, and `compute`.
    One that needs more than the encoder's embeddings overrides `embed`, which may return further tensors.

    Attributes:
        model: the encoder; maps a feature dict to one that has `sentence_embedding` (rows, D).
        mini_batch_size: rows that the encoder embeds at a time, with a gradient cache; None embeds all at
            once.
        mask_by_identity: whether the objective uses text ids to tell which candidates are no negatives.
    """

    mini_batch_size: int | None = None
    mask_by_identity: bool = False
    _missing_text_ids_told = False

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, sentence_features: Iterable[dict[str, Any]], labels: Tensor | None = None
    ) -> Tensor | dict[str, Tensor]:
        """Embed the columns and compute the objective.

        Args:
            sentence_features: one feature dict per text column, in column order; each may bring `text_ids`,
                (B,) int64, equal for equal texts across all columns.
            labels: what the loss asks for, with one row for each of the batch, or None.

        Returns:
            The loss, a scalar tensor, or its named components, whose sum is the loss.
        """
        batch = BatchInfo.from_features(sentence_features)
        missing = self.mask_by_identity and any(ids is None for ids in batch.text_ids)
        if missing and not self._missing_text_ids_told:
            self._missing_text_ids_told = True
            logger.info("`%s` got no `text_ids`: equal texts count as negatives", type(self).__name__)
        return self.compute(self.embed(batch.features), labels, batch)

    def embed(self, features: Sequence[dict[str, Any]]) -> list[Tensor]:
        """Embed every column; columns of one kind share a forward (`foolsgold.losses.merging`).

        Args:
            features: one feature dict per column, without `text_ids`; left as they are.

        Returns:
            One tensor (B, D) per column, in column order.
        """
        return embed_columns(self._encode, features)

    def compute(
        self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo
    ) -> Tensor | dict[str, Tensor]:
        """Compute the objective from what `embed` returned.

        Args:
            embeddings: one tensor (B, D) per column.
            labels: as given to `forward`.
            batch: features, text ids and rank layout.

        Returns:
            The loss, a scalar tensor, or its named components.
        """
        raise NotImplementedError(f"`{type(self).__name__}` must define `compute`")

    def get_config_dict(self) -> dict[str, Any]:
        """Map the name of each constructor argument to its stored value, functions and modules by name."""
        names = list(inspect.signature(type(self).__init__).parameters)[2:]
        return {name: _described(getattr(self, name)) for name in names if hasattr(self, name)}

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss; empty where there is none."""
        return ""

    def _encode(self, features: dict[str, Any]) -> Tensor:
        if self.mini_batch_size is None:
            return self._encode_at_once(features)
        return embed_in_chunks(self._encode_at_once, features, self.mini_batch_size)

    def _encode_at_once(self, features: dict[str, Any]) -> Tensor:
        # Encoders write their outputs into the dict they are given; the copy keeps a replay's input clean.
        embeddings: Tensor = self.model(dict(features))["sentence_embedding"]
        return embeddings


def check_columns(
    loss: EmbeddingLoss, embeddings: Sequence[Tensor], expected: str, minimum: int, maximum: int | None = None
) -> None:
    """Raise ValueError unless there are `minimum` to `maximum` columns, of equally many rows.

    Args:
        loss: named in the message.
        embeddings: one tensor per column.
        expected: the columns in words, such as `(anchor, positive, negative)`.
        minimum: smallest number of columns.
        maximum: largest number of columns; None for any.
    """
    name = type(loss).__name__
    if len(embeddings) < minimum or (maximum is not None and len(embeddings) > maximum):
        raise ValueError(f"`{name}` expects the columns {expected}, got {len(embeddings)} columns")
    rows = [len(column) for column in embeddings]
    if len(set(rows)) > 1:
        raise ValueError(f"`{name}` expects equally many rows in every column, got {rows}")


def check_labels(loss: EmbeddingLoss, labels: Tensor | None, num_rows: int) -> Tensor:
    """Return `labels` as (B,), or raise ValueError unless there is one label per row, (B,) or (B, 1)."""
    name = type(loss).__name__
    if labels is None:
        raise ValueError(f"`{name}` expects one label per row, got None")
    if tuple(labels.shape) not in ((num_rows,), (num_rows, 1)):
        raise ValueError(f"`{name}` expects labels of shape ({num_rows},), got {tuple(labels.shape)}")
    return labels.reshape(-1)


def _described(value: Any) -> Any:
    if isinstance(value, EmbeddingLoss):
        return type(value).__name__
    if isinstance(value, nn.Module):
        return f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, Enum):
        return str(value)
    return getattr(value, "__name__", type(value).__name__) if callable(value) else value
