"""The shapes of training data: which columns each has, and how they are found in a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from foolsgold.data.columns import LABEL_COLUMNS
from foolsgold.data.role_names import (
    ANCHOR_NAMES,
    POSITIVE_NAMES,
    SINGLE_NAMES,
    anchors_named,
    named,
    without_origin,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foolsgold.data.reshaping.class_names import ClassNames

Shape: TypeAlias = Literal[
    "pair",
    "triplet",
    "n-tuple",
    "labeled-pair",
    "scored-pair",
    "graded",
    "class-pair",
    "labeled-list",
    "ragged",
    "class",
]
"""What a row says: `pair` (anchor, positive), `triplet` (and negative), `n-tuple` (and negative_1 to
negative_n), `labeled-pair` (and label, 1 or 0), `scored-pair` (and a float score), `graded` (a query, a
document, how relevant it is), `class-pair` (two texts and the class of their relation), `labeled-list` (an
anchor, a list of documents, labels or scores), `ragged` (anchor, positive or positives, a list of negatives),
`class` (text, label)."""

SHAPES: tuple[Shape, ...] = get_args(Shape)
JUDGED_PAIRS = ("labeled-pair", "scored-pair", "graded", "class-pair")
"""Shapes of two texts and what is said of them; rows stay rows from one to another."""

ENTAILMENT = "entailment"
"""The class of inference data whose two texts belong together."""

_NUMBERED = re.compile(r"negative_[1-9][0-9]*")
_GRADES = ("grade", "relevance", "judgment")
_TEXT_LABELS = ("label_text", "gold_label", "label", "labels")


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What the columns of a table are.

    Attributes:
        shape: of its rows.
        anchor: the column of anchors, or of texts for `class`.
        positive: the column of what is beside the anchor; None for `class`.
        negatives: the columns of negatives.
        label: the column of labels, grades, scores or classes.
    """

    shape: Shape
    anchor: str
    positive: str | None = None
    negatives: tuple[str, ...] = ()
    label: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, in their order."""
        names = (self.anchor, self.positive, *self.negatives, self.label)
        return tuple(name for name in names if name is not None)

    @property
    def texts(self) -> tuple[str, ...]:
        """Those of texts."""
        return tuple(name for name in self.columns if name != self.label)


class LabelValues:
    """What the numbers of a label have in common, batch by batch: they tell what is said of two texts.

    Example:
        >>> import pyarrow
        >>> values = LabelValues()
        >>> values.add(pyarrow.array([0, 1, None]))
        >>> values.shape("label")
        'labeled-pair'
    """

    def __init__(self) -> None:
        self._are_binary = True
        self._has_fractions = False

    def add(self, column: Any) -> None:
        """Look at further values, an Arrow array."""
        import pyarrow as pa

        kind = _kind(column.type)
        if kind != "number":
            self._are_binary &= kind == "null"
            return
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        for chunk in chunks:
            values = np.asarray(chunk.drop_null())
            self._are_binary &= bool(((values == 0) | (values == 1)).all())
            if values.dtype.kind == "f":
                self._has_fractions |= bool((np.isfinite(values) & (values != np.floor(values))).any())

    def shape(self, label: str) -> Shape:
        """Return the shape of two texts with a label of that name."""
        if self._are_binary:
            return "labeled-pair"
        if self._has_fractions:
            return "scored-pair"
        return "graded" if label.startswith("score") else "class-pair"


def roles_of(
    table: Any,
    shape: Shape | None = None,
    *,
    class_names: ClassNames | None = None,
    anchor: str | None = None,
    positive: str | None = None,
    negative: str | None = None,
    label: str | None = None,
) -> Roles:
    """Find the shape of an Arrow table and the roles of its columns.

    Args:
        table: the rows.
        shape: what they are; None for what the columns say.
        class_names: of columns of numbers that stand for classes.
        anchor: the column of anchors, of first texts, or of the texts of classes.
        positive: the column of positives, of documents or of second texts.
        negative: the column of negatives; for `n-tuple` the beginning of their names.
        label: the column of labels, scores or classes.

    Raises:
        ValueError: if there is no such shape, a column is missing, holds something else, or the roles are not
            clear; columns are listed.

    Example:
        >>> import pyarrow
        >>> roles_of(pyarrow.table({"query": ["who?"], "answer": ["me"], "label": [1]})).shape
        'labeled-pair'
    """
    if shape is not None and shape not in SHAPES:
        raise ValueError(f"`from_` must be one of {', '.join(map(repr, SHAPES))}, got {shape!r}")
    kinds = {name: _kind(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)}
    for role, name in [("anchor", anchor), ("positive", positive), ("negative", negative), ("label", label)]:
        if name is not None and name not in kinds and not (role == "negative" and shape == "n-tuple"):
            raise ValueError(f"`{role}` must be one of {_listed(kinds)}, got {name!r}")
    negatives = _negatives(kinds, negative, shape)
    label = label or _label(kinds, shape)
    found = shape or _shape(table, kinds, anchor, positive, negatives, label, class_names or {})
    free = [name for name in kinds if name not in (*negatives, label) and not _is_aside(name)]
    if found == "class":
        texts = [anchor] if anchor else [name for name in free if kinds[name] == "text"]
        texts = (
            texts if len(texts) == 1 else [name for name in texts if name.strip().casefold() in SINGLE_NAMES]
        )
        roles = Roles(shape=found, anchor=_one("anchor", texts, kinds), label=_one("label", [label], kinds))
    else:
        anchor, positive = _two(free, kinds, anchor, positive)
        roles = Roles(
            shape=found,
            anchor=anchor,
            positive=positive,
            negatives=negatives if found in ("triplet", "n-tuple", "ragged") else (),
            label=_label_of(found, label, kinds),
        )
    _check(roles, kinds)
    return roles


def is_role(name: str) -> bool:
    """Say whether a column of this name is one of those that shapes have.

    Example:
        >>> is_role("negatives"), is_role("negative_3"), is_role("author")
        (True, True, False)
    """
    folded = name.strip().casefold()
    texts = (*ANCHOR_NAMES, *POSITIVE_NAMES, "positives", "documents", "negative", "negatives")
    return folded in (*texts, *LABEL_COLUMNS, *_GRADES) or _NUMBERED.fullmatch(folded) is not None


def _kind(kind: Any) -> str:
    """Return `text`, `number`, `texts` or `numbers` for lists, or Arrow's own name."""
    name = str(kind)
    inner = str(kind.value_type) if hasattr(kind, "value_type") and "list" in name else name
    found = (
        "text"
        if "string" in inner
        else "number"
        if re.match(r"u?int|float|double|bool|half", inner)
        else inner
    )
    return f"{found}s" if "list" in name else found


