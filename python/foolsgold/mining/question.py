"""What is asked of a search: of all queries, or of a part of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.mining.bounds import Bounds
from foolsgold.mining.tables import BOUNDS, CANDIDATE_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.mining.arrays import Embeddings
    from foolsgold.mining.exclusions import Exclusion
    from foolsgold.mining.tables import Progress, Rules

    Lists = tuple[NDArray[np.int64], NDArray[np.uint32]]

_SAMPLE = 4096  # queries that show what all are like


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """A search.

    Attributes:
        queries: (Q, D).
        corpus: (N, D).
        exclusions: what turns documents away, in the order of counting.
        anchors: the positives that margins are measured from.
        similarity: how a query and a document are compared.
        rules: bounds of a score.
        depth: candidates of a query.
        threads: of the search.
        max_memory: bytes beside the embeddings.
        device: where tiles of scores are multiplied; None for the core's own engine.
    """

    queries: Embeddings
    corpus: Embeddings
    exclusions: list[Exclusion]
    anchors: Lists | None
    similarity: str
    rules: Rules
    depth: int
    threads: int
    max_memory: int = 2 << 30
    device: Any = None

    @cached_property
    def prepared(self) -> _core.Corpus:
        """The corpus, packed once for all parts of the queries, of which a sample shows the likes."""
        sample: Embeddings = np.ascontiguousarray(self.queries[:: len(self.queries) // _SAMPLE + 1])  # type: ignore[assignment]
        return _core.Corpus(
            self.corpus,
            sample,
            similarity=self.similarity,
            depth=self.depth,
            threads=self.threads,
            max_memory=self.max_memory,
        )

    def release(self) -> None:
        """Let the packed corpus go, as what comes after the search may need its memory."""
        self.__dict__.pop("prepared", None)

    def search(self, start: int, stop: int, progress: Progress | None = None) -> _core.CandidateTable:
        """Return the candidates of some of the queries."""
        cut = slice(start, stop)
        exclusions = [(name, classes, *_cut(lists, cut)) for name, classes, *lists in self.exclusions]
        anchors = None if self.anchors is None else _cut(self.anchors, cut)
        if self.device is not None:
            return self._search_on_device(self.queries[cut], exclusions, anchors, progress)
        return _core.search(
            self.queries[cut],
            self.corpus,
            exclusions,
            anchors,
            similarity=self.similarity,
            rules=self.rules,
            depth=self.depth,
            threads=self.threads,
            prepared=self.prepared,
            progress=progress,
        )

    def _search_on_device(
        self, queries: Embeddings, exclusions: list[Exclusion], anchors: Lists | None, progress: Any
    ) -> _core.CandidateTable:
        from foolsgold.mining.on_device import table_on_device  # torch is imported where it is asked for

        width = min(self.depth, len(self.corpus))
        _core.check_fits("depth", self.depth, len(queries), CANDIDATE_BYTES * width)
        is_host = str(self.device).startswith("cpu")
        table = table_on_device(
            queries,
            self.corpus,
            self.depth,
            exclusions=exclusions,
            anchors=anchors,
            similarity=self.similarity,
            bounds=Bounds(*self.rules[1:], self.rules[0]),
            device=self.device,
            max_memory=self.max_memory if is_host else None,
            threads=self.threads,
            progress=progress,
        )
        names = [name for name, *_ in exclusions]
        return table.as_core(self.rules, depth=self.depth, num_documents=len(self.corpus), exclusions=names)

    def key(self) -> dict[str, Any]:
        """Return what decides the candidates, by name, as JSON tells it."""
        margin_from, *bounds = self.rules
        return {
            "queries": fingerprint(self.queries),
            "corpus": fingerprint(self.corpus),
            "documents": len(self.corpus),
            "similarity": self.similarity,
            "margin_from": margin_from,
            **dict(zip(BOUNDS, bounds, strict=True)),
            "depth": self.depth,
            "positives": fingerprint(*(self.anchors or ())),
            "exclusions": [[name, fingerprint(*arrays)] for name, *arrays in self.exclusions],
        }


def _cut(lists: Any, rows: slice) -> Lists:
    """Return the lists of some queries; all as they are, so that the core sees what is wrong with them."""
    offsets, values = lists
    first, last, _ = rows.indices(len(offsets) - 1)
    if (first, last) == (0, len(offsets) - 1):
        return offsets, values
    cuts = offsets[first : last + 1]
    return cuts - cuts[0], values[cuts[0] : cuts[-1]]


def fingerprint(*arrays: NDArray[Any] | None) -> str:
    """Return 64 bits of arrays, with their types and shapes, as hexadecimal digits."""
    told = [
        None if array is None else (array.dtype.str, array.shape, _core.checksum(_bytes(array)))
        for array in arrays
    ]
    text = np.frombuffer(json.dumps(told).encode(), np.uint8)
    return f"{_core.checksum(text):016x}"


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
