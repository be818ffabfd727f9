"""Candidates judged anew by a cross-encoder, or by anything that scores pairs of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold.integers import integer
from foolsgold.mining.arrays import as_lists
from foolsgold.mining.bounds import Bounds, places_within, taken
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.pair_scorer import PairScorer
from foolsgold.mining.score_cache import ScoreCache

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from foolsgold.mining.pair_scorer import Scorer


def rescore(
    found: Candidates,
    queries: Sequence[str],
    documents: Sequence[str],
    scorer: Scorer | Any,
    *,
    positives: Any = None,
    num_negatives: int | None = None,
    absolute_margin: float | None = None,
    relative_margin: float | None = None,
    margin_from: Literal["least", "greatest"] = "least",
    max_score: float | None = None,
    min_score: float | None = None,
    batch_size: int = 32,
    folder: str | Path | None = None,
    fingerprint: str | None = None,
    progress: bool = False,
) -> Candidates:
    """Score candidates anew, and apply bounds and order to the new scores.

    The pairs of all queries, positives among them, are scored together, each distinct one once, the longest
    first, so that the texts of a batch are of like lengths. The new scores are used whether or not there is a
    bound; margins are measured from the new scores of the positives.

    Args:
        found: candidates of Q queries, rows of `documents`.
        queries: Q texts.
        documents: N texts.
        scorer: a cross-encoder, with `predict`, or a function of a list of (query,
            document) pairs; gives one number a pair, the higher the better the document answers.
        positives: the documents that answer a query, as in `mine`; needed by the margins.
        num_negatives: how many candidates a query keeps, the best by the new scores; None for all.
        absolute_margin: how far below its query's positive a candidate scores at least.
        relative_margin: the same as a share of that score's magnitude: for scores that are probabilities,
            say; around 0, as with logits, it allows next to nothing.
        margin_from: from which of a query's positives margins are measured.
        max_score: the greatest new score.
        min_score: the least new score.
        batch_size: pairs of a forward pass, for `predict`.
        folder: where scores are kept, so that a stopped call goes on, and another one with the same texts
            need not ask again; None for nowhere. Nothing is kept without a fingerprint.
        fingerprint: tells the scorer from others there: letters, digits and -_. that change with its weights
            and settings; there is no default, as a function shows neither.
        progress: show a progress bar.

    Returns:
        Candidates by falling new score, equal ones by document. `report` has `pairs`, those `scored` now and
        those `cached`, and what each rule turned away.

    Raises:
        TypeError: the scorer is neither.
        ValueError: the numbers do not match, the scorer gives another number of scores than pairs, or one
            that is not finite (query and document are named), or an argument is out of range or without
            effect.

    Example:
        >>> found = Candidates(np.array([[0, 1]]), np.array([[0.9, 0.8]], np.float32))
        >>> overlap = lambda pairs: [len(set(a.split()) & set(b.split())) for a, b in pairs]
        >>> rescore(found, ["a b c"], ["a", "b c"], overlap).ids
        array([[1, 0]])
    """
    bounds = Bounds(absolute_margin, relative_margin, max_score, min_score, margin_from)
    bounds.check(has_positives=positives is not None)
    _check(found, queries, documents, bounds, num_negatives, batch_size, positives is not None)
    cache = _cache(folder, fingerprint)
    judge = PairScorer(scorer, name="scorer", batch_size=batch_size, cache=cache, progress=progress)
    offsets, values = np.zeros(len(queries) + 1, np.int64), np.empty(0, np.uint32)
    if positives is not None:
        offsets, values = as_lists("positives", positives, len(queries), len(documents))
    query, place = np.nonzero(found.ids >= 0)
    of_positives = np.repeat(np.arange(len(queries)), np.diff(offsets))
    pairs = np.concatenate(
        [
            np.stack([query, found.ids[query, place]], axis=1),
            np.stack([of_positives, values.astype(np.int64)], axis=1),
        ]
    )
    scores, report = judge.scores(pairs, queries, documents)
    table = np.full(found.ids.shape, -np.inf, np.float32)
    table[query, place] = scores[: len(query)]
    anchors = bounds.anchors(offsets, scores[len(query) :])
    kept, counts = places_within(found.ids, table, anchors, bounds, num=num_negatives)
    ids = taken(found.ids, kept, -1)
    report = {"queries": len(ids), **report, **counts}
    if num_negatives is not None:
        report["short_queries"] = int(((ids >= 0).sum(axis=1) < num_negatives).sum())
        report["missing"] = int((ids < 0).sum())
    return Candidates(ids, taken(table, kept, -np.inf), report=report)


def _check(
    found: Candidates,
    queries: Sequence[str],
    documents: Sequence[str],
    bounds: Bounds,
    num_negatives: int | None,
    batch_size: int,
    has_positives: bool,
) -> None:
    if len(found.ids) != len(queries):
        raise ValueError(f"`queries` must be one a row of `found`, {len(found.ids)}, got {len(queries)}")
    most = int(found.ids.max(initial=-1))
    if most >= len(documents):
        raise ValueError(f"`documents` must have more than {most} texts, got {len(documents)}")
    for name, value in [("num_negatives", num_negatives), ("batch_size", batch_size)]:
        if value is not None:
            integer(name, value, 1)
    if has_positives and bounds.absolute_margin is None and bounds.relative_margin is None:
        raise ValueError("`positives` must come with a margin, got none\nhint: they serve the margins alone")


def _cache(folder: str | Path | None, fingerprint: str | None) -> ScoreCache | None:
    if folder is None and fingerprint is None:
        return None
    if fingerprint is None:
        raise ValueError(
            "`fingerprint` must come with `folder`, got None\n"
            "hint: any text that is another one whenever the scorer is"
        )
    if folder is None:
        raise ValueError(f"`fingerprint` must come with `folder`, got {fingerprint!r} alone")
    return ScoreCache(folder, fingerprint)
