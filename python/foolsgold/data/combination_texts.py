"""The texts of combinations: rows of them, and their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from foolsgold.data.texts import Texts, columns_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from foolsgold.data.combinations import Combinations


class _Interned(NamedTuple):
    """Ids of texts: of each column those by number, how many there are, and 64 bits of the content."""

    by_column: dict[str, NDArray[np.uint32]]
    num_texts: int
    fingerprint: int


class CombinationTexts:
    """Makes rows of texts, and of ids of texts, from the numbers of combinations.

    Args:
        combinations: whose numbers they are.
        texts: as for `CombinationRows`.
        column: of a data set.

    Raises:
        ValueError: for no combinations or texts at all, too few texts, and a column that is not there.
        TypeError: for what has no texts by number.
    """

    def __init__(self, combinations: Combinations, texts: Any, column: str | None) -> None:
        if combinations.count == 0:
            raise ValueError("`combinations` must have at least one, got none")
        texts = combinations.texts if texts is None else texts
        if texts is None:
            raise ValueError("`texts` must be given for combinations of rows, got None")
        self.columns = combinations.columns
        self.texts = texts
        self.column = column
        self.text_columns = [name for name in self.columns if name != "label"]
        self._lookups: dict[str, Callable[[NDArray[np.uint32]], list[str]]] | None = None
        self._interned: _Interned | None = None
        self._read_by_column()  # what cannot be read is refused here
        self._check_lengths(combinations)

    def rows(self, numbers: NDArray[np.uint32]) -> list[dict[str, Any]]:
        """Return a row for each of some combinations, (m, width)."""
        lookups = self._read_by_column()
        cells = [
            numbers[:, at].tolist()
            if name == "label"
            else lookups[name](np.ascontiguousarray(numbers[:, at]))
            for at, name in enumerate(self.columns)
        ]
        return [dict(zip(self.columns, row, strict=True)) for row in zip(*cells, strict=True)]

    def ids(self, numbers: NDArray[np.uint32]) -> dict[str, NDArray[np.uint32]]:
        """Return the ids (m,) of the texts of some combinations, (m, width), by column.

        Equal texts have equal ids, across columns and rows. All texts are interned when ids are first asked
        for; what is kept of them takes 4 bytes a text.

        Raises:
            ValueError: at a null among the texts.
            TypeError: where they are no texts.
        """
        ids = self._ids().by_column
        return {name: ids[name][numbers[:, self.columns.index(name)]] for name in self.text_columns}

    @property
    def num_texts(self) -> int:
        """The number of distinct texts; every id is below it."""
        return self._ids().num_texts

    @property
    def fingerprint(self) -> int:
        """64 bits of the texts."""
        return self._ids().fingerprint

    def _ids(self) -> _Interned:
        if self._interned is None:
            columns = self._distinct_columns()
            texts, ids = Texts.intern(columns)
            if texts.offsets:
                raise TypeError(f"`{next(iter(texts.offsets))}` must hold texts, got lists")
            of_all = ids.get("texts")
            by_column = {name: ids[name] if of_all is None else of_all for name in self.text_columns}
            self._interned = _Interned(by_column, len(texts), texts.fingerprint)
        return self._interned

    def _distinct_columns(self) -> dict[str, Any]:
        """Return what has texts by number: by the column of combinations, or `texts` where it is the same."""
        if self.column is None:
            by_name = isinstance(self.texts, Mapping)
            columns = {name: self.texts[name] for name in self.text_columns} if by_name else {}
            first = columns.get(self.text_columns[0], self.texts)
            if all(column is first for column in columns.values()):
                columns = {"texts": first}
            return {
                name: column.distinct() if isinstance(column, Texts) else column
                for name, column in columns.items()
            }
        selectable = hasattr(self.texts, "select_columns") and not isinstance(self.texts, Mapping)
        return {
            "texts": columns_of(self.texts.select_columns([self.column]) if selectable else self.texts)[
                self.column
            ]
        }

    def _read_by_column(self) -> dict[str, Callable[[NDArray[np.uint32]], list[str]]]:
        if self._lookups is None:
            names = self.text_columns
            by_name = self.texts
            if not (isinstance(by_name, Mapping) and self.column is None):
                by_name = dict.fromkeys(names, self.texts)
            missing = [name for name in names if name not in by_name]
            if missing:
                raise ValueError(f"`texts` must have texts for {names}, got {list(by_name)}")
            self._lookups = {name: _lookup(by_name[name], self.column) for name in names}
        return self._lookups

    def _check_lengths(self, combinations: Combinations) -> None:
        if isinstance(self.texts, Mapping) and self.column is None:
            for name in self.text_columns:
                _check_length(f"texts[{name!r}]", self.texts[name], combinations.num_texts_of(name))
            return
        texts = self.texts[self.column] if isinstance(self.texts, Mapping) else self.texts
        _check_length("texts", texts, combinations.num_texts)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lookups": None}


def _check_length(name: str, texts: Any, num_texts: int) -> None:
    if hasattr(texts, "__len__") and len(texts) < num_texts:
        raise ValueError(f"`{name}` must have a text for each of {num_texts} numbers, got {len(texts)}")


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
