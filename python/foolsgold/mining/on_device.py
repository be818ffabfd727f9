"""The exact search in tiles on a device: a GPU's arithmetic, the answer of the CPU's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from foolsgold import _core
from foolsgold.mining.bounds import Bounds
from foolsgold.mining.device.search import Search, as_read
from foolsgold.mining.device.table import DeviceTable
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from foolsgold.mining.exclusions import Exclusion
    from foolsgold.mining.question import Lists

LEAST_MEMORY = 1 << 24
"""Bytes on a device: with less, tiles hold so little that a search takes many times as long."""


def search_on_device(
    queries: NDArray[Any],
    corpus: NDArray[Any],
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
        queries: (Q, D) floats, or the bits of bfloat16 as uint16; finite.
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
        max_memory: bytes on the device, about, 16 MiB at least; None for half of what is free there, on a
            CPU for 2 GiB.
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
    rules = exclusions or []
    positives = next((rule[2:] for rule in rules if rule[0] == "positive"), None)
    bounds = Bounds(absolute_margin, relative_margin, max_score, min_score, margin_from)
    with progress_bar("Mine", enabled=progress) as show:
        return table_on_device(
            queries,
            corpus,
            depth,
            exclusions=rules,
            anchors=positives,
            similarity=similarity,
            bounds=bounds,
            device=device,
            max_memory=max_memory,
            threads=resolve(threads),
            progress=show,
        )


def table_on_device(
    queries: NDArray[Any],
    corpus: NDArray[Any],
    depth: int,
    *,
    exclusions: list[Exclusion],
    anchors: Lists | None,
    similarity: str,
    bounds: Bounds,
    device: str | torch.device,
    max_memory: int | None,
    threads: int,
    progress: Callable[[int, int], object] | None = None,
) -> DeviceTable:
    """As `search_on_device`, with the positives that margins are measured from by themselves.

    Args:
        queries: as there.
        corpus: as there.
        depth: as there.
        exclusions: as there.
        anchors: rows of the corpus by query.
        similarity: as there.
        bounds: of a score.
        device: as there.
        max_memory: as there.
        threads: as there.
        progress: called with `(done, total)`, or None.
    """
    device = as_device(device)
    if depth < 1:
        raise ValueError(f"`depth` must be at least 1, got {depth}")
    if not len(corpus):
        raise ValueError("`corpus` must have at least one row, got 0")
    depth = min(depth, len(corpus))
    bounds.check(has_positives=anchors is not None)
    from_scores = _anchors(queries, corpus, anchors, similarity, bounds, threads)
    caps, cap_rules = bounds.caps(from_scores)
    lows = np.full(len(queries), -np.inf if bounds.min_score is None else bounds.min_score)
    memory = _half_of_free(device) if max_memory is None else max(LEAST_MEMORY, max_memory)
    with _exact_products(device), torch.inference_mode():
        search = Search(queries, corpus, exclusions, similarity, device, memory, threads)
        ids, scores, above = search.run(depth, lows, caps, progress)
    is_full = ids[:, -1] >= 0
    bars = np.where(is_full, scores[:, -1].astype(np.float64), lows)
    is_empty = caps < lows  # no score is allowed: every document counts as below the least
    above[is_empty], bars[is_empty] = 0, np.nan
    return DeviceTable(ids, scores, from_scores, above, cap_rules, search.turned_away(bars))


def _anchors(
    queries: NDArray[Any],
    corpus: NDArray[Any],
    positives: Lists | None,
    similarity: str,
    bounds: Bounds,
    threads: int,
) -> NDArray[np.float32]:
    """Return the scores that margins are measured from; every row is checked on the way."""
    offsets, values = (np.zeros(len(queries) + 1, np.int64), np.empty(0, np.uint32))
    if positives is not None:
        offsets, values = positives
    query = np.repeat(np.arange(len(queries), dtype=np.uint32), np.diff(offsets))
    scores = _core.pair_scores(
        as_read(queries), as_read(corpus), query, values, similarity=similarity, threads=threads
    )
    return bounds.anchors(offsets, scores)


def as_device(device: str | torch.device) -> torch.device:
    """Check a device.

    Raises:
        ValueError: it is of another kind than a CPU or CUDA, or not there.
    """
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(f'`device` must be like "cuda", "cuda:1" or "cpu", got {device!r}') from None
    if found.type not in ("cpu", "cuda"):
        raise ValueError(f'`device` must be like "cuda", "cuda:1" or "cpu", got {str(found)!r}')
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        there = f"{torch.cuda.device_count()} CUDA devices" if torch.cuda.is_available() else "no CUDA device"
        raise ValueError(f"`device` must be one that torch sees, got {str(found)!r}\nhint: it sees {there}")
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
