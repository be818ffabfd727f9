"""Which candidates of a batch are no negatives, told by their text ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor


def known_matches(candidate_ids: Tensor, query_ids: Tensor, positive_ids: Tensor, rows: slice) -> Tensor:
    r"""Tell for each of some rows of a batch which candidates match it, so that they are no negatives for it.

    A candidate matches row i if its text is the query or the positive of row i. No encoder tells a text that
    equals the query from the query itself, so it is no negative either, wherever it comes from. The queries
    and positives of row k match row i as well if the two rows share their query or their positive: the data
    says they belong together. The stated negatives of row k match by their text alone.

    Shape:
        candidate_ids (C, G), query_ids (G,), positive_ids (G,); returns (B, C * G) bool, row after row of
        `candidate_ids`.

    Args:
        candidate_ids: texts of the candidates; column k belongs to row k. The first row holds queries or
            positives, the others stated negatives.
        query_ids: texts of the queries of all rows.
        positive_ids: texts of the positives of all rows.
        rows: the B rows that it is told for.
    """
    own_queries, own_positives = query_ids[rows, None], positive_ids[rows, None]
    same_text = (own_queries == candidate_ids.flatten()) | (own_positives == candidate_ids.flatten())
    related = (own_queries == query_ids) | (own_positives == positive_ids)
    return same_text | F.pad(related, (0, same_text.shape[1] - related.shape[1]))
