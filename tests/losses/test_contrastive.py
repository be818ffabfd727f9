from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.contrastive import ContrastiveLoss, SiameseDistanceMetric, contrastive_loss

METRICS = list(SiameseDistanceMetric)
LABELS = torch.tensor([1, 0, 0, 1, 1, 0, 0])
GRADED = torch.tensor([1.0, 0.0, 0.3, 1.0, 0.9, 0.0, 0.5], dtype=torch.float64)


def distance(a, b, metric):
    a, b = a.tolist(), b.tolist()
    differences = [x - y for x, y in zip(a, b, strict=True)]
    if metric is SiameseDistanceMetric.EUCLIDEAN:
        return math.sqrt(sum(x * x for x in differences))
    if metric is SiameseDistanceMetric.MANHATTAN:
        return sum(map(abs, differences))
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return 1 - product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def oracle(left, right, labels, *, distance_metric, margin, size_average):
    total = 0.0
    for a, b, y in zip(left, right, labels.tolist(), strict=True):
        d = distance(a, b, distance_metric)
        total += (y * d**2 + (1 - y) * max(0.0, margin - d) ** 2) / 2
    return total / len(left) if size_average else total


def objective(labels=LABELS, **options):
    return lambda a, b, y=labels: contrastive_loss(a, b, y, **options)


def batch():
    return [embeddings(7, 4, seed=seed) for seed in range(2)]


def test_the_vocabulary_is_closed():
    assert [metric.name for metric in METRICS] == ["EUCLIDEAN", "MANHATTAN", "COSINE_DISTANCE"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("margin", "size_average"), [(0.5, True), (4.0, False)])
def test_keeps_the_laws(metric, margin, size_average):
    options = {"distance_metric": metric, "margin": margin, "size_average": size_average}
    for labels in (LABELS, GRADED):
        laws.equals_oracle(objective(**options), lambda *x: oracle(*x, **options), *batch(), labels)
    for labels in (LABELS, torch.zeros(7), torch.ones(7)):
        laws.has_exact_gradient(objective(labels, **options), *batch())
        laws.is_finite_for_extremes(objective(labels, **options), *batch())
    laws.ignores_row_order(objective(**options), *batch(), LABELS)
    laws.leaves_inputs_unchanged(objective(**options), *batch())
    if metric is SiameseDistanceMetric.COSINE_DISTANCE:
        laws.ignores_lengths(objective(**options), *batch())


@pytest.mark.parametrize("metric", METRICS)
def test_equal_positives_and_far_negatives_have_no_signal(metric):
    left = embeddings(7, 4)
    right = torch.where(LABELS[:, None] == 1, left, -left)
    laws.is_zero_without_signal(objective(distance_metric=metric, margin=0.2), left, right)


@pytest.mark.parametrize(("metric", "p"), [("EUCLIDEAN", 2.0), ("MANHATTAN", 1.0)])
def test_the_distance_of_equal_texts_is_zero(metric, p):
    """It is symmetric, too: nothing is added to differences, unlike in torch's pairwise distance."""
    left, right = batch()
    metric = SiameseDistanceMetric[metric]
    assert metric(left, left.clone()).count_nonzero() == 0
    assert torch.equal(metric(left, right), metric(right, left))
    torch.testing.assert_close(
        metric(left, right), F.pairwise_distance(left, right, p=p), rtol=1e-5, atol=1e-5
    )
    assert F.pairwise_distance(left, left, p=p).count_nonzero() == 7


def test_takes_any_function_as_distance():
    value = contrastive_loss(*batch(), LABELS, distance_metric=lambda a, b: (a - b).square().sum(1))
    assert value.isfinite()


def test_weights_count_rows():
    weights = torch.tensor([0, 1, 2, 0, 0.5, 1, 3])
    each = [contrastive_loss(*(x[i : i + 1] for x in (*batch(), LABELS))) for i in range(7)]
    total = sum(w * x for w, x in zip(weights, each, strict=True))
    torch.testing.assert_close(objective(weights=weights)(*batch()), total / weights.sum())
    torch.testing.assert_close(objective(weights=weights, size_average=False)(*batch()), total)
    laws.is_zero_without_signal(objective(weights=torch.zeros(7)), *batch())


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
def test_compiles_whole(metric):
    laws.compiles_whole(objective(distance_metric=metric), *batch())


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], LABELS == 1, LABELS.half()])
def test_module_is_the_function(labels):
    model, features = TokenEncoder(), columns(7, 3, 9)
    inputs = [model(dict(column))["sentence_embedding"] for column in features]
    loss = ContrastiveLoss(model, SiameseDistanceMetric.EUCLIDEAN, 0.7, size_average=False)
    expected = contrastive_loss(
        *inputs, LABELS, distance_metric=SiameseDistanceMetric.EUCLIDEAN, margin=0.7, size_average=False
    )
    torch.testing.assert_close(loss(features, labels), expected)


def test_cached_equals_direct():
    laws.cached_equals_direct(ContrastiveLoss(TokenEncoder().double()), columns(7, 3, 9), LABELS)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        ContrastiveLoss(TokenEncoder()),
        {
            "distance_metric": "SiameseDistanceMetric.COSINE_DISTANCE",
            "margin": 0.5,
            "size_average": True,
        },
    )


def test_refuses_other_columns_labels_and_weights():
    loss, features = ContrastiveLoss(TokenEncoder()), columns(3, 4, 6)
    takes = (
        r"`ContrastiveLoss` takes \(anchor, positive/negative\) pairs with labels `1 if positive, 0 if neg"
    )
    with pytest.raises(ValueError, match=f"{takes}.*, got 3 columns"):
        loss(columns(3, 4, 6, 5), torch.ones(3))
    for labels in (None, torch.ones(2), torch.ones(3, 2)):
        with pytest.raises(ValueError, match=takes):
            loss(features, labels)
    features[0]["row_weights"] = torch.ones(3)
    with pytest.raises(ValueError, match="`ContrastiveLoss` weighs all rows alike"):
        ContrastiveLoss(TokenEncoder(), size_average=False)(features, torch.ones(3))
