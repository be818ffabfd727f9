from __future__ import annotations

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns
from tests.losses.label_oracles import (
    CLASSES,
    COSINE,
    EUCLIDEAN,
    TEXT_IDS,
    anchors,
    batch,
    mean,
    squared_distance,
)

from foolsgold.losses.batch_all_triplet import BatchAllTripletLoss, batch_all_triplet_loss
from foolsgold.losses.parts import label_triplets


@pytest.fixture(params=[0, 8], autouse=True, ids=["by order", "by mates"])
def few(request, monkeypatch):
    """Both ways to count: by a sort, and by comparisons where classes are small."""
    monkeypatch.setattr(label_triplets, "_FEW", request.param)


def oracle(x, classes, *, distance_metric=EUCLIDEAN, margin=5.0, text_ids=None):
    found = anchors(x, classes, distance_metric, text_ids)
    losses = (p - n + margin for positives, negatives in found for p in positives for n in negatives)
    return mean(loss for loss in losses if loss > 0)


def objective(**options):
    return lambda *inputs: batch_all_triplet_loss(*inputs, **options)


@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN, squared_distance])
@pytest.mark.parametrize("margin", [-0.1, 0.2, 5.0])
def test_keeps_the_laws(metric, margin):
    options = {"distance_metric": metric, "margin": margin}
    inputs = batch(), CLASSES
    laws.equals_oracle(objective(**options), lambda *inputs: oracle(*inputs, **options), *inputs)
    laws.has_exact_gradient(objective(**options), *inputs)
    laws.ignores_row_order(objective(**options), *inputs)
    laws.leaves_inputs_unchanged(objective(**options), *inputs)
    if metric is not squared_distance:  # whose squares overflow
        laws.is_finite_for_extremes(objective(**options), *inputs)
    if metric is COSINE:
        laws.ignores_lengths(objective(**options), *inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin", [-2.0, 0.0, 1.0, 3.0])
def test_a_met_margin_is_not_broken(dtype, margin):
    """On a grid many margins are met exactly: neither counted nor in the gradient."""
    for seed in range(5):
        x = batch(16, seed).mul(2).round()[:, :1].to(dtype)
        value = batch_all_triplet_loss(x, torch.arange(16) % 3, margin=margin)
        torch.testing.assert_close(value.item(), oracle(x, torch.arange(16) % 3, margin=margin))


def test_small_losses_beside_large_distances():
    distances = (1000 + batch(200).float() @ batch(200, 1).float().T / 1000).requires_grad_()
    classes = torch.arange(200) % 20
    value = batch_all_triplet_loss(batch(200).float(), classes, distance_metric=lambda _: distances, margin=0)
    exact = distances.detach().double()
    losses = exact[:, :, None] - exact[:, None]
    same = classes[:, None] == classes
    losses = losses[(same & ~torch.eye(200, dtype=torch.bool))[:, :, None] & ~same[:, None]]
    torch.testing.assert_close(value.double(), losses[losses > 0].mean(), rtol=1e-6, atol=0)
    value.backward()
    changes = distances.grad * (losses > 0).sum()
    torch.testing.assert_close(changes, changes.round(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN])
@pytest.mark.parametrize("classes", [torch.arange(7), torch.zeros(7, dtype=torch.long)])
def test_no_triplet_no_signal(metric, classes):
    for num_rows in (1, 2, 7):
        laws.is_zero_without_signal(
            lambda x, n=num_rows: batch_all_triplet_loss(x, classes[:n], distance_metric=metric),
            batch(num_rows),
        )


def test_kept_margins_have_no_signal():
    far = batch() + 100 * CLASSES[:, None]
    laws.is_zero_without_signal(lambda x: batch_all_triplet_loss(x, CLASSES), far)


def test_equal_texts_form_no_triplet():
    options = {"text_ids": TEXT_IDS, "margin": 0.5}
    value = batch_all_triplet_loss(batch(), CLASSES, **options)
    torch.testing.assert_close(value.item(), oracle(batch(), CLASSES, **options))


@pytest.mark.slow
@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN])
def test_compiles_whole(metric):
    laws.compiles_whole(lambda x: batch_all_triplet_loss(x, CLASSES, distance_metric=metric), batch())


def test_module_is_the_function():
    model, features = TokenEncoder(), columns(7, 5)
    x = model(dict(features[0]))["sentence_embedding"]
    ids = [{**features[0], "text_ids": TEXT_IDS}]
    loss = BatchAllTripletLoss(model, COSINE, 0.1)
    expected = [
        batch_all_triplet_loss(x, CLASSES, distance_metric=COSINE, margin=0.1, text_ids=known)
        for known in (None, TEXT_IDS)
    ]
    torch.testing.assert_close([loss(features, CLASSES), loss(ids, CLASSES[:, None])], expected)
    loss = BatchAllTripletLoss(model, EUCLIDEAN, 0.1, distance_function=COSINE, mask_by_identity=False)
    torch.testing.assert_close(loss(ids, CLASSES), expected[0])


def test_cached_equals_direct():
    laws.cached_equals_direct(BatchAllTripletLoss(TokenEncoder().double()), columns(7, 5), CLASSES)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        BatchAllTripletLoss(TokenEncoder()),
        {
            "distance_metric": "euclidean_distance",
            "margin": 5,
            "gather_across_devices": False,
            "mask_by_identity": True,
        },
    )