def _shape(
    table: Any,
    kinds: dict[str, str],
    anchor: str | None,
    positive: str | None,
    negatives: Any,
    label: Any,
    class_names: ClassNames,
) -> Shape:
    """Say what the columns look like."""
    if negatives:
        if kinds[negatives[0]] == "texts" or negatives[0] == "negatives":
            return "ragged"
        return "n-tuple" if _NUMBERED.fullmatch(negatives[0]) or len(negatives) > 1 else "triplet"
    texts = [name for name, kind in kinds.items() if kind == "text" and not _is_aside(name) and name != label]
    lists = [name for name, kind in kinds.items() if kind == "texts" and not _is_aside(name)]
    if len(lists) == 1 and label is not None and kinds[label] == "numbers":
        return "labeled-list"
    if label is None:
        return "pair"
    if anchor is None and positive is None:
        texts = without_origin(texts, label)
    if len(texts) == 1 and positive is None:
        return "class"
    return _judged(table, kinds, label, class_names.get(label, ()))


def _judged(table: Any, kinds: dict[str, str], label: str, names: tuple[str, ...]) -> Shape:
    """Say what a label of two texts is, from its name, the names of its classes and its values."""
    # 1 of two classes is a positive, but for inference: there it may be what is not entailed.
    if len(names) > 2 or ENTAILMENT in names:
        return "class-pair"
    if kinds[label] == "text" or any(
        kinds.get(name) == "text" for name in _TEXT_LABELS if name != label and label in ("label", "labels")
    ):
        return "class-pair"
    if label.casefold() in _GRADES:
        return "graded"
    values = LabelValues()
    values.add(table.column(label))
    return values.shape(label)


