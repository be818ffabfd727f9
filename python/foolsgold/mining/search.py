"""Hard negatives of embeddings: arrays in, a table of ids and scores out."""

from __future__ import annotations

from typing import Any, Literal

from foolsgold import _core
from foolsgold.mining.arrays import as_lists, as_matrix
from foolsgold.mining.candidates import Candidates
from foolsgold.progress import progress_bar
from foolsgold.threads import resolve


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
            row is named).
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
    with progress_bar("Mine", enabled=progress) as show:
        ids, scores, above, short, missing = _core.mine(
            queries,
            corpus,
            lists,
            similarity=similarity,
            num_negatives=num_negatives,
            absolute_margin=absolute_margin,
            relative_margin=relative_margin,
            max_score=max_score,
            min_score=min_score,
            range_min=range_min,
            range_max=range_max,
            sampling_strategy=sampling_strategy,
            seed=seed,
            threads=resolve(threads),
            progress=show,
        )
    rules = ("above_absolute_margin", "above_relative_margin", "above_max_score")
    report = {"queries": len(queries), "documents": len(corpus), **dict(zip(rules, above, strict=True))}
    return Candidates(ids, scores, {**report, "short_queries": short, "missing": missing})


def _check_counts(*, num_negatives: int, range_min: int, range_max: int | None, seed: int) -> None:
    for name, value, least in [
        ("num_negatives", num_negatives, 1),
        ("range_min", range_min, 0),
        ("range_max", range_max, 0),
        ("seed", seed, 0),
    ]:
        if value is not None and not least <= value < 2**64:
            raise ValueError(f"`{name}` must be at least {least} and below 2^64, got {value}")
