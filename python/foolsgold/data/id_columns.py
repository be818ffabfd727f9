"""The columns of a data set as ids: what samplers and masks compare in place of texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from foolsgold import _core
from foolsgold.data.columns import SOURCE_COLUMN
from foolsgold.data.kinds import values_of
from foolsgold.data.texts import Texts, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_MAX_ID = 2**32 - 2  # one number is kept as a marker
_PAIR_NAMES = ("first of a pair", "second of a pair")


IdColumn = Union["NDArray[np.uint32]", "tuple[NDArray[np.int64], NDArray[np.uint32]]"]
"""One id a row, (rows,) uint32; or lists of ids: where each row's list begins and at last the number of ids,
(rows + 1,) int64, and the ids, uint32."""


@dataclass(frozen=True, kw_only=True)
class IdColumns:
    """Columns of ids, equal for equal values across the columns.

    Attributes:
        columns: by column name, in the order of the data set.
        others: names of the columns that were not looked at.
        pairs: further pairs of ids, (M, 2) uint32; None for none.
        num_ids: a number above every id; None for one above those of the columns.
        fingerprint: 64 bits of the content.
    """

    columns: dict[str, IdColumn]
    others: tuple[str, ...] = ()
    num_ids: int | None = None
    pairs: NDArray[np.uint32] | None = None
    fingerprint: int

    def __post_init__(self) -> None:
        rows = {name: _num_rows(column) for name, column in self.columns.items()}
        if len(set(rows.values())) > 1:
            raise ValueError(f"`dataset` must have columns of one length, got {rows}")

    @staticmethod
    def of(
        dataset: Any,
        *,
        without: Iterable[str] = (),
        pairs: Any = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> tuple[IdColumns, Texts | None]:
        """Give equal values of all columns the same id.

        Args:
            dataset: as for `columns_of`. A column has values of one kind: texts and lists of texts are
                compared text by text, all others by the `str` of their values. Where every column is a NumPy
                array of uint32 in a mapping, these are taken for ids.
            without: names of columns that are not looked at; a column `dataset_name` never is.
            pairs: a data set of two text columns, whose texts get ids too; None for none.
            threads: by default a fair share of the cores; no id depends on it.
            progress: show a progress bar.

        Returns:
            The columns, and the texts behind the ids; None where ids were given.

        Raises:
            ValueError: if no column is left, or at a null, in a list too, naming column and row.
            TypeError: for data of an unknown kind, and a column of several kinds.

        Example:
            >>> ids, texts = IdColumns.of({"query": ["a", "b"], "negatives": [["b", "c"], []]})
            >>> ids.num_rows, ids.flat["query"].tolist(), ids.columns["negatives"][1].tolist()
            (2, [0, 1], [1, 2])
        """
        excluded = {SOURCE_COLUMN, *without}
        if isinstance(dataset, Mapping) and _are_ids(dataset, excluded):
            if pairs is not None:
                raise ValueError("`dataset` must have texts to compare with other texts, got ids")
            return _given_ids(dataset, excluded), None
        columns = columns_of(dataset)
        names = [name for name in columns if name not in excluded]
        if not names:
            raise ValueError(f"`dataset` must have a column besides labels, got {list(columns)}")
        values = {name: values_of(name, columns[name]) for name in names}
        beside = {} if pairs is None else dict(zip(_PAIR_NAMES, _two_columns(pairs), strict=True))
        texts, ids = Texts.intern({**values, **beside}, threads=threads, progress=progress)
        cuts = texts.offsets
        found = IdColumns(
            columns={name: (cuts[name], ids[name]) if name in cuts else ids[name] for name in names},
            others=tuple(name for name in columns if name in excluded),
            pairs=np.stack([ids[name] for name in _PAIR_NAMES], axis=1) if beside else None,
            fingerprint=texts.fingerprint,
        )
        return found, texts

    @property
    def num_rows(self) -> int:
        """Rows of each column."""
        return _num_rows(next(iter(self.columns.values())))

    @property
    def flat(self) -> dict[str, NDArray[np.uint32]]:
        """The columns with one id a row."""
        return {name: ids for name, ids in self.columns.items() if not isinstance(ids, tuple)}

    @property
    def bound(self) -> int:
        """A number above every id."""
        if self.num_ids is not None:
            return self.num_ids
        arrays = [column[1] if isinstance(column, tuple) else column for column in self.columns.values()]
        arrays += [] if self.pairs is None else [self.pairs]
        return max((int(array.max()) + 1 for array in arrays if array.size), default=0)

    def merged(self, classes: NDArray[np.uint32]) -> IdColumns:
        """Return the same columns with the class `classes[i]` in place of each id i."""
        columns: dict[str, IdColumn] = {}
        for name, column in self.columns.items():
            is_list = isinstance(column, tuple)
            columns[name] = (column[0], classes[column[1]]) if is_list else classes[column]
        return IdColumns(
            columns=columns,
            others=self.others,
            pairs=None if self.pairs is None else classes[self.pairs],
            fingerprint=fingerprint_of(self.fingerprint, classes),
        )


def at_rows(column: IdColumn, rows: NDArray[np.integer[Any]]) -> IdColumn:
    """Return the ids of some rows of a column, in their order."""
    if not isinstance(column, tuple):
        flat: NDArray[np.uint32] = column[rows]
        return flat
    cuts, ids = column
    starts, sizes = cuts[rows], np.diff(cuts)[rows]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return offsets, ids[np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])]


def fingerprint_of(*parts: int | NDArray[np.uint32]) -> int:
    """Return 64 bits of integers from 0 to 2^64 - 1 and of arrays (n,) or (n, m), on every machine alike."""
    columns = []
    for part in parts:
        if isinstance(part, int):
            part = np.array([part & 0xFFFFFFFF, part >> 32], dtype=np.uint32)
        columns.append(np.ascontiguousarray(part).reshape(-1))
    return _core.fingerprint(columns)


def _are_ids(columns: Mapping[str, Any], excluded: set[str]) -> bool:
    kept = [column for name, column in columns.items() if name not in excluded]
    return bool(kept) and all(
        isinstance(column, np.ndarray) and column.dtype == np.uint32 and column.ndim == 1 for column in kept
    )


def _given_ids(dataset: Mapping[str, Any], excluded: set[str]) -> IdColumns:
    columns = {name: np.ascontiguousarray(ids) for name, ids in dataset.items() if name not in excluded}
    greatest = max((int(column.max()) for column in columns.values() if len(column)), default=0)
    if greatest > _MAX_ID:
        raise ValueError(f"`dataset` must have ids up to {_MAX_ID}, got {greatest}")
    fingerprint = fingerprint_of(*columns.values())
    # Tables by id have an entry for every number; ids that are far apart are numbered anew.
    if greatest > 4 * sum(map(len, columns.values())) + 1024:
        distinct = np.unique(np.concatenate(list(columns.values())))
        columns = {name: np.searchsorted(distinct, ids).astype(np.uint32) for name, ids in columns.items()}
    others = tuple(name for name in dataset if name in excluded)
    return IdColumns(columns={**columns}, others=others, fingerprint=fingerprint)


def _num_rows(column: IdColumn) -> int:
    return len(column[0]) - 1 if isinstance(column, tuple) else len(column)


def _two_columns(pairs: Any) -> list[Any]:
    columns = columns_of(pairs, "conflicts")
    if len(columns) != 2:
        raise ValueError(f"pairs of texts must be two columns, got {list(columns)}")
    values = [values_of(name, column) for name, column in columns.items()]
    lengths = [len(column) for column in values]
    if lengths[0] != lengths[1]:
        raise ValueError(f"pairs of texts must be columns of one length, got {lengths}")
    return values
