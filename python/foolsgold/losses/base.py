"""What every embedding loss shares: an encoder, columns of features in, an objective out."""

from __future__ import annotations

import inspect
import logging
from enum import Enum
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from foolsgold.losses.parts.batch import BatchInfo
from foolsgold.losses.parts.checks import check_features
from foolsgold.losses.parts.gradient_cache import ChunkSize, embed_in_chunks
from foolsgold.losses.parts.merging import embed_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typing_extensions import Self

logger = logging.getLogger(__name__)


class EmbeddingLoss(nn.Module):
    """Base of all losses over embeddings: embeds the columns, then computes the objective.

    A subclass writes its constructor, which stores each argument under the argument's name, and `compute`.
    One that needs more than the encoder's embeddings overrides `encode` or `embed`, which may return further
    tensors.

    Attributes:
        model: the encoder; maps a feature dict to one that has `sentence_embedding` (rows, D).
        inputs: the text columns that the loss takes, in words.
        labels: the labels that it takes, in words; `none` for none.
        labels_are_embeddings: whether the labels are embeddings of a teacher, cut where the student's are.
        weighs_rows: whether the objective uses `BatchInfo.row_weights`.
        mask_by_identity: whether the objective uses text ids to tell which candidates are no negatives.
        frozen_models: names of the attributes that hold a model with a view of the texts of its own, which is
            not trained; `BatchInfo.views` has its features.
        check_labels_finite: refuse labels that are NaN or infinite. Reading them makes the host wait for the
            device, so it is off unless asked for; foolsgold's collator looks at them before they get there.
        chunk_size: how much of a batch the encoder embeds at a time, with a gradient cache (`cached`); None
            embeds all at once.
    """

    inputs: str = "text columns"
    labels: str = "as its objective asks for"
    labels_are_embeddings: bool = False
    weighs_rows: bool = False
    mask_by_identity: bool = False
    frozen_models: tuple[str, ...] = ()
    check_labels_finite: bool = False
    chunk_size: ChunkSize | None = None
    _missing_text_ids_told = False

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def cached(
        self,
        mini_batch_size: int = 32,
        mini_batch_num_tokens: int | None = None,
        *,
        show_progress_bar: bool = False,
    ) -> Self:
        """Embed with a gradient cache from now on: large batches in little memory, the same gradients.

        Args:
            mini_batch_size: rows that the encoder embeds at a time, at least 1.
            mini_batch_num_tokens: tokens, padding included, that it embeds at a time in place of a number of
                rows; rows of like lengths go together. None for a number of rows.
            show_progress_bar: show a bar over the chunks of each batch.

        Returns:
            The loss itself.

        Raises:
            ValueError: a size below 1.
        """
        self.chunk_size = ChunkSize(mini_batch_size, mini_batch_num_tokens, show_progress_bar)
        self.mini_batch_size = mini_batch_size
        self.mini_batch_num_tokens = mini_batch_num_tokens
        self.show_progress_bar = show_progress_bar
        return self

    def forward(
        self, sentence_features: Iterable[dict[str, Any]], labels: Tensor | None = None
    ) -> Tensor | dict[str, Tensor]:
        """Embed the columns and compute the objective.

        Args:
            sentence_features: one feature dict per text column, in column order; each may bring `text_ids`,
                (B,) int64, equal for equal texts across all columns, and what else `BatchInfo` names.
            labels: what the loss asks for, with one row for each of the batch, or None.

        Returns:
            The loss, a scalar tensor, or its named components, whose sum is the loss.
        """
        batch = BatchInfo.from_features(sentence_features)
        missing = self.mask_by_identity and any(ids is None for ids in batch.text_ids)
        if missing and not self._missing_text_ids_told:
            self._missing_text_ids_told = True
            logger.info("`%s` got no `text_ids`: equal texts count as negatives", type(self).__name__)
        check_features(self, batch)
        return self.compute(self.embed(batch.features), labels, batch)

    def compute_loss_from_embeddings(
        self, embeddings: Sequence[Tensor], labels: Tensor | None = None
    ) -> Tensor | dict[str, Tensor]:
        """Compute the objective of embeddings that are there already, one tensor (B, D) per column."""
        return self.compute(list(embeddings), labels, BatchInfo())

    def embed(self, features: Sequence[dict[str, Any]]) -> list[Tensor]:
        """Embed every column; columns of one kind share a forward (`foolsgold.losses.parts.merging`).

        Args:
            features: one feature dict per column, without what is not the encoder's; left as they are.

        Returns:
            One tensor (B, D) per column, in column order.
        """
        return embed_columns(self._encode_in_chunks, features)

    def encode(self, features: dict[str, Any]) -> Tensor:
        """Run the encoder on one feature dict; (rows, D).

        An override may return any tensor with a row for each of the features'; it must leave these as they
        are, because a gradient cache replays them.
        """
        # Encoders write their outputs into the dict they are given; the copy keeps a replay's input clean.
        embeddings: Tensor = self.model(dict(features))["sentence_embedding"]
        return embeddings

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

    def _encode_in_chunks(self, features: dict[str, Any]) -> Tensor:
        if self.chunk_size is None:
            return self.encode(features)
        return embed_in_chunks(self.encode, features, self.chunk_size)


def _described(value: Any) -> Any:
    if isinstance(value, EmbeddingLoss):
        return type(value).__name__
    if isinstance(value, nn.Module):
        return f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, Enum):
        return str(value)
    return getattr(value, "__name__", type(value).__name__) if callable(value) else value
