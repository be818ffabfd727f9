"""What is asked of a search, and its answer as a table that can be cut, kept and selected from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from foolsgold import _core

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from foolsgold.mining.arrays import Embeddings
    from foolsgold.mining.exclusions import Exclusion
    from foolsgold.mining.strategies import Selection

    Column = tuple[str, NDArray[np.uint64] | None, NDArray[Any]]
    Lists = tuple[NDArray[np.int64], NDArray[np.uint32]]
    Rules = tuple[str, float | None, float | None, float | None, float | None]
    Progress = Callable[[int, int], object]

BOUNDS = ("absolute_margin", "relative_margin", "max_score", "min_score")
"""The bounds of a score, in the order in which `Rules` has them after where margins are measured from."""

_SAMPLE = 4096  # queries that show what all are like

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

    def search(self, start: int, stop: int, progress: Progress | None = None) -> _core.CandidateTable:
        """Return the candidates of some of the queries."""
        cut = slice(start, stop)
        return _core.search(
            self.queries[cut],
            self.corpus,
            [(name, classes, *_cut(lists, cut)) for name, classes, *lists in self.exclusions],
            None if self.anchors is None else _cut(self.anchors, cut),
            similarity=self.similarity,
            rules=self.rules,
            depth=self.depth,
            threads=self.threads,
            prepared=self.prepared,
            progress=progress,
        )

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
    source = allowed if loose is rules else table.narrow(rules=loose, depth=table.depth, threads=threads)
    ids, scores, ranks, counts = source.select(selection, threads=threads)
    return Selected(ids, scores, ranks, told(table.exclusions, allowed.rejected(), counts[1:]))


def told(exclusions: list[str], rejected: list[int], counts: tuple[int, ...]) -> dict[str, int]:
    """Return the counts of a report by name: those turned away by each rule, then what became of places."""
    short, missing, widened, filled = counts[:4]
    names = [*exclusions, *BOUNDS]
    report = {f"rejected_{name}": count for name, count in zip(names, rejected, strict=True)}
    return report | {"short_queries": short, "missing": missing, "widened": widened, "filled": filled}


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


def rules_of(key: Mapping[str, Any]) -> Rules:
    """Return the rules of a stored search."""
    absolute_margin, relative_margin, max_score, min_score = (key[name] for name in BOUNDS)
    return (key["margin_from"], absolute_margin, relative_margin, max_score, min_score)


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
