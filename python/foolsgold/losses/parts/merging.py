"""Fewer encoder calls: columns of one kind are embedded as one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Features = dict[str, Any]


def embed_columns(encode: Callable[[Features], Tensor], columns: Sequence[Features]) -> list[Tensor]:
    """Embed every column, those of one kind in one call of `encode`.

    Padded columns: the first (queries, as a rule) alone, all others (documents) together. Queries padded to
    the length of documents would cost more than the second call. The choice looks at kinds, never at
    lengths, so all ranks call the encoder equally often, which FSDP needs. Flat columns (`input_ids` and
    `offsets` of static embeddings) have no padding and all go together. Columns that cannot share a batch go
    one by one.

    Args:
        encode: maps features to embeddings, one row for each of theirs.
        columns: one feature dict per column.

    Returns:
        One tensor (rows of the column, D) per column.
    """
    first_apart = len(columns) > 1 and not all(_is_flat(column) for column in columns)
    groups = [columns[:1], columns[1:]] if first_apart else [columns]
    embeddings: list[Tensor] = []
    for group in groups:
        merged = merge_columns(group)
        if merged is None:
            embeddings.extend(encode(column) for column in group)
        else:
            features, rows = merged
            embeddings.extend(torch.split(encode(features), rows))
    return embeddings


def merge_columns(columns: Sequence[Features]) -> tuple[Features, list[int]] | None:
    """One feature dict for several columns, or None where they cannot share a batch.

    They can where keys, dtypes and all that is no tensor (`task`, `prompt_length`, ...) are equal, and the
    tensors are token matrices (rows, length) of integers, padded here with zeros, or flat `input_ids` with
    `offsets`.

    Returns:
        The merged features and the number of rows of each column, or None.
    """
    if len(columns) < 2 or any(_signature(column) != _signature(columns[0]) for column in columns):
        return None
    first = columns[0]
    tensors = {key for key, value in first.items() if isinstance(value, Tensor)}
    merged = {key: value for key, value in first.items() if key not in tensors}
    if _is_flat(first):
        tokens = torch.tensor([0, *(len(column["input_ids"]) for column in columns[:-1])]).cumsum(0).tolist()
        merged["input_ids"] = torch.cat([column["input_ids"] for column in columns])
        merged["offsets"] = torch.cat(
            [column["offsets"] + start for column, start in zip(columns, tokens, strict=True)]
        )
        return merged, [len(column["offsets"]) for column in columns]
    if not all(_is_token_matrices(column, tensors) for column in columns):
        return None
    for key in tensors:
        length = max(column[key].shape[1] for column in columns)
        padded = [F.pad(column[key], (0, length - column[key].shape[1])) for column in columns]
        merged[key] = torch.cat(padded)
    return merged, [len(column["input_ids"]) for column in columns]


def _signature(column: Features) -> dict[str, Any]:
    return {
        key: (value.dtype, value.ndim, value.device) if isinstance(value, Tensor) else value
        for key, value in column.items()
    }


def _is_flat(column: Features) -> bool:
    tensors = {key: value.ndim for key, value in column.items() if isinstance(value, Tensor)}
    return tensors == {"input_ids": 1, "offsets": 1}


def _is_token_matrices(column: Features, tensors: set[str]) -> bool:
    if "input_ids" not in tensors:
        return False
    shape = column["input_ids"].shape
    return all(
        column[key].ndim == 2 and column[key].shape == shape and not column[key].is_floating_point()
        for key in tensors
    )
