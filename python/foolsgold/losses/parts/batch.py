"""What an objective may want to know of its batch besides the embeddings and the labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import distributed as dist

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchInfo:
    """A batch as the encoder gets it, and what travels beside that under keys of the feature dicts.

    Attributes:
        features: one feature dict per column, without the keys below.
        text_ids: per column, the ids of its texts, (B,) int64; None where the features bring none.
        views: per column, the same texts as other models read them: feature dicts by the name of the loss's
            attribute that holds the model, such as `guide` or `teacher_model`.
        known_positive_ids: the ids of all texts that are known to answer each row's first column, (B, P)
            int64 filled up with -1; None where nothing is known. A key of the first column.
        row_weights: how much each row counts, (B,), at least 0; None for all the same. A key of the first
            column.
        rank: place of this process, 0 <= `rank` < `world_size`.
        world_size: number of processes that train together.
    """

    features: tuple[dict[str, Any], ...] = ()
    text_ids: tuple[Tensor | None, ...] = ()
    views: tuple[dict[str, dict[str, Any]], ...] = field(default=())
    known_positive_ids: Tensor | None = None
    row_weights: Tensor | None = None
    rank: int = 0
    world_size: int = 1

    @classmethod
    def from_features(cls, sentence_features: Iterable[dict[str, Any]]) -> BatchInfo:
        """Take what is not the encoder's off copies of the features; look up the rank layout."""
        columns = tuple(dict(column) for column in sentence_features)
        taken = {key: [column.pop(key, None) for column in columns] for key in _BESIDE}
        first = {key: values[0] if values else None for key, values in taken.items()}
        distributed = dist.is_available() and dist.is_initialized()
        return cls(
            features=columns,
            text_ids=tuple(taken["text_ids"]),
            views=tuple(views or {} for views in taken["views"]),
            known_positive_ids=first["known_positive_ids"],
            row_weights=first["row_weights"],
            rank=dist.get_rank() if distributed else 0,
            world_size=dist.get_world_size() if distributed else 1,
        )


_BESIDE = ("text_ids", "views", "known_positive_ids", "row_weights")
