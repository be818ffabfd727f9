"""What the names of columns say of the part that they play."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.data.columns import LABEL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

ANCHOR_NAMES = ("anchor", "query", "question", "sentence1", "premise", "sentence_a", "source", "prompt")
"""Names of an anchor column, whatever their case; the first one decides where others are there too."""

POSITIVE_NAMES = (
    "positive", "document", "passage", "answer", "response", "text", "context", "sentence2",
    "hypothesis", "sentence_b", "target", "completion",
)  # fmt: skip
"""Names of a column of what belongs to the anchor, whatever their case; again the first one decides."""

SINGLE_NAMES = ("text", "sentence")
"""Names of a column of texts that stand alone, each with its class."""

_PARTNERS = {
    "sentence1": "sentence2",
    "sentence_a": "sentence_b",
    "premise": "hypothesis",
    "source": "target",
    "prompt": "completion",
}
"""Names that are anchors where their partner is there, and may be anything else without."""


def named(columns: Iterable[str], names: tuple[str, ...]) -> list[str]:
    """Return the columns that have the first of some names, or else those that have any of them.

    Example:
        >>> named(["Query", "question"], ("anchor", "query", "question")), named(["a", "Anchor"], ("anchor",))
        (['Query', 'question'], ['Anchor'])
    """
    found = {column: _folded(column) for column in columns}
    return [column for column in found if found[column] == names[0]] or [
        column for column in found if found[column] in names
    ]


def anchors_named(columns: Iterable[str], beside: Iterable[str]) -> list[str]:
    """Return the columns with names of anchors; of several those that can be nothing else.

    Args:
        columns: that may be the anchor.
        beside: all columns of texts, which tell by their names what `source` or `sentence1` means.

    Example:
        >>> anchors_named(["sentence1", "source"], ["sentence1", "sentence2", "source"])
        ['sentence1']
        >>> anchors_named(["source"], ["source", "text"])
        ['source']
    """
    found = named(columns, ANCHOR_NAMES)
    names = {_folded(name) for name in beside}
    return [name for name in found if _PARTNERS.get(_folded(name), _folded(name)) in names] or found


def without_origin(columns: Iterable[str], label: str | None) -> list[str]:
    """Return columns of texts without a `source` that tells where the one text of a class is from.

    Args:
        columns: those that may be trained on.
        label: the column of labels; None for none.

    Example:
        >>> without_origin(["source", "text"], "label"), without_origin(["source", "target"], "label")
        (['text'], ['source', 'target'])
        >>> without_origin(["source", "text"], "score")  # of two texts
        ['source', 'text']
    """
    found = [*columns]
    others = [name for name in found if _folded(name) != "source"]
    is_of_class = len(found) == 2 and len(others) == 1 and _folded(others[0]) in SINGLE_NAMES
    return others if is_of_class and label is not None and _folded(label) in ("label", "labels") else found


def is_label_or_id(name: str) -> bool:
    """Return whether a column of this name is never a text to train on.

    Example:
        >>> is_label_or_id("doc_id"), is_label_or_id("Label"), is_label_or_id("idea")
        (True, True, False)
    """
    name = _folded(name)
    return (
        name in ("", "id", "idx", "index", "uuid", "label_text", "split", *LABEL_COLUMNS)
        or name.endswith(("_id", "_ids", "_idx", "-id"))
    )  # fmt: skip


def _folded(name: str) -> str:
    return name.strip().casefold()
