from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.functional import triplet_loss
from foolsgold.losses import TripletDistanceMetric, TripletLoss
from foolsgold.similarity import pairwise_dot_score

METRICS = list(TripletDistanceMetric)


def oracle(anchors, positives, negatives, *, distance_metric, triplet_margin):
    def distance(a, b):
        a, b = a.tolist(), b.tolist()
        differences = [x - y for x, y in zip(a, b, strict=True)]
        if distance_metric is TripletDistanceMetric.EUCLIDEAN:
            return math.sqrt(sum(x * x for x in differences))
        if distance_metric is TripletDistanceMetric.MANHATTAN:
            return sum(map(abs, differences))
        product = sum(x * y for x, y in zip(a, b, strict=True))
        if distance_metric is TripletDistanceMetric.DOT_PRODUCT:
            return -product
        return 1 - product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    losses = [
        max(0.0, distance(a, p) - distance(a, n) + triplet_margin)
        for a, p, n in zip(anchors, positives, negatives, strict=True)
    ]
    return sum(losses) / len(losses)


def objective(**options):
    return lambda *inputs: triplet_loss(*inputs, **options)


def batch():
    return [embeddings(7, 4, seed=seed) for seed in range(3)]


def test_the_vocabulary_is_closed():
    assert [metric.name for metric in METRICS] == ["COSINE", "EUCLIDEAN", "MANHATTAN", "DOT_PRODUCT"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("margin", [0.2, 5.0])
def test_keeps_the_laws(metric, margin):
    options = {"distance_metric": metric, "triplet_margin": margin}
    laws.equals_oracle(objective(**options), lambda *inputs: oracle(*inputs, **options), *batch())
    laws.has_exact_gradient(objective(**options), *batch())
    laws.is_finite_for_extremes(objective(**options), *batch())
    laws.ignores_row_order(objective(**options), *batch())
    laws.leaves_inputs_unchanged(objective(**options), *batch())
    if metric is TripletDistanceMetric.COSINE:
        laws.ignores_lengths(objective(**options), *batch())


@pytest.mark.parametrize("metric", METRICS)
def test_kept_margins_have_no_signal(metric):
    anchors = batch()[0]
    laws.is_zero_without_signal(
        objective(distance_metric=metric, triplet_margin=0.1), anchors, anchors.clone(), -anchors
    )


def test_takes_any_function_as_distance():
    def distance(a, b):
        return -pairwise_dot_score(a, b)

    anchors, positives, negatives = batch()
    expected = ((-anchors * positives + anchors * negatives).sum(1) + 1).relu().mean()
    torch.testing.assert_close(
        triplet_loss(anchors, positives, negatives, distance_metric=distance, triplet_margin=1), expected
    )


def test_weights_count_rows():
    inputs = batch()
    each = [triplet_loss(*(x[i : i + 1] for x in inputs)) for i in range(7)]
    weights = torch.tensor([0, 1, 2, 0, 0.5, 1, 3])
    expected = sum(w * x for w, x in zip(weights, each, strict=True)) / weights.sum()
    torch.testing.assert_close(triplet_loss(*inputs, weights=weights), expected)
    laws.is_zero_without_signal(objective(weights=torch.zeros(7)), *inputs)


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
def test_compiles_whole(metric):
    laws.compiles_whole(objective(distance_metric=metric), *batch())


def test_module_is_the_function():
    model, features = TokenEncoder(), columns(5, 3, 9, 7)
    inputs = [model(dict(column))["sentence_embedding"] for column in features]
    loss = TripletLoss(model, TripletDistanceMetric.COSINE, 0.7)
    expected = triplet_loss(*inputs, distance_metric=TripletDistanceMetric.COSINE, triplet_margin=0.7)
    torch.testing.assert_close(loss(features, None), expected)


def test_cached_equals_direct():
    laws.cached_equals_direct(TripletLoss(TokenEncoder().double()), columns(5, 3, 9, 7), None)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        TripletLoss(TokenEncoder()),
        {"distance_metric": "TripletDistanceMetric.EUCLIDEAN", "triplet_margin": 5},
    )


@pytest.mark.parametrize("count", [1, 2, 4])
def test_refuses_other_numbers_of_columns(count):
    message = rf"`TripletLoss` takes .*, got {count} columns"
    with pytest.raises(ValueError, match=message):
        TripletLoss(TokenEncoder())(columns(3, *[4] * count))
