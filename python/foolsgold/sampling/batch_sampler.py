"""The torch side of plans: epochs, ranks, position and state, the same for every sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import torch
from torch.utils.data import Sampler

from foolsgold.sampling.plan import Tail
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foolsgold.sampling.plan import Plan, Report

_MAX_SEED = 2**64 - 1


class PlannedBatchSampler(Sampler[list[int]]):
    """A batch sampler that reads a plan.

    A subclass says how many batches there are and makes the plan of an epoch.

    Epochs: an iteration that nobody announced by `set_epoch`, `seek` or `load_state_dict` is the next
    epoch's. The position counts batches given out; data loaders with workers run ahead of what they return.

    There is no attribute `batch_size` on purpose: accelerate reads it as the size of every batch, and cuts.

    Args:
        batch_size: rows per batch and rank, at least 1.
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
        epoch: the epoch of the present or, when it is over, of the last iteration.
    """

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
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {batch_size}")
        for name, value in (("seed", seed), ("stream", stream)):
            if not 0 <= value <= _MAX_SEED:
                raise ValueError(f"`{name}` must be from 0 to 2^64 - 1, got {value}")
        if tail is None:
            tail = "drop" if drop_last else "short"
        if tail not in get_args(Tail):
            raise ValueError(f"`tail` must be drop, short or refill, got {tail!r}")
        num_replicas = _world_size() if num_replicas is None else num_replicas
        if num_replicas < 1:
            raise ValueError(f"`num_replicas` must be at least 1, got {num_replicas}")
        if rank is not None and not 0 <= rank < num_replicas:
            raise ValueError(f"`rank` must be from 0 to {num_replicas - 1}, got {rank}")
        self.drop_last = tail == "drop"
        self.tail: Tail = tail
        self.seed = seed
        self.stream = stream
        self.epoch = 0
        self.rank = rank
        self.num_replicas = num_replicas
        self.threads = resolve(threads)
        self._batch_size = batch_size
        self._position = 0
        self._is_begun = False
        self._plan: Plan | None = None
        self._planned: tuple[int, int, int] | None = None

    @property
    def _batching(self) -> tuple[int, int, Tail]:
        return self._batch_size, self.num_replicas, self.tail

    def _num_batches(self) -> int:
        """Return the number of batches of all ranks, the same for every epoch."""
        raise NotImplementedError

    def _make_plan(self, draw: tuple[int, int, int]) -> Plan:
        """Make the plan of a (seed, epoch, stream)."""
        raise NotImplementedError

    def _data_fingerprint(self) -> int:
        """Return 64 bits of all that a plan is made of besides the options."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self._num_batches() // (1 if self.rank is None else self.num_replicas)

    def __iter__(self) -> Iterator[list[int]]:
        # A generator: a loader with workers makes two iterators for an epoch, and reads the second.
        if self._is_begun:
            self._announce(self.epoch + 1, 0)
        self._is_begun = True
        position = self._position
        first, step = (0, 1) if self.rank is None else (self.rank, self.num_replicas)
        for batch in self.plan.batches(first + position * step, step):
            position += 1
            self._position = position
            yield batch

    @property
    def plan(self) -> Plan:
        """The plan of `epoch`, of all ranks; made when it is first asked for."""
        draw = (self.seed, self.epoch, self.stream)
        if self._plan is None or self._planned != draw:
            self._plan, self._planned = self._make_plan(draw), draw
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
            ValueError: if `epoch` is negative.
        """
        if epoch < 0:
            raise ValueError(f"`epoch` must be at least 0, got {epoch}")
        if epoch != self.epoch or self._is_begun:
            self._announce(epoch, 0)

    def seek(self, batch: int) -> None:
        """Let the next iteration begin with batch number `batch` of `epoch`, in O(1).

        Raises:
            ValueError: if `batch` is not from 0 to the number of batches.
        """
        if not 0 <= batch <= len(self):
            raise ValueError(f"`batch` must be from 0 to {len(self)}, got {batch}")
        self._announce(self.epoch, batch)

    def _announce(self, epoch: int, position: int) -> None:
        self.epoch, self._position, self._is_begun = epoch, position, False

    def state_dict(self) -> dict[str, Any]:
        """Return where the sampler stands, and what its batches depend on, in values that JSON can hold."""
        is_over = self._position >= len(self)
        return {
            "seed": self.seed,
            "stream": self.stream,
            "epoch": self.epoch + is_over,
            "position": 0 if is_over else self._position,
            **self._options(),
        }

    def _options(self) -> dict[str, Any]:
        return {
            "batch_size": self._batch_size,
            "tail": self.tail,
            "num_replicas": self.num_replicas,
            "fingerprint": f"{self._data_fingerprint():016x}",
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration go on where the sampler of `state` stood.

        Raises:
            ValueError: if that sampler had other data or options, so that its batches were others.
        """
        for name, value in self._options().items():
            if state.get(name) != value:
                subject = "be of the same data" if name == "fingerprint" else f"have `{name}` {value}"
                raise ValueError(f"`state` must {subject}, got {state.get(name)}")
        self.seed, self.stream = state["seed"], state["stream"]
        self._announce(state["epoch"], state["position"])

    def __getstate__(self) -> dict[str, Any]:
        # Plans are made again: a worker process gets ids and numbers only.
        return {**self.__dict__, "_plan": None}


def _world_size() -> int:
    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1
