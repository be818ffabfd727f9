"""How encoders read texts: whether two do it alike, and texts from tokens where they do not."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn


def reads_alike(student: nn.Module, frozen: nn.Module, *, at_least_as_long: bool = False) -> bool:
    """Tell whether `frozen` would make of texts the features that `student` makes.

    So it is where one of them has no tokenizer.

    Args:
        student: the encoder.
        frozen: another one.
        at_least_as_long: whether `frozen` may cut texts later than `student`.
    """
    tokenizers = [getattr(model, "tokenizer", None) for model in (student, frozen)]
    if any(tokenizer is None for tokenizer in tokenizers) or tokenizers[0] is tokenizers[1]:
        return True
    own, other = (float(getattr(model, "max_seq_length", None) or "inf") for model in (student, frozen))
    if own > other or (own < other and not at_least_as_long):
        return False
    return _kind(student) == _kind(frozen) and _described(tokenizers[0]) == _described(tokenizers[1])


def _kind(model: Any) -> str:
    """Name what reads the texts: token matrices and flat features do not mix."""
    first = next(iter(model.children()), model)
    return type(first).__name__


def _described(tokenizer: Any) -> Any:
    """Return all that decides which tokens a text gets, but for its length."""
    special = getattr(tokenizer, "special_tokens_map", None)
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if hasattr(backend, "to_str"):
        described = json.loads(backend.to_str())
        return {**described, "truncation": None, "padding": None}, special
    return type(tokenizer).__name__, tokenizer.get_vocab(), special


def decoded(tokenizer: Any, features: dict[str, Any]) -> list[str]:
    """Make texts of features again, without special tokens.

    Args:
        tokenizer: of `transformers` or `tokenizers`, that the features come from.
        features: token matrices, or flat `input_ids` with `offsets`.
    """
    ids = features["input_ids"]
    if "offsets" in features:
        bounds = [*features["offsets"].tolist(), len(ids)]
        flat = ids.tolist()
        rows = [flat[start:end] for start, end in pairwise(bounds)]
    else:
        kept = features.get("attention_mask", torch.ones_like(ids)).tolist()
        rows = [
            [token for token, keep in zip(row, mask, strict=True) if keep]
            for row, mask in zip(ids.tolist(), kept, strict=True)
        ]
    decode = getattr(tokenizer, "batch_decode", None) or tokenizer.decode_batch
    texts: list[str] = decode(rows, skip_special_tokens=True)
    return texts
