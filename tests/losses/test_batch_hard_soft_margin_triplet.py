from __future__ import annotations

import math

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

from foolsgold.losses.batch_hard_soft_margin_triplet import (
    BatchHardSoftMarginTripletLoss,
    batch_hard_soft_margin_triplet_loss,
)


def oracle(x, classes, *, distance_metric=EUCLIDEAN, text_ids=None):
    found = anchors(x, classes, distance_metric, text_ids)
    return mean(math.log1p(math.exp(max(p) - min(n))) for p, n in found if p and n)


def objective(**options):
    return lambda *inputs: batch_hard_soft_margin_triplet_loss(*inputs, **options)


@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN, squared_distance])
def test_keeps_the_laws(metric):
    options = {"distance_metric": metric}
    inputs = batch(), CLASSES
    laws.equals_oracle(objective(**options), lambda *inputs: oracle(*inputs, **options), *inputs)
    laws.has_exact_gradient(objective(**options), *inputs)
    laws.ignores_row_order(objective(**options), *inputs)
    laws.leaves_inputs_unchanged(objective(**options), *inputs)
    if metric is not squared_distance:  # whose squares overflow
        laws.is_finite_for_extremes(objective(**options), *inputs)
    if metric is COSINE:
        laws.ignores_lengths(objective(**options), *inputs)


@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN])
@pytest.mark.parametrize("classes", [torch.arange(7), torch.zeros(7, dtype=torch.long)])
def test_no_triplet_no_signal(metric, classes):
    for num_rows in (1, 2, 7):
        laws.is_zero_without_signal(
            lambda x, n=num_rows: batch_hard_soft_margin_triplet_loss(x, classes[:n], distance_metric=metric),
            batch(num_rows),
        )


def test_equal_texts_form_no_triplet():
    options = {"text_ids": TEXT_IDS}
    value = batch_hard_soft_margin_triplet_loss(batch(), CLASSES, **options)
    torch.testing.assert_close(value.item(), oracle(batch(), CLASSES, **options))


@pytest.mark.slow
@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN])
def test_compiles_whole(metric):
    laws.compiles_whole(
        lambda x: batch_hard_soft_margin_triplet_loss(x, CLASSES, distance_metric=metric), batch()
    )


def test_module_is_the_function():
    model, features = TokenEncoder(), columns(7, 5)
    x = model(dict(features[0]))["sentence_embedding"]
    loss = BatchHardSoftMarginTripletLoss(model, COSINE)
    expected = batch_hard_soft_margin_triplet_loss(x, CLASSES, distance_metric=COSINE)
    torch.testing.assert_close(loss(features, CLASSES), expected)


def test_cached_equals_direct():
    laws.cached_equals_direct(BatchHardSoftMarginTripletLoss(TokenEncoder().double()), columns(7, 5), CLASSES)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        BatchHardSoftMarginTripletLoss(TokenEncoder()),
        {
            "distance_metric": "euclidean_distance",
            "gather_across_devices": False,
            "mask_by_identity": True,
        },
    )
