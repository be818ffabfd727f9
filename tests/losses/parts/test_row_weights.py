from __future__ import annotations

import torch

from foolsgold.losses.parts.row_weights import weighted_mean


def test_equals_the_mean_of_repeated_rows():
    losses = torch.tensor([1.0, 5.0, 2.0])
    repeated = torch.tensor([1.0, 1.0, 2.0])
    torch.testing.assert_close(weighted_mean(losses, torch.tensor([2, 0, 1])), repeated.mean())
    torch.testing.assert_close(weighted_mean(losses, None), losses.mean())


def test_no_weight_at_all_is_a_zero_in_the_graph():
    losses = torch.ones(3, requires_grad=True)
    value = weighted_mean(losses, torch.zeros(3))
    value.backward()
    assert value == 0
    assert losses.grad.tolist() == [0, 0, 0]
