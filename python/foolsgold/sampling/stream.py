"""NoDuplicatesStream: batches of a stream that is read once, window by window."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import IterableDataset

from foolsgold.data.columns import LABEL_COLUMNS, RESERVED_COLUMNS, weight_column
from foolsgold.data.kinds import Kind
from foolsgold.integers import MAX_BATCH, MAX_UINT64, integer
from foolsgold.sampling.options import label_names
from foolsgold.sampling.plan import Report
from foolsgold.sampling.stream_source import StreamSource
from foolsgold.sampling.window import Held, Rules, pack
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    Row: TypeAlias = Mapping[str, Any]

_MAX_LENGTH = 2**32 - 1


class NoDuplicatesStream(IterableDataset[Any]):
    """Batches of a stream in which no two rows share a text, in any column and across columns.

    A window of rows is held at a time, packed into full batches, and given out in random order; rows that
    find no place come into the next window. So:

    - each row comes once, or is counted in `report`,
    - no text is in two rows of a step (the batches of all ranks together),
    - memory is that of one window of rows,
    - a row waits for at most 8 further windows, and no more than half a window waits; the oldest rows past
      that make smaller batches of their own or, where all batches must be full, are left out,
    - equal (seed, epoch) give equal batches, for any number of threads.

    A stream has no length. Batches are as random as the stream and a window of it are. Every epoch is to be
    announced by `set_epoch`, which trainers of the field and accelerate's loaders do; the source hears of it
    where it has a `set_epoch` too.

    As lists of rows, batches go through `DataLoader(stream, batch_size=None)`. With `rows=True` the stream
    gives single rows in the order of the batches, so that whatever cuts every `batch_size` rows, such as
    `DataLoader(stream, batch_size=B, drop_last=True)` or the field's trainers, cuts these batches.
    `foolsgold`'s trainer takes the stream with or without it, reads it in the process that trains, shares it
    out over the ranks, and needs `max_steps`.

    Workers: of a `torch.utils.data.IterableDataset` (those of `datasets` are) each worker reads what the
    source gives that worker, as torch has it; of any other source, worker w of n reads the rows w, w + n, ...
    Each worker makes batches of what it reads. Ranks: all read the same rows, and each takes its batch of a
    step; a source must not be split by rank.

    Args:
        dataset: gives rows as dicts with the same columns, each time it is iterated; a function without
            arguments may stand for it, such as a generator function.
        batch_size: rows per batch and rank, at least 1; at most so many where `max_tokens` is given.
        drop_last: give full batches only.
        valid_label_columns: names of columns whose values may be shared; None for those of labels.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: 0 to 2^64 - 1.
        window: steps whose rows are held at a time, at least 1.
        no_duplicates: whether texts are kept apart; False for batches of like lengths alone.
        lengths: the tokens of a row, by a function of the row or the name of a column; batches are then of
            rows of like lengths.
        max_tokens: the most tokens of a batch, its rows times the longest; needs `lengths`.
        rows: give single rows in place of lists.
        rank: which share of each step is given; None for all, one rank's batch after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
        threads: by default a fair share of the cores; no result depends on it.

    Raises:
        ValueError: for numbers out of range; while reading, at a null, at a row with other columns than those
            beside it, and at a row that is longer than a batch.
        TypeError: for a source that can be read only once; while reading, for rows that are no dicts, and a
            column of several kinds.

    Example:
        >>> pairs = [{"query": f"q{row}", "answer": f"a{row // 2}"} for row in range(8)]
        >>> stream = NoDuplicatesStream(pairs, batch_size=2, drop_last=True)
        >>> batches = list(stream)
        >>> len(batches), all(first["answer"] != second["answer"] for first, second in batches)
        (4, True)
        >>> stream.report
        Report(used=8, repeated=0, left_out=0, why={}, by_label=None, by_source=None)
    """

    def __init__(
        self,
        dataset: Iterable[Row] | Callable[[], Iterable[Row]],
        batch_size: int,
        drop_last: bool,
        valid_label_columns: Iterable[str] | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        window: int = 64,
        no_duplicates: bool = True,
        lengths: Callable[[Row], int] | str | None = None,
        max_tokens: int | None = None,
        rows: bool = False,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
    ) -> None:
        num_replicas = _world_size() if num_replicas is None else num_replicas
        batch_size = integer("batch_size", batch_size, 1, MAX_BATCH)
        window = integer("window", window, 1)
        num_replicas = integer("num_replicas", num_replicas, 1, MAX_BATCH)
        seed = integer("seed", seed, 0, MAX_UINT64)
        if rank is not None:
            rank = integer("rank", rank, 0, num_replicas - 1)
        if max_tokens is not None:
            max_tokens = integer("max_tokens", max_tokens, 1, MAX_UINT64)
        if max_tokens is not None and (lengths is None or rows):
            wanted = "`lengths`" if lengths is None else "`rows=False`, for batches differ in size"
            raise ValueError(f"`max_tokens` must come with {wanted}, got {max_tokens}")
        if not no_duplicates and lengths is None:
            raise ValueError("`lengths` must be given where `no_duplicates` is False, got None")
        if isinstance(dataset, Iterator):
            raise TypeError(
                f"`dataset` must give its rows for every epoch anew, got a {type(dataset).__name__}\n"
                "hint: give the function that makes it"
            )
        self.dataset = dataset
        self.drop_last = drop_last
        self.seed = seed
        self.window = window
        self.no_duplicates = no_duplicates
        self.lengths = lengths
        self.max_tokens = max_tokens
        self.rows = rows
        self.rank = rank
        self.num_replicas = num_replicas
        self.threads = resolve(threads)
        self._batch_size = batch_size
        names = label_names(valid_label_columns)
        self._labels = frozenset(LABEL_COLUMNS if names is None else names)
        self._epoch = _shared_zero()
        self._resumed: dict[str, Any] | None = None
        self._state = _start(0)

    @property
    def epoch(self) -> int:
        """The epoch that the next iteration is of."""
        return int(self._epoch)

    @property
    def report(self) -> Report:
        """What became of the rows that the present or last iteration in this process has read and let go."""
        why = dict(self._state["why"])
        used = self._state["used"] + self._state["given"]
        return Report(used=used, repeated=0, left_out=sum(why.values()), why=why)

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration be that of `epoch`, in the workers of a loader too.

        Raises:
            ValueError: if `epoch` is not from 0 to 2^63 - 1.
        """
        self._epoch.fill_(integer("epoch", epoch, 0, 2**63 - 1))

    @property
    def batch_size(self) -> int:
        """Rows per batch and rank."""
        return self._batch_size

    def share(self, rank: int, num_replicas: int, *, drop_last: bool = False) -> NoDuplicatesStream:
        """Return the share of one rank, at the start of epoch 0; the two hear nothing of each other.

        Args:
            rank: 0 <= `rank` < `num_replicas`.
            num_replicas: number of ranks, in place of the stream's own.
            drop_last: give full batches only, even if the stream gives others.

        Raises:
            ValueError: for a rank out of range, and a stream that is to go on from a state.
        """
        if self._resumed is not None:
            raise ValueError(
                "a stream must be at the start of an epoch to be shared out, got one with a state"
            )
        share = copy.copy(self)
        share.num_replicas = integer("num_replicas", num_replicas, 1, MAX_BATCH)
        share.rank = integer("rank", rank, 0, num_replicas - 1)
        share.drop_last = self.drop_last or drop_last
        share._epoch, share._state = _shared_zero(), _start(0)
        return share

    def state_dict(self) -> dict[str, Any]:
        """Return where the present or last iteration stands, with the rows that wait from earlier windows.

        Of a source with a `state_dict` it has that of the start of the window, else how many rows were read.
        """
        return {**self._options(), **self._state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration go on where that of `state` stood, with the same batches.

        A window is packed again; a source without a `load_state_dict` is read up to its start again.

        Raises:
            ValueError: if `state` is of other options; while reading, if the source has fewer rows than were
                read before.
        """
        if not isinstance(state, Mapping):
            raise ValueError(f"`state` must be a dict, got {type(state).__name__}")
        for name, value in self._options().items():
            if state.get(name) != value:
                raise ValueError(f"`state` must have `{name}` {value}, got {state.get(name)}")
        self.set_epoch(state["epoch"])
        self._resumed = {name: state[name] for name in _start(0)}

    def __iter__(self) -> Iterator[Any]:
        # Not a generator: loaders make an iterator, and may ask for the state before the first batch.
        state, self._resumed = self._resumed, None
        self._state = _start(self.epoch) if state is None or state["epoch"] != self.epoch else state
        return self._batches(dict(self._state))

    def _options(self) -> dict[str, Any]:
        names = ("seed", "drop_last", "window", "no_duplicates", "max_tokens", "rows", "num_replicas")
        return {"batch_size": self._batch_size, **{name: getattr(self, name) for name in names}}

    def _batches(self, state: dict[str, Any]) -> Iterator[Any]:
        """Give what comes after `state`; `_state` says where the last item left the stream."""
        source = StreamSource(self.dataset, state["epoch"], state["source"], state["num_read"])
        kinds: dict[str, Kind] = {}
        while not state["is_over"]:
            held = [Held(*waiting) for waiting in state["waiting"]]
            wanted = self.window * self._whole - len(held)
            fresh = source.take(wanted)
            held += self._checked(fresh, held[0].row if held else None, state["num_read"], kinds)
            is_over = len(fresh) < wanted
            rules = self._rules(self._texts(held[0].row) if held and self.no_duplicates else ())
            packed = pack(held, rules, (self.seed, state["epoch"], state["number"]), is_last=is_over)
            given = 0
            for position, (item, rows) in enumerate(self._items(packed.steps), 1):
                given += rows
                if position > state["position"]:
                    self._state = {**state, "position": position, "given": given}
                    yield item
            state = {
                **state,
                "number": state["number"] + 1,
                "source": source.state(),
                "num_read": source.num_read,
                "waiting": [[one.row, one.length, one.waits + 1] for one in packed.waiting],
                "position": 0,
                "used": state["used"] + given,
                "given": 0,
                "why": dict(Counter(state["why"]) + packed.left_out),
                "is_over": is_over,
            }
            self._state = state

    def _checked(
        self, rows: Sequence[Row], first: Row | None, number: int, kinds: dict[str, Kind]
    ) -> Iterator[Held]:
        """Hold rows that have the columns of the first, no null, and texts of the kinds before."""
        texts: tuple[str, ...] | None = None
        for place, row in enumerate(rows, number):
            if not isinstance(row, Mapping):
                raise TypeError(f"`dataset` must give dicts, got {type(row).__name__} at row {place}")
            first = row if first is None else first
            if row.keys() != first.keys():
                wanted = f"`dataset` must have the columns {list(first)} in every row"
                raise ValueError(f"{wanted}, got {list(row)} at row {place}")
            for name, value in row.items():
                if value is None:
                    raise ValueError(f"`{name}` must not be null, got None at row {place}")
            if texts is None:
                texts = self._texts(first) if self.no_duplicates else ()
            for name in texts:
                kinds.setdefault(name, Kind(name)).read(row[name], place)
            length = 0 if self.lengths is None else self._length(row)
            if not 0 <= length <= (_MAX_LENGTH if self.max_tokens is None else self.max_tokens):
                limit = "" if self.max_tokens is None else f" to {self.max_tokens}"
                raise ValueError(f"`lengths` must be from 0{limit}, got {length} at row {place}")
            yield Held(row, length, 0)

    def _length(self, row: Row) -> int:
        if callable(self.lengths):
            return int(self.lengths(row))
        if self.lengths is None or self.lengths not in row:
            raise ValueError(f"`lengths` must be among the columns {list(row)}, got {self.lengths!r}")
        return int(row[self.lengths])

    def _rules(self, texts: tuple[str, ...]) -> Rules:
        return Rules(
            batch_size=self._batch_size,
            num_replicas=self.num_replicas,
            window=self.window,
            full_only=self.drop_last,
            full_till_last=self.rows,
            texts=texts,
            has_lengths=self.lengths is not None,
            max_tokens=self.max_tokens,
            threads=self.threads,
        )

    def _texts(self, row: Row) -> tuple[str, ...]:
        excluded = {*self._labels, *RESERVED_COLUMNS, weight_column(row), self.lengths}
        texts = tuple(name for name in row if name not in excluded)
        if not texts:
            raise ValueError(f"`dataset` must have a column besides labels, got {list(row)}")
        return texts

    def _items(self, steps: Sequence[Sequence[list[Row]]]) -> Iterator[tuple[Any, int]]:
        """Yield what the stream gives; with the first item of a step its number of rows, with others 0."""
        for step in steps:
            rows = sum(map(len, step))
            for batch in step if self.rank is None else [step[self.rank]]:
                for item in batch if self.rows else [batch]:
                    yield item, rows
                    rows = 0

    @property
    def _whole(self) -> int:
        return self._batch_size * self.num_replicas


def _start(epoch: int) -> dict[str, Any]:
    """Where an epoch begins: nothing is read, nobody waits, nothing was given."""
    return {
        "epoch": epoch,
        "number": 0,
        "source": None,
        "num_read": 0,
        "waiting": [],
        "position": 0,
        "used": 0,
        "given": 0,
        "why": {},
        "is_over": False,
    }


def _shared_zero() -> torch.Tensor:
    """Return a number that is shared with the workers of a loader, which keep their copies over epochs."""
    zero: torch.Tensor = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
    return zero


def _world_size() -> int:
    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1
