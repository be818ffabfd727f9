"""What each of several sources gives: the batches of a pass over its rows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.kinds import values_of
from foolsgold.data.texts import Texts, columns_of
from foolsgold.sampling.batch_sampler import PlannedBatchSampler
from foolsgold.sampling.no_duplicates import NoDuplicatesBatchSampler
from foolsgold.sampling.random import RandomBatchSampler

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from foolsgold.sampling.batch_sampler import Progress

Pass = tuple["NDArray[np.uint32]", "NDArray[np.uint64]", list[tuple[str, int]]]
"""Rows, where each batch begins, and rows in no batch by reason."""


class PlannedSource:
    """A sampler that makes plans; its own seed, stream and epoch play no part.

    Args:
        sampler: of the batches of all ranks.
        number: of the source, for messages.
        num_replicas: of the run.

    Raises:
        ValueError: if the sampler gives one rank's share, or batches for another number of ranks.
    """

    def __init__(self, sampler: PlannedBatchSampler, number: int, num_replicas: int) -> None:
        name = f"`batch_samplers[{number}]`"
        if sampler.rank is not None:
            raise ValueError(
                f"{name} must give the batches of all ranks, got rank={sampler.rank}\n"
                "hint: pass `rank` to the sampler over all sources instead"
            )
        if sampler.num_replicas != num_replicas:
            raise ValueError(
                f"{name} must have `num_replicas` {num_replicas}, as the sampler over all sources, "
                f"got {sampler.num_replicas}"
            )
        self.sampler = sampler
        self.num_steps = len(sampler) // num_replicas

    def passes(
        self, draws: Sequence[tuple[int, int, int]], epoch: int, progress: Progress | None
    ) -> list[Pass]:
        """Return the plans of some passes over the rows of `epoch`; a draw has the number of a pass."""
        make_plan = self.sampler._planner(epoch)
        plans = (make_plan(draw, progress) for draw in draws)
        return [(plan.rows, plan.offsets, list(plan.report.why.items())) for plan in plans]

    def options(self) -> dict[str, Any]:
        """Return what the batches depend on, in values that JSON can hold."""
        return {"sampler": type(self.sampler).__name__, **self.sampler._options()}


class IteratedSource:
    """A sampler that is iterated once a pass, and whose batches are kept while an epoch has some of them.

    It is told the number of the pass by `set_epoch` if it has one. What it gives is its own affair: that a
    pass is the same when it is made again, and what is unique in a batch or over ranks. A pass has
    `len(sampler)` batches, less a remainder that does not go round the ranks; if it gives fewer, its first
    ones come again.

    Args:
        sampler: yields lists of rows, and has a length.
        number: of the source, for messages.
        num_replicas: of the run.
    """

    def __init__(self, sampler: Any, number: int, num_replicas: int) -> None:
        self.sampler = sampler
        self.number = number
        self.num_steps = len(sampler) // num_replicas
        self._num_batches = self.num_steps * num_replicas
        self._kept: dict[int, Pass] = {}
        self._lock = threading.Lock()

    def passes(
        self, draws: Sequence[tuple[int, int, int]], _epoch: int, _progress: Progress | None
    ) -> list[Pass]:
        """Return the batches of some passes; the epoch of a draw is the number of a pass."""
        with self._lock:
            numbers = [number for _, number, _ in draws]
            kept = {number: self._kept.get(number) or self._iterated(number) for number in numbers}
            self._kept = kept
            return [kept[number] for number in numbers]

    def _iterated(self, number: int) -> Pass:
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(number)
        name = f"`batch_samplers[{self.number}]`"
        batches = _first([[int(row) for row in batch] for batch in self.sampler], self._num_batches)
        if not batches:
            raise ValueError(f"{name} must give a batch in every pass, got none")
        least = min((row for batch in batches for row in batch), default=0)
        if least < 0:
            raise ValueError(f"{name} must give rows of at least 0, got {least}")
        offsets = np.cumsum([0, *map(len, batches)], dtype=np.uint64)
        rows = np.fromiter((row for batch in batches for row in batch), np.uint32, int(offsets[-1]))
        return rows, offsets, []

    def options(self) -> dict[str, Any]:
        """Return what of the batches is known, in values that JSON can hold."""
        return {"sampler": type(self.sampler).__name__, "num_batches": self._num_batches}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_kept": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


def sources_of(samplers: Iterable[Any], num_replicas: int) -> list[PlannedSource | IteratedSource]:
    """Return the source behind each batch sampler.

    Raises:
        ValueError: if one has no batch for each rank, or is for other ranks than the run.
    """
    sources: list[PlannedSource | IteratedSource] = []
    for number, sampler in enumerate(samplers):
        kind = PlannedSource if isinstance(sampler, PlannedBatchSampler) else IteratedSource
        sources.append(kind(sampler, number, num_replicas))
        if not sources[-1].num_steps:
            raise ValueError(
                f"`batch_samplers[{number}]` must give at least one batch for each of {num_replicas} ranks, "
                f"got {len(sampler)}"
            )
    return sources


def _first(batches: list[list[int]], count: int) -> list[list[int]]:
    """Return `count` batches, the first ones again where they are too few."""
    if not batches:
        return []
    return (batches * -(-count // len(batches)))[:count]


def batch_size_of(sampler: Any) -> int:
    """Return the rows of a batch of one rank, as far as they are known; else 1."""
    if isinstance(sampler, PlannedBatchSampler):
        return sampler._batch_size
    return getattr(sampler, "batch_size", None) or 1


def check_alike(samplers: Sequence[Any]) -> None:
    """Raise ValueError unless samplers can be mixed within batches."""
    kinds = sorted({type(sampler).__name__ for sampler in samplers})
    if len(kinds) > 1 or not isinstance(samplers[0], (RandomBatchSampler, NoDuplicatesBatchSampler)):
        raise ValueError(
            "`batch_samplers` must all be RandomBatchSampler or all NoDuplicatesBatchSampler in the mode "
            f"`mixed`, got {', '.join(kinds)}"
        )
    for sampler in samplers:
        if isinstance(sampler, NoDuplicatesBatchSampler) and sampler.has_more_rules:
            raise ValueError(
                "`batch_samplers` must keep equal texts apart and nothing else in the mode `mixed`, got one "
                "with lengths, conflicts, lists of texts or `normalize_texts`"
            )
    sizes = [batch_size_of(sampler) for sampler in samplers]
    if len(set(sizes)) > 1:
        raise ValueError(f"`batch_samplers` must have one batch size in the mode `mixed`, got {sizes}")


def shared_ids(datasets: Sequence[Any], samplers: Sequence[Any], threads: int) -> list[NDArray[np.uint32]]:
    """Return columns of ids over the rows of all sources, equal for equal texts wherever they are.

    Args:
        datasets: the sources.
        samplers: of each a `NoDuplicatesBatchSampler`, which says the columns.
        threads: for reading texts.
    """
    values = {}
    for number, (dataset, sampler) in enumerate(zip(datasets, samplers, strict=True)):
        columns = columns_of(dataset)
        values.update({(number, name): values_of(name, columns[name]) for name in sampler.text_ids})
    named = {f"{name} of data set {number}": column for (number, name), column in values.items()}
    found = dict(zip(values, Texts.intern(named, threads=threads)[1].values(), strict=True))
    by_source = [
        [found[number, name] for name in sampler.text_ids] for number, sampler in enumerate(samplers)
    ]
    width = max(map(len, by_source))
    # Where a source has fewer columns, its first one again: a row may hold a text twice.
    wide = [[*columns, *[columns[0]] * (width - len(columns))] for columns in by_source]
    return [np.concatenate(column) for column in zip(*wide, strict=True)]
