from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator

from foolsgold.training.components import ComponentMeans


def test_means_are_weighted_and_start_anew():
    means, accelerator = ComponentMeans(), Accelerator(cpu=True)
    assert means.drain(accelerator) == {}
    means.add({"b": torch.tensor(1.0), "a": torch.tensor(4.0, requires_grad=True)}, 3)
    means.add({"b": torch.tensor(5.0, dtype=torch.bfloat16), "a": torch.tensor(0.0)}, 1)
    assert means.drain(accelerator) == {"a": pytest.approx(3.0), "b": pytest.approx(2.0)}
    assert means.drain(accelerator) == {}
    means.add({"a": torch.tensor(7.0)})
    assert means.drain(accelerator) == {"a": 7.0}


def test_no_graph_is_kept():
    means = ComponentMeans()
    means.add({"a": torch.ones((), requires_grad=True) * 2})
    assert not means._sums["a"].requires_grad
