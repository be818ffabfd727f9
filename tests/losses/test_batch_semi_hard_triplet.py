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

from foolsgold.losses.batch_semi_hard_triplet import BatchSemiHardTripletLoss, batch_semi_hard_triplet_loss


def oracle(x, classes, *, distance_metric=EUCLIDEAN, margin=5.0, text_ids=None):
    found = anchors(x, classes, distance_metric, text_ids)
    return mean(
        max(0.0, p - min((n for n in negatives if n > p), default=max(negatives)) + margin)
        for positives, negatives in found
        if negatives
        for p in positives
    )


def objective(**options):
    return lambda *inputs: batch_semi_hard_triplet_loss(*inputs, **options)


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
def test_a_negative_as_far_as_the_positive_is_not_further(dtype):
    for seed in range(5):
        x = batch(16, seed).mul(2).round()[:, :1].to(dtype)
        value = batch_semi_hard_triplet_loss(x, torch.arange(16) % 3, margin=0.5)
        torch.testing.assert_close(value.item(), oracle(x, torch.arange(16) % 3, margin=0.5))


@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN])
@pytest.mark.parametrize("classes", [torch.arange(7), torch.zeros(7, dtype=torch.long)])
def test_no_triplet_no_signal(metric, classes):
    for num_rows in (1, 2, 7):
        laws.is_zero_without_signal(
            lambda x, n=num_rows: batch_semi_hard_triplet_loss(x, classes[:n], distance_metric=metric),
            batch(num_rows),
        )


def test_kept_margins_have_no_signal():
    far = batch() + 100 * CLASSES[:, None]
    laws.is_zero_without_signal(lambda x: batch_semi_hard_triplet_loss(x, CLASSES), far)


def test_equal_texts_form_no_triplet():
    options = {"text_ids": TEXT_IDS, "margin": 0.5}
    value = batch_semi_hard_triplet_loss(batch(), CLASSES, **options)
    torch.testing.assert_close(value.item(), oracle(batch(), CLASSES, **options))


@pytest.mark.slow
@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN])
def test_compiles_whole(metric):
    laws.compiles_whole(lambda x: batch_semi_hard_triplet_loss(x, CLASSES, distance_metric=metric), batch())


def test_module_is_the_function():
    model, features = TokenEncoder(), columns(7, 5)
    x = model(dict(features[0]))["sentence_embedding"]
    loss = BatchSemiHardTripletLoss(model, COSINE, 0.7)
    expected = batch_semi_hard_triplet_loss(x, CLASSES, distance_metric=COSINE, margin=0.7)
    torch.testing.assert_close(loss(features, CLASSES), expected)


def test_cached_equals_direct():
    laws.cached_equals_direct(BatchSemiHardTripletLoss(TokenEncoder().double()), columns(7, 5), CLASSES)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        BatchSemiHardTripletLoss(TokenEncoder()),
        {
            "distance_metric": "euclidean_distance",
            "margin": 5,
            "gather_across_devices": False,
            "mask_by_identity": True,
        },
    )
