"""What can be counted of a batch before it is trained on."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from foolsgold.losses.parts.identity import Identity
from foolsgold.sampling.batch_sampler import PlannedBatchSampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from foolsgold.data.known_positives import KnownPositives

_ANCHORS = 64


def read_batches(sampler: Any, most: int, *, gathers: bool) -> list[NDArray[np.int64]]:
    """Return some batches of a sampler: of a plan at even distances, else the first.

    Args:
        sampler: of batches of row numbers.
        most: how many, at most.
        gathers: whether a loss sees the batches of all ranks at once; where a plan says which these are, they
            are one.

    Raises:
        ValueError: if there are none, and for what is no batch of row numbers.
    """
    if isinstance(sampler, PlannedBatchSampler):
        batches = _planned(sampler, most, gathers=gathers)
    else:
        if isinstance(sampler, (str, dict)) or not hasattr(sampler, "__iter__"):
            raise ValueError(f"`sampler` must give batches of rows, got {sampler!r:.80}")
        # A sampler may draw from the global generator, which is left as it was.
        with torch.random.fork_rng(devices=[]):
            batches = list(islice(sampler, most))
    found = []
    for number, batch in enumerate(batches):
        rows = np.asarray(batch)
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.min(initial=0) < 0:
            raise ValueError(
                f"`sampler` must give lists of row numbers, got {batch!r:.80} as batch {number}\n"
                "hint: a stream of rows has no numbers; validate a sampler over a part of its rows"
            )
        found.append(rows.astype(np.int64))
    if not found or min(map(len, found)) == 0:
        raise ValueError("`sampler` must give batches of rows, got none")
    return found


def _planned(sampler: PlannedBatchSampler, most: int, *, gathers: bool) -> list[Any]:
    plan, ranks = sampler.plan, sampler.num_replicas
    if gathers:
        steps = [slice(first, first + ranks) for first in range(0, len(plan), ranks)]
    else:
        first, step = (0, 1) if sampler.rank is None else (sampler.rank, ranks)
        steps = [slice(number, number + 1) for number in range(first, len(plan), step)]
    places = np.unique(np.linspace(0, len(steps) - 1, min(most, len(steps))).astype(np.int64))
    cuts = plan.offsets.astype(np.int64)
    return [plan.rows[cuts[steps[place].start] : cuts[steps[place].stop]] for place in places.tolist()]


def num_sharing(ids: NDArray[np.uint32]) -> int:
    """Count the rows that share a text with another row.

    Args:
        ids: of the texts, (columns, rows).
    """
    num_rows = ids.shape[1]
    rows = np.broadcast_to(np.arange(num_rows, dtype=np.uint64), ids.shape)
    # A row may hold a text twice.
    pairs = np.unique(ids.astype(np.uint64) << np.uint64(32) | rows)
    texts, rows = pairs >> np.uint64(32), pairs & np.uint64(0xFFFFFFFF)
    _, number, counts = np.unique(texts, return_inverse=True, return_counts=True)
    return len(np.unique(rows[counts[number] > 1]))


def num_triplets(classes: Any) -> int:
    """Count the (anchor, positive, negative) of rows that classes make.

    Args:
        classes: of the rows, (rows,).
    """
    counts = [int(count) for count in np.unique(classes, return_counts=True)[1]]
    total = sum(counts)
    return sum(count * (count - 1) * (total - count) for count in counts)


def num_negatives(
    ids: Sequence[NDArray[np.uint32]],
    known: KnownPositives | None,
    classes: Any,
    *,
    masks: bool,
) -> NDArray[np.int64]:
    """Count the negatives of anchors, of at most 64 of them at even distances.

    Args:
        ids: of the texts of each column, (rows,); the second has the positives.
        known: what the whole data set knows to answer a query; None for nothing.
        classes: of the rows, where rows of one class are no negatives; None for none.
        masks: whether known matches are no negatives.
    """
    num_rows = len(ids[0])
    anchors = np.unique(np.linspace(0, num_rows - 1, min(num_rows, _ANCHORS)).astype(np.int64))
    # The anchors come first; which row stands where plays no part.
    order = np.concatenate([anchors, np.delete(np.arange(num_rows), anchors)])
    queries, *documents = [torch.from_numpy(column[order].astype(np.int64)) for column in ids]
    identity = Identity(
        query_ids=queries if masks else None,
        document_ids=torch.stack(documents or [queries]) if masks else None,
        known_positive_ids=torch.from_numpy(known.of(ids[0][order])) if masks and known is not None else None,
        classes=None
        if classes is None
        else torch.from_numpy(np.unique(classes, return_inverse=True)[1][order]),
    )
    masked = torch.eye(len(anchors), max(len(documents), 1) * num_rows, dtype=torch.bool)
    matches = identity.matches("doc", slice(0, len(anchors)))
    if matches is not None:
        # Classes alone say nothing of stated negatives, which come last.
        masked[:, : matches.shape[1]] |= matches
    return (~masked).sum(dim=1).numpy()
