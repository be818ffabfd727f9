from __future__ import annotations

import pytest
import torch
from torch import nn

from foolsgold.training.learning_rates import set_learning_rates


def rates(optimizer, module):
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for p in group["params"]
    }


def test_the_last_match_counts_and_the_group_stays():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    groups = [
        {"params": [module[0].weight, module[1].weight], "weight_decay": 0.5},
        {"params": [module[0].bias, module[1].bias], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1.0)
    set_learning_rates(optimizer, module.named_parameters(), {"^0": 0.1, "weight": 0.2})
    assert rates(optimizer, module) == {
        "0.weight": (0.2, 0.5),
        "1.weight": (0.2, 0.5),
        "0.bias": (0.1, 0.0),
        "1.bias": (1.0, 0.0),
    }


def test_a_pattern_that_matches_nothing_is_refused():
    module = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    with pytest.raises(ValueError, match="got 'head', which matches none"):
        set_learning_rates(optimizer, module.named_parameters(), {"head": 0.1})
