"""Tables of candidates: made, kept as columns, narrowed, and selected from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from foolsgold import _core
from foolsgold.integers import MAX_ROWS, integer
from foolsgold.mining.bounds import Bounds
from foolsgold.reals import real_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from foolsgold.mining.strategies import Selection

    Column = tuple[str, NDArray[np.uint64] | None, NDArray[Any]]
    Rules = tuple[str, float | None, float | None, float | None, float | None]
    Progress = Callable[[int, int], object]

BOUNDS = ("absolute_margin", "relative_margin", "max_score", "min_score")
"""The bounds of a score, in the order in which `Rules` has them after where margins are measured from."""

CANDIDATE_BYTES = 16
"""Of one candidate's id and score, twice: as it is found, and in a table."""

_PLACE_BYTES = 32
"""Of one negative's id, score and rank, twice: in a part of the result and in the whole."""

_PLACES = ("short_queries", "missing", "widened", "filled", "starved_queries")
"""What the core counts of the places of negatives, in its order."""

_LISTS = {"offsets": ("ids", "scores"), "away_offsets": ("away_ids", "away_scores", "away_rules")}
_STORED = {
    "ids": "document",
    "scores": "score",
    "away_ids": "away",
    "away_scores": "away_score",
    "away_rules": "away_rule",
    "bars": "bar",
    "anchors": "anchor",
    "above": "above",
}
"""A table's columns, and how they are called where they are stored."""


def check_margin_from(value: Any) -> None:
    """Refuse what says nothing of where margins are measured from.

    Raises:
        ValueError: it is none of the three words.
    """
    if value not in ("least", "greatest", "each"):
        raise ValueError(f'`margin_from` must be "least", "greatest" or "each", got {value!r}')


def as_rules(margin_from: str, bounds: Iterable[Any]) -> Rules:
    """Return where margins are measured from, and the bounds of `BOUNDS`, as the core reads them.

    Raises:
        TypeError: if a bound is no number.
    """
    numbers = (real_or_none(name, bound) for name, bound in zip(BOUNDS, bounds, strict=True))
    return (margin_from, *numbers)  # type: ignore[return-value]


def depth_of(selection: Selection) -> int:
    """Return how many of the best allowed documents a selection looks at."""
    if selection["range_max"] is None or selection["sampling_strategy"] == "top":
        return selection["range_min"] + selection["num_negatives"]
    return selection["range_max"]


def loosened(rules: Rules, selection: Selection) -> tuple[Rules, Selection]:
    """Return the rules to search by and what to select, so that one may reach below the least score."""
    if selection["on_short"] != "widen" or rules[4] is None:
        return rules, selection
    return (*rules[:4], None), {**selection, "min_score": rules[4]}


def check_size(selection: Selection, num_queries: int) -> None:
    """Refuse a selection whose negatives memory does not hold.

    Args:
        selection: what is taken of each query.
        num_queries: rows of the result.

    Raises:
        ValueError: it does not; `num_negatives` is named, and the bytes.

    Example:
        >>> from foolsgold.mining.strategies import as_selection
        >>> check_size(as_selection(num_negatives=3, num_documents=9), num_queries=10)
    """
    number = selection["num_negatives"]
    _core.check_fits("num_negatives", number, num_queries, _PLACE_BYTES * number)


class Selected(NamedTuple):
    """Negatives of some queries, and what happened."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    ranks: NDArray[np.int32]
    counts: dict[str, int]


def select(table: _core.CandidateTable, rules: Rules, selection: Selection, threads: int) -> Selected:
    """Select from the candidates that `rules` allow, which are at least as strict as those of the search.

    Raises:
        ValueError: the rules are looser, or the selection looks at more candidates than were kept.
    """
    depth = depth_of(selection)
    if depth > table.depth:
        raise ValueError(
            "`num_negatives` and the ranks must ask for at most "
            f"the {table.depth} candidates that are kept of a query, got {depth}"
        )
    allowed = table.narrow(rules=rules, depth=depth, threads=threads)
    loose, selection = loosened(rules, selection)
    source = allowed if loose is rules else table.narrow(rules=loose, depth=depth, threads=threads)
    ids, scores, ranks, counts = source.select(selection, threads=threads)
    return Selected(ids, scores, ranks, told(table.exclusions, allowed.rejected(), counts[1:]))


def told(exclusions: list[str], rejected: list[int], counts: tuple[int, ...]) -> dict[str, int]:
    """Return the counts of a report by name: those turned away by each rule, then what became of places."""
    names = [*exclusions, *BOUNDS]
    report = {f"rejected_{name}": count for name, count in zip(names, rejected, strict=True)}
    return report | dict(zip(_PLACES, counts, strict=True))


def as_columns(table: _core.CandidateTable) -> list[Column]:
    """Return a table as it is stored."""
    columns = table.columns()
    owner = {name: offsets for offsets, names in _LISTS.items() for name in names}
    return [
        (stored, columns[owner[name]] if name in owner else None, columns[name])
        for name, stored in _STORED.items()
    ]


def as_table(columns: list[Column], key: dict[str, Any]) -> _core.CandidateTable:
    """Return the table that was stored under `key`."""
    stored = {name: (offsets, values) for name, offsets, values in columns}
    arrays: dict[str, NDArray[Any]] = {name: stored[their][1] for name, their in _STORED.items()}
    for name, (first, *_) in _LISTS.items():
        offsets = stored[_STORED[first]][0]
        assert offsets is not None  # a part's columns are those of `as_columns`
        arrays[name] = offsets
    return _core.CandidateTable.from_columns(
        arrays,
        rules=rules_of(key),
        depth=key["depth"],
        documents=key["documents"],
        exclusions=[name for name, _ in key["exclusions"]],
    )


def check_key(key: Mapping[str, Any]) -> None:
    """Check what was stored as the key of a search, as far as it is read again.

    Raises:
        KeyError: if something is missing.
        TypeError: if something is of another kind.
        ValueError: if something is out of range.
    """
    Bounds(*rules_of(key)[1:], key["margin_from"]).check(has_positives=True)
    integer("depth", key["depth"], 1)
    integer("documents", key["documents"], 0, MAX_ROWS)
    if not all(isinstance(name, str) for name, _ in key["exclusions"]):
        raise TypeError(f"`exclusions` must have names, got {key['exclusions']}")


def rules_of(key: Mapping[str, Any]) -> Rules:
    """Return the rules of a stored search."""
    return as_rules(key["margin_from"], (key[name] for name in BOUNDS))


def check(rules: Rules, selection: Selection) -> None:
    """Refuse what a selection would refuse, before anything that takes long.

    Raises:
        ValueError: if an argument is out of range or has no effect.
    """
    nobody = np.empty(0, np.float32)
    depth = depth_of(selection)
    none = table_of(np.empty((0, 1), np.int64), nobody, nobody, margin_from=rules[0], depth=depth)
    select(none, rules, selection, threads=1)


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
