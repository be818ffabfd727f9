"""Learning rates by parameter name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn
    from torch.optim import Optimizer


def set_learning_rates(
    optimizer: Optimizer, named_parameters: Iterable[tuple[str, nn.Parameter]], mapping: Mapping[str, float]
) -> None:
    """Move parameters into groups with a learning rate of their own; all else of their group stays.

    Args:
        optimizer: one that has not made a step.
        named_parameters: names to search, with the parameters of `optimizer` among them.
        mapping: learning rate by regular expression, searched anywhere in a name; the last match counts.

    Raises:
        ValueError: if an expression matches no name.
    """
    rates: dict[int, float] = {}
    named = list(named_parameters)
    for pattern, rate in mapping.items():
        matches = [id(parameter) for name, parameter in named if re.search(pattern, name)]
        if not matches:
            raise ValueError(
                f"`learning_rate_mapping` must match parameter names, got {pattern!r}, which matches none"
            )
        rates.update(dict.fromkeys(matches, rate))
    for group in list(optimizer.param_groups):
        options = {name: value for name, value in group.items() if name != "params"}
        moved = [parameter for parameter in group["params"] if id(parameter) in rates]
        group["params"] = [parameter for parameter in group["params"] if id(parameter) not in rates]
        for rate in sorted({rates[id(parameter)] for parameter in moved}):
            own = [parameter for parameter in moved if rates[id(parameter)] == rate]
            optimizer.add_param_group({**options, "params": own, "lr": rate})
