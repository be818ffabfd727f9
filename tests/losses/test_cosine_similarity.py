from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings
from torch import nn

from foolsgold.functional import cosine_similarity_loss
from foolsgold.losses import CosineSimilarityLoss

SCORES = torch.tensor([0.0, 1.0, 0.5, -0.25, 0.75], dtype=torch.float64)


def oracle(left, right, scores):
    total = 0.0
    for a, b, score in zip(left.tolist(), right.tolist(), scores.tolist(), strict=True):
        product = sum(x * y for x, y in zip(a, b, strict=True))
        total += (product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b)) - score) ** 2
    return total / len(scores)


def batch():
    return [embeddings(5, 4, seed=seed) for seed in range(2)]


def test_keeps_the_laws():
    def objective(left, right):
        return cosine_similarity_loss(left, right, SCORES)

    laws.equals_oracle(cosine_similarity_loss, oracle, *batch(), SCORES)
    laws.has_exact_gradient(objective, *batch())
    laws.is_finite_for_extremes(objective, *batch())
    laws.ignores_row_order(cosine_similarity_loss, *batch(), SCORES)
    laws.leaves_inputs_unchanged(cosine_similarity_loss, *batch(), SCORES)
    laws.ignores_lengths(cosine_similarity_loss, *batch(), SCORES)


def test_met_scores_have_no_signal():
    left = embeddings(5, 4)
    laws.is_zero_without_signal(lambda a, b: cosine_similarity_loss(a, b, torch.ones(5)), left, 2 * left)


def test_transformation_and_loss_are_the_callers():
    left, right = batch()
    cosines = torch.cosine_similarity(left, right)
    value = cosine_similarity_loss(
        left, right, SCORES, loss_fct=nn.L1Loss(), cos_score_transformation=nn.Sigmoid()
    )
    torch.testing.assert_close(value, (cosines.sigmoid() - SCORES).abs().mean())


def test_weights_count_rows():
    weights = torch.tensor([0, 1, 2, 0, 0.5], dtype=torch.float64)
    cosines = torch.cosine_similarity(*batch())
    expected = ((cosines - SCORES) ** 2 * weights).sum() / weights.sum()
    torch.testing.assert_close(cosine_similarity_loss(*batch(), SCORES, weights=weights), expected)
    features = columns(5, 4, 6)
    features[0]["row_weights"] = weights
    loss = CosineSimilarityLoss(TokenEncoder().double())
    inputs = [loss.model(dict(column))["sentence_embedding"] for column in columns(5, 4, 6)]
    torch.testing.assert_close(
        loss(features, SCORES), cosine_similarity_loss(*inputs, SCORES, weights=weights)
    )


def test_weights_need_the_squared_error():
    features = columns(5, 4, 6)
    features[0]["row_weights"] = torch.ones(5)
    with pytest.raises(ValueError, match="`CosineSimilarityLoss` weighs all rows alike"):
        CosineSimilarityLoss(TokenEncoder(), nn.L1Loss())(features, SCORES)
    with pytest.raises(ValueError, match="`weights` must be None beside a `loss_fct`"):
        cosine_similarity_loss(*batch(), SCORES, loss_fct=nn.L1Loss(), weights=SCORES)


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(lambda a, b: cosine_similarity_loss(a, b, SCORES), *batch())


@pytest.mark.parametrize(
    "labels",
    [torch.tensor([0.0, 1.0, 1.0]), torch.tensor([[0], [1], [1]]), torch.tensor([False, True, True])],
)
def test_module_takes_one_label_per_row(labels):
    model, features = TokenEncoder(), columns(3, 4, 6)
    left, right = (model(dict(column))["sentence_embedding"] for column in features)
    expected = cosine_similarity_loss(left, right, torch.tensor([0.0, 1.0, 1.0]))
    torch.testing.assert_close(CosineSimilarityLoss(model)(features, labels), expected)


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        (None, "no labels"),
        (torch.ones(2), r"\(2,\)"),
        (torch.ones(1, 3), r"\(1, 3\)"),
        (torch.ones(3, 2), r"\(3, 2\)"),
        (torch.tensor(1.0), r"\(\)"),
    ],
)
def test_refuses_other_labels(labels, got):
    with pytest.raises(ValueError, match=f"`CosineSimilarityLoss` takes .*, got {got}$"):
        CosineSimilarityLoss(TokenEncoder())(columns(3, 4, 6), labels)


@pytest.mark.parametrize("count", [1, 3])
def test_refuses_other_numbers_of_columns(count):
    with pytest.raises(ValueError, match=rf"takes .*, got {count} columns"):
        CosineSimilarityLoss(TokenEncoder())(columns(3, *[4] * count), torch.ones(3))


def test_cached_equals_direct():
    laws.cached_equals_direct(CosineSimilarityLoss(TokenEncoder().double()), columns(5, 4, 6), SCORES)


def test_no_module_is_shared_between_losses():
    first, second = CosineSimilarityLoss(TokenEncoder()), CosineSimilarityLoss(TokenEncoder())
    assert first.loss_fct is not second.loss_fct
    assert first.cos_score_transformation is not second.cos_score_transformation


def test_stores_its_arguments():
    laws.stores_its_arguments(
        CosineSimilarityLoss(TokenEncoder()),
        {
            "loss_fct": "torch.nn.modules.loss.MSELoss",
            "cos_score_transformation": "torch.nn.modules.linear.Identity",
        },
    )
