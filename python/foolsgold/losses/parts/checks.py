"""Refusals of what a loss does not take, in the words of its data format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from foolsgold.losses.base import EmbeddingLoss
    from foolsgold.losses.parts.batch import BatchInfo


def check_columns(
    loss: EmbeddingLoss, embeddings: Sequence[Tensor], minimum: int, maximum: int | None = None
) -> None:
    """Raise ValueError unless there are `minimum` to `maximum` columns, of equally many rows.

    Args:
        loss: named in the message, with what it takes.
        embeddings: one tensor per column.
        minimum: smallest number of columns.
        maximum: largest number of columns; None for any.
    """
    if len(embeddings) < minimum or (maximum is not None and len(embeddings) > maximum):
        raise ValueError(f"{described(loss)}, got {len(embeddings)} columns")
    rows = [len(column) for column in embeddings]
    if len(set(rows)) > 1:
        raise ValueError(f"{described(loss)}, equally many rows in every column, got {rows}")


def check_scores(loss: EmbeddingLoss, labels: Tensor | None, num_rows: int) -> Tensor:
    """Return `labels` as (B,), or raise ValueError unless there is one number per row, (B,) or (B, 1)."""
    if labels is None:
        raise ValueError(f"{described(loss)}, got no labels")
    if tuple(labels.shape) not in ((num_rows,), (num_rows, 1)):
        raise ValueError(f"{described(loss)}, of shape ({num_rows},), got {tuple(labels.shape)}")
    check_finite(loss, labels)
    return labels.reshape(-1)


def check_classes(
    loss: EmbeddingLoss, labels: Tensor | None, num_rows: int, num_classes: int | None = None
) -> Tensor:
    """Return `labels` as (B,) int64, or raise ValueError unless there is one whole number per row.

    Args:
        loss: named in the message, with what it takes.
        labels: one for each row.
        num_rows: B.
        num_classes: labels must be from 0 to below this; None for any. Looked at where that makes the host
            wait for no device.
    """
    labels = check_scores(loss, labels, num_rows)
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"{described(loss)}, whole numbers, got labels of {labels.dtype}")
    if num_classes is not None and labels.device.type == "cpu" and not torch.compiler.is_compiling():
        wrong = [label for label in labels.tolist() if not 0 <= label < num_classes]
        if wrong:
            raise ValueError(f"{described(loss)}, from 0 to {num_classes - 1}, got {wrong[0]}")
    return labels.long()


def check_finite(loss: EmbeddingLoss, labels: Tensor) -> None:
    """Raise ValueError for labels that are NaN or infinite, where `loss.check_labels_finite` asks for it."""
    if loss.check_labels_finite and not bool(torch.isfinite(labels).all()):
        rows = (~torch.isfinite(labels.reshape(len(labels), -1)).all(dim=1)).nonzero().flatten().tolist()
        raise ValueError(f"{described(loss)}, finite, got NaN or infinity in rows {rows} of the batch")


def described(loss: EmbeddingLoss) -> str:
    """Say what a loss takes; the beginning of its messages."""
    labels = f"labels `{loss.labels}`" if loss.labels != "none" else "no labels"
    return f"`{type(loss).__name__}` takes {loss.inputs} with {labels}"


def check_features(loss: EmbeddingLoss, batch: BatchInfo) -> None:
    """Raise ValueError for a batch without columns, and for row weights that the loss would not use."""
    if not batch.features:
        raise ValueError(f"{described(loss)}, got 0 columns")
    if batch.row_weights is not None and not loss.weighs_rows:
        raise ValueError(f"`{type(loss).__name__}` weighs all rows alike, got `row_weights`")
