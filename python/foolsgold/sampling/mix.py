"""MixSampler: several data sets in one run, each by its own batch sampler or all of them in every batch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from foolsgold import _core
from foolsgold.sampling.batch_sampler import PlannedBatchSampler
from foolsgold.sampling.no_duplicates import NoDuplicatesBatchSampler
from foolsgold.sampling.plan import CorePlan, Plan, Report
from foolsgold.sampling.shares import Shares, Stop
from foolsgold.sampling.sources import PlannedSource, batch_size_of, check_alike, shared_ids, sources_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch.utils.data import ConcatDataset, Sampler

Mode = Literal["homogeneous", "mixed"]
"""What a batch has rows of: one source, or all of them."""

CoreReport = tuple[int, int, list[tuple[str, int]]]


class MixSampler(PlannedBatchSampler):
    """Batches of several data sets, in shares by weights, temperature or sizes.

    The shares and the length of an epoch follow from numbers alone and are the same in every epoch; each
    source's number of steps is within one of its share. With none of `weights`, `temperature` and `sizes`
    every source gives all its batches. Sources go on over epochs: a large source with a small weight gives
    the next part of its rows in the next epoch, and all batches of a pass come before any of the next pass.
    Where negatives are drawn anew in each epoch (`foolsgold.datasets.DrawnNegatives`), so are the batches of
    what is left of a pass, and rows may come twice in it.

    In the mode "homogeneous" a batch has rows of one source, with the guarantees and the batch size of that
    source's sampler, and the `num_replicas` batches of a step are of one source too. Which source comes when
    is drawn for each epoch. Samplers of this package make their plans for (seed, pass, stream), with a stream
    for each source, so that equal data sets never share an order; their own seed and stream play no part. Any
    other sampler is iterated once a pass.

    In the mode "mixed" every batch, each rank's too, is full and has rows of all sources, of each its share
    within one; the samplers say the batch size and whether texts may come twice in a batch, in whichever
    sources they are. Where texts are so much alike that batches cannot be filled otherwise, rows come twice,
    and shares may differ then; where the rows of an epoch do not fill even one, it takes rows from all of the
    sources.

    Args:
        dataset: a `torch.utils.data.ConcatDataset` of the sources; row numbers count through all of them.
        batch_samplers: one for each source, of row numbers of the source, for all ranks; in the mode "mixed"
            `RandomBatchSampler` or `NoDuplicatesBatchSampler`, all alike.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: 0 to 2^64 - 1; with epoch and stream it decides the batches, on every platform.
        weights: how often each source comes: any non-negative numbers, one a source.
        temperature: above 0, in place of weights: the number of rows of each source to the power of
            1 / `temperature`; 1 is proportional, the larger the flatter.
        sizes: in place of weights, the number of batches of each source in an epoch (of each rank).
        mode: "homogeneous" or "mixed".
        stop: when an epoch ends: "first", as late as can be so that no source comes more than once; "all", as
            early as can be so that each comes at least once; or after so many steps (batches of each rank).
            By default "first".
        rank: which share of each global batch is given; None for all, one rank's after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
        threads: by default a fair share of the cores; no result depends on it.
        stream: 0 to 2^64 - 1; samplers of one seed draw differently by it.

    Raises:
        ValueError: for numbers out of range, no sources, not one sampler for each, one without a batch for
            each rank or for other ranks; and in the mode "mixed" for samplers that differ in kind or batch
            size, and a source with too few rows for its share of a batch.
        TypeError: if `dataset` is no concatenation.

    Example:
        >>> from torch.utils.data import ConcatDataset
        >>> from foolsgold.sampling import RandomBatchSampler
        >>> data = [list(range(8)), list(range(100))]
        >>> samplers = [RandomBatchSampler(rows, batch_size=2, drop_last=True) for rows in data]
        >>> sampler = MixSampler(ConcatDataset(data), samplers, weights=[1, 3])
        >>> len(sampler), sum(batch[0] < 8 for batch in sampler)
        (17, 4)
        >>> sampler.report.by_source[1].used
        26
    """

    _is_cyclic = False

    def __init__(
        self,
        dataset: ConcatDataset[Any],
        batch_samplers: Sequence[Sampler[list[int]]],
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        weights: Sequence[float] | None = None,
        temperature: float | None = None,
        sizes: Sequence[int] | None = None,
        mode: Mode = "homogeneous",
        stop: Stop | None = None,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
        stream: int = 0,
    ) -> None:
        datasets = getattr(dataset, "datasets", None)
        if datasets is None:
            raise TypeError(
                f"`dataset` must be a ConcatDataset, got {type(dataset).__name__}\n"
                "hint: `torch.utils.data.ConcatDataset([...])` joins data sets"
            )
        if not batch_samplers or len(batch_samplers) != len(datasets):
            wanted = f"one for each of {len(datasets)} data sets"
            raise ValueError(f"`batch_samplers` must be {wanted}, got {len(batch_samplers)}")
        if mode not in get_args(Mode):
            raise ValueError(f"`mode` must be homogeneous or mixed, got {mode!r}")
        super().__init__(
            max(batch_size_of(sampler) for sampler in batch_samplers),
            mode == "mixed" or all(getattr(sampler, "drop_last", False) for sampler in batch_samplers),
            seed,
            tail=None,
            stream=stream,
            rank=rank,
            num_replicas=num_replicas,
            threads=threads,
        )
        self.mode: Mode = mode
        self.num_rows = [len(source) for source in datasets]
        self.sources = sources_of(batch_samplers, self.num_replicas)
        # What a sampler of others does when it is iterated is unknown: a thread leaves it alone.
        self._plans_ahead = all(isinstance(source, PlannedSource) for source in self.sources)
        self._ids: list[NDArray[np.uint32]] = []
        shares = Shares(weights=weights, temperature=temperature, sizes=sizes, stop=stop)
        if mode == "mixed":
            check_alike(batch_samplers)
            self._whole = self._batch_size * self.num_replicas
            self._lengths = self.num_rows
            if isinstance(batch_samplers[0], NoDuplicatesBatchSampler):
                self._ids = shared_ids(datasets, batch_samplers, self.threads)
        else:
            self._whole = 1
            self._lengths = [source.num_steps for source in self.sources]
        self.counts = self._counts(shares)
        if mode == "mixed":
            # Data of which no batch can be made is refused now.
            _ = self.plan

    counts: list[int]
    """What each source gives in an epoch: batches of each rank or, in the mode "mixed", rows of all ranks."""

    def _counts(self, shares: Shares) -> list[int]:
        options = (shares.weights, shares.temperature, shares.sizes, shares.stop)
        if self._whole == 1 and all(option is None for option in options):
            return list(self._lengths)
        return shares.counts(self._lengths, self.num_rows, self._whole)

    @property
    def _is_even(self) -> bool:
        samplers = [source.sampler for source in self.sources]
        are_even = all(isinstance(sampler, PlannedBatchSampler) and sampler._is_even for sampler in samplers)
        return self.mode == "mixed" or (are_even and len({*map(batch_size_of, samplers)}) == 1)

    def _num_batches(self) -> int:
        return sum(self.counts) // self._whole * self.num_replicas

    def _make_plan(self, draw: tuple[int, int, int]) -> Plan:
        if self.mode == "mixed":
            return _named(
                *_core.blend_plan(
                    draw,
                    self._ids,
                    rows=self.num_rows,
                    counts=self.counts,
                    batching=self._batching,
                    threads=self.threads,
                    progress=self._progress,
                )
            )
        schedule = (self._lengths, self.counts, self._is_cyclic)
        draws: list[list[tuple[int, int, int]]] = [[] for _ in self.sources]
        for number, own in _core.mix_passes(draw, schedule=schedule):
            draws[number].append(own)
        epoch = draw[1] if self._rows_epoch is None else self._rows_epoch
        passes = [
            source.passes(own, epoch, self._progress)
            for source, own in zip(self.sources, draws, strict=True)
            if own
        ]
        return _named(
            *_core.mix_plan(
                draw,
                [plan for of_source in passes for plan in of_source],
                schedule=schedule,
                rows=self.num_rows,
                num_replicas=self.num_replicas,
                threads=self.threads,
                progress=self._progress,
            )
        )

    def _options(self) -> dict[str, Any]:
        order = "cyclic" if self._is_cyclic else "shuffled"
        return {**super()._options(), "mode": self.mode, "order": order, "counts": self.counts}

    def _data_fingerprint(self) -> int:
        content = [source.options() for source in self.sources], self.num_rows
        digest = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")


class ProportionalBatchSampler(MixSampler):
    """Every batch of every data set once an epoch, in random order; larger data sets come more often.

    Args:
        dataset: a `torch.utils.data.ConcatDataset` of the sources.
        batch_samplers: one for each source, of row numbers of the source, for all ranks.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: as for `MixSampler`, as are the others.
        rank: which share of each global batch is given; None for all.
        num_replicas: number of ranks.
        threads: no result depends on it.
        stream: samplers of one seed draw differently by it.

    Raises:
        ValueError: as `MixSampler`.
        TypeError: if `dataset` is no concatenation.
    """

    def __init__(
        self,
        dataset: ConcatDataset[Any],
        batch_samplers: Sequence[Sampler[list[int]]],
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
        stream: int = 0,
    ) -> None:
        super().__init__(
            dataset,
            batch_samplers,
            generator,
            seed,
            rank=rank,
            num_replicas=num_replicas,
            threads=threads,
            stream=stream,
        )


class RoundRobinBatchSampler(MixSampler):
    """One batch of each data set in turn, as many rounds as the one with the fewest batches has.

    Args:
        dataset: a `torch.utils.data.ConcatDataset` of the sources.
        batch_samplers: one for each source, of row numbers of the source, for all ranks.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: as for `MixSampler`, as are the others.
        stop: "first" or None, "all" for as many rounds as the data set with the most batches has, or a number
            of steps.
        rank: which share of each global batch is given; None for all.
        num_replicas: number of ranks.
        threads: no result depends on it.
        stream: samplers of one seed draw differently by it.

    Raises:
        ValueError: as `MixSampler`.
        TypeError: if `dataset` is no concatenation.
    """

    _is_cyclic = True

    def __init__(
        self,
        dataset: ConcatDataset[Any],
        batch_samplers: Sequence[Sampler[list[int]]],
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        stop: Stop | None = None,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
        stream: int = 0,
    ) -> None:
        super().__init__(
            dataset,
            batch_samplers,
            generator,
            seed,
            stop=stop,
            rank=rank,
            num_replicas=num_replicas,
            threads=threads,
            stream=stream,
        )

    def _counts(self, shares: Shares) -> list[int]:
        stop = "first" if shares.stop is None else shares.stop
        return _core.mix_counts(self._lengths, weights=None, stop=stop, whole=1)


def _named(plan: CorePlan, by_source: list[CoreReport]) -> Plan:
    named = Plan.from_core(plan)
    reports = {
        number: Report(used=used, repeated=repeated, left_out=sum(rows for _, rows in why), why=dict(why))
        for number, (used, repeated, why) in enumerate(by_source)
    }
    return replace(named, report=replace(named.report, by_source=reports))
