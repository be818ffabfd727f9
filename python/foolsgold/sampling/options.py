"""Checks of what a sampler is told: numbers, and states of other samplers."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

MAX_UINT64 = 2**64 - 1


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
    top = "2^64 - 1" if most == MAX_UINT64 else most
    rule = f"at least {least}" if most is None else f"from {least} to {top}"
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"`{name}` must be an integer {rule}, got {value!r}") from None
    if number < least or (most is not None and number > most):
        raise ValueError(f"`{name}` must be {rule}, got {number}")
    return number


def check_state(state: Any, numbers: Mapping[str, int], options: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of a sampler's state.

    Args:
        state: what a sampler's `state_dict` returned.
        numbers: the most that each number may be, by name.
        options: what must be in `state` as it is here; "fingerprint" stands for the data.

    Raises:
        ValueError: for a state with other keys or options, and for numbers out of range.
    """
    if not isinstance(state, Mapping):
        raise ValueError(f"`state` must be a dict, got {type(state).__name__}")
    # A sampler of another kind has other options: that it is of another kind says more.
    names = sorted(options, key=lambda name: name != "sampler")
    for name in names:
        if name in state and state[name] != options[name]:
            subject = "be of the same data" if name == "fingerprint" else f"have `{name}` {options[name]}"
            raise ValueError(f"`state` must {subject}, got {state[name]}")
    expected = {*numbers, *options}
    for name in sorted(expected - state.keys()):
        raise ValueError(f"`state` must have `{name}`, got {sorted(map(str, state))}")
    for name in sorted(map(str, state.keys() - expected)):
        raise ValueError(f"`state` must have {sorted(expected)}, got `{name}` as well")
    return {name: integer(f"state[{name!r}]", state[name], 0, most) for name, most in numbers.items()}
