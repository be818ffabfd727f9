from __future__ import annotations

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings
from tests.losses.test_contrastive import METRICS, distance

from foolsgold.losses.contrastive import SiameseDistanceMetric
from foolsgold.losses.online_contrastive import OnlineContrastiveLoss, online_contrastive_loss

LABELS = torch.tensor([1, 0, 0, 1, 1, 0, 0])
KINDS = [LABELS, torch.ones(7), torch.zeros(7, dtype=torch.bool), torch.tensor([2, 1, 0, 1, 2, 0, 1])]


def oracle(left, right, labels, *, distance_metric, margin, size_average):
    distances = [distance(a, b, distance_metric) for a, b in zip(left, right, strict=True)]
    positives = [d for d, y in zip(distances, labels.tolist(), strict=True) if y == 1]
    negatives = [d for d, y in zip(distances, labels.tolist(), strict=True) if y == 0]
    near = max(positives) if positives else sum(negatives) / len(negatives)
    far = min(negatives) if negatives else sum(positives) / len(positives)
    losses = [d**2 for d in positives if d > far]
    losses += [max(0.0, margin - d) ** 2 for d in negatives if d < near]
    return sum(losses) / (max(1, len(losses)) if size_average else 1)


def objective(labels=LABELS, **options):
    return lambda a, b, y=labels: online_contrastive_loss(a, b, y, **options)


def batch():
    return [embeddings(7, 4, seed=seed) for seed in range(2)]


@pytest.mark.parametrize("labels", KINDS)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("margin", "size_average"), [(0.5, False), (4.0, True)])
def test_keeps_the_laws(metric, margin, size_average, labels):
    options = {"distance_metric": metric, "margin": margin, "size_average": size_average}
    laws.equals_oracle(objective(**options), lambda *x: oracle(*x, **options), *batch(), labels)
    laws.has_exact_gradient(objective(labels, **options), *batch())
    laws.is_finite_for_extremes(objective(labels, **options), *batch())
    laws.ignores_row_order(objective(**options), *batch(), labels)
    laws.leaves_inputs_unchanged(objective(labels, **options), *batch())


@pytest.mark.parametrize("labels", [torch.ones(1), torch.zeros(1), torch.full((1,), 2)])
def test_one_pair_has_no_signal(labels):
    laws.is_zero_without_signal(objective(labels), *(x[:1] for x in batch()))


def test_separated_pairs_have_no_signal():
    left = embeddings(7, 4)
    right = torch.where(LABELS[:, None] == 1, left, -left)
    laws.is_zero_without_signal(objective(margin=4.0), left, right)
    laws.is_zero_without_signal(objective(torch.full((7,), 2), size_average=True), left, right)


@pytest.mark.slow
@pytest.mark.parametrize("size_average", [False, True])
def test_compiles_whole(size_average):
    laws.compiles_whole(objective(size_average=size_average), *batch())


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], LABELS == 1, LABELS.half()])
def test_module_is_the_function(labels):
    model, features = TokenEncoder(), columns(7, 3, 9)
    inputs = [model(dict(column))["sentence_embedding"] for column in features]
    loss = OnlineContrastiveLoss(model, SiameseDistanceMetric.EUCLIDEAN, 0.7, size_average=True)
    expected = online_contrastive_loss(
        *inputs, LABELS, distance_metric=SiameseDistanceMetric.EUCLIDEAN, margin=0.7, size_average=True
    )
    torch.testing.assert_close(loss(features, labels), expected)


def test_cached_equals_direct():
    loss = OnlineContrastiveLoss(TokenEncoder().double(), margin=4.0)
    laws.cached_equals_direct(loss, columns(7, 3, 9), 1 - LABELS)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        OnlineContrastiveLoss(TokenEncoder()),
        {
            "distance_metric": "SiameseDistanceMetric.COSINE_DISTANCE",
            "margin": 0.5,
            "size_average": False,
            "gather_across_devices": False,
        },
    )


def test_refuses_other_columns_and_labels():
    loss, features = OnlineContrastiveLoss(TokenEncoder()), columns(3, 4, 6)
    with pytest.raises(ValueError, match=r"`OnlineContrastiveLoss` takes .*, got 3 columns"):
        loss(columns(3, 4, 6, 5), torch.ones(3))
    for labels in (None, torch.ones(2), torch.ones(3, 2)):
        with pytest.raises(
            ValueError, match=r"`OnlineContrastiveLoss` takes .* `1 if positive, 0 if negative`"
        ):
            loss(features, labels)
