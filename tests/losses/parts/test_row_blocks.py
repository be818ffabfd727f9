from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import embeddings

from foolsgold.losses.parts import row_blocks
from foolsgold.losses.parts.row_blocks import blocks_of, sum_over_rows, with_gradients


def outcome(closed=True, num_rows=7):
    """Of a loss whose rows know each other: the gradient of a row comes from every block."""
    left, right = embeddings(num_rows, 3).requires_grad_(), embeddings(num_rows, 3, seed=1).requires_grad_()

    def block_loss(rows, left, right):
        return (left[rows] @ right.T).logsumexp(dim=1).sum(), torch.tensor(float(rows.stop - rows.start))

    total, count = sum_over_rows(block_loss, (left, right), slice(0, num_rows), num_rows, closed=closed)
    (3 * total / count).backward()
    return [total.detach(), count, left.grad, right.grad]


@pytest.mark.parametrize("entries", [1, 14, 21])  # of one, two and three rows; 7 leave a shorter last one
@pytest.mark.parametrize("closed", [True, False])
def test_blocks_change_nothing(monkeypatch, entries, closed):
    expected = outcome()
    monkeypatch.setattr(row_blocks, "_ONE_BLOCK", entries)
    monkeypatch.setattr(row_blocks, "_BLOCK", entries)
    torch.testing.assert_close(outcome(closed), expected)


def test_rows_are_cut_into_blocks(monkeypatch):
    monkeypatch.setattr(row_blocks, "_ONE_BLOCK", 9)
    monkeypatch.setattr(row_blocks, "_BLOCK", 6)
    assert blocks_of(slice(3, 8), 3, whole=True) == [slice(3, 5), slice(5, 7), slice(7, 8)]
    assert blocks_of(slice(3, 6), 3, whole=True) == [slice(3, 6)]
    assert blocks_of(slice(3, 6), 3, whole=False) == [slice(3, 5), slice(5, 6)]
    assert blocks_of(slice(0, 2), 100, whole=True) == [slice(0, 1), slice(1, 2)]


def test_no_gradient_where_none_is_wanted(monkeypatch):
    monkeypatch.setattr(row_blocks, "_ONE_BLOCK", 1)
    monkeypatch.setattr(row_blocks, "_BLOCK", 4)
    x = embeddings(4, 3)

    def block_loss(rows, x):
        assert not torch.is_grad_enabled()
        return x[rows].sum(), torch.tensor(1.0)

    total, count = sum_over_rows(block_loss, (x,), slice(0, 4), 4)
    assert not total.requires_grad
    assert count == 4
    torch.testing.assert_close(total, x.sum())


def test_a_formed_gradient_is_handed_on():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    value = with_gradients(torch.tensor(5.0), [x], [torch.tensor([3.0, 4.0])])
    assert value == 5
    (2 * value).backward()
    assert x.grad.tolist() == [6, 8]
