"""Some rows of a stream, held in memory and packed into batches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.data.id_columns import IdColumns, at_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from foolsgold.sampling.plan import Tail

MOST_WAITS = 8
"""The windows for which a row waits at most, after the one that it was read for."""

Step = list[list[int]]
"""The batches of a step, one a rank, each of places in the window."""


@dataclass(frozen=True)
class Held:
    """A row that waits for its batch.

    Attributes:
        row: as the source gave it.
        length: in tokens, 0 where nothing asks for it.
        waits: the windows in which it found no place.
    """

    row: Mapping[str, Any]
    length: int
    waits: int


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What makes a batch.

    Attributes:
        batch_size: rows per batch and rank.
        num_replicas: number of ranks.
        window: steps whose rows are held at a time.
        full_only: whether every batch must be full.
        full_till_last: whether every batch but the last of the stream must be.
        texts: the columns whose texts no two rows of a step share.
        has_lengths: whether batches are of rows of like lengths.
        max_tokens: the most tokens of a batch, padding included; None for any.
        threads: for the core.
    """

    batch_size: int
    num_replicas: int
    window: int
    full_only: bool
    full_till_last: bool
    texts: tuple[str, ...]
    has_lengths: bool
    max_tokens: int | None
    threads: int

    @property
    def whole(self) -> int:
        """The rows of a step."""
        return self.batch_size * self.num_replicas


@dataclass(frozen=True)
class Packed:
    """What became of the rows of a window.

    Attributes:
        steps: batches of rows, one a rank.
        waiting: the rows that come into the next window.
        left_out: the number of the others by reason, as in `foolsgold.sampling.Report`.
    """

    steps: list[list[list[Mapping[str, Any]]]]
    waiting: list[Held]
    left_out: Counter[str]


def pack(held: Sequence[Held], rules: Rules, draw: tuple[int, int, int], *, is_last: bool) -> Packed:
    """Pack rows into batches, and decide which of those without a place wait.

    Args:
        held: the rows.
        rules: what makes a batch.
        draw: seed, epoch and stream.
        is_last: whether no window comes after this.
    """
    window = _Window(held, rules, draw)
    steps, late = window.full()
    waiting: list[int] = []
    if not is_last:
        oldest_first = sorted(late, key=lambda place: -held[place].waits)
        num_late = sum(held[place].waits >= MOST_WAITS for place in late)
        num_late = max(num_late, len(late) - rules.window * rules.whole // 2)
        late, waiting = oldest_first[:num_late], oldest_first[num_late:]
    short: list[Step] = []
    left = late
    if not (rules.full_only or (rules.full_till_last and not is_last)):
        short, left = window.short(late)
    if rules.full_till_last and len(short) > 1:
        short.sort(key=lambda step: sum(map(len, step)), reverse=True)
        left += [place for step in short[1:] for batch in step for place in batch]
        short = short[:1]
    least = rules.whole if rules.full_only else rules.num_replicas
    tail = min(len(left), len(held) % least) if is_last else 0
    return Packed(
        [[[held[place].row for place in batch] for batch in step] for step in steps + short],
        [held[place] for place in waiting],
        Counter({"tail": tail, "conflicts": len(left) - tail}),
    )


class _Window:
    """The rows of a window with the ids of their texts.

    Args:
        held: the rows.
        rules: what makes a batch.
        draw: seed, epoch and stream; decides which rows meet.
    """

    def __init__(self, held: Sequence[Held], rules: Rules, draw: tuple[int, int, int]) -> None:
        self._rules = rules
        self._draw = draw
        cells = {name: [row.row[name] for row in held] for name in rules.texts}
        found = IdColumns.of(cells, threads=rules.threads)[0].columns if cells and held else {}
        self._ids = list(found.values())
        self._lengths = np.array([row.length for row in held], dtype=np.uint32)

    def full(self) -> tuple[list[Step], list[int]]:
        """Pack all rows into full batches; return the steps, and the rows that found no place."""
        return self._packed(np.arange(len(self._lengths)), "drop")

    def short(self, places: Sequence[int]) -> tuple[list[Step], list[int]]:
        """Pack some rows into batches of any size; left are those that do not give each rank one."""
        steps: list[Step] = []
        left = list(places)
        while left:
            found, left = self._packed(np.array(left), "short")
            if not found:
                break
            steps += found
        return steps, left

    def _packed(self, places: Any, tail: Tail) -> tuple[list[Step], list[int]]:
        rules = self._rules
        batching = (rules.batch_size, rules.num_replicas, tail)
        try:
            packing = _core.Packing(
                len(places),
                [at_rows(ids, places) for ids in self._ids],
                batching=batching,
                lengths=self._lengths[places] if rules.has_lengths else None,
                max_tokens=rules.max_tokens,
                threads=rules.threads,
            )
        except ValueError:
            # Not one step can be made: too few rows, or no batch of them without a text that comes twice.
            alone = tail == "short" and rules.num_replicas == 1
            return ([[[int(place)]] for place in places], []) if alone else ([], places.tolist())
        rows, offsets, *_ = packing.plan(self._draw, threads=rules.threads)
        batches = [batch.tolist() for batch in np.split(places[rows], offsets[1:-1].astype(np.int64))]
        steps, given = [], set[int]()
        for first in range(0, len(batches), rules.num_replicas):
            step = batches[first : first + rules.num_replicas]
            # A batch that the core filled with rows of others is no batch of a stream.
            if given.isdisjoint(place for batch in step for place in batch):
                steps.append(step)
                given.update(place for batch in step for place in batch)
        return steps, [place for place in places.tolist() if place not in given]
