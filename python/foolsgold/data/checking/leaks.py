"""Texts of the test data that are in the training data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.checking.cells import NO_TEXT, Cells, NearOptions, equal_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.data.checking.dataset import DataSet


def check_leaks(data: DataSet, test: DataSet, near: NearOptions | None) -> None:
    """Find rows of the training data whose texts are in the test data, by the anchors and by whole rows.

    A row counts once, under the first of: row, text, twin, near-duplicate.

    Args:
        data: for training.
        test: for measuring, of the same texts.
        near: how near-duplicates are looked for; None for not at all.
    """
    anchor, other = _anchors(data, test)
    if anchor is None or other is None:
        return
    data.compared["anchors"] = [(anchor.name, other.name)]
    is_row = _in_both(data, test)
    data.add_rows("leaked-row", None, is_row)
    found = is_row
    is_text = _among(anchor.ids[0], other.ids[0], len(data.examined))
    data.add_rows("leaked-text", anchor, anchor.rows_with(is_text) & ~found)
    found = found | anchor.rows_with(is_text)
    classes = data.examined.classes
    is_twin = _among(classes(anchor)[0], classes(other)[0], len(data.examined))
    data.add_rows("leaked-twin", anchor, anchor.rows_with(is_twin) & ~found)
    found = found | anchor.rows_with(is_twin)
    if near is not None:
        is_near = _near(data, anchor, other, near)
        data.add_rows("leaked-near-duplicate", anchor, anchor.rows_with(is_near) & ~found)
    documents = test.of(test.roles.positives)
    for column in data.of(data.roles.positives) if documents else []:
        values = np.concatenate([one.values for one in documents])
        data.add_values("shared-document", column, _among(column.values, values, len(data.examined)))
        data.compared.setdefault("documents", []).extend((column.name, one.name) for one in documents)


def _anchors(data: DataSet, test: DataSet) -> tuple[Cells | None, Cells | None]:
    """Return the anchors of both: of the test data the column of that name, else the one of that role."""
    anchor, other = _anchor(data), _anchor(test)
    if anchor is not None and anchor.name in test.roles.texts:
        other = test.columns[anchor.name]
    return anchor, other


def _anchor(data: DataSet) -> Cells | None:
    name = data.roles.anchor
    name = next(iter(data.roles.candidates), None) if name is None else name
    return None if name is None else data.columns[name]


def _pairs(data: DataSet, test: DataSet) -> list[tuple[Cells, Cells]]:
    """Return each column of texts with that of the test data of its name, or else of its role; in both alike.

    Of a role, columns of other names go together in their order. There are no pairs where a column has none.
    """
    ours, theirs = ([*one.roles.texts] for one in (data, test))
    pairs = [(name, name) for name in ours if name in theirs]
    for role in ("anchor", "positives", "negatives"):
        left, right = (
            [name for name in one.roles.as_dict().get(role, []) if (name, name) not in pairs]
            for one in (data, test)
        )
        if len(left) == len(right):
            pairs += zip(left, right, strict=True)
    found = [(data.columns[one], test.columns[two]) for one, two in pairs]
    is_whole = len(pairs) == len(ours) == len(theirs)
    return found if is_whole and all(one.is_list == two.is_list for one, two in found) else []


def _in_both(data: DataSet, test: DataSet) -> NDArray[np.bool_]:
    """(rows,) which rows are in the test data with all their texts; none where the columns differ in kind."""
    columns = _pairs(data, test)
    if len(columns) < 2:
        return np.zeros(data.num_rows, bool)
    data.compared["rows"] = [(one.name, two.name) for one, two in columns]
    joined = [_joined(two, one) for one, two in columns]
    total = test.num_rows + data.num_rows
    firsts = equal_rows(joined, total)[test.num_rows :]
    # The test data comes first, so a first row that it has is one of its own.
    return firsts < test.num_rows


def _joined(first: Cells, second: Cells) -> Cells:
    offsets = None
    if first.offsets is not None and second.offsets is not None:
        offsets = np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]])
    return replace(
        first,
        is_null=np.concatenate([first.is_null, second.is_null]),
        is_null_value=np.concatenate([first.is_null_value, second.is_null_value]),
        offsets=offsets,
        values=np.concatenate([first.values, second.values]),
    )


def _among(values: NDArray[np.uint32], others: NDArray[np.uint32], num_texts: int) -> NDArray[np.bool_]:
    """(values,) which ids are among others; a null is not."""
    is_there = np.zeros(num_texts + 1, bool)
    is_there[others[others != NO_TEXT]] = True
    return is_there[np.minimum(values, num_texts)]


def _near(data: DataSet, anchor: Cells, other: Cells, near: NearOptions) -> NDArray[np.bool_]:
    left, right = (np.unique(column.values[~column.is_null_value]) for column in (anchor, other))
    if len(left) == 0 or len(right) == 0:
        return np.zeros(len(anchor.values), bool)
    in_left = data.examined.near_others(left, right, near)
    return _among(anchor.values, left[in_left], len(data.examined))
