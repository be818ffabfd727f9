from __future__ import annotations

import pytest
import torch
from tests import laws
from tests.losses.label_oracles import COSINE, EUCLIDEAN, batch, distance, squared_distance

from foolsgold.losses.parts.label_distances import BatchHardTripletLossDistanceFunction, prepared


def squared(x):
    return EUCLIDEAN(x, squared=True)


@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN, squared])
@pytest.mark.parametrize("num_rows", [1, 7, 40])  # past 25 rows, distances come from dot products
def test_equal_loops(metric, num_rows):
    x = batch(num_rows)
    expected = [[distance(a, b, metric) for b in x.tolist()] for a in x.tolist()]
    torch.testing.assert_close(metric(x), torch.tensor(expected, dtype=x.dtype))
    assert metric(x.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN, squared])
def test_gradients_are_exact_and_finite(metric):
    laws.has_exact_gradient(metric, batch())
    for x in (torch.zeros(30, 3), torch.ones(30, 3)):
        x.requires_grad_()
        metric(x).sum().backward()
        assert x.grad.isfinite().all()


def test_euclidean_diagonal_is_zero_without_gradient():
    x = (batch(40).float() * 1e3).requires_grad_()
    diagonal = EUCLIDEAN(x).diagonal()
    assert (diagonal == 0).all()
    diagonal.sum().backward()
    assert (x.grad == 0).all()


def test_the_alias():
    assert BatchHardTripletLossDistanceFunction.eucledian_distance is EUCLIDEAN


@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN, squared_distance])
def test_some_rows_are_as_all(metric):
    kind, source = prepared(batch(40), metric)
    rows, each = slice(3, 8), torch.tensor([39, 0, 5, 6, 1])
    off_diagonal = ~torch.eye(40, dtype=torch.bool)[rows]
    expected = metric(batch(40))[rows]
    torch.testing.assert_close(kind(source).to_all(rows)[off_diagonal], expected[off_diagonal])
    torch.testing.assert_close(kind(source).to_each(rows, each), expected[range(5), each])
