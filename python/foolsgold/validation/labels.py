"""Whether labels are what a loss takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.validation.needs import Needs


def numbers_of(column: Any) -> NDArray[Any] | None:
    """Return a column of one number a row as an array; None for any other column."""
    try:
        values = np.asarray(column)
    except ValueError:  # lists that are not equally long
        return None
    return values if values.ndim == 1 and values.dtype.kind in "iufb" else None


def check_labels(needs: Needs, name: str, column: Any) -> None:
    """Raise ValueError for labels of another kind than the loss takes, and for one label in all rows.

    The first wrong row is named.

    Args:
        needs: of the loss.
        name: of the label column.
        column: an Arrow array, or a sequence of values.
    """
    if not (needs.takes_classes or needs.takes_one_or_zero or needs.takes_scores):
        return
    values = numbers_of(column)
    if values is None:
        rows = column.to_pylist() if hasattr(column, "to_pylist") else list(column)
        row = next((row for row, value in enumerate(rows) if not isinstance(value, (int, float))), 0)
        hint = "\nhint: number the classes" if isinstance(rows[row], str) else ""
        raise ValueError(f"{needs.words}, got {rows[row]!r} in `{name}` at row {row}{hint}")
    if needs.takes_classes:
        wrong = np.full(len(values), values.dtype.kind == "f")
        hint = "hint: whole numbers must be of a whole type; `CoSENTLoss` takes scores"
    elif needs.takes_one_or_zero:
        wrong = ~((values >= 0) & (values <= 1))
        hint = "hint: `BatchAllTripletLoss` and `SoftmaxLoss` take classes, `CoSENTLoss` takes scores"
    else:
        # What ranks scores takes them from anywhere; others compare them with a cosine.
        wrong = ~np.isfinite(values) if needs.ranks_scores else ~(np.abs(values.astype(float)) <= 1)
        hint = "hint: divide the scores by the largest that there can be"
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"{needs.words}, got {values[row].item()} in `{name}` at row {row}\n{hint}")
    if len(values) and (values == values[0]).all():
        raise ValueError(
            f"{needs.words}, got {values[0].item()} in `{name}` in every row\n"
            "hint: take data with two different labels at least, no sampler makes up for them"
        )
