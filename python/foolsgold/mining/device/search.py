"""The pass of tiles over queries and documents: blocks within a budget, rules inside, exact scores last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from foolsgold import _core
from foolsgold.mining.arrays import widened
from foolsgold.mining.device.excluded import Excluded
from foolsgold.mining.device.kept import ENTRY_BYTES, Kept
from foolsgold.mining.device.units import Packed, Units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from foolsgold.mining.arrays import Embeddings
    from foolsgold.mining.exclusions import Exclusion

_MOST_QUERIES = 8192
_TILE_BYTES = 64
"""What a score of a tile costs with everything that is made of it."""
_PAIRS = 1 << 22
"""Excluded pairs that are scored at once."""
_ROWS = 1 << 16
"""Rows that are widened at once."""


class Search:
    """Everything that does not change while tiles stream by.

    Args:
        queries: (Q, D), finite: floats, or the bits of bfloat16 as uint16.
        corpus: (N, D), likewise.
        rules: as `as_exclusions` gives them.
        similarity: "cosine", "dot" or "euclidean".
        device: where tiles are multiplied.
        memory: bytes there, about.
        threads: of the exact scores.
    """

    def __init__(
        self,
        queries: NDArray[Any],
        corpus: NDArray[Any],
        rules: list[Exclusion],
        similarity: str,
        device: torch.device,
        memory: int,
        threads: int,
    ) -> None:
        self.queries, self.corpus, self.device = queries, corpus, device
        self.similarity, self.memory, self.threads = similarity, memory, threads
        self.excluded = Excluded(rules, len(corpus), device)
        norms = _norms(queries), _norms(corpus)
        self.units = Units.of(similarity, *norms, corpus.shape[1], device)
        self.is_usable = self.units.is_usable(norms[0]).numpy()

    def run(
        self,
        depth: int,
        lows: NDArray[np.float64],
        caps: NDArray[np.float64],
        show: Callable[[int, int], object] | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
        """Return each query's best documents, their scores, and how many documents lie above its cap."""
        num = len(self.queries)
        ids = np.full((num, depth), -1, np.int64)
        scores = np.full((num, depth), -np.inf, np.float32)
        above = np.zeros(num, np.int64)
        in_shard = max(1, self.memory // 2 // (4 * self.corpus.shape[1] + 32))
        shards = range(0, len(self.corpus), in_shard)
        blocks = list(self._blocks(depth))
        for number, start in enumerate(shards):
            end = min(start + in_shard, len(self.corpus))
            documents = self.units.pack(self.corpus[start:end])
            for at, (block, is_exact) in enumerate(blocks):
                kept = self._kept(block, lows[block], caps[block], (ids[block], scores[block]), is_exact)
                self._pass(kept, block, documents, start, is_exact)
                ids[block], scores[block] = kept.ids.cpu().numpy(), kept.scores.cpu().numpy()
                above[block] += kept.above.cpu().numpy()
                if show is not None:
                    show(number * len(blocks) + at + 1, len(shards) * len(blocks))
        return ids, scores, above

    def turned_away(self, bars: NDArray[np.float64]) -> Any:
        """Return the excluded pairs that score at least as well as their query's bar."""
        ends = self.excluded.num_pairs().cumsum() if self.excluded.has_rules() else np.zeros(0, np.int64)
        found: list[tuple[NDArray[Any], ...]] = []
        start = 0
        while start < len(ends):
            before = ends[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(ends, before + _PAIRS, side="right")))
            block = np.arange(start, end)
            rows, documents, rules = self.excluded.of(block).first_rules(len(self.corpus))
            exact = self._exact(block, rows, documents).cpu().numpy()
            parts = (rows + start).cpu().numpy(), documents.cpu().numpy(), exact, rules.cpu().numpy()
            keep = exact.astype(np.float64) >= bars[parts[0]]
            found.append(tuple(part[keep] for part in parts))
            start = end
        kinds = (np.int64, np.int64, np.float32, np.int64)
        empty = tuple(np.empty(0, kind) for kind in kinds)
        query, document, score, rule = (np.concatenate(parts) for parts in zip(empty, *found, strict=True))
        order = np.lexsort((document, -score, query))
        return query[order], document[order], score[order], rule[order]

    def _blocks(self, depth: int) -> Iterator[tuple[NDArray[np.int64], bool]]:
        """Give the queries of each block, those apart whose scores a tile proves nothing of."""
        size = self.memory // 4 // (ENTRY_BYTES * (2 * depth + 64))
        size = min(_MOST_QUERIES, max(1, size))
        for is_exact in (False, True):
            of_kind = np.flatnonzero(self.is_usable != is_exact)
            for start in range(0, len(of_kind), size):
                yield of_kind[start : start + size], is_exact

    def _kept(
        self,
        block: NDArray[np.int64],
        lows: NDArray[np.float64],
        caps: NDArray[np.float64],
        found: tuple[NDArray[np.int64], NDArray[np.float32]],
        is_exact: bool,
    ) -> Kept:
        def on_device(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(self.device)

        packed = self.units.pack(self.queries[block])
        capacity = max(len(block), self.memory // 4 // ENTRY_BYTES)
        best = on_device(found[0]), on_device(found[1])

        def exact(rows: Tensor, ids: Tensor) -> Tensor:
            return self._exact(block, rows, ids)

        return Kept(self.units, packed, on_device(lows), on_device(caps), best, capacity, exact, is_exact)

    def _pass(
        self, kept: Kept, block: NDArray[np.int64], documents: Packed, first: int, is_exact: bool
    ) -> None:
        """Show every document of a shard to a block of queries."""
        excluded = self.excluded.of(block)
        num_documents = len(documents.norms)
        errors = torch.zeros(num_documents, device=self.device)
        if not is_exact:
            weights = self.units.weights(documents)
            errors = self.units.errors(kept.queries, documents)
        width = max(1, self.memory // 4 // (_TILE_BYTES * len(block)))
        for start in range(0, num_documents, width):
            part = slice(start, min(start + width, num_documents))
            tile = torch.zeros((len(block), part.stop - part.start), device=self.device)
            if not is_exact:
                tile = self.units.scores(kept.queries, documents.vectors[part], weights[part])
            for _, rows, ids in excluded.pairs(first + part.start, first + part.stop):
                tile[rows, ids - (first + part.start)] = torch.nan
            kept.show(tile, errors[part], first + part.start)
        kept.settle()

    def _exact(self, block: NDArray[np.int64], rows: Tensor, ids: Tensor) -> Tensor:
        """Return the scores of pairs by their definition; only the rows that are named are read."""
        documents, places = torch.unique(ids, return_inverse=True)
        scores = _core.pair_scores(
            as_read(self.queries[block]),
            as_read(self.corpus[documents.cpu().numpy()]),
            rows.to(torch.int64).cpu().numpy().astype(np.uint32),
            places.cpu().numpy().astype(np.uint32),
            similarity=self.similarity,
            threads=self.threads,
        )
        return torch.from_numpy(scores).to(self.device)


def as_read(rows: NDArray[Any]) -> Embeddings:
    """Return rows as the core reads them, where they are if it can."""
    dtype = rows.dtype if rows.dtype in (np.float16, np.uint16) else np.dtype(np.float32)
    return np.ascontiguousarray(rows, dtype=dtype)


def _norms(rows: NDArray[Any]) -> Tensor:
    parts = (widened(rows[start : start + _ROWS]).astype(np.float64) for start in range(0, len(rows), _ROWS))
    return torch.from_numpy(np.concatenate([np.sqrt((part * part).sum(axis=1)) for part in parts] or [[]]))
