from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import TokenEncoder, columns
from tests.losses.label_oracles import CLASSES, COSINE, EUCLIDEAN, TEXT_IDS, batch, squared_distance

from foolsgold.losses.batch_all_triplet import BatchAllTripletLoss
from foolsgold.losses.batch_hard_soft_margin_triplet import BatchHardSoftMarginTripletLoss
from foolsgold.losses.batch_hard_triplet import BatchHardTripletLoss
from foolsgold.losses.batch_semi_hard_triplet import BatchSemiHardTripletLoss
from foolsgold.losses.parts import row_blocks
from foolsgold.losses.parts.label_distances import MatrixRows
from foolsgold.losses.parts.label_triplets import Anchors, LabelTripletLoss, merged_order, sum_over_anchors

LOSSES = [
    BatchAllTripletLoss,
    BatchHardSoftMarginTripletLoss,
    BatchHardTripletLoss,
    BatchSemiHardTripletLoss,
]
METRICS = [COSINE, EUCLIDEAN, squared_distance]


def sums(loss, x, metric, rows=slice(None)):
    return sum_over_anchors(
        loss(TokenEncoder()).anchor_losses, x, CLASSES, distance_metric=metric, text_ids=TEXT_IDS, rows=rows
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("metric", METRICS)
def test_anchors_add_up(loss, metric):
    parts = [sums(loss, batch(), metric, rows) for rows in (slice(0, 2), slice(2, 7))]
    torch.testing.assert_close([sum(x) for x in zip(*parts, strict=True)], list(sums(loss, batch(), metric)))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("metric", METRICS)
def test_blocks_change_nothing(loss, metric, monkeypatch):
    x = batch().requires_grad_()
    expected = sums(loss, x, metric)
    gradient = torch.autograd.grad(expected[0], x)
    monkeypatch.setattr(row_blocks, "_ONE_BLOCK", 0)
    for block in (1, 8 * 7 * 3):  # one row at a time; three, and a shorter last block
        monkeypatch.setattr(row_blocks, "_BLOCK", block)
        found = sums(loss, x, metric)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(torch.autograd.grad(found[0], x), gradient)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("metric", METRICS)
def test_automatic_mixed_precision_changes_nothing(loss, metric):
    x = batch().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = sums(loss, x, metric)
    assert torch.equal(found[0], sums(loss, x, metric)[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_merged_order(dtype):
    keys = torch.tensor([[2.0, -1.0, 2.0, 0.5, -3.0, torch.inf, 0.0, 1e-30]], dtype=dtype)
    kinds = torch.tensor([[0, 1, 1, 0, 0, 1, 2, 0]])  # negatives, positives, neither
    anchors = Anchors(slice(0, 1), MatrixRows(keys), kinds == 1, kinds == 0)
    order, is_positive = merged_order(keys, anchors)
    assert order.tolist() == [[4, 1, 7, 3, 2, 0, 5, 6]]
    assert torch.equal(is_positive, (kinds == 1).gather(1, order))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("count", "labels", "got"),
    [
        (2, CLASSES, "2 columns"),
        (1, None, "no labels"),
        (1, CLASSES[:4], r"\(4,\)"),
        (1, CLASSES.double(), "whole numbers, got labels of torch.float64"),
    ],
)
def test_refuses_what_it_does_not_take(loss, count, labels, got):
    message = rf"`{loss.__name__}` takes single sentences with labels `class`.*{got}$"
    with pytest.raises(ValueError, match=message):
        loss(TokenEncoder())(columns(7, *[4] * count), labels)


def test_a_subclass_says_what_anchors_lose():
    loss = LabelTripletLoss(
        TokenEncoder(), COSINE, distance_function=None, gather_across_devices=False, mask_by_identity=True
    )
    with pytest.raises(NotImplementedError, match="`LabelTripletLoss` must define `anchor_losses`"):
        loss(columns(7, 4), CLASSES)
