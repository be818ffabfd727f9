"""Negatives by a cross-encoder's scores: it judges what the search found, then bounds and ranks apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.mining.bounds import Bounds, places_within, taken
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.model_fingerprint import digits, model_fingerprint
from foolsgold.mining.pair_scorer import PairScorer
from foolsgold.mining.score_cache import ScoreCache
from foolsgold.mining.strategies import as_selection
from foolsgold.mining.tables import BOUNDS, as_rules, select, table_of
from foolsgold.mining.tables import depth_of as looked_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from foolsgold.mining.pairs import Pairs
    from foolsgold.mining.strategies import Selection
    from foolsgold.mining.tables import Rules

_OF_SELECTION = (
    "num_negatives",
    "range_min",
    "range_max",
    "sampling_strategy",
    "temperature",
    "simans_a",
    "simans_b",
    "diverse_by",
)

_SETTINGS = ("max_length", "max_seq_length", "prompts", "default_prompt_name")
"""What a cross-encoder's scores depend on besides its weights and modules."""


def rescored(
    found: Candidates,
    pairs: Pairs,
    cross_encoder: Any,
    search: Mapping[str, Any],
    *,
    on_short: str,
    batch_size: int,
    folder: Path | None,
    seed: int,
    threads: int,
    progress: bool,
) -> tuple[Candidates, NDArray[np.float32]]:
    """Score candidates and positives anew, and take negatives by the new scores.

    Args:
        found: each query's candidates, as many as are to be judged.
        pairs: the texts.
        cross_encoder: has `predict`, or is a function of a list of (anchor, document) pairs.
        search: arguments of `mine`: its bounds, ranks and strategy.
        on_short: likewise, but for "random".
        batch_size: pairs of a forward pass.
        folder: where the scores of a cross-encoder with weights are kept, if anywhere.
        seed: of what is drawn.
        threads: that take negatives.
        progress: show a progress bar.

    Returns:
        What `mine` returns, and the scores of the pairs (P,).
    """
    cache = None
    if folder is not None and hasattr(cross_encoder, "state_dict"):
        cache = ScoreCache(folder, _fingerprint(cross_encoder))
    judge = PairScorer(
        cross_encoder, name="cross_encoder", batch_size=batch_size, cache=cache, progress=progress
    )
    query, place = np.nonzero(found.ids >= 0)
    judged = np.concatenate(
        [
            np.stack([query, found.ids[query, place]], axis=1),
            np.stack([pairs.query, pairs.document], axis=1).astype(np.int64),
        ]
    )
    of_judged, _ = judge.scores(judged, pairs.query_texts(), pairs.documents())
    of_pairs = of_judged[len(query) :]
    scores = np.full(found.ids.shape, -np.inf, np.float32)
    scores[query, place] = of_judged[: len(query)]
    nothing = np.full(len(scores), np.nan, np.float32)
    order, _ = places_within(found.ids, scores, nothing, Bounds())
    ids, scores, anchors = taken(found.ids, order, -1), taken(scores, order, -np.inf), of_pairs
    if search.get("margin_from") == "each":
        ids, scores = ids[pairs.query], scores[pairs.query]
    else:
        extreme = np.maximum if search.get("margin_from") == "greatest" else np.minimum
        anchors = extreme.reduceat(of_pairs, pairs.positives()[0][:-1])
    rules = rules_of(search)
    selection = selection_of(search, num_documents=pairs.num_documents, on_short=on_short, seed=seed)
    depth = looked_at(selection)
    table = table_of(ids, scores, anchors, margin_from=rules[0], depth=max(ids.shape[1], depth))
    chosen = select(table, rules, selection, threads)
    # The table counts as if W documents of each query had been judged; where it has fewer, the rest count
    # among those below the least score, for queries that have less than `depth` candidates.
    is_open = np.isnan(table.narrow(rules=rules, depth=depth, threads=threads).columns()["bars"])
    chosen.counts["rejected_min_score"] -= int((ids[is_open] < 0).sum())
    report = {**found.report, **chosen.counts}
    return Candidates(chosen.ids, chosen.scores, report, chosen.ranks), of_pairs


def _fingerprint(cross_encoder: Any) -> str:
    """Return what decides the scores of a model of pairs: its own fingerprint, and where it cuts texts."""
    settings = {name: repr(getattr(cross_encoder, name, None)) for name in _SETTINGS}
    return digits([model_fingerprint(cross_encoder), settings])


def depth_of(search: Mapping[str, Any], num_documents: int) -> int:
    """Return how many of a query's documents are judged: up to `range_max`, by default ten a negative."""
    depth = search.get("range_max") or search["range_min"] + 10 * search["num_negatives"]
    return min(int(depth), num_documents)


def rules_of(search: Mapping[str, Any]) -> Rules:
    """Return the bounds among the arguments of `mine`, as the core reads them."""
    margin_from = search.get("margin_from", "least")
    bounds = (search.get(name) for name in BOUNDS)
    # A row that is mined for one positive measures from that one.
    return as_rules("least" if margin_from == "each" else margin_from, bounds)


def selection_of(
    search: Mapping[str, Any],
    *,
    num_documents: int,
    on_short: str,
    seed: int,
) -> Selection:
    """Return what the arguments of `mine` select, as the core reads it."""
    named = {name: search[name] for name in _OF_SELECTION if name in search}
    return as_selection(**named, num_documents=num_documents, on_short=on_short, seed=seed)
