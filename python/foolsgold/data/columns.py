"""What the columns of a data set are to a loss: its texts, in order, at most one label, and weights."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL_COLUMNS = ("label", "labels", "score", "scores")
"""Names of a label column; of several, the first in this order is the label."""

WEIGHT_COLUMN = "weight"
"""Name of a column of numbers that say how much each row counts; of texts, it is a text column."""

SOURCE_COLUMN = "dataset_name"
"""Name of the column that says which data set a row is of, where trainers of the field mix several."""

RESERVED_COLUMNS = (SOURCE_COLUMN, "return_loss")
"""Names that trainers of the field keep to themselves."""

_USUAL_PLACES = {
    "anchor": 0,
    "query": 0,
    "question": 0,
    "positive": 1,
    "answer": 1,
    "response": 1,
    "negative": 2,
}


@dataclass(frozen=True)
class Columns:
    """The roles of a data set's columns.

    Attributes:
        texts: the columns that a loss gets, in the order of the data set; their names play no part.
        label: the label column, or None.
        weight: the column of row weights, or None.
    """

    texts: tuple[str, ...]
    label: str | None = None
    weight: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Columns:
        """Find the roles from one row, as a data set gives it, and warn of columns that are likely a mistake.

        Args:
            row: value by column name, in the order of the columns.

        Raises:
            ValueError: if a name is reserved, there is no text column, or a column has none of these roles.

        Example:
            >>> Columns.from_row({"query": "who?", "answer": "me", "score": 0.5})
            Columns(texts=('query', 'answer'), label='score', weight=None)
        """
        for name in row:
            if name in RESERVED_COLUMNS:
                raise ValueError(
                    f"column names must not be among {', '.join(RESERVED_COLUMNS)}, got `{name}`"
                )
        label = next((name for name in LABEL_COLUMNS if name in row), None)
        weight = weight_column(row)
        texts = tuple(name for name in row if name not in (label, weight))
        if not texts:
            raise ValueError(f"a data set must have a text column, got the columns {list(row)}")
        for name in texts:
            if not isinstance(row[name], str):
                others = f"name the label column one of {', '.join(LABEL_COLUMNS)}"
                if isinstance(row[name], (list, tuple)):
                    others += "; `foolsgold.datasets.DrawnNegatives` trains on lists of negatives"
                raise ValueError(
                    f"column `{name}` must hold texts, got {type(row[name]).__name__}\n"
                    f"hint: remove it (`dataset.remove_columns({name!r})`), or {others}"
                )
        _warn_of_ids(texts)
        _warn_of_order(texts)
        return cls(texts, label, weight)


def weight_column(row: Mapping[str, Any]) -> str | None:
    """Return the name of the column of row weights, or None."""
    value = row.get(WEIGHT_COLUMN)
    # A formatted data set gives tensors without dimensions.
    is_number = isinstance(value, Real) or getattr(value, "shape", None) == ()
    return WEIGHT_COLUMN if is_number else None


def _warn_of_ids(texts: tuple[str, ...]) -> None:
    for name in texts:
        if name == "id" or name.endswith(("_id", "_ids", "_idx")):
            warnings.warn(
                f"column `{name}` looks like an identifier, but is trained on as a text\n"
                f"hint: remove it (`dataset.remove_columns({name!r})`), or put the text itself in its place",
                stacklevel=4,
            )


def _warn_of_order(texts: tuple[str, ...]) -> None:
    for place, name in enumerate(texts):
        if _USUAL_PLACES.get(name, place) != place:
            warnings.warn(
                f"column `{name}` is number {place + 1} of the text columns, usually it is number "
                f"{_USUAL_PLACES[name] + 1}; losses go by the order, not by the names\n"
                "hint: give the order with `dataset.select_columns([...])`",
                stacklevel=4,
            )
            return
