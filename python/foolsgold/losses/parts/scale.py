"""The factor of similarities before a softmax, fixed or trained."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Scale(nn.Module):
    r"""A factor above 0, the inverse of a temperature.

    A trained one is kept as its logarithm. What a step takes beyond the largest value is set back at the next
    forward in training, so that the gradient never stops.

    Args:
        value: the factor, or its start; above 0.
        learnable: whether it is trained.
        name: of the argument, for messages.
        largest: value of a trained factor; at 100 a softmax of cosines is as good as a choice of the largest.

    Raises:
        ValueError: a `value` that is not above 0, or that is trained from above `largest`.

    Reference:
        Radford et al. 2021, "CLIP", https://arxiv.org/abs/2103.00020, section 2.5.
    """

    def __init__(
        self, value: float, *, learnable: bool = False, name: str = "scale", largest: float = 100.0
    ) -> None:
        super().__init__()
        if not value > 0:
            raise ValueError(f"`{name}` must be above 0, got {value}")
        if learnable and value > largest:
            raise ValueError(f"`{name}` must be at most {largest} to be trained, got {value}")
        self._fixed, self._bound = float(value), math.log(largest)
        # One-dimensional, since FSDP shards no scalars.
        self.logarithm = nn.Parameter(torch.tensor([math.log(value)])) if learnable else None

    def forward(self) -> float | Tensor:
        """Return the factor: the number, or (1,) with a gradient."""
        if self.logarithm is None:
            return self._fixed
        if self.training:
            with torch.no_grad():
                self.logarithm.clamp_(max=self._bound)
        return self.logarithm.exp()

    @property
    def value(self) -> float:
        """The factor as a number."""
        factor = self()
        return float(factor.detach()) if isinstance(factor, Tensor) else factor
