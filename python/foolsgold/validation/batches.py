"""What can be counted of a batch before it is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from foolsgold.losses.parts.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from foolsgold.data.known_positives import KnownPositives

_ANCHORS = 64


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
