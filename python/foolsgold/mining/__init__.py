"""Hard negatives: what a query finds and should not.

- `mine`: on arrays; numpy alone.
- `mine_hard_negatives`: from a data set and a model to a data set.
- `BM25`: lexical search.
- `CandidateStore`, `EmbeddingStore`: what was found and what it was found from, on disk.
- `read_run`, `write_run`: TREC run files.
- `fuse`, `mine_fused`: one table of several sources.
- `rescore`: by a cross-encoder or any function of pairs.
- `search_on_device`: the search on a GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.lazy import getter

if TYPE_CHECKING:
    from foolsgold.mining.bm25 import BM25
    from foolsgold.mining.candidates import Candidates
    from foolsgold.mining.embeddings import EmbeddingStore
    from foolsgold.mining.fused import mine_fused
    from foolsgold.mining.fusion import FusedCandidates, fuse
    from foolsgold.mining.hard_negatives import mine_hard_negatives
    from foolsgold.mining.on_device import search_on_device
    from foolsgold.mining.rescoring import rescore
    from foolsgold.mining.runs import read_run, write_run
    from foolsgold.mining.search import mine
    from foolsgold.mining.store import CandidateStore

__all__ = [
    "BM25",
    "CandidateStore",
    "Candidates",
    "EmbeddingStore",
    "FusedCandidates",
    "fuse",
    "mine",
    "mine_fused",
    "mine_hard_negatives",
    "read_run",
    "rescore",
    "search_on_device",
    "write_run",
]

__getattr__ = getter(
    __name__,
    {
        "BM25": "foolsgold.mining.bm25",
        "CandidateStore": "foolsgold.mining.store",
        "Candidates": "foolsgold.mining.candidates",
        "EmbeddingStore": "foolsgold.mining.embeddings",
        "FusedCandidates": "foolsgold.mining.fusion",
        "fuse": "foolsgold.mining.fusion",
        "mine": "foolsgold.mining.search",
        "mine_fused": "foolsgold.mining.fused",
        "mine_hard_negatives": "foolsgold.mining.hard_negatives",
        "read_run": "foolsgold.mining.runs",
        "rescore": "foolsgold.mining.rescoring",
        "search_on_device": "foolsgold.mining.on_device",
        "write_run": "foolsgold.mining.runs",
    },
)
