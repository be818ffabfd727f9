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
    """

    query_ids: Tensor | None = None
    document_ids: Tensor | None = None
    known_positive_ids: Tensor | None = None
    classes: Tensor | None = None

    def matches(self, candidates: str, rows: slice) -> Tensor | None:
        """Tell for each of B rows which candidates match it, so that they are no negatives for it.

        Shape:
            returns (B, G) for queries or positives, (B, C * G) for documents, of bool; (B, G) for documents
            where classes alone are known, which say nothing of stated negatives; None where nothing is known.

        Args:
            candidates: `query`, `positive` or `doc`.
            rows: the B rows that it is told for.
        """
        related = self._related(rows)
        if self.query_ids is None or self.document_ids is None:
            return related
        ids = {"query": self.query_ids, "positive": self.document_ids[0]}.get(
            candidates, self.document_ids.flatten()
        )
        same_text = (self.query_ids[rows, None] == ids) | (self.document_ids[0, rows, None] == ids)
        if self.known_positive_ids is not None:
            same_text = same_text | _is_among(ids, self.known_positive_ids[rows])
        if related is None:
            return same_text
        return same_text | F.pad(related, (0, len(ids) - related.shape[1]))

    def _related(self, rows: slice) -> Tensor | None:
        """Tell which of the G rows belong to each of B rows, (B, G)."""
        related = None if self.classes is None else self.classes[rows, None] == self.classes
        if self.query_ids is None or self.document_ids is None:
            return related
        queries, positives = self.query_ids, self.document_ids[0]
        together = (queries[rows, None] == queries) | (positives[rows, None] == positives)
        if self.known_positive_ids is not None:
            together = together | _is_among(positives, self.known_positive_ids[rows])
        return together if related is None else together | related


def _is_among(ids: Tensor, known: Tensor) -> Tensor:
    """Tell which of N ids are in each of B lists, (B, P) filled up with -1; (B, N)."""
    known = known.sort(dim=1).values
    wanted = ids.expand(len(known), len(ids)).contiguous()
    places = torch.searchsorted(known, wanted).clamp(max=known.shape[1] - 1)
    return known.gather(1, places) == wanted


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
