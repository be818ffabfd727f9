"""Rows of texts for combinations: a data set whose state is one integer, and a stream."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from foolsgold.data.combination_texts import CombinationTexts
from foolsgold.data.shared_epoch import SharedEpoch
from foolsgold.integers import MAX_INT64, MAX_ROWS, MAX_UINT64, integer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from foolsgold.data.combinations import Combinations

_AT_A_TIME = 1024
"""Rows that a stream makes together."""
_OF_IDS = 1 << 20
"""Rows whose ids are found together."""


class CombinationRows(SharedEpoch, Dataset[Any]):
    """Pairs or triplets as rows of texts, in a random order, other ones in each epoch.

    Any row is computed from its number: nothing is listed, and what is pickled for a worker is labels and
    texts alone. With `num_rows`, epoch e has the places e * num_rows to (e + 1) * num_rows of one random
    order, so no combination comes again before all have come; without it, an epoch has all of them. Seed and
    epoch decide every row, on every platform: the epoch is all the state there is. A trainer tells it;
    elsewhere `set_epoch` does, and workers hear of it, persistent ones too.

    `foolsgold`'s trainer and `NoDuplicatesBatchSampler` know the ids of the texts, so an epoch trains as a
    data set that lists its rows does: no text twice in a batch, and no equal text or positive of the epoch
    for a negative.

    Args:
        combinations: what the rows are of.
        texts: what has the text of a row number or id: a list, an array or Arrow column, `Texts`, or a data
            set together with `column`. Where columns differ, a mapping from column names to these. None where
            the combinations know their texts.
        column: of a data set.
        num_rows: rows of an epoch; None for all combinations.
        seed: 0 to 2^64 - 1.

    Raises:
        ValueError: for numbers out of range, no combinations or texts at all, and more than 2^63 - 1
            combinations without `num_rows`.

    Attributes:
        column_names: the columns of a row.
        epoch: the epoch that rows are of.

    Example:
        >>> from foolsgold.data import triplets_from_labels
        >>> rows = triplets_from_labels([0, 1, 0]).rows(["a cat", "a dog", "the cat"], num_rows=1)
        >>> rows[0]["negative"], len(rows)
        ('a dog', 1)
    """

    def __init__(
        self,
        combinations: Combinations,
        texts: Any = None,
        column: str | None = None,
        *,
        num_rows: int | None = None,
        seed: int = 0,
    ) -> None:
        self.combinations = combinations
        super().__init__()
        self.seed = integer("seed", seed, 0, MAX_UINT64)
        self._texts = CombinationTexts(combinations, texts, column)
        self.column_names = list(combinations.columns)
        if num_rows is None and combinations.count > MAX_INT64:
            raise ValueError(
                f"`num_rows` must be given for more than 2^63 - 1 combinations, got {combinations.count}"
            )
        self.num_rows = integer(
            "num_rows", combinations.count if num_rows is None else num_rows, 1, MAX_INT64
        )

    def __len__(self) -> int:
        return self.num_rows

    def __getitem__(self, key: int | str | slice | Sequence[int]) -> Any:
        """Return a row; or, as a `datasets.Dataset` does, a column by name, and columns of several rows."""
        if isinstance(key, str):
            if key not in self.column_names:
                raise KeyError(f"`column` must be among {self.column_names}, got {key!r}")
            return [row[key] for row in self.__getitems__(range(len(self)))]
        if isinstance(key, slice):
            key = range(len(self))[key]
        if isinstance(key, (int, np.integer)):
            return self.__getitems__([int(key)])[0]
        rows = self.__getitems__(key)
        return {name: [row[name] for row in rows] for name in self.column_names}

    def __getitems__(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return several rows; a DataLoader prefers this to one `__getitem__` per row."""
        return self._texts.rows(self._numbers_at(rows))

    def text_ids_at(self, rows: Sequence[int]) -> dict[str, NDArray[np.uint32]]:
        """Return the ids (len(rows),) of the texts of some rows of the present epoch, by text column.

        Equal texts have equal ids, across columns, rows and epochs. Texts are interned once, when ids are
        first asked for; what is kept takes 4 bytes a text.

        Raises:
            ValueError: at a null among the texts.
            TypeError: where they are no texts.
        """
        return self._texts.ids(self._numbers_at(rows))

    def text_ids_of(self, epoch: int) -> dict[str, NDArray[np.uint32]]:
        """Return the ids of all texts of `epoch`, one array (number of rows,) a text column.

        Raises:
            ValueError: for more than 2^32 - 1 rows, and as `text_ids_at`.
            TypeError: as `text_ids_at`.
        """
        integer("num_rows", self.num_rows, 1, MAX_ROWS)
        found = {name: np.empty(len(self), np.uint32) for name in self._texts.text_columns}
        count = self.combinations.count
        first = integer("epoch", epoch, 0, MAX_INT64) * len(self)
        row = 0
        while row < len(self):
            number, place = divmod(first + row, count)
            stop = min(row + min(_OF_IDS, count - place), len(self))
            order = self.combinations.shuffled(self.seed, number)
            ids = self._texts.ids(order.take(range(place, place + stop - row)))
            for name, column in found.items():
                column[row:stop] = ids[name]
            row = stop
        return found

    @property
    def num_texts(self) -> int:
        """The number of distinct texts; every id is below it."""
        return self._texts.num_texts

    @property
    def fingerprint(self) -> int:
        """64 bits of the texts and of all else that decides what every epoch's rows are."""
        parts = (self.combinations.fingerprint, self._texts.fingerprint, self.num_rows, self.seed)
        return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little")

    def _numbers_at(self, rows: Sequence[int]) -> NDArray[np.uint32]:
        """Return the combinations of some rows, one pass after another."""
        first, count = self.epoch * len(self), self.combinations.count
        places = [divmod(first + self._checked(int(row)), count) for row in rows]
        found = np.empty((len(places), len(self.column_names)), np.uint32)
        for number in sorted({number for number, _ in places}):
            of_pass = [at for at, (other, _) in enumerate(places) if other == number]
            order = self.combinations.shuffled(self.seed, number)
            found[of_pass] = order.take([places[at][1] for at in of_pass])
        return found

    def _checked(self, row: int) -> int:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row must be below {len(self)}, got {row}")
        return row % len(self)


