"""Whole numbers that a user gives: checked, and refused by name."""

from __future__ import annotations

import operator
from typing import Any

MAX_UINT64 = 2**64 - 1
MAX_INT64 = 2**63 - 1
MAX_ROWS = 2**32 - 1
"""The most rows of a corpus."""
MAX_BATCH = 2**31
"""The most rows of a step of all ranks."""

_TOLD = {MAX_UINT64: "2^64 - 1", MAX_INT64: "2^63 - 1", MAX_ROWS: "2^32 - 1", MAX_BATCH: "2^31"}


def integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return `value` as an int.

    Args:
        name: for the message.
        value: an int, or a number of another library that is one.
        least: the least that is allowed.
        most: the most that is allowed; None for no bound.

    Raises:
        ValueError: for other values, and what is no whole number.

    Example:
        >>> integer("batch_size", 3, 1)
        3
    """
    top = _TOLD.get(most or 0, most)
    rule = f"at least {least}" if most is None else f"from {least} to {top}"
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"`{name}` must be an integer {rule}, got {value!r}") from None
    if number < least or (most is not None and number > most):
        raise ValueError(f"`{name}` must be {rule}, got {number}")
    return number
