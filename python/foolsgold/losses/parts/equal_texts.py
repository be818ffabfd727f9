"""Which rows of two columns hold the same text, told by text ids or by tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from foolsgold.losses.parts.token_deletion import kept_first

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foolsgold.losses.parts.batch import BatchInfo


def equal_texts(batch: BatchInfo) -> Tensor | None:
    """Tell for each row whether its first two texts are equal, (B,) bool.

    By text ids where both columns have them, else by tokens without padding, on whichever side that is. The
    host waits for nothing.

    Args:
        batch: brings the ids, or the tokens.

    Returns:
        None where the batch has neither.
    """
    ids = batch.text_ids[:2]
    if len(ids) == 2 and ids[0] is not None and ids[1] is not None:
        return ids[0] == ids[1]
    if len(batch.features) < 2 or any("input_ids" not in column for column in batch.features[:2]):
        return None
    left, right = batch.features[:2]
    if "offsets" in left and "offsets" in right:
        return _equal_flat(left, right)
    width = max(column["input_ids"].shape[1] for column in (left, right))
    return (_to_the_left(left, width) == _to_the_left(right, width)).all(dim=1)


def _to_the_left(column: Mapping[str, Any], width: int) -> Tensor:
    """Move each row's tokens to the left and put -1 after them, (B, width)."""
    ids: Tensor = column["input_ids"]
    mask = column.get("attention_mask")
    if mask is not None:
        kept = mask.ne(0)
        ids = torch.where(kept, ids, -1).gather(1, kept_first(kept))
    return F.pad(ids, (0, width - ids.shape[1]), value=-1)


def _equal_flat(left: Mapping[str, Any], right: Mapping[str, Any]) -> Tensor:
    """Compare rows of flat features: equally many tokens, and the same ones."""
    ids, others = left["input_ids"], F.pad(right["input_ids"], (0, 1), value=-1)
    starts, other_starts = left["offsets"], right["offsets"]
    places = torch.arange(len(ids), device=ids.device)
    rows = torch.searchsorted(starts, places, right=True) - 1
    partners = (other_starts[rows] + places - starts[rows]).clamp(max=len(others) - 1)
    differences = torch.zeros_like(starts).index_add(0, rows, (ids != others[partners]).to(starts.dtype))
    return (differences == 0) & (_lengths(starts, ids) == _lengths(other_starts, right["input_ids"]))


def _lengths(starts: Tensor, ids: Tensor) -> Tensor:
    return torch.diff(starts, append=starts.new_full((1,), len(ids)))
