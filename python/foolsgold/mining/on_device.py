"""The exact search in tiles on a device: a GPU's arithmetic, the answer of the CPU's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from foolsgold import _core
from foolsgold.mining.bounds import CAPS, Bounds
from foolsgold.mining.device.search import Search, floats
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from foolsgold.mining.exclusions import Exclusion


class DeviceTable(NamedTuple):
    """What a search answers, as the core's table has it.

    Attributes:
        ids: (Q, depth) int64, the best documents first; -1 where there are no more.
        scores: (Q, depth) float32; negative infinity where there are no more.
        anchors: (Q,) float32, the positive scores that margins are measured from; NaN where there is none.
        above: (Q,) int64, documents that no exclusion turns away above the query's lowest cap.
        cap_rules: (Q,) int64, which of the two margins and `max_score` set that cap; -1 for none.
        away: the pairs that an exclusion turned away and that score at least as well as the query's last
            candidate, or as `min_score` where it has fewer than `depth`: query, document, score and the
            number of the first rule, in the order of queries, scores, documents.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    anchors: NDArray[np.float32]
    above: NDArray[np.int64]
    cap_rules: NDArray[np.int64]
    away: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]

    def counts(self, rules: list[str], num_documents: int) -> dict[str, int]:
        """Return how many documents each rule turned away, over all queries.

        Args:
            rules: the names of the exclusions, in order.
            num_documents: N.
        """
        found = {name: int((self.away[3] == number).sum()) for number, name in enumerate(rules)}
        for number, name in enumerate(CAPS):
            found[name] = int(self.above[self.cap_rules == number].sum())
        taken = (self.ids >= 0).sum(axis=1)
        away = np.bincount(self.away[0], minlength=len(self.ids))
        below = num_documents - taken - away - self.above
        found["min_score"] = int(below[taken < self.ids.shape[1]].sum())
        return found


def search_on_device(
    queries: NDArray[np.floating[Any]],
    corpus: NDArray[np.floating[Any]],
    depth: int,
    *,
    exclusions: list[Exclusion] | None = None,
    similarity: str = "cosine",
    absolute_margin: float | None = None,
    relative_margin: float | None = None,
    margin_from: str = "least",
    max_score: float | None = None,
    min_score: float | None = None,
    device: str | torch.device = "cuda",
    max_memory: int | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> DeviceTable:
    """Find each query's best allowed documents, as the search on the CPU does, bit for bit.

    Tiles of scores are multiplied in float32 on the device, with no lower precision inside whatever torch is
    set to. Rules are part of the search: what could lie in a query's band and among its best, by a proven
    bound of the error, is kept and then scored exactly by the core. Queries whose scores the bound says
    nothing of (a zero vector, norms near the ends of float32's range) are compared exactly with every
    document.

    Args:
        queries: (Q, D) floats, finite.
        corpus: (N, D) likewise, N at least 1.
        depth: how many of the best are found; at most N are.
        exclusions: as `as_exclusions` gives them; the one named "positive" gives the margins.
        similarity: "cosine", "dot" or "euclidean".
        absolute_margin: as in `mine`.
        relative_margin: as in `mine`.
        margin_from: "least" or "greatest" of a query's positives.
        max_score: as in `mine`.
        min_score: as in `mine`.
        device: where the tiles are multiplied.
        max_memory: bytes on the device, about; None for half of what is free there, on a CPU for 2 GiB.
        threads: of the exact scores; by default a fair share of the cores.
        progress: show a progress bar.

    Returns:
        The table.

    Raises:
        ValueError: for a depth of 0, an unknown name, a device that is not there, a value that is not finite.

    Example:
        >>> corpus = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], np.float32)
        >>> search_on_device(corpus[:1], corpus, 2, device="cpu").ids
        array([[0, 1]])
    """
    device = _device(device)
    depth = min(depth, len(corpus))
    if depth < 1:
        raise ValueError(f"`depth` must be at least 1 and `corpus` have rows, got {depth} and {len(corpus)}")
    rules = exclusions or []
    positives = next((rule for rule in rules if rule[0] == "positive"), None)
    threads = resolve(threads)
    bounds = Bounds(absolute_margin, relative_margin, max_score, min_score, margin_from)
    bounds.check(has_positives=positives is not None)
    anchors = _anchors(queries, corpus, positives, similarity, bounds, threads)
    caps, cap_rules = bounds.caps(anchors)
    lows = np.full(len(queries), -np.inf if min_score is None else min_score)
    memory = max_memory or _half_of_free(device)
    with _exact_products(device), torch.inference_mode(), progress_bar("Mine", enabled=progress) as show:
        search = Search(queries, corpus, rules, similarity, device, memory, threads)
        ids, scores, above = search.run(depth, lows, caps, show)
    is_full = ids[:, -1] >= 0
    bars = np.where(is_full, scores[:, -1].astype(np.float64), lows)
    away = search.turned_away(bars)
    return DeviceTable(ids, scores, anchors, above, cap_rules, away)


def _anchors(
    queries: NDArray[Any],
    corpus: NDArray[Any],
    positives: Exclusion | None,
    similarity: str,
    bounds: Bounds,
    threads: int,
) -> NDArray[np.float32]:
    """Return the scores that margins are measured from; every row is checked on the way."""
    offsets, values = (np.zeros(len(queries) + 1, np.int64), np.empty(0, np.uint32))
    if positives is not None:
        offsets, values = positives[2], positives[3]
    query = np.repeat(np.arange(len(queries), dtype=np.uint32), np.diff(offsets))
    scores = _core.pair_scores(
        floats(queries), floats(corpus), query, values, similarity=similarity, threads=threads
    )
    return bounds.anchors(offsets, scores)


def _device(device: str | torch.device) -> torch.device:
    found = torch.device(device)
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"`device` must be there, got {str(found)!r}\nhint: torch sees no CUDA device")
    return found


def _half_of_free(device: torch.device) -> int:
    return torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else 2 << 30


@contextmanager
def _exact_products(device: torch.device) -> Iterator[None]:
    """Multiply in float32 proper: no TF32, no bfloat16 parts, no autocast."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
