"""Rows of two texts and what is said of them, told otherwise: rows stay rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.conversions.labels_from_scores import labels_from_scores
from foolsgold.data.reshaping.lists_of_rows import numbers_of
from foolsgold.data.reshaping.shapes import ENTAILMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from foolsgold.data.reshaping.shapes import Roles, Shape
    from foolsgold.data.reshaping.sources import Source

UNLABELED = "rows without a label"
"""The reason why rows of classes are left out whose class nobody has told."""

_CONTRADICTION = "contradiction"
_BAND = "rows between the thresholds"

Label = "str | float | int"


def judged(
    source: Source,
    roles: Roles,
    *,
    threshold: Any = None,
    positive_label: Any = None,
    negative_label: Any = None,
) -> tuple[NDArray[Any] | None, NDArray[np.bool_], dict[str, int]]:
    """Say of each row of two texts whether they belong together.

    Args:
        source: the rows.
        roles: of their columns.
        threshold: of scores and grades, as `labels_from_scores` has it.
        positive_label: the class, or classes, of those that do; of inference data `entailment` by default.
        negative_label: of those that do not; `contradiction`, else by default every other class.

    Returns:
        Labels or grades (R,), above 0 for a positive, None where scores have no threshold; which rows are
        judged; and by reason how many are not.

    Raises:
        ValueError: if classes are not told, or none of them is there.
    """
    if roles.shape == "class-pair":
        return _of_classes(source, roles, positive_label, negative_label)
    for name, value in [("positive_label", positive_label), ("negative_label", negative_label)]:
        if value is not None:
            raise ValueError(f"`{name}` must be left out for rows of `{roles.shape}`, got {value!r}")
    values = numbers_of(source, roles.label or "")
    everything = np.ones(len(values), bool)
    if threshold is not None and roles.shape in ("scored-pair", "graded"):
        labels, is_judged = labels_from_scores(values, threshold)
        return labels, is_judged, {_BAND: int((~is_judged).sum())}
    return None if roles.shape == "scored-pair" else values, everything, {}


def relabeled(
    source: Source, roles: Roles, shape: Shape, labels: NDArray[Any] | None, is_kept: NDArray[np.bool_]
) -> tuple[Any, str | None]:
    """Return an Arrow table of the rows as `shape` has them, and the name of its label.

    Args:
        source: the rows.
        roles: of their columns.
        shape: `pair`, or another of two texts.
        labels: (R,) as `judged` gives them.
        is_kept: (R,) the rows that are judged.

    Raises:
        ValueError: if scores have no threshold.
    """
    import pyarrow as pa

    from foolsgold.data.conversions.lists import Lists

    if labels is None and shape in ("pair", "labeled-pair", "class-pair"):
        empty = np.zeros(1, np.int64)
        Lists(anchors=empty[:0], offsets=empty, documents=empty[:0]).places(
            positive=True
        )  # says what is missing
    values = numbers_of(source, roles.label or "") if labels is None else labels
    if shape == "pair":
        is_kept = is_kept & (values > 0)
    rows = np.flatnonzero(is_kept)
    table = source.table if len(rows) == len(is_kept) else source.of(rows).table
    place = table.schema.get_field_index(roles.label)
    if shape == "pair":
        return table.remove_column(place), None
    name = "score" if shape in ("scored-pair", "graded") else "label"
    numbers = values[rows].astype(np.float64) if shape == "scored-pair" else values[rows]
    if shape in ("labeled-pair",):
        numbers = (numbers > 0).astype(np.int64)
    return table.set_column(place, name, pa.array(numbers)), name


def _of_classes(
    source: Source, roles: Roles, positive_label: Any, negative_label: Any
) -> tuple[NDArray[Any], NDArray[np.bool_], dict[str, int]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    name = _class_column(source, roles, positive_label)
    column = source.table.column(name)
    is_labeled = labeled_rows(source, roles.label or "", name)
    names = source.class_names.get(name, ())
    if names:
        column = _spelled(column, names)
        positive_label, negative_label = _named(positive_label, names), _named(negative_label, names)
    if positive_label is None:
        classes = {*pc.unique(column.cast(pa.large_string())).to_pylist()}
        if ENTAILMENT not in classes:
            raise ValueError(
                f"`positive_label` must be given for classes without {ENTAILMENT!r}, got "
                f"{_some(column)}\nhint: the class of pairs that belong together"
            )
        positive_label = ENTAILMENT
        if negative_label is None and classes & {_CONTRADICTION, "neutral"}:
            negative_label = _CONTRADICTION
    is_positive = _is_in(column, "positive_label", positive_label)
    is_negative = ~is_positive if negative_label is None else _is_in(column, "negative_label", negative_label)
    if (is_positive & is_negative).any():
        raise ValueError(f"`negative_label` must differ from `positive_label`, got {negative_label!r}")
    is_judged = (is_positive | is_negative) & is_labeled
    others = int((is_labeled & ~is_judged).sum())
    why = {"rows of other classes": others, UNLABELED: int((~is_labeled).sum())}
    return is_positive.astype(np.int64), is_judged, why


def labeled_rows(source: Source, *columns: str) -> NDArray[np.bool_]:
    """Mark the rows (R,) that have a label: a class of `datasets` is not -1, nor a `gold_label` a dash."""
    import pyarrow.compute as pc

    found = np.ones(source.table.num_rows, bool)
    for name in columns:
        column = source.table.column(name)
        if name in source.class_names:
            numbers = np.asarray(column)
            found &= (numbers >= 0) & (numbers < len(source.class_names[name]))
        elif name == "gold_label" and "string" in str(column.type):
            found &= np.asarray(pc.fill_null(pc.not_equal(column, "-"), False))
    return found


def _spelled(column: Any, names: tuple[str, ...]) -> Any:
    """Return the names of classes in place of their numbers, null where there is none."""
    import pyarrow as pa

    numbers = np.asarray(column)
    is_unknown = (numbers < 0) | (numbers >= len(names))
    return pa.array(names, pa.large_string()).take(pa.array(numbers, mask=is_unknown))


def _named(labels: Any, names: tuple[str, ...]) -> Any:
    """Return classes that a user tells by their names or numbers by their names."""
    if isinstance(labels, (list, tuple)):
        return [_named(label, names) for label in labels]
    spelled = str(int(labels) if isinstance(labels, bool) else labels)
    is_number = spelled not in names and spelled.isdecimal() and int(spelled) < len(names)
    return names[int(spelled)] if is_number else labels


def _class_column(source: Source, roles: Roles, positive_label: Any) -> str:
    """Return the column of classes: names where there are some and they are asked for, else the label."""
    names = [name for name in ("label_text", "gold_label") if name in source.table.schema.names]
    if names and names[0] != roles.label and (positive_label is None or isinstance(positive_label, str)):
        return names[0]
    return roles.label or ""


def _is_in(column: Any, name: str, labels: Any) -> NDArray[np.bool_]:
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted: Sequence[Any] = labels if isinstance(labels, (list, tuple)) else [labels]
    spelled = pa.array([_spelled_as(column.type, one) for one in wanted], pa.large_string())
    found = np.asarray(pc.is_in(column.cast(pa.large_string()), value_set=spelled))
    if not found.any():
        raise ValueError(f"`{name}` must be a class that is there, of {_some(column)}, got {labels!r}")
    return found


def _spelled_as(kind: Any, label: Any) -> str:
    """Return a class as Arrow spells the values of a column of this kind."""
    import pyarrow as pa

    if pa.types.is_boolean(kind) and label in (0, 1):
        label = bool(label)
    elif isinstance(label, (bool, np.bool_, float, np.floating)) and float(label).is_integer():
        label = int(label)
    return str(label).lower() if pa.types.is_boolean(kind) else str(label)


def _some(column: Any) -> str:
    import pyarrow.compute as pc

    values = [str(value) for value in pc.unique(column.drop_null()).to_pylist()[:10]]
    return ", ".join(values)
