from __future__ import annotations

import torch
from torch import nn

from foolsgold.losses.parts.seeded_linear import seeded_linear


def test_the_seed_alone_decides_the_weights():
    state = torch.get_rng_state()
    first, again, other = (seeded_linear(nn.Identity(), 400, 30, seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)
    assert first.weight.abs().max() <= 0.05
    assert first.weight.std() > 0.02
    assert first.bias.shape == (30,)
