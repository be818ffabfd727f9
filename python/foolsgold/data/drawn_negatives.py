"""Rows with some of their negatives, drawn anew in each epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from torch.utils.data import Dataset

from foolsgold import _core
from foolsgold.data.columns import LABEL_COLUMNS, RESERVED_COLUMNS, weight_column
from foolsgold.data.kinds import values_of
from foolsgold.data.stored_column import StoredColumn
from foolsgold.data.texts import Texts, columns_of
from foolsgold.integers import MAX_UINT64, integer
from foolsgold.threads import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DrawOf = Literal["uniform", "top"]
"""How negatives are drawn: all alike, or by the weight 1 / (place + 1), where lists have the best first."""


class _Interned(NamedTuple):
    """Ids of texts: of each column those by row, of lists one after the other, cut at `offsets`."""

    by_column: dict[str, NDArray[np.uint32]]
    offsets: NDArray[np.int64]
    num_texts: int
    fingerprint: int


class DrawnNegatives(Dataset[Any]):
    """Rows of a data set with k of their negatives, others in each epoch; the positive comes once.

    A column of lists becomes the columns `negative_1` to `negative_k`, in its place and in the order of the
    list. Seed, epoch and row number decide which negatives a row gets, on every platform and in any process;
    a trainer tells the epoch.

    `foolsgold`'s trainer and `NoDuplicatesBatchSampler` know the ids of the texts, so an epoch trains as a
    data set that lists its rows does: no text twice in a batch, and no drawn text that is the positive of
    another row, or a known positive of the anchor, for a negative.

    Args:
        dataset: a `datasets.Dataset`, a list of dicts, or anything with a length whose rows are dicts.
        num_negatives: k, at least 1; every row has at least so many negatives.
        column: the column of lists of texts.
        draw: "uniform", or "top", which prefers the beginning of the lists: in lists with the best negatives
            first, place j (from 0) has the weight 1 / (j + 1).
        seed: 0 to 2^64 - 1.

    Raises:
        ValueError: for numbers out of range, a column that is missing or not of lists, and a row with fewer
            negatives; it is named.
        TypeError: for columns in place of rows.

    Attributes:
        column_names: the columns of a row.
        epoch: the epoch that rows are of.

    Example:
        >>> rows = [{"anchor": "?", "positive": "yes", "negatives": ["no", "never", "not", "none"]}]
        >>> dataset = DrawnNegatives(rows, 2)
        >>> dataset.column_names
        ['anchor', 'positive', 'negative_1', 'negative_2']
        >>> def negatives_of(epoch):
        ...     dataset.set_epoch(epoch)
        ...     return dataset[0]["negative_1"], dataset[0]["negative_2"]
        >>> len({negatives_of(epoch) for epoch in range(40)})  # 6 pairs, in order
        6
    """

    def __init__(
        self,
        dataset: Any,
        num_negatives: int,
        *,
        column: str = "negatives",
        draw: DrawOf = "uniform",
        seed: int = 0,
    ) -> None:
        num_negatives = integer("num_negatives", num_negatives, 1)
        if draw not in get_args(DrawOf):
            raise ValueError(f"`draw` must be uniform or top, got {draw!r}")
        seed = integer("seed", seed, 0, MAX_UINT64)
        if isinstance(dataset, Mapping):
            raise TypeError(
                "`dataset` must be a sequence of rows, got a mapping\n"
                "hint: make it `datasets.Dataset.from_dict(...)`"
            )
        if len(dataset) == 0:
            raise ValueError("`dataset` must have rows, got none")
        self.dataset = dataset
        self.num_negatives = num_negatives
        self.column = column
        self.draw: DrawOf = draw
        self.seed = seed
        self.epoch = 0
        names = list(dataset[0])
        if column not in names:
            raise ValueError(f"`column` must be among {names}, got {column!r}")
        self._check_lengths()  # before the columns are named, which a great number would not end
        self._negatives = [f"negative_{number}" for number in range(1, num_negatives + 1)]
        place = names.index(column)
        self.column_names: list[str] = [*names[:place], *self._negatives, *names[place + 1 :]]
        if len(set(self.column_names)) < len(self.column_names):
            raise ValueError(f"`dataset` must have no column of the drawn names yet, got {names}")
        self._interned: _Interned | None = None

    def set_epoch(self, epoch: int) -> None:
        """Give the negatives of `epoch` from now on.

        Raises:
            ValueError: if `epoch` is not from 0 to 2^64 - 1.
        """
        self.epoch = integer("epoch", epoch, 0, MAX_UINT64)

    def __len__(self) -> int:
        return len(self.dataset)

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
        places = [self._place(int(row)) for row in rows]
        if hasattr(self.dataset, "__getitems__"):
            return list(map(self._drawn, places, self.dataset.__getitems__(places)))
        return [self._drawn(place, self.dataset[place]) for place in places]

    def text_ids_at(self, rows: Sequence[int]) -> dict[str, NDArray[np.uint32]]:
        """Return the ids (len(rows),) of the texts of some rows of the present epoch, by text column.

        Equal texts have equal ids, across columns, rows and epochs. Texts are interned once, when ids are
        first asked for, all negatives among them; what is kept takes 4 bytes each.

        Raises:
            ValueError: at a null among the texts.
            TypeError: where they are no texts.
        """
        offsets = self._ids().offsets
        places = np.array([self._place(int(row)) for row in rows], np.int64)
        firsts = offsets[places]
        lengths = (offsets[places + 1] - firsts).tolist()
        drawn = [self._draw(length, place) for length, place in zip(lengths, places.tolist(), strict=True)]
        chosen = np.array(drawn, np.int64).reshape(len(drawn), self.num_negatives)
        return self._by_name(places, firsts[:, None] + chosen)

    def text_ids_of(self, epoch: int) -> dict[str, NDArray[np.uint32]]:
        """Return the ids of all texts of `epoch`, one array (number of rows,) a text column.

        Raises:
            ValueError: as `text_ids_at`.
            TypeError: as `text_ids_at`.
        """
        offsets = self._ids().offsets
        places = _core.draw_negatives(
            np.diff(offsets).astype(np.uint32),
            self.num_negatives,
            (self.seed, epoch, 0),
            weighting=self.draw,
            threads=resolve(None),
        )
        return self._by_name(slice(None), offsets[:-1, None] + places)

    @property
    def num_texts(self) -> int:
        """The number of distinct texts, of all negatives too; every id is below it."""
        return self._ids().num_texts

    @property
    def fingerprint(self) -> int:
        """64 bits of the texts and of all else that decides what every epoch's rows are."""
        parts = (self._ids().fingerprint, self.num_negatives, self.draw, self.seed)
        return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little")

    def _drawn(self, place: int, row: Any) -> dict[str, Any]:
        negatives = row[self.column]
        places = self._draw(len(negatives), place)
        cells: dict[str, Any] = {}
        for name, value in row.items():
            if name == self.column:
                cells.update(zip(self._negatives, [negatives[at] for at in places], strict=True))
            else:
                cells[name] = value
        return cells

    def _draw(self, length: int, place: int) -> list[int]:
        """Return which of the negatives of a row, of so many, are those of the present epoch."""
        draw = (self.seed, self.epoch, 0)
        return _core.draw_negatives_of_row(length, self.num_negatives, draw, place, weighting=self.draw)

    def _place(self, row: int) -> int:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row must be below {len(self)}, got {row}")
        return row % len(self)

    def _check_lengths(self) -> None:
        is_selectable = hasattr(self.dataset, "select_columns")
        found = self.dataset.select_columns([self.column]) if is_selectable else self.dataset
        for row, length in enumerate(_lengths(columns_of(found)[self.column])):
            if length is None:
                raise ValueError(f"`{self.column}` must hold lists of texts, got none at row {row}")
            if length < self.num_negatives:
                raise ValueError(
                    f"`{self.column}` must hold at least {self.num_negatives} negatives in every row, "
                    f"got {length} at row {row}\nhint: take a smaller `num_negatives`, or leave such rows out"
                )

    def _ids(self) -> _Interned:
        if self._interned is None:
            columns = columns_of(self.dataset)
            first = self.dataset[0]
            labels = [name for name in LABEL_COLUMNS if name in first]
            # Beside a label, a text may have the name of another.
            labels = [*labels[:1], *(name for name in labels[1:] if not isinstance(first[name], str))]
            excluded = {self.column, *labels, *RESERVED_COLUMNS, weight_column(first)}
            kept = {name: values_of(name, columns[name]) for name in columns if name not in excluded}
            negatives = values_of(self.column, columns[self.column])
            texts, ids = Texts.intern({**kept, self.column: negatives})
            if self.column not in texts.offsets:
                got = f"{negatives[0]!r:.80} at row 0"
                raise ValueError(f"`{self.column}` must hold lists of texts, got {got}")
            self._interned = _Interned(ids, texts.offsets[self.column], len(texts), texts.fingerprint)
        return self._interned

    def _by_name(self, rows: Any, drawn: NDArray[np.int64]) -> dict[str, NDArray[np.uint32]]:
        """Return the ids of some rows by column; `drawn` (m, k) says which of all negatives they have."""
        ids = self._ids().by_column
        negatives = np.ascontiguousarray(ids[self.column][drawn].T)
        by_name = {name: column[rows] for name, column in ids.items() if name != self.column}
        by_name.update(zip(self._negatives, negatives, strict=True))
        return {name: by_name[name] for name in self.column_names if name in by_name}


def _lengths(column: Any) -> list[int | None]:
    if isinstance(column, StoredColumn):
        return [None] * len(column) if column.offsets is None else np.diff(column.offsets).tolist()
    if hasattr(column, "to_pylist"):
        import pyarrow.compute

        if "list" not in str(column.type):
            return [None] * len(column)
        lengths: list[int | None] = pyarrow.compute.list_value_length(column).to_pylist()
        return lengths
    is_list = (list, tuple, np.ndarray)
    return [len(value) if isinstance(value, is_list) else None for value in column]
