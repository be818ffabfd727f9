"""Checks of what a sampler is told: names, and states of other samplers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from foolsgold.integers import integer


def label_names(names: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return names of label columns, None where none are given.

    Raises:
        ValueError: for one name in place of several.
    """
    if isinstance(names, str):
        raise ValueError(
            f"`valid_label_columns` must be names of columns, got {names!r}\nhint: give [{names!r}]"
        )
    return None if names is None else tuple(names)


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
