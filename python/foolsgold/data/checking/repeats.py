"""What rows say of one another: duplicates, twins, negatives that are positives, contradictions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from foolsgold import _core
from foolsgold.data.checking.cells import equal_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.checking.cells import Cells
    from foolsgold.data.checking.dataset import DataSet
    from foolsgold.data.checking.report import Example


def check_repeats(data: DataSet) -> None:
    """Find rows and texts that repeat others or speak against them."""
    _equal_rows(data)
    _repeated_texts(data)
    _twins(data)
    _anchors(data)
    _negatives(data)
    _contradictions(data)


def compared(data: DataSet) -> list[Cells]:
    """Return the columns by which rows are the same: what a loss gets of them."""
    return data.of(data.roles.all)


def _equal_rows(data: DataSet) -> None:
    if not data.roles.texts:
        return
    number = np.arange(data.num_rows, dtype=np.uint32)
    firsts = equal_rows(compared(data), data.num_rows)
    is_copy = firsts != number
    data.add_rows("duplicate-row", None, is_copy)
    data.facts["duplicate_rows"] = float(np.count_nonzero(is_copy))
    columns = [column for column in compared(data) if not column.is_texts]
    twins = [_as_classes(data, column) for column in data.texts]
    by_class = equal_rows([*twins, *columns], data.num_rows)
    data.add_rows("twin-row", None, (by_class != number) & ~is_copy)


def _as_classes(data: DataSet, column: Cells) -> Cells:
    return replace(column, values=data.examined.classes(column)[0])


def _repeated_texts(data: DataSet) -> None:
    shares = []
    for column in data.texts:
        counts = _counts(data, column)
        if len(counts) == 0:
            continue
        repeats = (counts > 1).take(column.values, mode="clip") & ~column.is_null_value
        rows = column.rows_with(repeats)
        data.add_rows("repeated-text", column, rows)
        shares.append(float(np.count_nonzero(rows)) / data.num_rows)
    data.facts["repeated_share"] = max(shares, default=0.0)


def _counts(data: DataSet, column: Cells) -> NDArray[np.int64]:
    """(texts,) how often each text is in a column."""
    return np.bincount(column.values[~column.is_null_value], minlength=len(data.examined))


def _twins(data: DataSet) -> None:
    is_here = np.zeros(len(data.examined), bool)
    for column in data.texts:
        is_here[column.values[~column.is_null_value]] = True
    classes = data.examined.twins
    if len(classes) == 0:
        return
    sizes = np.bincount(classes[is_here], minlength=len(classes))
    has_twin = is_here & (sizes[classes] > 1)
    # Of each class all but one are superfluous.
    count = int(sizes[sizes > 1].sum() - np.count_nonzero(sizes > 1))
    if not count:
        return
    found: list[Example] = []
    for column in data.texts:
        values = has_twin.take(column.values, mode="clip") & ~column.is_null_value
        if not found and values.any():
            found = data.examples_of(column, values)
    data.add("twin-text", data.texts, count, int(np.count_nonzero(is_here)), "texts", found)


def _anchors(data: DataSet) -> None:
    anchor = data.roles.anchor
    if anchor is None or data.columns[anchor].is_list:
        return
    ids = data.examined.classes(data.columns[anchor])
    for rule, names in [
        ("anchor-is-positive", data.roles.positives),
        ("anchor-is-negative", data.roles.negatives),
    ]:
        for column in data.of(names):
            rows = column.rows_with(_core.shared(ids, data.examined.classes(column)))
            is_meant = rule == "anchor-is-positive" and bool(rows.all())
            labelled = data.label is not None and not data.label.is_list
            severity = "notice" if is_meant or labelled else None
            data.add_rows(rule, column, rows, severity=severity)


def _negatives(data: DataSet) -> None:
    roles = data.roles
    if roles.anchor is None or data.columns[roles.anchor].is_list:
        return
    positives, negatives = data.of(roles.positives), data.of(roles.negatives)
    if not (positives and negatives):
        return
    anchors = data.columns[roles.anchor]
    exact = _core.known_positives(
        anchors.values, [column.ids for column in positives], [column.ids for column in negatives]
    )
    classes = data.examined.classes
    twins = _core.known_positives(
        classes(anchors)[0],
        [classes(column) for column in positives],
        [classes(column) for column in negatives],
    )
    for column, is_known, is_twin in zip(negatives, exact, twins, strict=True):
        own = np.logical_or.reduce([_core.shared(one.ids, column.ids) for one in positives])
        said = f"; {np.count_nonzero(own):,} of them in this row"
        data.add_values("positive-in-negatives", column, is_known, more=said)
        data.add_values("twin-in-negatives", column, is_twin & ~is_known)


def _contradictions(data: DataSet) -> None:
    label = data.label
    if label is None or label.is_list or not data.texts or data.roles.negatives:
        return
    firsts = equal_rows(data.texts, data.num_rows)
    has_text = ~np.logical_or.reduce([column.is_null for column in data.texts]) & ~label.is_null
    alike = equal_rows([*data.texts, label], data.num_rows)
    # Rows equal in texts and label share their first one; the first of other texts differs.
    differs = (alike != firsts) & has_text & has_text[firsts]
    data.add_rows("contradiction", label, differs)
