"""NoDuplicatesBatchSampler: no text twice in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold.data.columns import SOURCE_COLUMN, WEIGHT_COLUMN
from foolsgold.data.id_columns import IdColumns
from foolsgold.sampling.options import label_names
from foolsgold.sampling.packed import PackedBatchSampler, are_texts, lengths_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from foolsgold import _core
    from foolsgold.data.combination_rows import CombinationRows
    from foolsgold.data.drawn_negatives import DrawnNegatives
    from foolsgold.data.texts import Texts
    from foolsgold.sampling.plan import Tail

    RowsByEpoch = DrawnNegatives | CombinationRows
    """Rows that are others in each epoch, and know the ids of their texts."""


class NoDuplicatesBatchSampler(PackedBatchSampler):
    """Shuffled batches in which no two rows share a text, in any column and across columns.

    For losses that take the other rows of a batch as negatives: a text that comes twice would be the negative
    of its own query, and so would a further positive of it under another row. With ranks, all this holds for
    the global batch.

    Values are compared exactly; lists of texts text by text, whether lists, tuples or arrays, and what is no
    text (numbers, other lists) by its `str`. A row may hold a text in two of its own columns.

    `len` is exact and the same for every epoch and rank. With the tail "drop" every batch is full: where
    texts are so frequent that not all rows find a place, the rest is left out, and where batches cannot be
    filled otherwise, rows come twice. With "short" no batch is larger than `batch_size`, and the last, or
    where one text needs more batches all of them, may be smaller. With "refill" every batch is full and rows
    come twice for it. `report` counts what became of the rows.

    Of rows that are others in each epoch, one in which not one batch can be filled has smaller ones, as many;
    it is refused, by its plan, where not even one row for each of several ranks can be kept apart.

    With `lengths`, rows of like lengths meet, and with `max_tokens` a batch has as many of them, up to
    `batch_size`, as these tokens allow, padding included. Rows are cut by length into bands in which none is
    shorter than the longest by more than `max_padding`, unless the band would have fewer than 16 batches;
    which rows of a band meet is drawn anew in each epoch, as is the order of the batches.

    Args:
        dataset: a `datasets.Dataset`, or anything that `foolsgold.data.texts.columns_of` takes; read once.
            Where all columns are NumPy arrays of uint32, they are taken for ids of texts. One whose rows are
            others in each epoch (`foolsgold.datasets.DrawnNegatives`, `foolsgold.data.CombinationRows`) is
            looked at in each epoch.
        batch_size: rows per batch and rank, at least 1.
        drop_last: give full batches only; the same as `tail="drop"`.
        valid_label_columns: names of columns that hold labels; their values may be shared.
        generator: taken because samplers of the field have it; the batches depend on `seed` alone.
        seed: 0 to 2^64 - 1; with epoch and stream it decides the batches, on every platform.
        known_positives: keep a query apart from all its positives, which are the texts of the second column
            by those of the first. By default (None) where rows have no label, which may say that they are
            none, and where it changes the number of batches by a twentieth at most; else one line is logged.
        normalize_texts: take texts for equal that differ in case, white space and Unicode form at most.
        conflicts: more pairs that must not meet: rows, (M, 2) integers, or texts, a data set of two columns.
        lengths: tokens by row, (rows,) integers, or the name of a column of them, whose values may be shared.
        max_tokens: the most tokens of a batch: its rows times the longest of their lengths.
        max_padding: the share of a band's longest row by which others may be shorter, 0 to 1.
        tail: in place of `drop_last`: "drop", "short" or "refill".
        stream: 0 to 2^64 - 1; samplers of one seed draw differently by it.
        rank: which share of each global batch is given; None for all, one rank's after the other's.
        num_replicas: number of ranks; by default that of `torch.distributed`, 1 where it is not in use.
        threads: for reading texts, by default a fair share of the cores; no result depends on it.
        progress: show a progress bar while texts are read.

    Raises:
        ValueError: for numbers out of range, data with no rows or no text column, a null text (column and row
            are named), one text in all rows, and texts so frequent that not one batch can be filled.
        TypeError: for data of an unknown kind, and a column of several kinds.

    Example:
        >>> pairs = {"query": ["a", "b", "c", "d"], "answer": ["x", "x", "y", "y"]}
        >>> sampler = NoDuplicatesBatchSampler(pairs, batch_size=2, drop_last=True)
        >>> len(sampler), [sorted(pairs["answer"][row] for row in batch) for batch in sampler]
        (2, [['x', 'y'], ['x', 'y']])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: Iterable[str] | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
        *,
        known_positives: bool | None = None,
        normalize_texts: bool = False,
        conflicts: Any = None,
        lengths: NDArray[np.integer[Any]] | str | None = None,
        max_tokens: int | None = None,
        max_padding: float = 0.1,
        tail: Tail | None = None,
        stream: int = 0,
        rank: int | None = None,
        num_replicas: int | None = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> None:
        of_lengths = {lengths} if isinstance(lengths, str) else set()
        has_texts = are_texts(conflicts)
        without = {*(label_names(valid_label_columns) or ()), *of_lengths}
        self._drawn: RowsByEpoch | None = dataset if hasattr(dataset, "text_ids_of") else None
        texts: Texts | None = None
        if self._drawn is not None:
            if has_texts:
                kind = type(dataset).__name__
                raise ValueError(f"`conflicts` must be pairs of rows for a {kind}, got texts")
            ids = _ids_of(self._drawn, without)
        else:
            ids, texts = IdColumns.of(
                dataset,
                without=without,
                pairs=conflicts if has_texts else None,
                threads=threads,
                progress=progress,
            )
        if known_positives is None and {*ids.others} - of_lengths - {SOURCE_COLUMN, WEIGHT_COLUMN}:
            known_positives = False  # there are labels
        self.text_ids = ids.flat
        if normalize_texts:
            if texts is None:
                raise ValueError("`dataset` must have texts of its own to normalise, got ids")
            ids = ids.merged(texts.twins(threads=threads, progress=progress))
        self._is_normalized = normalize_texts
        self._fingerprint = ids.fingerprint
        super().__init__(
            ids,
            ids.num_rows,
            batch_size,
            drop_last,
            seed,
            known_positives=known_positives,
            conflicts=None if has_texts else conflicts,
            lengths=None if lengths is None else lengths_of(dataset, lengths),
            max_tokens=max_tokens,
            max_padding=max_padding,
            tail=tail,
            stream=stream,
            rank=rank,
            num_replicas=num_replicas,
            threads=threads,
        )

    text_ids: dict[str, NDArray[np.uint32]]
    """One array of ids (number of rows,) a column of texts; equal for equal texts, across the columns too.

    Of rows that are others in each epoch, those of epoch 0."""

    @property
    def has_more_rules(self) -> bool:
        """Whether more keeps rows apart, or brings them together, than one text in each column."""
        is_plain = len(self._columns) == len(self.text_ids) and not self._is_normalized
        return not (is_plain and self._pairs is None and self._lengths is None and self._drawn is None)

    @property
    def _is_even(self) -> bool:
        return super()._is_even and self._drawn is None

    def _packing_of(self, epoch: int) -> _core.Packing:
        if self._drawn is None or epoch == 0:
            return self._packing()
        ids = self._drawn.text_ids_of(epoch)
        columns = [ids[name] for name in self.text_ids]
        columns += self._columns[len(columns) :]
        num_batches = self._len // self.num_replicas
        try:
            return self._pack(columns, num_batches)
        except ValueError:
            # Rows of other epochs leave room for a full batch, these do not.
            return self._with_smaller_batches(columns, num_batches)

    def _with_smaller_batches(self, columns: list[Any], num_batches: int) -> _core.Packing:
        try:
            return self._pack(columns, num_batches, (self._batch_size, self.num_replicas, "short"))
        except ValueError:
            return self._pack(columns, num_batches, (1, self.num_replicas, "short"))

    def _ids_fingerprint(self) -> int:
        return self._fingerprint


def _ids_of(dataset: RowsByEpoch, without: set[str]) -> IdColumns:
    columns = {name: ids for name, ids in dataset.text_ids_of(0).items() if name not in without}
    return IdColumns(
        columns={**columns},
        others=tuple(name for name in dataset.column_names if name not in columns),
        num_ids=dataset.num_texts,
        fingerprint=dataset.fingerprint,
    )
