"""The torch side of plans: epochs, ranks, position and state, the same for every sampler."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch.utils.data import Sampler

from foolsgold.integers import MAX_BATCH, MAX_UINT64, integer
from foolsgold.sampling.ahead import Ahead
from foolsgold.sampling.batches import Batches, Cursor
from foolsgold.sampling.options import check_state
from foolsgold.sampling.plan import Tail
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foolsgold.sampling.plan import Plan, Report

    Progress = Callable[[int, int], object]
    Planner = Callable[[tuple[int, int, int], Progress | None], Plan]


class PlannedBatchSampler(Sampler[list[int]]):
    """A batch sampler that reads a plan.

    A subclass says how many batches there are and makes the plan of an epoch.

    Epochs: an iteration that nobody announced by `set_epoch`, `seek` or `load_state_dict` is the next
    epoch's. While an epoch is read, a thread makes the plan of the next; two plans are held at most.

    Ranks: a plan is of all W = `num_replicas` ranks, and W batches in a row are one global batch: what a
    sampler promises of a batch holds for the W together. A sampler gives all of them in order, rank 0's,
    rank 1's and so on, and never takes a share by itself, because accelerate takes one:
    `Accelerator.prepare` hands batch r, r + W, r + 2W, ... to rank r. Where nobody else does that (a plain
    `DataLoader` in each process), pass `rank=` and `num_replicas=`, and the sampler gives rank r just these
    batches. Never both. W is read once, when the sampler is made: make it after `torch.distributed` is
    initialised, or pass `num_replicas=`.

    State: `state_dict` counts batches given out, and a data loader with workers asks for some before it
    returns them. To save in mid-epoch, count the steps and `seek` there, or use torchdata's
    `StatefulDataLoader`, which counts for itself; its state is for a loader with as many workers. A loader of
    accelerate announces its own count of epochs: after `load_state_dict` call
    `loader.set_epoch(sampler.epoch)`.

    `batch_size` is there where every batch has so many rows, or there is one rank: accelerate reads it as the
    size of every batch of several ranks, and leaves out or fills up a step of smaller ones.

    Args:
        batch_size: rows per batch and rank, from 1 to 2^31.
        drop_last: the tail "drop" where True, "short" where False.
        seed: 0 to 2^64 - 1; with epoch and stream it decides everything.
        tail: in place of `drop_last`, what becomes of rows that are too few for one more full batch: "drop",
            "short" or "refill".
        stream: 0 to 2^64 - 1; samplers of one seed draw differently by it.
        rank: which share of each global batch is given, 0 <= `rank` < `num_replicas`; None for all, in
            order.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
        threads: for the core; no result depends on it.

    Raises:
        ValueError: for numbers out of range.

    Attributes:
        drop_last: whether all batches are full and no row comes twice for it.
        tail: what becomes of the last rows.
        seed: as given.
        stream: as given.
    """

    _progress: Progress | None = None
    """What a plan that is made tells its progress to: a subclass hands it to the core, which stops where it
    raises."""

    _plans_ahead = True
    """Whether a thread may make the next epoch's plan."""

    _rows_epoch: int | None = None
    """The epoch that rows are of where they change with it; None for that of the plan."""

    def __init__(
        self,
        batch_size: int,
        drop_last: bool,
        seed: int,
        *,
        tail: Tail | None,
        stream: int,
        rank: int | None,
        num_replicas: int | None,
        threads: int | None,
    ) -> None:
        if tail is None:
            tail = "drop" if drop_last else "short"
        if tail not in get_args(Tail):
            raise ValueError(f"`tail` must be drop, short or refill, got {tail!r}")
        self._batch_size = integer("batch_size", batch_size, 1, MAX_BATCH)
        self.seed = integer("seed", seed, 0, MAX_UINT64)
        self.stream = integer("stream", stream, 0, MAX_UINT64)
        num_replicas = _world_size() if num_replicas is None else num_replicas
        self.num_replicas = integer("num_replicas", num_replicas, 1, MAX_BATCH)
        self.rank = None if rank is None else integer("rank", rank, 0, self.num_replicas - 1)
        self.drop_last = tail == "drop"
        self.tail: Tail = tail
        self.threads = resolve(threads)
        self._cursor = Cursor()
        self._plan: Plan | None = None
        self._planned: tuple[int, int, int] | None = None
        self._ahead = Ahead()

    @property
    def _batching(self) -> tuple[int, int, Tail]:
        return self._batch_size, self.num_replicas, self.tail

    def _num_batches(self) -> int:
        """Return the number of batches of all ranks, the same for every epoch."""
        raise NotImplementedError

    def _make_plan(self, draw: tuple[int, int, int]) -> Plan:
        """Make the plan of a (seed, epoch, stream).

        A thread calls it on a shallow copy of the sampler, so it changes nothing that a copy shares.
        """
        raise NotImplementedError

    def _data_fingerprint(self) -> int:
        """Return 64 bits of all that a plan is made of besides the options, in O(1)."""
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        """Return what else the batches depend on, in values that JSON gives back as they are."""
        return {
            "sampler": type(self).__name__,
            "batch_size": self._batch_size,
            "tail": self.tail,
            "num_replicas": self.num_replicas,
            "fingerprint": f"{self._data_fingerprint():016x}",
        }

    @property
    def _share(self) -> int:
        """Of so many batches of the plan one is given."""
        return 1 if self.rank is None else self.num_replicas

    @property
    def _is_even(self) -> bool:
        """Whether all batches of all epochs have one size."""
        return self.tail != "short"

    @property
    def batch_size(self) -> int:
        """Rows per batch and rank; no attribute at all where batches of several ranks differ in size."""
        if self.num_replicas > 1 and not self._is_even:
            raise AttributeError(
                f"`batch_size` must be that of every batch with {self.num_replicas} ranks, got a "
                f"{type(self).__name__} whose batches may be smaller\n"
                "hint: drop the last batch (`dataloader_drop_last=True` in training arguments); several data "
                "sets also by `multi_dataset_batch_sampler=foolsgold.sampling.ProportionalBatchSampler`"
            )
        return self._batch_size

    def __len__(self) -> int:
        return self._num_batches() // self._share

    def __iter__(self) -> Iterator[list[int]]:
        return Batches(self)

    @property
    def sampler(self) -> PlannedBatchSampler:
        """The sampler itself: accelerate and Lightning call `set_epoch` of a batch sampler's `sampler`."""
        return self

    @property
    def epoch(self) -> int:
        """The epoch of the present, the announced or, when it is over, the last iteration."""
        return self._cursor.epoch

    @property
    def plan(self) -> Plan:
        """The plan of `epoch`, of all ranks; made when it is first asked for."""
        draw = (self.seed, self.epoch, self.stream)
        if self._plan is None or self._planned != draw:
            self._plan = None  # so that not more than two are held
            plan = self._ahead.take(draw)
            self._plan, self._planned = self._make_plan(draw) if plan is None else plan, draw
        return self._plan

    @property
    def fingerprint(self) -> int:
        """64 bits of the plan of `epoch`: equal ones are equal batches."""
        return self.plan.fingerprint

    @property
    def report(self) -> Report:
        """How the plan of `epoch` uses the rows."""
        return self.plan.report

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration be that of `epoch`; if it is announced already, nothing happens.

        Raises:
            ValueError: if `epoch` is not from 0 to 2^64 - 1.
        """
        epoch = integer("epoch", epoch, 0, MAX_UINT64)
        if epoch != self.epoch or self._cursor.is_begun:
            self._cursor = Cursor(epoch)

    def seek(self, batch: int) -> None:
        """Let the next iteration begin with batch number `batch` of `epoch`, in O(1).

        Raises:
            ValueError: if `batch` is not from 0 to the number of batches.
        """
        self._cursor = Cursor(self.epoch, integer("batch", batch, 0, len(self)))

    def state_dict(self) -> dict[str, Any]:
        """Return where the sampler stands, and what its batches depend on, in values that JSON can hold.

        "position" counts batches of all ranks, so that every rank can go on from the state of one.
        """
        return self._state(self._after(self._cursor))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration go on where the sampler of `state` stood.

        Raises:
            ValueError: if that sampler was of another kind, or had other data or options, so that its batches
                were others; for keys that are missing or unknown, and numbers out of range. Nothing has
                changed then.
        """
        cursor = self._cursor_of(state)
        self.seed, self.stream = state["seed"], state["stream"]
        self._cursor = self._after(cursor)

    def _state(self, cursor: Cursor) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "stream": self.stream,
            "epoch": cursor.epoch,
            "position": cursor.position * self._share,
            **self._options(),
        }

    def _cursor_of(self, state: dict[str, Any]) -> Cursor:
        most = dict.fromkeys(("seed", "stream", "epoch"), MAX_UINT64)
        numbers = check_state(state, {**most, "position": self._num_batches()}, self._options())
        position, rest = divmod(numbers["position"], self._share)
        if rest:
            raise ValueError(
                f"`state['position']` must be a multiple of {self._share} for one rank's share, "
                f"got {numbers['position']}"
            )
        return Cursor(numbers["epoch"], position)

    def _after(self, cursor: Cursor) -> Cursor:
        """Return where to go on from `cursor`: after the last batch, at the start of the next epoch."""
        is_over = cursor.position >= len(self)
        return Cursor(cursor.epoch + 1) if is_over else Cursor(cursor.epoch, cursor.position)

    def _upcoming(self) -> Cursor:
        """Return where the next iteration begins."""
        return Cursor(self.epoch + 1) if self._cursor.is_begun else self._cursor

    def _begin(self, loaded: Cursor | None) -> Cursor:
        """Begin an iteration at `loaded`, by default where the next one is to begin."""
        cursor = self._upcoming() if loaded is None else loaded
        if loaded is None or cursor.position < len(self):
            self._cursor = cursor
        # Else an epoch that was over is gone through once more, and the sampler stands at the next already.
        cursor.is_begun = True
        return cursor

    def _batches_from(self, cursor: Cursor) -> Iterator[list[int]]:
        if cursor.position >= len(self):
            return iter(())
        return self.plan.batches(cursor.position * self._share + (self.rank or 0), self._share)

    def _plan_ahead(self, cursor: Cursor) -> bool:
        """Let the plan of the epoch after `cursor` be made in a thread; False if that must be tried again."""
        if cursor is not self._cursor or not self._plans_ahead:
            return True
        # The thread has a copy: the sampler can be let go, which stops the thread, or be told something else.
        return self._ahead.begin((self.seed, cursor.epoch + 1, self.stream), self._planner())

    def _planner(self, rows_epoch: int | None = None) -> Planner:
        """Return what makes plans as this sampler does, and shares its data, but not its position.

        Args:
            rows_epoch: the epoch that the rows are of; None for that of each plan.
        """
        copy = object.__new__(type(self))
        copy.__dict__ = {**self.__dict__, "_plan": None, "_ahead": None, "_rows_epoch": rows_epoch}
        return partial(_make_plan, copy)

    def __getstate__(self) -> dict[str, Any]:
        # Plans are made again: a worker process gets ids and numbers only.
        return {**self.__dict__, "_plan": None, "_ahead": Ahead(), "_cursor": replace(self._cursor)}


def _make_plan(planner: PlannedBatchSampler, draw: tuple[int, int, int], progress: Progress | None) -> Plan:
    planner._progress = progress
    return planner._make_plan(draw)


def _world_size() -> int:
    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1
