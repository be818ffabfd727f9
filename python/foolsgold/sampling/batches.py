"""One iteration of a batch sampler: an iterator that can say where it stands, and be put there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foolsgold.sampling.batch_sampler import PlannedBatchSampler


@dataclass
class Cursor:
    """Where an iteration stands, or will begin."""

    epoch: int = 0
    position: int = 0
    is_begun: bool = False


class Batches(Iterator[list[int]]):
    """The batches of one iteration.

    Nothing is decided before the first one is asked for: a loader with workers makes two iterators for an
    epoch and reads the second, and one that resumes puts the iterator where it is to begin.

    It has the two methods that torchdata's `StatefulDataLoader` looks for. They know this iteration's place
    also where the sampler is told of another epoch meanwhile.
    """

    def __init__(self, sampler: PlannedBatchSampler) -> None:
        self._sampler = sampler
        self._cursor: Cursor | None = None
        self._loaded: Cursor | None = None
        self._batches: Iterator[list[int]] = iter(())
        self._is_ahead = False

    def __next__(self) -> list[int]:
        if self._cursor is None:
            self._cursor = self._sampler._begin(self._loaded)
            self._batches = self._sampler._batches_from(self._cursor)
        elif not self._is_ahead:
            # The first batch is given: what comes now delays nobody.
            self._is_ahead = self._sampler._plan_ahead(self._cursor)
        batch = next(self._batches)
        self._cursor.position += 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        """Return what the sampler's `state_dict` returns, for the place of this iteration.

        After the last batch it is the end of the epoch, where the sampler's is the start of the next.
        """
        return self._sampler._state(self._cursor or self._loaded or self._sampler._upcoming())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let this iteration begin where that of `state` stood, and the sampler go on from there.

        Raises:
            ValueError: as the sampler's `load_state_dict`.
        """
        self._sampler.load_state_dict(state)
        self._cursor, self._loaded = None, self._sampler._cursor_of(state)
