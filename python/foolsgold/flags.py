"""Truth values that a user gives: checked, and refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool.

    Args:
        name: for the message.
        value: True or False, of Python or NumPy.

    Raises:
        TypeError: for anything else.

    Example:
        >>> flag("ordered", np.True_)
        True
    """
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"`{name}` must be True or False, got {value!r}")
    return bool(value)
