"""Labels and scores: their types, ranges and balance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.checking.cells import Cells
    from foolsgold.data.checking.dataset import DataSet

IMBALANCE = 10
"""How many times the rows of a class the largest one may have."""

_BY_CLASS = ("class", "class-pair", "labeled-pair")


def check_labels(data: DataSet) -> None:
    """Find what is wrong with numbers that say how rows are to be trained on."""
    further = [data.columns[name] for name, _ in data.roles.parallel]
    weight = [] if data.roles.weight is None else [data.columns[data.roles.weight]]
    label = [] if data.label is None else [data.label]
    for column in (*label, *weight, *further):
        if column.item == "float64":
            data.add_values("not-finite", column, ~np.isfinite(column.values) & ~column.is_null_value)
    if data.label is not None and data.roles.texts:
        _check_type(data, data.label)


def _check_type(data: DataSet, label: Cells) -> None:
    if label.item == "other" or (label.is_texts and label.is_list):
        data.add_column("label-type", label.name, label.kind)
    elif label.is_list or label.values is None:
        return
    elif data.shape == "scored-pair":
        finite = np.isfinite(label.values) & ~label.is_null_value
        data.add_values("score-range", label, finite & (np.abs(label.values) > 1))
    elif data.shape in _BY_CLASS:
        if label.item == "float64":
            data.add_column("label-type", label.name, "float64")
        elif label.is_texts:
            data.add_values("text-label", label, ~label.is_null_value)
        _check_classes(data, label)


def _check_classes(data: DataSet, label: Cells) -> None:
    classes, places, counts = _classes(label)
    if len(classes) == 0:
        return
    data.facts["classes"] = float(len(classes))
    data.facts["single_classes"] = float(np.count_nonzero(counts == 1))
    data.facts["largest_class"] = float(counts.max())
    if len(classes) == 1:
        data.add_values("one-class", label, ~label.is_null_value)
        return
    if data.shape == "class-pair" and label.item == "int64":
        last = classes.max()
        if classes.min() != 0 or last + 1 != len(classes):
            _add(data, "class-numbers", label, places, len(classes), np.ones(len(classes), bool))
    if data.shape == "class":
        _add(data, "single-row-class", label, places, len(classes), counts == 1)
    is_small = (counts > 1) & (counts * IMBALANCE < counts.max())
    _add(data, "imbalance", label, places, len(classes), is_small)


def _classes(label: Cells) -> tuple[NDArray[np.generic], NDArray[np.intp], NDArray[np.intp]]:
    """Return the classes, a row of each, and their rows."""
    rows = np.flatnonzero(~label.is_null_value)
    classes, firsts, counts = np.unique(label.values[rows], return_index=True, return_counts=True)
    return classes, rows[firsts], counts


def _add(
    data: DataSet,
    rule: str,
    label: Cells,
    places: NDArray[np.intp],
    total: int,
    which: NDArray[np.bool_],
) -> None:
    if not which.any():
        return
    values = np.zeros(len(label.is_null_value), bool)
    values[places[which]] = True
    count = int(np.count_nonzero(which))
    data.add(rule, [label], count, total, "classes", data.examples_of(label, values))
