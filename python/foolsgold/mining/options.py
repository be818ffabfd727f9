"""What was asked for, and what was left to the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from foolsgold.mining.recipes import with_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

SAFE_RELATIVE_MARGIN = 0.05
"""Applies where no margin, score or range is given. Moreira et al. 2024 (https://arxiv.org/abs/2407.15831)
found it best: 95 % of the positive's score as the most that a negative may have."""

BOUNDS = ("range_min", "range_max", "max_score", "min_score", "absolute_margin", "relative_margin")
"""The arguments that say which scores and ranks a negative may have."""

_BY_RECIPE = ("num_negatives", "range_min", "range_max", "relative_margin", "sampling_strategy")


_LEAVE_POSITIVES_OUT = (
    "absolute_margin",
    "relative_margin",
    "recipe",
    "group_column_name",
    "corpus_groups",
    "near_duplicates",
)


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


def with_defaults(
    arguments: Mapping[str, Any], recipe: str | None = None, *, is_free: bool = False
) -> dict[str, Any]:
    """Add to the arguments that were given what the recipe says, or without one the safe margin.

    Args:
        arguments: those given, None among them.
        recipe: its name, if any.
        is_free: that the safe margin does not apply; it never does where a bound is given.

    Raises:
        ValueError: for a recipe that there is not.

    Example:
        >>> with_defaults({"num_negatives": 5})["relative_margin"]
        0.05
        >>> with_defaults({"num_negatives": 5}, "bge")["range_max"]
        210
    """
    named = with_recipe(recipe, dict.fromkeys(_BY_RECIPE))
    chosen = {name: value for name, value in named.items() if value is not None}
    if recipe is None and not is_free and not any(name in arguments for name in BOUNDS):
        chosen["relative_margin"] = SAFE_RELATIVE_MARGIN
    return {**chosen, **arguments}


def check_ranking(arguments: Mapping[str, Any]) -> None:
    """Check that nothing would leave out the positives that are to be ranked.

    Raises:
        ValueError: for an argument that would, and for one that has no effect.
    """
    if arguments.get("margin_from", "least") != "least":
        got = arguments["margin_from"]
        raise ValueError(
            f"`margin_from` must be left out with `include_positives`, as no margin applies, got {got!r}"
        )
    for name in _LEAVE_POSITIVES_OUT:
        if arguments.get(name) is not None:
            raise ValueError(
                f"`{name}` must be left out with `include_positives`, as it leaves positives out"
            )
