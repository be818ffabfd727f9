"""Texts to embeddings in batches of similar length."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from foolsgold.models.token_rows import TokenRows
from foolsgold.similarity import normalize_embeddings as normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import nn

    from foolsgold.models.sentence_transformer import SentenceTransformer

# Texts that are tokenised and sorted by length together: enough for even batches, few enough for the memory.
_WINDOW = 32_768


def checked_texts(texts: Iterable[Any]) -> list[str]:
    """Return the texts as a list.

    Raises:
        TypeError: one is null or no string.
    """
    texts = texts.tolist() if hasattr(texts, "tolist") else list(texts)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"`inputs` must be strings, got {type(text).__name__} in row {row}")
    return texts


def sentence_embeddings(
    model: SentenceTransformer,
    inputs: Sequence[str] | TokenRows,
    *,
    prompt: str | None,
    batch_size: int,
    show_progress_bar: bool | None,
    truncate_dim: int | None,
    normalize_embeddings: bool,
    device: torch.device,
) -> Tensor:
    """Embed texts, in their order.

    Args:
        model: the encoder; it stays where it is and in its mode.
        inputs: N strings, or their token rows.
        prompt: put before each text.
        batch_size: texts per forward.
        show_progress_bar: None shows one on a terminal after two seconds.
        truncate_dim: leading dimensions that are kept.
        normalize_embeddings: scale to length 1, after the truncation.
        device: where the result is collected.

    Returns:
        (N, D).
    """

    def finished(output: dict[str, Any]) -> Tensor:
        embeddings: Tensor = output["sentence_embedding"][:, :truncate_dim]
        return normalized(embeddings).to(embeddings.dtype) if normalize_embeddings else embeddings

    result = torch.empty(0, min(model.get_embedding_dimension(), truncate_dim or 1 << 62), device=device)
    with torch.no_grad(), _evaluating(model), _progress(len(inputs), show_progress_bar) as advance:
        for start in range(0, len(inputs), _WINDOW):
            # Collected where the model is, so that a device is waited for once per window and not per batch.
            window: Tensor | None = None
            size = min(_WINDOW, len(inputs) - start)
            for indices, output in _batches(model, inputs[start : start + size], prompt, batch_size):
                embeddings = finished(output)
                if window is None:
                    window = embeddings.new_empty(size, embeddings.shape[1])
                window[indices] = embeddings
                advance(len(indices))
            if window is None:
                break
            if start == 0:
                result = window.new_empty(len(inputs), window.shape[1], device=device)
            result[start : start + size] = window
    return result


def token_embeddings(
    model: SentenceTransformer,
    inputs: Sequence[str] | TokenRows,
    *,
    prompt: str | None,
    batch_size: int,
    show_progress_bar: bool | None,
) -> list[Tensor]:
    """Embed the tokens of each text, without padding.

    Args:
        model: the encoder; it stays where it is and in its mode.
        inputs: N strings, or their token rows.
        prompt: put before each text.
        batch_size: texts per forward.
        show_progress_bar: None shows one on a terminal after two seconds.

    Returns:
        N tensors (L_i, D).

    Raises:
        ValueError: the model has no token embeddings.
    """
    result: list[Tensor] = [torch.empty(0)] * len(inputs)
    with torch.no_grad(), _evaluating(model), _progress(len(inputs), show_progress_bar) as advance:
        for start in range(0, len(inputs), _WINDOW):
            for indices, output in _batches(model, inputs[start : start + _WINDOW], prompt, batch_size):
                if "token_embeddings" not in output:
                    raise ValueError(
                        "`output_value` must be 'sentence_embedding' for a model without token embeddings"
                    )
                for row, tokens, mask in zip(
                    indices.tolist(), output["token_embeddings"], output["attention_mask"], strict=True
                ):
                    result[start + row] = tokens[mask.bool()]
                advance(len(indices))
    return result


def _batches(
    model: SentenceTransformer, inputs: Sequence[str] | TokenRows, prompt: str | None, batch_size: int
) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Run the model over texts, longest first, so that memory runs out at once if it does.

    Yields:
        indices (B,) into `inputs`, and the output of the model for them.
    """
    reader = model.reader
    rows = inputs
    if not isinstance(rows, TokenRows):
        rows = reader.token_rows([prompt + text for text in rows] if prompt else rows)
    prompt_length = reader.prompt_length(prompt) if prompt else None
    extra = {} if prompt_length is None else {"prompt_length": prompt_length}
    device = model.device
    for indices in torch.split(rows.lengths.argsort(descending=True, stable=True), batch_size):
        features = {name: value.to(device) for name, value in reader.collate(rows, indices).items()}
        yield indices, model({**features, **extra})


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Switch dropout off, and afterwards on again where it was."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def _progress(total: int, show: bool | None) -> Iterator[Callable[[int], Any]]:
    """Show a bar over texts: always, never, or on a terminal once it takes longer than two seconds."""
    delay, disable = (2.0, None) if show is None else (0.0, not show)
    with tqdm(total=total, desc="Encode", unit="text", delay=delay, disable=disable) as bar:
        yield bar.update
