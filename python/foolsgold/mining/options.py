"""What was asked for, and what was left to the defaults."""

from __future__ import annotations

from typing import Any, TypeVar, cast

T = TypeVar("T")

SAFE_RELATIVE_MARGIN = 0.05
"""Applies where no margin, score or range is given. Moreira et al. 2024 (https://arxiv.org/abs/2407.15831)
found it best: 95 % of the positive's score as the most that a negative may have."""

BOUNDS = ("range_min", "range_max", "max_score", "min_score", "absolute_margin", "relative_margin")
"""The arguments that say which scores and ranks a negative may have."""


class Unset:
    """The default of an argument: that nothing was given, which is not the same as None.

    Args:
        value: what stands in its place; signatures show it.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


def unset(value: T) -> T:
    """Return a default that knows that it is one, typed as what stands in its place."""
    return cast("T", Unset(value))


def given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that the caller gave."""
    return {name: value for name, value in arguments.items() if not isinstance(value, Unset)}


def with_safe_margin(arguments: dict[str, Any], *, is_free: bool) -> dict[str, Any]:
    """Add the safe margin where no bound is given.

    Args:
        arguments: those given.
        is_free: whether something else (a recipe, positives in the ranking) decides the bounds.
    """
    if is_free or any(name in arguments for name in BOUNDS):
        return arguments
    return {**arguments, "relative_margin": SAFE_RELATIVE_MARGIN}
