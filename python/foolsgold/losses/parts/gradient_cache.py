"""The gradient cache: embed a large batch in chunks and keep no encoder graph for the backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


GRADIENT_CACHE_CITATION = """@misc{gao2021scaling,
    title={Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup},
    author={Luyu Gao and Yunyi Zhang and Jiawei Han and Jamie Callan},
    year={2021}, eprint={2101.06983}, archivePrefix={arXiv}, primaryClass={cs.LG}
}"""

# A compiled checkpoint may draw another dropout mask in the replay.
_checkpoint: Callable[..., Tensor] = torch.compiler.disable(checkpoint)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class ChunkSize:
    """How much an encoder embeds at a time.

    Attributes:
        rows: at most so many rows, where `tokens` is None.
        tokens: at most so many tokens, padding included, in rows of like lengths; at least one row.
        show_progress_bar: show a bar over the chunks.
    """

    rows: int = 32
    tokens: int | None = None
    show_progress_bar: bool = False

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise ValueError(f"`mini_batch_size` must be at least 1, got {self.rows}")
        if self.tokens is not None and self.tokens < 1:
            raise ValueError(f"`mini_batch_num_tokens` must be at least 1, got {self.tokens}")


def embed_in_chunks(
    encode: Callable[[dict[str, Any]], Tensor], features: dict[str, Any], size: ChunkSize
) -> Tensor:
    """Embed `features` chunk by chunk; the backward replays one chunk at a time.

    Each chunk is a non-reentrant checkpoint: its forward keeps no graph, and its replay in the backward
    starts from the same random state, so the gradients are those of the same chunks embedded directly. It
    holds under DDP and FSDP, because the backward is torch's own. Under FSDP every rank needs the same
    number of chunks, which a number of tokens does not give.

    Rows are sorted by length and a chunk is as wide as its longest row, so padding costs little. For that
    the host reads the lengths, once a call. A batch that fits in one chunk is embedded directly, with one
    forward. So is a flat batch (`input_ids` and `offsets` of static embeddings), which has no activations
    worth dropping.

    Args:
        encode: maps features to one tensor with a row for each of theirs; it must leave them as they are.
        features: tensors of B rows, sliced; anything else goes to every chunk as it is.
        size: of a chunk; bounds the memory of the encoder's activations.

    Returns:
        What `encode` gives for all rows, (B, ...), in their order.

    Reference:
        Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup",
        https://arxiv.org/abs/2101.06983, section 3.2.
    """
    shape = next(
        (value.shape for value in features.values() if isinstance(value, Tensor) and value.ndim > 1), None
    )
    if shape is None or (shape[0] <= size.rows if size.tokens is None else shape.numel() <= size.tokens):
        return encode(features)
    lengths = _lengths(features, shape)
    order = torch.tensor(lengths).argsort(descending=True, stable=True).tolist()
    plan = _chunks([lengths[row] for row in order], size)
    indices = torch.tensor(order, device=next(x.device for x in features.values() if isinstance(x, Tensor)))
    chunks = [
        _checkpoint(
            encode, _chunk(features, shape, indices[start:stop], lengths[order[start]]), use_reentrant=False
        )
        for start, stop in _with_bar(plan, size.show_progress_bar)
    ]
    return torch.cat(chunks)[indices.argsort()]


def _lengths(features: dict[str, Any], shape: torch.Size) -> list[int]:
    """Columns up to the last token of each row; all where no mask tells, or padding is on the left."""
    mask = features.get("attention_mask")
    if not isinstance(mask, Tensor) or mask.shape != shape or len(shape) != 2:
        return [shape[1]] * shape[0]
    places = torch.arange(1, shape[1] + 1, device=mask.device)
    lengths: list[int] = (mask.ne(0) * places).amax(dim=1).clamp(min=1).tolist()
    return lengths


def _chunks(lengths: Sequence[int], size: ChunkSize) -> list[tuple[int, int]]:
    """Cut rows, sorted from long to short, into chunks; the first row of a chunk decides its width."""
    starts = [0]
    for row in range(1, len(lengths)):
        rows = row - starts[-1] + 1
        if rows > size.rows if size.tokens is None else rows * lengths[starts[-1]] > size.tokens:
            starts.append(row)
    return list(zip(starts, [*starts[1:], len(lengths)], strict=True))


def _chunk(features: dict[str, Any], shape: torch.Size, rows: Tensor, width: int) -> dict[str, Any]:
    """Take some rows of all that has B rows, and `width` columns of the token matrices."""

    def taken(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.ndim == 0 or len(value) != shape[0]:
            return value
        return value[rows, :width] if value.shape == shape and len(shape) == 2 else value[rows]

    return {key: taken(value) for key, value in features.items()}


def _with_bar(plan: Sequence[tuple[int, int]], show: bool) -> Iterable[tuple[int, int]]:
    if not show:
        return plan
    from tqdm.auto import tqdm

    bar: Iterable[tuple[int, int]] = tqdm(plan, desc="Embed mini-batches", unit="chunk", leave=False)
    return bar
