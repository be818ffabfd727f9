"""Triplets that labels make: an anchor, a row of its class, a row of another; what their losses share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_classes, check_columns
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.label_distances import MatrixRows, RowDistances, prepared
from foolsgold.losses.parts.row_blocks import sum_over_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from foolsgold.losses.parts.batch import BatchInfo
    from foolsgold.losses.parts.label_distances import DistanceFunction

# A sort with its keys and places holds as much as so many matrices of anchors by rows in float32.
_MATRICES = 8
_FEW = 8  # so many comparisons of a matrix take less than to sort it
_FIRST_32, _LAST_32 = torch.iinfo(torch.int32).min, torch.iinfo(torch.int32).max


@dataclass(frozen=True, eq=False)
class Anchors:
    """Some rows of a batch, and what they may form triplets with.

    Attributes:
        rows: the A anchors among the G rows.
        distances: of the batch.
        positives: which rows are of an anchor's class, (A, G) bool; without itself and rows of its text.
        negatives: which rows are of another class, (A, G) bool; without rows of its text.
        few_mates: the rows of each anchor's class, (A, M) filled up with -1, where labels are in the host's
            memory and M is small; None elsewhere, since no device is waited for.
    """

    rows: slice
    distances: RowDistances
    positives: Tensor
    negatives: Tensor
    few_mates: Tensor | None = None

    def to_all(self) -> Tensor:
        """Distances to all rows, (A, G), without gradient."""
        return self.distances.to_all(self.rows)

    def to_each(self, rows: Tensor) -> Tensor:
        """Distance of each anchor to one row, (A,)."""
        return self.distances.to_each(self.rows, rows)

    def with_changes(self, total: Tensor, distances: Tensor, changes: Tensor) -> Tensor:
        """Give `total` a gradient: it changes by `changes` per unit of `distances`, (A, G) both."""
        return self.distances.with_changes(total, self.rows, distances, changes)


if TYPE_CHECKING:
    AnchorLosses = Callable[[Anchors], tuple[Tensor, Tensor]]


def sum_over_anchors(
    anchor_losses: AnchorLosses,
    embeddings: Tensor,
    classes: Tensor,
    *,
    distance_metric: DistanceFunction,
    text_ids: Tensor | None,
    rows: slice,
) -> tuple[Tensor, Tensor]:
    """Sum a loss over anchors, block by block.

    Shape:
        embeddings (G, D), classes (G,), text_ids (G,); returns (), ().

    Args:
        anchor_losses: maps some anchors to the sum of their losses and to what to divide it by.
        embeddings: of all rows.
        classes: of all rows, whole numbers.
        distance_metric: (G, D) to (G, G), lower is closer.
        text_ids: equal for equal texts; None where nothing is known.
        rows: which rows are anchors.
    """
    first, last, _ = rows.indices(len(embeddings))
    places = torch.arange(len(embeddings), device=embeddings.device)
    ids = places if text_ids is None else text_ids
    mates = _few_mates(classes)

    def block(rows: slice, source: Tensor) -> tuple[Tensor, Tensor]:
        same_class = classes[rows, None] == classes
        other_text = ids[rows, None] != ids
        positives, negatives = same_class & other_text, other_text & ~same_class
        few = None if mates is None else mates[rows]
        return anchor_losses(Anchors(rows, kind(source), positives, negatives, few))

    with torch.autocast(embeddings.device.type, enabled=False):
        kind, source = prepared(embeddings, distance_metric)
        if kind is MatrixRows:
            return block(slice(first, last), source)
        return sum_over_rows(block, (source,), slice(first, last), _MATRICES * len(embeddings))


def mean_over_anchors(
    anchor_losses: AnchorLosses,
    embeddings: Tensor,
    classes: Tensor,
    *,
    distance_metric: DistanceFunction,
    text_ids: Tensor | None,
    rows: slice,
) -> Tensor:
    """Divide what `sum_over_anchors` gives, in the dtype of the distances; 0 where there is no triplet."""
    total, count = sum_over_anchors(
        anchor_losses, embeddings, classes, distance_metric=distance_metric, text_ids=text_ids, rows=rows
    )
    mean = total / torch.where(count > 0, count, 1.0)
    return mean.to(torch.promote_types(embeddings.dtype, torch.float32))


def _few_mates(classes: Tensor) -> Tensor | None:
    if classes.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    _, number, counts = np.unique(classes.numpy(), return_inverse=True, return_counts=True)
    most = int(counts.max(initial=0))
    if most > _FEW:
        return None
    order = np.argsort(number, kind="stable")
    members = np.full((len(counts), most), -1)
    members[np.arange(most) < counts[:, None]] = order
    return torch.from_numpy(members[number])


def merged_order(keys: Tensor, anchors: Anchors) -> tuple[Tensor, Tensor]:
    """Sort the positives and negatives of each anchor together; what is neither comes last.

    Shape:
        keys (A, G); returns (A, G) int64, the rows from the smallest key on, of equal keys positives first;
        and (A, G) bool, which of these are positives.

    Args:
        keys: float32 or float64; those of float64 that differ in their last bit alone count as equal.
        anchors: whose.
    """
    positives, negatives = anchors.positives, anchors.negatives
    neither = ~(positives | negatives)
    if keys.dtype == torch.float32:
        # All that is asked for fits into 64 bits: the key, whether it is a positive's, the row.
        places = torch.arange(keys.shape[1], dtype=torch.int32, device=keys.device)
        low = torch.where(positives, places, places | _FIRST_32)
        high = _ordered(keys).masked_fill_(neither, _LAST_32)
        little = sys.byteorder == "little"
        merged = torch.stack([low, high] if little else [high, low], dim=-1).view(torch.int64).squeeze(-1)
        merged = _sorted_rows(merged)
        return merged & _LAST_32, merged.view(torch.int32)[:, 1 - little :: 2] >= 0
    ordered = (_ordered(keys) & ~1) | negatives
    order = ordered.masked_fill_(neither, torch.iinfo(torch.int64).max).argsort(dim=1, stable=True)
    return order, positives.gather(1, order)


def _ordered(keys: Tensor) -> Tensor:
    """Read floats as integers of their size that order alike."""
    kind = torch.iinfo(torch.int32 if keys.dtype == torch.float32 else torch.int64)
    bits = keys.view(torch.int32 if kind.bits == 32 else torch.int64)
    # Floats order like their bits, where those of negative ones are flipped.
    return ((bits >> (kind.bits - 1)) & kind.max).bitwise_xor_(bits)


def _sorted_rows(keys: Tensor) -> Tensor:
    """Sort each row of int64 keys, (A, G), which may be written to."""
    if keys.device.type != "cpu" or torch.compiler.is_compiling():
        return keys.sort(dim=1).values
    keys.numpy().sort(axis=1)  # vectorised there; 2.5 times as fast as a sort that finds places as well
    return keys


def hardest_gaps(anchors: Anchors) -> tuple[Tensor, Tensor]:
    """Tell how much further away each anchor's furthest positive is than its closest negative.

    The two are looked up without a gradient; distances to them alone are formed again with one.

    Shape:
        returns (A,), and (A,) bool: which anchors have a positive and a negative; other gaps mean nothing.
    """
    distances = anchors.to_all()
    furthest = distances.masked_fill(~anchors.positives, -torch.inf).argmax(dim=1)
    closest = distances.masked_fill(~anchors.negatives, torch.inf).argmin(dim=1)
    has_triplet = anchors.positives.any(dim=1) & anchors.negatives.any(dim=1)
    return anchors.to_each(furthest) - anchors.to_each(closest), has_triplet


class LabelTripletLoss(EmbeddingLoss):
    """Base of losses over the triplets that labels make; a subclass defines `anchor_losses`.

    Args:
        model: the encoder.
        distance_metric: (B, D) to (B, B), lower is closer.
        distance_function: another name of `distance_metric`; where given, it counts.
        gather_across_devices: take triplets' other rows from all ranks.
        mask_by_identity: leave rows of an anchor's own text out of its triplets, where text ids are there.
    """

    inputs = "single sentences"
    labels = "class"

    def __init__(
        self,
        model: nn.Module,
        distance_metric: DistanceFunction,
        *,
        distance_function: DistanceFunction | None,
        gather_across_devices: bool,
        mask_by_identity: bool,
    ) -> None:
        super().__init__(model)
        self.distance_metric = distance_function or distance_metric
        self.gather_across_devices = gather_across_devices
        self.mask_by_identity = mask_by_identity

    def anchor_losses(self, anchors: Anchors) -> tuple[Tensor, Tensor]:
        """Sum the losses of some anchors; return that, and what to divide it by, ()."""
        raise NotImplementedError(f"`{type(self).__name__}` must define `anchor_losses`")

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Gather if asked to, and compute the loss of this rank's anchors."""
        check_columns(self, embeddings, minimum=1, maximum=1)
        own = embeddings[0]
        classes = check_classes(self, labels, len(own))
        ranks = RankRows(len(own), own.device, gather=self.gather_across_devices)
        ids = batch.text_ids[0] if self.mask_by_identity and batch.text_ids else None
        total, count = sum_over_anchors(
            self.anchor_losses,
            ranks.gather(own),
            ranks.gather(classes),
            distance_metric=self.distance_metric,
            text_ids=None if ids is None else ranks.gather(ids),
            rows=ranks.own,
        )
        return ranks.mean(total, count).to(torch.promote_types(own.dtype, torch.float32))

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{hermans2017triplet,
    title={In Defense of the Triplet Loss for Person Re-Identification},
    author={Alexander Hermans and Lucas Beyer and Bastian Leibe},
    year={2017}, eprint={1703.07737}, archivePrefix={arXiv}, primaryClass={cs.CV}
}"""
