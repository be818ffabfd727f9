"""Which column is what, by name or as told, and the shape that this makes of the data."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.checking.cells import NO_TEXT
from foolsgold.data.columns import LABEL_COLUMNS, SOURCE_COLUMN, WEIGHT_COLUMN
from foolsgold.data.role_names import (
    ANCHOR_NAMES,
    POSITIVE_NAMES,
    anchors_named,
    is_label_or_id,
    named,
    without_origin,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from foolsgold.data.checking.cells import Cells

POSITIVES = ("positive", "positives", "pos", "positive_passages", *POSITIVE_NAMES[1:])
NEGATIVES = ("negative", "negatives", "neg", "hard_negative", "hard_negatives", "negative_passages")
LISTS = ("pos", "neg", "positives", "negatives", "hard_negatives", "positive_passages", "negative_passages")
"""Names of columns that hold lists of texts, by the words that tools of the field have for them."""

_NUMBERED_NEGATIVE = re.compile(r"(?:hard_)?neg(?:ative)?_?\d+")
_PARALLEL = {"pos_scores": POSITIVES, "neg_scores": NEGATIVES}


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The columns of each role.

    Attributes:
        anchor: the column of anchors, of single texts where there are no others; None where that is not
            clear.
        positives: columns of what belongs to them.
        negatives: columns of what does not.
        label: the column of labels or scores.
        weight: the column of weights.
        parallel: further columns of lists of scores, each with the column of lists that it goes with.
        others: columns that play no part.
        candidates: where roles are not clear, the columns of texts.
    """

    anchor: str | None
    positives: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()
    label: str | None = None
    weight: str | None = None
    parallel: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of texts, in order."""
        anchor = () if self.anchor is None else (self.anchor,)
        return (*anchor, *self.positives, *self.negatives) or self.candidates

    @property
    def all(self) -> tuple[str, ...]:
        """The columns that play a part."""
        further = (self.label, self.weight)
        parallel = (name for name, _ in self.parallel)
        return (*self.texts, *(name for name in further if name is not None), *parallel)

    def as_dict(self) -> dict[str, list[str]]:
        """Return the names by role, those without a column left out."""
        found = {
            "anchor": [self.anchor] if self.anchor else [],
            "positives": [*self.positives],
            "negatives": [*self.negatives],
            "texts": [*self.candidates],
            "label": [self.label] if self.label else [],
            "weight": [self.weight] if self.weight else [],
            "scores": [name for name, _ in self.parallel],
            "others": [*self.others],
        }
        return {role: names for role, names in found.items() if names}


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the caller says of the roles; None for what is to be found by name."""

    anchor: str | None = None
    positives: str | Sequence[str] | None = None
    negatives: str | Sequence[str] | None = None
    label: str | None = None

    def named(self) -> dict[str, tuple[str, ...]]:
        """Return the columns by argument."""
        found = {}
        for argument in ("anchor", "positives", "negatives", "label"):
            value = getattr(self, argument)
            if value is not None:
                found[argument] = (value,) if isinstance(value, str) else tuple(value)
        return found


def roles_of(columns: Mapping[str, Cells], given: Given) -> Roles:
    """Find the roles.

    Raises:
        ValueError: if a given column is not there, holds no texts, or has two roles.
    """
    told = given.named()
    _check(told, columns)
    label = given.label or next((name for name in LABEL_COLUMNS if name in columns), None)
    weight = columns.get(WEIGHT_COLUMN)
    weight_name = weight.name if weight is not None and weight.kind in ("int64", "float64") else None
    taken = {name for names in told.values() for name in names}
    texts = [
        name
        for name, column in columns.items()
        if column.is_texts and name not in taken | {label, weight_name, SOURCE_COLUMN}
    ]
    free = [name for name in texts if not is_label_or_id(name)]
    negatives = told.get("negatives") or tuple(name for name in free if _is_negative(name))
    free = [name for name in free if name not in negatives]
    if not negatives and not {"anchor", "positives"} & told.keys():
        free = without_origin(free, label)
    anchors = list(told.get("anchor", ())) or anchors_named(
        free, [name for name, column in columns.items() if column.is_texts]
    )
    free = [name for name in free if name not in anchors]
    positives = list(told.get("positives", ())) or named(free, POSITIVES)
    if not anchors and len(free) <= 2 and not told.get("positives"):
        # Nothing says which is which, so the order does; a single column is one of single texts.
        anchors, positives = _by_order(free, positives, has_negatives=bool(negatives))
    elif len(anchors) == 1 and not positives and len(free) == 1:
        positives = free
    rest = [name for name in free if name not in anchors]
    if not (len(anchors) == 1 and (len(positives) == 1 or "positives" in told or not rest)):
        texts = [name for name in columns if name in (*anchors, *positives, *rest, *negatives)]
        found = Roles(anchor=None, label=label, weight=weight_name, candidates=tuple(texts))
    else:
        found = Roles(
            anchor=anchors[0],
            positives=tuple(positives),
            negatives=tuple(negatives),
            label=label,
            weight=weight_name,
            parallel=_parallel(columns, positives, negatives),
        )
    others = tuple(name for name in columns if name not in found.all)
    return Roles(**{**vars(found), "others": others})


