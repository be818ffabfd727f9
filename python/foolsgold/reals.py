"""Real numbers that a user gives: checked, and refused by name."""

from __future__ import annotations

from typing import Any


def real(name: str, value: Any) -> float:
    """Return `value` as a float, infinite and NaN ones too.

    Args:
        name: for the message.
        value: a number of Python or of another library.

    Raises:
        TypeError: for anything else; a text that spells a number is a text.

    Example:
        >>> real("temperature", 1)
        1.0
    """
    try:
        if not isinstance(value, (str, bytes)):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise TypeError(f"`{name}` must be a number, got {value!r}")


def real_or_none(name: str, value: Any) -> float | None:
    """Return `value` as `real` does, None as it is."""
    return None if value is None else real(name, value)
