"""Hard negatives: what a query finds and should not.

- `mine`: on arrays; numpy alone.
- `mine_hard_negatives`: from a data set and a model to a data set.
- `BM25`: lexical search.
- `CandidateStore`, `EmbeddingStore`: what was found and what it was found from, on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.lazy import getter

if TYPE_CHECKING:
    from foolsgold.mining.bm25 import BM25
    from foolsgold.mining.candidates import Candidates
    from foolsgold.mining.embeddings import EmbeddingStore
    from foolsgold.mining.hard_negatives import mine_hard_negatives
    from foolsgold.mining.search import mine
    from foolsgold.mining.store import CandidateStore

__all__ = ["BM25", "CandidateStore", "Candidates", "EmbeddingStore", "mine", "mine_hard_negatives"]

__getattr__ = getter(
    __name__,
    {
        "BM25": "foolsgold.mining.bm25",
        "CandidateStore": "foolsgold.mining.store",
        "Candidates": "foolsgold.mining.candidates",
        "EmbeddingStore": "foolsgold.mining.embeddings",
        "mine": "foolsgold.mining.search",
        "mine_hard_negatives": "foolsgold.mining.hard_negatives",
    },
)
