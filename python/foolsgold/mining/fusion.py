"""One table of candidates out of several: a model's, BM25's, somebody's run file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from foolsgold import _core
from foolsgold.integers import MAX_INT64, integer
from foolsgold.mining.candidates import Candidates
from foolsgold.progress import progress_bar
from foolsgold.reals import real
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_SOURCE = 255
"""Stands in `sources` where there is no candidate."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FusedCandidates(Candidates):
    """Candidates, and where each comes from.

    Attributes:
        sources: (Q, n) uint8, places in `source_names`; 255 where there is no candidate.
        source_ranks: (Q, n) uint32, the candidate's rank there, from 1; 0 where there is none.
        source_names: the sources, in the order given.
    """

    sources: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0), np.uint8))
    source_ranks: NDArray[np.uint32] = field(default_factory=lambda: np.empty((0, 0), np.uint32))
    source_names: tuple[str, ...] = ()


def fuse(
    sources: Mapping[str, Candidates],
    *,
    method: Literal["rrf", "quota"] = "rrf",
    k: float | None = None,
    quotas: Mapping[str, int] | None = None,
    num: int | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> FusedCandidates:
    r"""Make one ranking of what several sources found for the same queries.

    Math:
        With "rrf", reciprocal rank fusion, a document's score is

        $$ \sum_{s} \frac{1}{k + \text{rank}_s(d)} $$

        over the sources that found it, ranks from 1, in float64 in the order of the sources, rounded to
        float32; of equal scores the lower document comes first. With "quota" each source in turn gives its
        best document that none has given yet, until its quota is filled; the score is that source's.

    Args:
        sources: by name, each with Q queries; at most 254.
        method: "rrf" or "quota".
        k: of "rrf", at least 0; by default 60. The greater, the less the first ranks stand out.
        quotas: of "quota": for each source the most documents that it gives a query.
        num: documents a query; by default the width of the widest source, with "quota" the sum of the quotas.
        threads: by default a fair share of the cores.
        progress: show a progress bar.

    Returns:
        The table. A candidate's source is, with "rrf", the one that has it at its best rank, of equal ones
        the first; with "quota" the one that gave it. `report` counts the candidates by source.

    Raises:
        ValueError: no source, another number of queries, an argument out of range or without effect.

    Example:
        >>> model = Candidates(np.array([[4, 7, 2]]), np.array([[0.9, 0.8, 0.7]], np.float32))
        >>> words = Candidates(np.array([[7, 1, -1]]), np.array([[12.0, 3.0, -np.inf]], np.float32))
        >>> found = fuse({"model": model, "bm25": words})
        >>> found.ids, found.sources
        (array([[7, 4, 1]]), array([[1, 0, 1]], dtype=uint8))

    Reference:
        Cormack, Clarke and Buettcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
        Learning Methods", https://doi.org/10.1145/1571941.1572114
    """
    given = _quotas(sources, method, k, quotas)
    if num is None:
        num = sum(given) if given is not None else max(table.ids.shape[1] for table in sources.values())
    num = integer("num", num, 1, MAX_INT64)
    tables = [
        (np.ascontiguousarray(table.ids, np.int64), np.ascontiguousarray(table.scores, np.float32))
        for table in sources.values()
    ]
    with progress_bar("Fuse", enabled=progress) as show:
        ids, scores, from_source, ranks = _core.fuse(
            tables,
            num,
            k=60.0 if k is None else real("k", k),
            quotas=given,
            threads=resolve(threads),
            progress=show,
        )
    report = {f"from_{name}": int((from_source == at).sum()) for at, name in enumerate(sources)}
    report["queries"] = len(ids)
    return FusedCandidates(
        ids, scores, report=report, sources=from_source, source_ranks=ranks, source_names=tuple(sources)
    )


def check_sources(sources: Mapping[str, Candidates]) -> None:
    """Check that there is a source, and that all are tables by name."""
    if not isinstance(sources, Mapping) or not all(isinstance(it, Candidates) for it in sources.values()):
        raise TypeError(f"`sources` must be candidates by name, got {sources!r}")
    if not sources:
        raise ValueError("`sources` must be at least one, got none")


def _quotas(
    sources: Mapping[str, Candidates], method: str, k: float | None, quotas: Mapping[str, int] | None
) -> list[int] | None:
    """Check the arguments; the quotas in the order of the sources."""
    if method not in ("rrf", "quota"):
        raise ValueError(f'`method` must be "rrf" or "quota", got "{method}"')
    check_sources(sources)
    numbers = {name: len(table.ids) for name, table in sources.items()}
    if len(set(numbers.values())) > 1:
        raise ValueError(f"`sources` must have the same queries, got {numbers}")
    if method == "rrf":
        if quotas is not None:
            raise ValueError(f'`quotas` must come with `method="quota"`, got {dict(quotas)}')
        return None
    if k is not None:
        raise ValueError(f'`k` must come with `method="rrf"`, got {k}')
    if quotas is None or quotas.keys() != sources.keys():
        got = None if quotas is None else sorted(quotas)
        raise ValueError(f"`quotas` must be one for each of {sorted(sources)}, got {got}")
    return [integer(f"quotas[{name!r}]", quotas[name], 0) for name in sources]