def with_empty_texts(columns: Mapping[str, Cells], given: Given) -> dict[str, Cells]:
    """Return the columns, those of nulls or empty lists alone as texts where texts belong."""
    told = {name for argument, names in given.named().items() if argument != "label" for name in names}
    known = (*ANCHOR_NAMES, *POSITIVES, *NEGATIVES)
    found = dict(columns)
    for name, column in columns.items():
        if column.item == "null" and (name in told or name.strip().casefold() in known or _is_negative(name)):
            nothing = np.full(len(column.is_null_value), NO_TEXT, np.uint32)
            found[name] = replace(column, item="text", values=nothing)
    return found


def shape_of(columns: Mapping[str, Cells], roles: Roles) -> str:
    """Return what the data is, in the words that conversions have for it."""
    if roles.anchor is None:
        return "unknown"
    lists = [name for name in (*roles.positives, *roles.negatives) if columns[name].is_list]
    label = None if roles.label is None else columns[roles.label]
    if roles.negatives:
        if lists or any(_is_list_name(name) for name in roles.negatives):
            return "ragged"
        return "triplet" if len(roles.negatives) == 1 else "n-tuple"
    if lists:
        return "labeled-list" if label is not None and label.is_list else "ragged"
    if not roles.positives:
        return "texts" if label is None or label.is_list else "class"
    if label is None or label.is_list:
        return "pair"
    return _shape_of_labels(label)


def is_list_role(name: str, roles: Roles) -> bool:
    """Return whether the name of a column of positives or negatives says that it holds lists."""
    return name in (*roles.positives, *roles.negatives, *roles.candidates) and _is_list_name(name)


def _shape_of_labels(label: Cells) -> str:
    if label.is_texts or label.values is None:
        return "class-pair"
    values = label.values[~label.is_null_value]
    if np.isin(values, (0, 1)).all():
        is_score = label.item == "float64" and label.name.startswith("score")
        return "scored-pair" if is_score else "labeled-pair"
    if label.item == "float64":
        return "scored-pair"
    return "graded" if label.name.startswith("score") else "class-pair"


def _by_order(free: list[str], positives: list[str], *, has_negatives: bool) -> tuple[list[str], list[str]]:
    if len(free) == 2:
        if len(positives) == 1:
            return [name for name in free if name not in positives], positives
        return free[:1], free[1:]
    return (free, []) if not has_negatives else ([], free)


def _parallel(
    columns: Mapping[str, Cells], positives: Sequence[str], negatives: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    found = []
    for scores, names in _PARALLEL.items():
        beside = [name for name in (*positives, *negatives) if name.strip().casefold() in names]
        if scores in columns and columns[scores].is_list and len(beside) == 1:
            found.append((scores, beside[0]))
    return tuple(found)


def _check(told: Mapping[str, tuple[str, ...]], columns: Mapping[str, Cells]) -> None:
    seen: dict[str, str] = {}
    for argument, names in told.items():
        for name in names:
            if name not in columns:
                raise ValueError(f"`{argument}` must be one of {list(columns)}, got {name!r}")
            if argument != "label" and not columns[name].is_texts:
                raise ValueError(f"`{argument}` must hold texts, got `{name}` ({columns[name].kind})")
            if name in seen:
                raise ValueError(f"`{argument}` must be another column than `{seen[name]}`, got {name!r}")
            seen[name] = argument


def _is_negative(name: str) -> bool:
    name = name.strip().casefold()
    return name in NEGATIVES or _NUMBERED_NEGATIVE.fullmatch(name) is not None


def _is_list_name(name: str) -> bool:
    return name.strip().casefold() in LISTS
