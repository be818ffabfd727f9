"""Rows of texts for combinations: a data set whose state is one integer, and a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from foolsgold.data.texts import columns_of
from foolsgold.integers import MAX_INT64, MAX_UINT64, integer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from foolsgold.data.combinations import Combinations

_AT_A_TIME = 1024
"""Rows that a stream makes together."""


class CombinationRows(Dataset[Any]):
    """Pairs or triplets as rows of texts, in a random order, other ones in each epoch.

    Any row is computed from its number: nothing is listed, and what is pickled for a worker is labels and
    texts alone. With `num_rows`, epoch e has the places e * num_rows to (e + 1) * num_rows of one random
    order, so no combination comes again before all have come; without it, an epoch has all of them. Seed and
    epoch decide every row, on every platform: the epoch is all the state there is. A trainer tells it.

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
        self.seed = integer("seed", seed, 0, MAX_UINT64)
        self.epoch = 0
        self._reader = _Reader(combinations, texts, column)
        self.column_names = list(combinations.columns)
        if num_rows is None and combinations.count > MAX_INT64:
            raise ValueError(
                f"`num_rows` must be given for more than 2^63 - 1 combinations, got {combinations.count}"
            )
        self.num_rows = integer(
            "num_rows", combinations.count if num_rows is None else num_rows, 1, MAX_INT64
        )

    def set_epoch(self, epoch: int) -> None:
        """Give the rows of `epoch` from now on.

        Raises:
            ValueError: if `epoch` is not from 0 to 2^64 - 1.
        """
        self.epoch = integer("epoch", epoch, 0, MAX_UINT64)

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
        return self._reader(self._numbers([self._place(int(row)) for row in rows]))

    def _numbers(self, places: list[int]) -> NDArray[np.uint32]:
        """Return the combinations at places of all passes, one pass after another."""
        count = self.combinations.count
        passes = [place // count for place in places]
        found = np.empty((len(places), len(self.column_names)), np.uint32)
        for number in sorted({*passes}):
            of_pass = [at for at, other in enumerate(passes) if other == number]
            order = self.combinations.shuffled(self.seed, number)
            found[of_pass] = order.take([places[at] % count for at in of_pass])
        return found

    def _place(self, row: int) -> int:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row must be below {len(self)}, got {row}")
        return self.epoch * len(self) + row % len(self)


class CombinationStream(IterableDataset[Any]):
    """Pairs or triplets as a stream of rows of texts, each combination once, in a random order.

    The state is `position`, the first place of the order that has not been given. A worker of a loader, and a
    rank, gives every n-th place, so all together give each once; in a worker, `position` is its own. What has
    given all gives nothing more until `set_epoch` tells another epoch, as trainers do, and it hears of it in
    workers too. `foolsgold`'s own trainer takes `CombinationRows`.

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
        self.seed = integer("seed", seed, 0, MAX_UINT64)
        # In shared memory, for workers that live through several epochs.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._epoch.fill_(integer("epoch", epoch, 0, MAX_INT64))
        self._ordered = epoch
        self.combinations = combinations.shuffled(self.seed, epoch)
        self.position = integer("position", position, 0, combinations.count)
        self.num_replicas = integer("num_replicas", num_replicas, 1)
        self.rank = integer("rank", rank, 0, self.num_replicas - 1)
        self.column_names = list(combinations.columns)
        self._reader = _Reader(combinations, texts, column)

    @property
    def epoch(self) -> int:
        """The epoch whose order is given."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Give the order of `epoch`, from its first place; of the epoch that it is at, what is left.

        Raises:
            ValueError: if `epoch` is not from 0 to 2^63 - 1.
        """
        self._epoch.fill_(integer("epoch", epoch, 0, MAX_INT64))
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
            rows = self._reader(self.combinations.take(range(place, stop, shares)))
            for row in rows:
                self.position = min(place + 1, count) if shares == 1 else min(place + shares, count)
                place += shares
                yield row


class _Reader:
    """Makes rows of texts from combinations."""

    def __init__(self, combinations: Combinations, texts: Any, column: str | None) -> None:
        if combinations.count == 0:
            raise ValueError("`combinations` must have at least one, got none")
        texts = combinations.texts if texts is None else texts
        if texts is None:
            raise ValueError("`texts` must be given for combinations of rows, got None")
        self.columns = combinations.columns
        self.texts = texts
        self.column = column
        self._lookups: dict[str, Callable[[NDArray[np.uint32]], list[str]]] | None = None
        self._read_by_column()  # what cannot be read is refused here
        self._check_length(combinations.num_texts)

    def __call__(self, numbers: NDArray[np.uint32]) -> list[dict[str, Any]]:
        lookups = self._read_by_column()
        cells = [
            numbers[:, at].tolist()
            if name == "label"
            else lookups[name](np.ascontiguousarray(numbers[:, at]))
            for at, name in enumerate(self.columns)
        ]
        return [dict(zip(self.columns, row, strict=True)) for row in zip(*cells, strict=True)]

    def _read_by_column(self) -> dict[str, Callable[[NDArray[np.uint32]], list[str]]]:
        if self._lookups is None:
            names = [name for name in self.columns if name != "label"]
            by_name = self.texts
            if not (isinstance(by_name, Mapping) and self.column is None):
                by_name = dict.fromkeys(names, self.texts)
            missing = [name for name in names if name not in by_name]
            if missing:
                raise ValueError(f"`texts` must have texts for {names}, got {list(by_name)}")
            self._lookups = {name: _lookup(by_name[name], self.column) for name in names}
        return self._lookups

    def _check_length(self, num_texts: int) -> None:
        texts = self.texts
        if isinstance(texts, Mapping):
            if self.column is None:
                return  # each column has texts of its own
            texts = texts[self.column]
        if hasattr(texts, "__len__") and len(texts) < num_texts:
            raise ValueError(f"`texts` must have a text for each of {num_texts} numbers, got {len(texts)}")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lookups": None}


def _lookup(texts: Any, column: str | None) -> Callable[[NDArray[np.uint32]], list[str]]:
    """Return what finds the texts of ids.

    Raises:
        ValueError: for a column that is not there, or not named.
        TypeError: for what has no texts by number.
    """
    if column is not None and not isinstance(texts, Mapping) and not hasattr(texts, "column_names"):
        try:
            texts = columns_of(texts)  # a frame, or rows
        except TypeError:
            raise ValueError(f"`column` must be None for texts without columns, got {column!r}") from None
    names = list(texts) if isinstance(texts, Mapping) else getattr(texts, "column_names", None)
    if names is not None:
        if column not in names:
            raise ValueError(f"`column` must be among {names}, got {column!r}")
        if hasattr(texts, "select_columns") and hasattr(texts, "with_format"):
            rows = texts.select_columns([column])
            return lambda ids: list(rows[ids.tolist()][column])
        texts = texts[column]
    elif hasattr(texts, "columns"):
        raise ValueError(f"`column` must be among {list(texts.columns)}, got None")
    if hasattr(texts, "to_pylist"):
        return lambda ids: list(texts.take(ids).to_pylist())
    if isinstance(texts, np.ndarray):
        return lambda ids: list(texts[ids].tolist())
    if hasattr(texts, "take"):
        return lambda ids: list(texts.take(ids))
    if not hasattr(texts, "__getitem__") or isinstance(texts, str):
        raise TypeError(f"`texts` must have a text for each number, got {type(texts).__name__}")
    return lambda ids: [texts[number] for number in ids.tolist()]
