"""The gradient cache: embed a large batch in chunks and keep no encoder graph for the backward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable


# A compiled checkpoint may draw another dropout mask in the replay.
_checkpoint: Callable[..., Tensor] = torch.compiler.disable(checkpoint)  # type: ignore[no-untyped-call]


def embed_in_chunks(
    encode: Callable[[dict[str, Any]], Tensor], features: dict[str, Any], mini_batch_size: int
) -> Tensor:
    """Embed `features` chunk by chunk; the backward replays one chunk at a time.

    Each chunk is a non-reentrant checkpoint: its forward keeps no graph, and its replay in the backward
    starts from the same random state, so the gradients are those of the same chunks embedded directly. It
    holds under DDP and FSDP, because the backward is torch's own. Under FSDP every rank needs the same
    number of chunks.

    A batch that fits in one chunk is embedded directly, with one forward. So is a flat batch (`input_ids` and
    `offsets` of static embeddings), which has no activations worth dropping.

    Args:
        encode: maps features to one tensor with a row for each of theirs; it must leave them as they are.
        features: tensors of B rows, sliced; anything else goes to every chunk as it is.
        mini_batch_size: rows of a chunk, at least 1; bounds the memory of the encoder's activations.

    Returns:
        What `encode` gives for all rows, (B, ...).

    Raises:
        ValueError: `mini_batch_size` below 1.

    Reference:
        Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup",
        https://arxiv.org/abs/2101.06983, section 3.2.
    """
    if mini_batch_size < 1:
        raise ValueError(f"`mini_batch_size` must be at least 1, got {mini_batch_size}")
    rows = max(
        (len(value) for value in features.values() if isinstance(value, Tensor) and value.ndim > 1), default=0
    )
    if rows <= mini_batch_size:
        return encode(features)
    chunks = [
        _checkpoint(encode, _rows(features, rows, start, start + mini_batch_size), use_reentrant=False)
        for start in range(0, rows, mini_batch_size)
    ]
    return torch.cat(chunks)


def _rows(features: dict[str, Any], rows: int, start: int, stop: int) -> dict[str, Any]:
    return {
        key: value[start:stop] if isinstance(value, Tensor) and value.ndim and len(value) == rows else value
        for key, value in features.items()
    }
