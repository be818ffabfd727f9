"""Negatives by a cross-encoder's scores: it judges what the search found, then bounds and ranks apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.question import BOUNDS
from foolsgold.mining.strategies import as_selection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from foolsgold.mining.pairs import Pairs
    from foolsgold.mining.strategies import Selection

    _Rules = tuple[str, float | None, float | None, float | None, float | None]

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
    from foolsgold.mining.question import depth_of as looked_at
    from foolsgold.mining.question import select
    from foolsgold.mining.rescore import rescore

    documents = pairs.documents()
    options: dict[str, Any] = {"batch_size": batch_size, "progress": progress}
    if folder is not None and hasattr(cross_encoder, "state_dict"):
        from foolsgold.mining.model_fingerprint import model_fingerprint

        options |= {"folder": folder, "fingerprint": model_fingerprint(cross_encoder)}
    judged = rescore(found, pairs.query_texts(), documents, cross_encoder, **options)
    alone = Candidates(pairs.document.astype(np.int64)[:, None], np.zeros((len(pairs.query), 1), np.float32))
    anchor_texts = pairs.texts.take(pairs.queries[pairs.query])
    of_pairs = rescore(alone, anchor_texts, documents, cross_encoder, **options).scores[:, 0]

    ids, scores, anchors = judged.ids, judged.scores, of_pairs
    if search.get("margin_from") == "each":
        ids, scores = ids[pairs.query], scores[pairs.query]
    else:
        extreme = np.maximum if search.get("margin_from") == "greatest" else np.minimum
        anchors = extreme.reduceat(of_pairs, pairs.positives()[0][:-1])
    rules = rules_of(search)
    selection = selection_of(search, num_documents=pairs.num_documents, on_short=on_short, seed=seed)
    depth = looked_at(selection)
    table = table_of(ids, scores, anchors, margin_from=rules[0], depth=max(ids.shape[1], depth))
    taken = select(table, rules, selection, threads)
    # The table counts as if W documents of each query had been judged; where it has fewer, the rest count
    # among those below the least score, for queries that have less than `depth` candidates.
    is_open = np.isnan(table.narrow(rules=rules, depth=depth, threads=threads).columns()["bars"])
    taken.counts["rejected_min_score"] -= int((ids[is_open] < 0).sum())
    return Candidates(taken.ids, taken.scores, {**found.report, **taken.counts}, taken.ranks), of_pairs


def depth_of(search: Mapping[str, Any], num_documents: int) -> int:
    """Return how many of a query's documents are judged: up to `range_max`, by default ten a negative."""
    depth = search.get("range_max") or search["range_min"] + 10 * search["num_negatives"]
    return min(int(depth), num_documents)


def check_search(search: Mapping[str, Any], *, on_short: str, seed: int) -> None:
    """Refuse what a search would refuse, before anything that takes long.

    Args:
        search: arguments of `mine`.
        on_short: likewise.
        seed: likewise.

    Raises:
        ValueError: if an argument is out of range or has no effect.
    """
    if search.get("sampling_strategy") == "diverse":  # the class of each of no documents
        search = {**search, "diverse_by": np.empty(0, np.int64)}
    # A table alone cannot be filled at random.
    kept = "keep" if on_short == "random" else on_short
    selection = selection_of(search, num_documents=0, on_short=kept, seed=seed)
    rules = rules_of(search)
    nobody = np.empty(0, np.float32)
    table = table_of(np.empty((0, 1), np.int64), nobody, nobody, margin_from=rules[0], depth=1)
    table.narrow(rules=rules, depth=1, threads=1).select(selection, threads=1)


def rules_of(search: Mapping[str, Any]) -> _Rules:
    """Return the bounds among the arguments of `mine`, as the core reads them."""
    margin_from = search.get("margin_from", "least")
    bounds = (search.get(name) for name in BOUNDS)
    # A row that is mined for one positive measures from that one.
    return "least" if margin_from == "each" else margin_from, *bounds  # type: ignore[return-value]


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


def table_of(
    ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    anchors: NDArray[np.float32],
    *,
    margin_from: str,
    depth: int,
) -> _core.CandidateTable:
    """Return a table of all that there is to choose from.

    Args:
        ids: (R, W) documents, the best first, -1 where there are no more.
        scores: (R, W).
        anchors: (R,), the scores that margins are measured from.
        margin_from: what they are.
        depth: W at least, and all that is to be selected from.
    """
    is_there = ids >= 0
    offsets = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))]).astype(np.uint64)
    columns: dict[str, NDArray[Any]] = {
        "offsets": offsets,
        "ids": ids[is_there].astype(np.uint32),
        "scores": scores.reshape(ids.shape)[is_there],
        "bars": np.full(len(ids), np.nan, np.float32),
        "anchors": anchors,
        "above": np.zeros(len(ids), np.uint32),
        "away_offsets": np.zeros(len(ids) + 1, np.uint64),
        "away_ids": np.empty(0, np.uint32),
        "away_scores": np.empty(0, np.float32),
        "away_rules": np.empty(0, np.uint16),
    }
    unbounded = (margin_from, None, None, None, None)
    return _core.CandidateTable.from_columns(
        columns, rules=unbounded, depth=depth, documents=ids.shape[1], exclusions=[]
    )
