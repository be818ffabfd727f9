"""A layer that a loss owns, the same in every process."""

from __future__ import annotations

import math

import torch
from torch import nn


def seeded_linear(model: nn.Module, num_inputs: int, num_outputs: int, seed: int) -> nn.Linear:
    """Make a layer with torch's usual first weights, drawn from a generator of its own.

    Args:
        model: on whose device the layer is put.
        num_inputs: width of what goes in.
        num_outputs: width of what comes out.
        seed: decides the weights.
    """
    layer = nn.Linear(num_inputs, num_outputs, device="meta").to_empty(device="cpu")
    bound, generator = 1 / math.sqrt(num_inputs), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    return layer.to(device)
