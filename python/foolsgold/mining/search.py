"""Hard negatives of embeddings: arrays in, a table of ids and scores out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold import _core
from foolsgold.mining.arrays import as_lists, as_matrix
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.store import fingerprint, part_rows, search_in_parts
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from numpy.typing import NDArray

    from foolsgold.mining.store import Column

    _Found = tuple[NDArray[np.int64], NDArray[np.float32], list[int], int, int]


def mine(
    queries: Any,
    corpus: Any,
    *,
    positives: Any = None,
    num_negatives: int = 3,
    absolute_margin: float | None = None,
    relative_margin: float | None = None,
    max_score: float | None = None,
    min_score: float | None = None,
    range_min: int = 0,
    range_max: int | None = None,
    sampling_strategy: Literal["top", "random"] = "top",
    similarity: Literal["cosine", "dot"] = "cosine",
    folder: str | os.PathLike[str] | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> Candidates:
    r"""Find each query's best documents among those that its rules allow.

    The search is exact, and the rules are part of it: a document that a rule turns away never takes the place
    of one that is allowed. A query gets fewer than `num_negatives` only where the corpus has no more. The
    answer does not depend on the number of threads or on the processor.

    Math:
        A score is a float64 sum in a fixed order, rounded to float32. With p the least score among a query's
        positives, and in float64, a document of score s is allowed if it is no positive of the query and

        $$ s \le p - \text{absolute\_margin}, \quad s \le p - |p| \cdot \text{relative\_margin}, \quad
           \text{min\_score} \le s \le \text{max\_score} $$

        as far as these are given. Allowed documents are ranked by score, equal ones by the lower row.

    Args:
        queries: (Q, D) embeddings: float32 is read in place; other floats, torch tensors (bfloat16 too) and
            nested lists are converted to a float32 copy.
        corpus: (N, D) embeddings of documents, likewise. Both must be finite.
        positives: the rows of the corpus that answer a query, never its negatives: (Q,) integers; (Q, P)
            integers padded with -1; Q lists; or a tuple of offsets (Q + 1,) and values.
        num_negatives: n, at least 1.
        absolute_margin: how far below p a negative scores at least; needs `positives`. A query whose list is
            empty has no such bound.
        relative_margin: the same as a share of |p|; 0.05 is the usual choice.
        max_score: a negative's greatest score.
        min_score: a negative's least score.
        range_min: how many of the best allowed documents are skipped.
        range_max: the rank among the allowed documents at which candidates end; None for no end, with
            `sampling_strategy="random"` for `range_min + 10 * num_negatives`.
        sampling_strategy: "top" takes the best candidates, "random" any, drawn for each query from `seed` and
            its row.
        similarity: "cosine" (0 where a vector is zero) or "dot".
        folder: keeps each query's best `range_min + num_negatives` allowed documents on disk, in parts of the
            queries: a new or an empty folder, or one that the same call has begun, which then goes on where
            it was, killed or not. The embeddings, positives and bounds are compared by checksum; other ones
            are an error. See `CandidateStore`. Only with `sampling_strategy="top"`.
        seed: of the random strategy, in [0, 2^64).
        threads: by default a fair share of the cores.
        progress: show a progress bar.

    Returns:
        The table, and in `report`: `queries`, `documents`; `above_absolute_margin`, `above_relative_margin`,
        `above_max_score`, the pairs of a query and a document that is not its positive above the query's
        lowest cap, counted for the rule that set it; `short_queries` with fewer than n negatives, and
        `missing` places.

    Raises:
        ValueError: if an argument is out of range, shapes do not match, or a value is NaN or infinite (its
            row is named), or `folder` holds anything else.
        OSError: the disk of `folder` is full or not writable; what is finished stays.
        TypeError: if an argument holds neither floats nor integers where they belong.

    Example:
        >>> corpus = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
        >>> found = mine([[1.0, 0.0]], corpus, positives=[0], num_negatives=2)
        >>> found.ids
        array([[1, 2]])
    """
    _check_counts(num_negatives=num_negatives, range_min=range_min, range_max=range_max, seed=seed)
    if range_max is None and sampling_strategy == "random":
        range_max = range_min + 10 * num_negatives
    queries, corpus = as_matrix("queries", queries), as_matrix("corpus", corpus)
    lists = None if positives is None else as_lists("positives", positives, len(queries), len(corpus))
    threads = resolve(threads)

    def find(rows: slice, wanted: int, skipped: int, show: Callable[[int, int], object] | None) -> _Found:
        return _core.mine(
            queries[rows],
            corpus,
            _cut(lists, rows) if lists else None,
            similarity=similarity,
            num_negatives=wanted,
            absolute_margin=absolute_margin,
            relative_margin=relative_margin,
            max_score=max_score,
            min_score=min_score,
            range_min=skipped,
            range_max=range_max,
            sampling_strategy=sampling_strategy,
            seed=seed,
            threads=threads,
            progress=show,
        )

    if folder is None:
        with progress_bar("Mine", enabled=progress) as show:
            ids, scores, above, short, missing = find(slice(None), num_negatives, range_min, show)
        rules = ("above_absolute_margin", "above_relative_margin", "above_max_score")
        report = {"queries": len(queries), "documents": len(corpus), **dict(zip(rules, above, strict=True))}
        return Candidates(ids, scores, {**report, "short_queries": short, "missing": missing})

    if sampling_strategy != "top":
        raise ValueError(f'`sampling_strategy` must be "top" with `folder`, got "{sampling_strategy}"')
    depth = range_min + num_negatives

    def search(start: int, stop: int, show: Callable[[int, int], object] | None) -> list[Column]:
        return _as_columns(*find(slice(start, stop), depth, 0, show)[:2])

    key = {
        "queries": fingerprint(queries),
        "corpus": fingerprint(corpus),
        "positives": fingerprint(*(lists or ())),
        "similarity": similarity,
        "absolute_margin": absolute_margin,
        "relative_margin": relative_margin,
        "max_score": max_score,
        "min_score": min_score,
        "depth": depth,
    }
    rows = part_rows(depth, len(corpus))
    store = search_in_parts(
        folder, search, num_queries=len(queries), part_rows=rows, key=key, progress=progress
    )
    return _best(store.load(), range_min, num_negatives, len(corpus))


def _cut(
    lists: tuple[NDArray[np.int64], NDArray[np.uint32]], rows: slice
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return the lists of some queries; all as they are, so that the core sees what is wrong with them."""
    offsets, values = lists
    if rows == slice(None):
        return lists
    if offsets[0] != 0 or offsets[-1] != len(values) or (np.diff(offsets) < 0).any():
        raise ValueError("`positives` must have offsets that rise from 0 to the number of its values")
    first, last, _ = rows.indices(len(offsets) - 1)
    cuts = offsets[first : last + 1]
    return cuts - cuts[0], values[cuts[0] : cuts[-1]]


