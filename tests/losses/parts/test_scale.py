from __future__ import annotations

import pytest
import torch

from foolsgold.losses.parts.scale import Scale


def test_a_fixed_one_is_the_number():
    scale = Scale(20.0)
    assert scale() == scale.value == 20.0
    assert not list(scale.parameters())


def test_a_learnable_one_is_trained_and_stays_in_range():
    scale = Scale(20.0, learnable=True)
    assert scale().shape == (1,)
    assert scale.value == pytest.approx(20.0)
    scale().sum().backward()
    assert scale.logarithm.grad.item() == pytest.approx(20.0)
    with torch.no_grad():
        scale.logarithm.fill_(50.0)
    assert scale.value == pytest.approx(100.0)


@pytest.mark.parametrize("largest", [100.0, 1000.0])
def test_the_gradient_never_stops(largest):
    """Neither at the bound nor after a step beyond it."""
    scale = Scale(100.0, learnable=True, largest=largest)
    optimizer = torch.optim.SGD(scale.parameters(), lr=1e-3)
    for direction in (-1, -1, 1, 1, 1):
        optimizer.zero_grad()
        (direction * scale().sum()).backward()
        assert scale.logarithm.grad.abs() > 1
        optimizer.step()
    assert scale.value < 100.0


@pytest.mark.parametrize(
    ("value", "learnable"), [(0.0, False), (-1.0, False), (float("nan"), False), (101.0, True)]
)
def test_refuses_others(value, learnable):
    with pytest.raises(ValueError, match=f"`temp` must be .* got {value}"):
        Scale(value, learnable=learnable, name="temp")
