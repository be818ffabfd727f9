"""Which candidates of a batch are no negatives, told by what is known of them and not by how they look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

    from foolsgold.losses.parts.batch import BatchInfo
    from foolsgold.losses.parts.gather import RankRows

_FEW = 8  # comparisons of a matrix take less than one lookup for all


@dataclass(frozen=True, eq=False, kw_only=True)
class Identity:
    r"""What is known of the G rows of a batch: their texts, their further positives, their classes.

    A candidate matches row i if its text is the query, the positive or a known positive of row i. No encoder
    tells a text that equals the query from the query itself, so it is no negative either, wherever it comes
    from. The queries and positives of row k match row i as well if the rows belong together: they share their
    query, their positive or their class, or the positive of k is a known positive of i. The stated negatives
    of row k match by their text alone.

    Attributes:
        query_ids: text ids of the queries, (G,).
        document_ids: text ids of the positives and, after them, of the stated negatives, (C, G).
        known_positive_ids: text ids of all that is known to answer each query, (G, P), filled up with -1.
        classes: a class of each row, (G,); rows of one class are no negatives of each other.
        is_positive: which rows hold a positive, (G,) bool; the others' documents match by their text alone,
            as stated negatives do. None for all.
    """

    query_ids: Tensor | None = None
    document_ids: Tensor | None = None
    known_positive_ids: Tensor | None = None
    classes: Tensor | None = None
    is_positive: Tensor | None = None

    def matches(self, candidates: str, rows: slice) -> Tensor | None:
        """Tell for each of B rows which candidates match it, so that they are no negatives for it.

        Shape:
            returns (B, G) for queries or positives, (B, C * G) for documents, of bool; (B, G) for documents
            where classes alone are known, which say nothing of stated negatives; None where nothing is known.

        Args:
            candidates: `query`, `positive` or `doc`.
            rows: the B rows that it is told for.
        """
        same_class = None if self.classes is None else self.classes[rows, None] == self.classes
        if self.query_ids is None or self.document_ids is None:
            return same_class
        queries, positives = self.query_ids, self.document_ids[0]
        ids = {"query": queries, "positive": positives}.get(candidates, self.document_ids.flatten())
        together = (queries[rows, None] == queries) | (positives[rows, None] == positives)
        same_text = (queries[rows, None] == ids) | (positives[rows, None] == ids)
        if self.known_positive_ids is not None:
            lists = self.known_positive_ids[rows]
            known = _is_among(ids, lists)
            same_text = same_text | known
            # Documents begin with the positives.
            of_positives = _is_among(positives, lists) if candidates == "query" else known
            together = together | of_positives[:, : len(positives)]
        if self.is_positive is not None:
            together = together & self.is_positive
        related = together if same_class is None else together | same_class
        return same_text | F.pad(related, (0, len(ids) - related.shape[1]))


def _is_among(ids: Tensor, known: Tensor) -> Tensor:
    """Tell which of N ids are in each of B lists, (B, P) filled up with -1; (B, N)."""
    if known.shape[1] <= _FEW:
        found = torch.zeros(len(known), len(ids), dtype=torch.bool, device=ids.device)
        for place in known.T[:, :, None]:
            found |= place == ids
        return found
    # In the order of the ids, what equals a known one is a range that begins and ends where a search says.
    ordered, order = ids.sort()
    begins, ends = (torch.searchsorted(ordered, known.contiguous(), right=right) for right in (False, True))
    steps = torch.zeros(len(known), len(ids) + 1, dtype=torch.int32, device=ids.device)
    steps.scatter_add_(1, begins, torch.ones_like(begins, dtype=torch.int32))
    steps.scatter_add_(1, ends, -torch.ones_like(ends, dtype=torch.int32))
    return (steps.cumsum(dim=1, dtype=torch.int32)[:, :-1] > 0)[:, order.argsort()]


def gathered_identity(batch: BatchInfo | None, classes: Tensor | None, ranks: RankRows) -> Identity | None:
    """What is known of the rows of all ranks, or None where that is nothing.

    Args:
        batch: brings text ids and known positives; None to look at neither.
        classes: of this rank's rows, (B,); None to look at none.
        ranks: whose rows.
    """
    identity = Identity(classes=None if classes is None else ranks.gather(classes))
    text_ids = [] if batch is None else [ids for ids in batch.text_ids if ids is not None]
    if batch is not None and text_ids and len(text_ids) == len(batch.text_ids):
        columns = ranks.gather_columns(text_ids)
        known = batch.known_positive_ids
        identity = Identity(
            query_ids=columns[0],
            document_ids=torch.stack(columns[1:] or columns),
            known_positive_ids=None if known is None else ranks.gather_lists(known),
            classes=identity.classes,
        )
    return None if identity.query_ids is None and identity.classes is None else identity