def _negatives(kinds: dict[str, str], negative: str | None, shape: Shape | None) -> tuple[str, ...]:
    if negative is not None and shape != "n-tuple":
        return (negative,)
    start = negative or "negative_"
    numbered = [name for name in kinds if name.startswith(start) and name[len(start) :].isdecimal()]
    if numbered and shape in (None, "n-tuple"):
        return tuple(sorted(numbered, key=lambda name: int(name[len(start) :])))
    return tuple(name for name in ("negative", "negatives") if name in kinds)[:1]


def _label(kinds: dict[str, str], shape: Shape | None) -> str | None:
    names: tuple[str, ...] = (*LABEL_COLUMNS, *_GRADES)
    if shape == "class-pair" or shape == "class":
        names = (*LABEL_COLUMNS, *_TEXT_LABELS)
    return next((name for name in names if name in kinds), None)


def _label_of(shape: Shape, label: str | None, kinds: dict[str, str]) -> str | None:
    if shape == "pair":
        return None
    if shape in (*JUDGED_PAIRS, "labeled-list"):
        return _one("label", [label], kinds)
    return label


def _is_aside(name: str) -> bool:
    """Say whether a column is never a text to train on."""
    name = name.strip().casefold()
    return name in ("", "id", "idx", "index", "uuid", "label_text", "split", *LABEL_COLUMNS, *_GRADES) or (
        name.endswith(("_id", "_ids", "_idx", "-id", "_title", "_titles", "_prompt"))
    )


def _two(free: list[str], kinds: dict[str, str], anchor: str | None, positive: str | None) -> tuple[str, str]:
    """Return the columns of anchors and of what is beside them."""
    usable = [name for name in free if kinds[name] in ("text", "texts") and name not in (anchor, positive)]
    texts = [name for name in kinds if kinds[name] == "text"]
    anchors = [anchor] if anchor else anchors_named([name for name in usable if name in texts], texts)
    positives = (
        [positive] if positive else named(usable, ("positive", "positives", *POSITIVE_NAMES[1:], "documents"))
    )
    if len(anchors) == len(positives) == 1:
        return anchors[0], positives[0]
    rest = [name for name in usable if name not in (*anchors[:1], *positives[:1])]
    if len(usable) + (anchor is not None) + (positive is not None) == 2:
        first = anchors[0] if len(anchors) == 1 else next(iter(rest))
        second = positives[0] if len(positives) == 1 else next(name for name in usable if name != first)
        return first, second
    return _one("anchor", anchors, kinds), _one("positive", positives, kinds)


def _one(role: str, found: Iterable[str | None], kinds: dict[str, str]) -> str:
    names = [name for name in found if name is not None]
    if len(names) == 1:
        return names[0]
    raise ValueError(
        f"`{role}` must be named where columns do not tell it by their names, got {_listed(kinds)}\n"
        f"hint: one of {names}"
        if names
        else f"`{role}` must be named where columns do not tell it by their names, got {_listed(kinds)}"
    )


def _check(roles: Roles, kinds: dict[str, str]) -> None:
    wanted: dict[str, tuple[str, ...]] = {roles.anchor: ("text",)}
    lists = roles.shape in ("labeled-list", "ragged")
    if roles.positive is not None:
        wanted[roles.positive] = (
            ("texts",) if roles.shape == "labeled-list" else ("text", "texts")[: 1 + lists]
        )
    wanted.update(dict.fromkeys(roles.negatives, ("texts",) if roles.shape == "ragged" else ("text", "null")))
    if roles.shape in ("triplet", "n-tuple", "ragged") and not roles.negatives:
        raise ValueError(
            f"`negative` must be named where columns do not tell it by their names, got {_listed(kinds)}"
        )
    for name, kind in wanted.items():
        if kinds[name] not in kind and kinds[name] != "nulls":
            told = " or ".join(
                {"text": "texts", "texts": "lists of texts"}.get(one, one) for one in kind if one != "null"
            )
            raise ValueError(
                f"column `{name}` must hold {told} in rows of shape `{roles.shape}`, got {_told(kinds[name])}"
            )
    if len({*roles.columns}) < len(roles.columns):
        raise ValueError(
            f"`anchor`, `positive`, `negative` and `label` must be different columns, got {roles.columns}"
        )


def _told(kind: str) -> str:
    return {
        "text": "texts",
        "texts": "lists of texts",
        "number": "numbers",
        "numbers": "lists of numbers",
    }.get(kind, kind)


def _listed(kinds: dict[str, str]) -> str:
    return ", ".join(f"`{name}` ({_told(kind)})" for name, kind in kinds.items())