class CombinationStream(SharedEpoch, IterableDataset[Any]):
    """Pairs or triplets as a stream of rows of texts, each combination once, in a random order.

    The state is `position`, the first place of the order that has not been given. A worker of a loader, and a
    rank, gives every n-th place, so all together give each once; in a worker, `position` is its own. What has
    given all gives nothing more until `set_epoch` tells another epoch, as trainers do, and it hears of it in
    workers too.

    `foolsgold`'s trainer takes the stream of all ranks, from the first place of epoch 0 on, and shares it out
    itself: step by step in the order of the stream, and a resumed run goes on at the place that came next. A
    trainer that takes the shares of ranks out of one stream (accelerate does) is given that of all ranks too;
    where nobody does, `rank` and `num_replicas` say which share this is. Never both.

    Args:
        combinations: what the rows are of.
        texts: as for `CombinationRows`.
        column: of a data set.
        seed: 0 to 2^64 - 1.
        epoch: 0 to 2^63 - 1; another order for each.
        position: where to begin.
        rank: which share is given, below `num_replicas`.
        num_replicas: number of ranks.

    Raises:
        ValueError: for numbers out of range, and no combinations or texts at all.

    Example:
        >>> from foolsgold.data import triplets_from_labels
        >>> stream = triplets_from_labels([0, 1, 0]).stream(["a cat", "a dog", "the cat"])
        >>> len(list(stream)), stream.state_dict()
        (2, {'position': 2})
    """

    def __init__(
        self,
        combinations: Combinations,
        texts: Any = None,
        column: str | None = None,
        *,
        seed: int = 0,
        epoch: int = 0,
        position: int = 0,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        super().__init__(epoch)
        self.seed = integer("seed", seed, 0, MAX_UINT64)
        self._ordered = epoch
        self.combinations = combinations.shuffled(self.seed, epoch)
        self.position = integer("position", position, 0, combinations.count)
        self.num_replicas = integer("num_replicas", num_replicas, 1)
        self.rank = integer("rank", rank, 0, self.num_replicas - 1)
        self.column_names = list(combinations.columns)
        self._texts = CombinationTexts(combinations, texts, column)
        self.texts, self.column = self._texts.texts, column

    def set_epoch(self, epoch: int) -> None:
        """Give the order of `epoch`, from its first place; of the epoch that it is at, what is left.

        Raises:
            ValueError: if `epoch` is not from 0 to 2^63 - 1.
        """
        super().set_epoch(epoch)
        self._follow()

    def state_dict(self) -> dict[str, int]:
        """Return where the stream is in its epoch, which whoever goes on tells it first."""
        return {"position": self.position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where `state_dict` was asked for.

        Raises:
            ValueError: for a state without a position in range.
        """
        if set(state) != {"position"}:
            raise ValueError(f"`state` must have `position` alone, got {sorted(state)}")
        self.position = integer("state['position']", state["position"], 0, self.combinations.count)

    def _follow(self) -> None:
        """Go to the start of another epoch, where one was told."""
        if self.epoch != self._ordered:
            self._ordered, self.position = self.epoch, 0
            self.combinations = self.combinations.shuffled(self.seed, self._ordered)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._follow()
        worker = get_worker_info()
        workers = 1 if worker is None else worker.num_workers
        shares = self.num_replicas * workers
        share = self.rank * workers + (0 if worker is None else worker.id)
        count = self.combinations.count
        # Of this share, the first place that has not been given.
        place = self.position + (share - self.position) % shares
        while place < count:
            stop = min(place + _AT_A_TIME * shares, count)
            rows = self._texts.rows(self.combinations.take(range(place, stop, shares)))
            for row in rows:
                self.position = min(place + 1, count) if shares == 1 else min(place + shares, count)
                place += shares
                yield row