def _as_columns(ids: NDArray[np.int64], scores: NDArray[np.float32]) -> list[Column]:
    """Return what is there of a table as lists."""
    found = ids >= 0
    offsets = np.concatenate([[0], np.cumsum(found.sum(axis=1))]).astype(np.uint64)
    return [("document", offsets, ids[found].astype(np.uint32)), ("score", offsets, scores[found])]


def _best(table: Candidates, range_min: int, num_negatives: int, num_documents: int) -> Candidates:
    """Take the best of a table behind the first `range_min`."""
    ids = np.full((len(table.ids), num_negatives), -1, np.int64)
    scores = np.full(ids.shape, -np.inf, np.float32)
    window = slice(range_min, range_min + num_negatives)
    width = table.ids[:, window].shape[1]
    ids[:, :width], scores[:, :width] = table.ids[:, window], table.scores[:, window]
    missing = (ids < 0).sum(axis=1)
    report = {"queries": len(ids), "documents": num_documents}
    report |= {"short_queries": int((missing > 0).sum()), "missing": int(missing.sum())}
    return Candidates(ids, scores, report)


def _check_counts(*, num_negatives: int, range_min: int, range_max: int | None, seed: int) -> None:
    for name, value, least in [
        ("num_negatives", num_negatives, 1),
        ("range_min", range_min, 0),
        ("range_max", range_max, 0),
        ("seed", seed, 0),
    ]:
        if value is not None and not least <= value < 2**64:
            raise ValueError(f"`{name}` must be at least {least} and below 2^64, got {value}")
