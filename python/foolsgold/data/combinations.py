"""Pairs and triplets of rows that are computed when they are asked for."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.integers import MAX_UINT64, integer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from foolsgold.data.combination_rows import CombinationRows, CombinationStream
    from foolsgold.data.combination_sources import Order, Source
    from foolsgold.data.texts import Texts


class Combinations:
    """All pairs or triplets that some labels, scores or distances make: an array that is never in memory.

    Number i is computed from i, in any order, so any stretch of 10^12 triplets costs what the stretch costs,
    and a position is one integer. Made by `triplets_from_labels`, `pairs_from_labels`, and the other
    functions of their kind.

    Attributes:
        columns: what the numbers of a combination are: ("anchor", "positive", "negative"), of pairs two of
            these, of labelled pairs ("anchor", "positive", "label").
        texts: what the numbers are ids of, where texts were given; else None, and they are row numbers, or
            the ids that were given.

    Example:
        >>> from foolsgold.data import triplets_from_labels
        >>> triplets = triplets_from_labels(["cat", "dog", "cat"])
        >>> triplets.count, triplets[0].tolist(), triplets[:].tolist()
        (2, [0, 2, 1], [[0, 2, 1], [2, 0, 1]])
    """

    def __init__(
        self,
        source: Source,
        columns: tuple[str, ...],
        *,
        texts: Texts | None = None,
        order: Order = (0, 0, False),
        threads: int | None = None,
    ) -> None:
        self.columns = columns
        self.texts = texts
        self.threads = threads
        self._source = source
        self._order = order

    @property
    def count(self) -> int:
        """How many combinations there are, exactly; it may be beyond what `len` can tell."""
        return self._source.core.count

    @property
    def report(self) -> dict[str, int]:
        """What was counted, by name.

        Of labels: `rows` of a class, `noise` (rows of no class), `classes`, `single` (classes of one row),
        `without_tuples` (rows that are the anchor of nothing), `all` (combinations there are), `repeated` and
        `left_out` (those that come again, and never, for the sake of balance or a cap). Of scores: `rows`
        (pairs), `again` (told twice), `own` (an item with itself), `anchors`, `without_tuples` (anchors that
        make nothing), `all`, `left_out`. Of distances: `hard`, `semi_hard`, `easy` (triplets), and
        `without_tuples` (rows that are the anchor of nothing).
        """
        return dict(self._source.core.report)

    @property
    def fingerprint(self) -> int:
        """64 bits of what they are made of: equal ones are the same combinations, in the order of numbers."""
        return self._source.fingerprint

    @property
    def num_texts(self) -> int:
        """Every number of a combination is below it."""
        return self._source.num_texts

    def num_texts_of(self, column: str) -> int:
        """Every number of this column is below it."""
        return self._source.num_texts_of(column)

    def __len__(self) -> int:
        if self.count > sys.maxsize:
            raise OverflowError(f"`len` must be at most 2^63 - 1, got {self.count}\nhint: ask for `.count`")
        return self.count

    def __bool__(self) -> bool:
        return self.count > 0

    def __getitem__(self, place: int | slice) -> NDArray[np.uint32]:
        """Return one combination (width,), or a stretch of them (m, width)."""
        if isinstance(place, slice):
            start, stop, step = place.indices(self.count)
            if step == 1:
                return self._take((start, max(start, stop)))
            return self.take(range(start, stop, step))
        number = operator.index(place)
        if not -self.count <= number < self.count:
            raise IndexError(f"place must be below {self.count}, got {number}")
        number %= self.count
        row: NDArray[np.uint32] = self._take((number, number + 1))[0]
        return row

    def __iter__(self) -> Iterator[NDArray[np.uint32]]:
        for block in self.blocks(1 << 14):
            yield from block

    def take(
        self, places: Sequence[int] | NDArray[np.integer[Any]], *, progress: bool = False
    ) -> NDArray[np.uint32]:
        """Return the combinations at some places, (number of places, width).

        Args:
            places: integers from 0 to below `count`, in any order, as often as wanted.
            progress: show a progress bar.

        Raises:
            ValueError: for a place out of range, what is no integer, and more than memory holds.
        """
        if isinstance(places, range) and places.step == 1:
            if places and not 0 <= places[0] <= places[-1] < self.count:
                raise ValueError(f"`places` must be from 0 to below {self.count}, got {places}")
            stretch = (places.start, places.stop) if places else (0, 0)
            with _named("places", places):
                return self._take(stretch, progress=progress)
        return self._take(_places(places, self.count), progress=progress)

    def blocks(self, num_rows: int, *, start: int = 0) -> Iterator[NDArray[np.uint32]]:
        """Iterate over all combinations from place `start` on, `num_rows` at a time, (m, width) each.

        Raises:
            ValueError: if `num_rows` is below 1 or more than memory holds, or `start` is not from 0 to
                `count`.
        """
        num_rows = integer("num_rows", num_rows, 1)
        start = integer("start", start, 0, self.count)
        return self._blocks(num_rows, start)

    def _blocks(self, num_rows: int, start: int) -> Iterator[NDArray[np.uint32]]:
        while start < self.count:
            stop = min(start + num_rows, self.count)
            with _named("num_rows", num_rows):
                block = self._take((start, stop))
            yield block
            start = stop

    def shuffled(self, seed: int = 0, epoch: int = 0) -> Combinations:
        """Return the same combinations in a random order, each once; it costs nothing.

        Where an anchor or a class gives a share, seed and epoch also decide which one. The order is that of a
        cipher (a Feistel network on the numbers below `count`): place i of it is computed from i.

        Args:
            seed: 0 to 2^64 - 1.
            epoch: 0 to 2^64 - 1; another order for each.

        Example:
            >>> from foolsgold.data import triplets_from_labels
            >>> triplets = triplets_from_labels([0, 0, 1, 1])
            >>> some = triplets.shuffled(seed=1)[:4]  # four of eight, no two alike
            >>> len({tuple(triplet) for triplet in some.tolist()})
            4
        """
        order = integer("seed", seed, 0, MAX_UINT64), integer("epoch", epoch, 0, MAX_UINT64), True
        return Combinations(self._source, self.columns, texts=self.texts, order=order, threads=self.threads)

    def rows(
        self,
        texts: Any = None,
        column: str | None = None,
        *,
        num_rows: int | None = None,
        seed: int = 0,
    ) -> CombinationRows:
        """Return rows of texts to train on, in a random order; see `CombinationRows`."""
        from foolsgold.data.combination_rows import CombinationRows

        return CombinationRows(self, texts, column, num_rows=num_rows, seed=seed)

    def stream(
        self,
        texts: Any = None,
        column: str | None = None,
        *,
        seed: int = 0,
        epoch: int = 0,
        position: int = 0,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> CombinationStream:
        """Return rows of texts as a stream, for more than a data set can number; see `CombinationStream`."""
        from foolsgold.data.combination_rows import CombinationStream

        return CombinationStream(
            self,
            texts,
            column,
            seed=seed,
            epoch=epoch,
            position=position,
            rank=rank,
            num_replicas=num_replicas,
        )

    def _take(self, places: Any, *, progress: bool = False) -> NDArray[np.uint32]:
        return self._source.take(places, self._order, self.threads, progress=progress)

    def __repr__(self) -> str:
        kind = "shuffled" if self._order[2] else "in order"
        return f"Combinations({self.count:,} of {', '.join(self.columns)}, {kind})"


@contextmanager
def _named(argument: str, got: object) -> Iterator[None]:
    """Let an error of a stretch, which the core knows by where it stops, name what the caller gave."""
    try:
        yield
    except ValueError as error:
        prefix, (rule, *_) = "`stop` must ", str(error).rsplit(", got ", 1)
        if not rule.startswith(prefix):
            raise
        raise ValueError(f"`{argument}` must {rule.removeprefix(prefix)}, got {got}") from None


def _places(places: Any, count: int) -> NDArray[np.uint64] | list[int]:
    """Return places as the core takes them, checked where they could wrap around."""
    if not isinstance(places, Iterable):
        raise ValueError(f"`places` must be one row of integers, got {places!r}")
    if isinstance(places, range):
        places = list(places)
    if not isinstance(places, np.ndarray) and hasattr(places, "numpy"):
        places = places.numpy()
    if isinstance(places, np.ndarray):
        if places.ndim != 1 or places.dtype.kind not in "iu":
            got = f"{places.dtype} of shape {places.shape}"
            raise ValueError(f"`places` must be one row of integers, got {got}")
        if places.dtype.kind == "i" and len(places) and places.min() < 0:
            raise ValueError(f"`places` must be from 0 to below {count}, got {places.min()}")
        return np.ascontiguousarray(places, np.uint64)
    numbers = [integer("places", place, 0) for place in places]
    is_small = not numbers or max(numbers) <= MAX_UINT64
    return np.array(numbers, np.uint64) if is_small else numbers
