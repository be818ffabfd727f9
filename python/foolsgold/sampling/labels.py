"""What the samplers by label share: the classes of the rows, read from a column, and the report by label."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from foolsgold import _core
from foolsgold.data.classes import classes_of
from foolsgold.data.columns import LABEL_COLUMNS
from foolsgold.data.texts import columns_of
from foolsgold.sampling.batch_sampler import PlannedBatchSampler
from foolsgold.sampling.options import label_names
from foolsgold.sampling.plan import Plan, Report, Tail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["LabelBatchSampler", "classes_of", "label_column", "reports_of"]


class LabelBatchSampler(PlannedBatchSampler):
    """Batches of several labels, each with several rows.

    A subclass says in `_units` how many rows of a label come together.

    Args:
        dataset: what `foolsgold.data.texts.columns_of` takes; its label column is read once.
        batch_size: rows per batch and rank.
        drop_last: the tail "drop" where True, "short" where False.
        valid_label_columns: names of label columns; the first that the data has is read. By default label,
            labels, score, scores.
        seed: 0 to 2^64 - 1.
        tail: in place of `drop_last`.
        stream: 0 to 2^64 - 1.
        rank: which share of each global batch is given; None for all.
        num_replicas: number of ranks.
        threads: for the core; no result depends on it.

    Attributes:
        label_column: the name of the column that was read.
        label_values: its distinct values, in order of first appearance.
        labels: for each row the place of its label in `label_values`, (number of rows,) uint32.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: Iterable[str] | None,
        seed: int,
        *,
        tail: Tail | None,
        stream: int,
        rank: int | None,
        num_replicas: int | None,
        threads: int | None,
    ) -> None:
        super().__init__(
            batch_size,
            drop_last,
            seed,
            tail=tail,
            stream=stream,
            rank=rank,
            num_replicas=num_replicas,
            threads=threads,
        )
        names = label_names(valid_label_columns) or LABEL_COLUMNS
        self.label_column, column = label_column(dataset, names)
        self.labels, self.label_values = classes_of(self.label_column, column)
        self._core: _core.Labels | None = None
        self._len, self._fingerprint = len(self._rows()), self._rows().fingerprint
        self._by_label: tuple[int, dict[Any, Report]] | None = None

    def _units(self) -> dict[str, Any]:
        """Return how rows of a label come together, as keywords of the core."""
        raise NotImplementedError

    def _rows(self) -> _core.Labels:
        if self._core is None:
            self._core = _core.Labels(
                self.labels, len(self.label_values), batching=self._batching, **self._units()
            )
        return self._core

    @property
    def report(self) -> Report:
        """How the plan of `epoch` uses the rows, of all and of each label."""
        plan = self.plan
        # A plan is known by its fingerprint, so that none is held for its report.
        if self._by_label is None or self._by_label[0] != plan.fingerprint:
            counts = _core.tally(plan.rows, self.labels, len(self.label_values))
            self._by_label = plan.fingerprint, reports_of(self.label_values, *counts)
        return replace(plan.report, by_label=self._by_label[1])

    def _num_batches(self) -> int:
        return self._len

    def _make_plan(self, draw: tuple[int, int, int]) -> Plan:
        return Plan.from_core(self._rows().plan(draw, threads=self.threads, progress=self._progress))

    def _data_fingerprint(self) -> int:
        return self._fingerprint

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_core": None, "_by_label": None}


def reports_of(
    names: Iterable[Any], rows: NDArray[np.uint64], used: NDArray[np.uint64], repeated: NDArray[np.uint64]
) -> dict[Any, Report]:
    """Return a report by name of the counts that the core tallies; the reasons are those of the whole."""
    counts = zip(names, rows.tolist(), used.tolist(), repeated.tolist(), strict=True)
    return {
        name: Report(used=used, repeated=repeated, left_out=rows - used, why={})
        for name, rows, used, repeated in counts
    }


def label_column(dataset: Any, names: tuple[str, ...]) -> tuple[str, Any]:
    """Return the first of the columns `names` that `dataset` has: its name, and its values.

    Raises:
        ValueError: if it has none of them.
    """
    # Of a data set of many columns, one is read; a transform may need them all.
    if isinstance(dataset, Mapping):
        name = _first(names, dataset)
        column = dataset[name]
        if isinstance(column, torch.Tensor):
            # NumPy has no numbers of 16 bits that torch calls bfloat16.
            is_half = column.dtype == torch.bfloat16
            return name, (column.float() if is_half else column).detach().cpu().numpy()
        return name, column if isinstance(column, np.ndarray) else columns_of({name: column})[name]
    datasets = sys.modules.get("datasets")
    is_table = datasets is not None and isinstance(dataset, datasets.Dataset)
    if is_table and dataset.format["type"] != "custom":
        name = _first(names, dataset.column_names)
        return name, columns_of(dataset.with_format(None).select_columns([name]))[name]
    columns = columns_of(dataset)
    name = _first(names, columns)
    return name, columns[name]


def _first(names: tuple[str, ...], columns: Iterable[str]) -> str:
    columns = list(columns)
    for name in names:
        if name in columns:
            return name
    raise ValueError(
        f"`dataset` must have a label column, one of {list(names)}, got {columns}\n"
        "hint: name it in `valid_label_columns`"
    )
