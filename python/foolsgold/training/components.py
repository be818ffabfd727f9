"""Means of a loss's named components, kept on the device until they are logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accelerate import Accelerator
    from torch import Tensor


class ComponentMeans:
    """Weighted means of named values over steps and ranks; one wait for the device per reading.

    The mean of a value is over the steps that have it.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._weights: dict[str, float] = {}

    def add(self, components: Mapping[str, Tensor], weight: float = 1.0) -> None:
        """Count `components`, scalar tensors, `weight` times."""
        for name, value in components.items():
            weighted = value.detach().float() * weight
            self._sums[name] = self._sums[name] + weighted if name in self._sums else weighted
            self._weights[name] = self._weights.get(name, 0.0) + weight

    def drain(self, accelerator: Accelerator) -> dict[str, float]:
        """Return the means over all ranks, and start anew; all ranks call it together with the same names."""
        if not self._sums:
            return {}
        names = sorted(self._sums)
        sums = torch.stack([self._sums[name] for name in names])
        own = torch.stack([sums, sums.new_tensor([self._weights[name] for name in names])])
        totals, weights = accelerator.gather(own.unsqueeze(0)).sum(0).tolist()
        self._sums, self._weights = {}, {}
        return {name: total / weight for name, total, weight in zip(names, totals, weights, strict=True)}
