from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.margin_mse import MarginMSELoss, margin_mse_loss
from foolsgold.similarity import cos_sim, pairwise_cos_sim, pairwise_dot_score

SIMILARITIES = [pairwise_dot_score, pairwise_cos_sim]
MARGINS = embeddings(5, 3, seed=9)


def oracle(queries, positives, negatives, margins, *, similarity_fct):
    def similarity(a, b):
        product = sum(x * y for x, y in zip(a, b, strict=True))
        if similarity_fct is pairwise_dot_score:
            return product
        return product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    total = 0.0
    for query, positive, others, wanted in zip(
        *(x.tolist() for x in (queries, positives, negatives, margins)), strict=True
    ):
        for negative, margin in zip(others, wanted, strict=True):
            total += (similarity(query, positive) - similarity(query, negative) - margin) ** 2
    return total / margins.numel()


def batch():
    return embeddings(5, 4), embeddings(5, 4, seed=1), embeddings(5, 3, 4, seed=2)


def to_margins(*inputs):
    return margin_mse_loss(*inputs, MARGINS, similarity_fct=pairwise_cos_sim)


@pytest.mark.parametrize("similarity_fct", SIMILARITIES)
def test_keeps_the_laws(similarity_fct):
    def objective(*inputs):
        return margin_mse_loss(*inputs, similarity_fct=similarity_fct)

    laws.equals_oracle(
        objective, lambda *inputs: oracle(*inputs, similarity_fct=similarity_fct), *batch(), MARGINS
    )
    laws.has_exact_gradient(lambda *inputs: objective(*inputs, MARGINS), *batch())
    laws.ignores_row_order(objective, *batch(), MARGINS)
    laws.leaves_inputs_unchanged(lambda *inputs: objective(*inputs, MARGINS), *batch())


def test_is_finite_for_extremes():
    """Of dot products near the end of float32, the square has no number there."""
    laws.is_finite_for_extremes(to_margins, *batch())


def test_met_margins_have_no_signal():
    queries, positives, negatives = batch()
    margins = (queries.unsqueeze(1) * (positives.unsqueeze(1) - negatives)).sum(-1)
    laws.is_zero_without_signal(lambda *inputs: margin_mse_loss(*inputs, margins), *batch())


def test_rows_count_by_their_weight():
    repeated = torch.tensor([0, 1, 1, 4])
    weights = torch.tensor([1.0, 2.0, 0.0, 0.0, 1.0])
    torch.testing.assert_close(
        margin_mse_loss(*batch(), MARGINS, weights=weights),
        margin_mse_loss(*(x[repeated] for x in (*batch(), MARGINS))),
    )


def test_takes_matrix_forms_too():
    torch.testing.assert_close(
        margin_mse_loss(*batch(), MARGINS, similarity_fct=cos_sim), to_margins(*batch())
    )


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(to_margins, *batch())


def test_labels_are_margins_or_scores():
    model, features = TokenEncoder(), columns(5, 3, 9, 7, 4)
    scores = embeddings(5, 3, seed=4).float()
    queries, positives, *negatives = (model(dict(column))["sentence_embedding"] for column in features)
    loss = MarginMSELoss(model, pairwise_cos_sim)
    margins = scores[:, :1] - scores[:, 1:]
    expected = margin_mse_loss(
        queries, positives, torch.stack(negatives, 1), margins, similarity_fct=pairwise_cos_sim
    )
    torch.testing.assert_close(loss(features, margins), expected)
    torch.testing.assert_close(loss(features, scores), expected)
    one = loss(features[:3], margins[:, :1])
    torch.testing.assert_close(loss(features[:3], margins[:, 0]), one)
    torch.testing.assert_close(loss(features[:3], scores[:, :2]), one)
    whole = torch.tensor([[2, 1]] * 5)
    torch.testing.assert_close(loss(features[:3], whole.to(torch.uint8).flip(1)), loss(features[:3], -whole))


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        (None, "no labels"),
        (torch.ones(3), r"\(3,\)"),
        (torch.ones(3, 1), r"\(3, 1\)"),
        (torch.ones(3, 4), r"\(3, 4\)"),
        (torch.ones(2, 3), r"\(2, 3\)"),
    ],
)
def test_refuses_other_labels(labels, got):
    with pytest.raises(ValueError, match=rf"`MarginMSELoss` takes \(query, positive, .*, got {got}$"):
        MarginMSELoss(TokenEncoder())(columns(3, 4, 6, 5, 3), labels)


def test_refuses_pairs():
    with pytest.raises(ValueError, match=r"takes .*, got 2 columns"):
        MarginMSELoss(TokenEncoder())(columns(3, 4, 6), torch.ones(3))


def test_cached_equals_direct():
    loss = MarginMSELoss(TokenEncoder().double())
    laws.cached_equals_direct(loss, columns(5, 4, 6, 5), embeddings(5))


def test_stores_its_arguments():
    laws.stores_its_arguments(MarginMSELoss(TokenEncoder()), {"similarity_fct": "pairwise_dot_score"})
