from __future__ import annotations

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.global_orthogonal_regularization import (
    GlobalOrthogonalRegularizationLoss,
    global_orthogonal_regularization_loss,
)
from foolsgold.similarity import cos_sim, dot_score, euclidean_sim, manhattan_sim

SIMILARITIES = [cos_sim, dot_score, euclidean_sim, manhattan_sim]


def oracle(embeddings, *, similarity_fct):
    pairs = [
        similarity_fct(a, b).item()
        for i, a in enumerate(embeddings)
        for j, b in enumerate(embeddings)
        if i != j
    ]
    first, second = (sum(x**power for x in pairs) / len(pairs) for power in (1, 2))
    return first**2 + max(0.0, second - 1 / embeddings.shape[1])


def objective(similarity_fct):
    return lambda x: sum(global_orthogonal_regularization_loss(x, similarity_fct=similarity_fct))


@pytest.mark.parametrize("shape", [(7, 3), (5, 12)])
@pytest.mark.parametrize("similarity_fct", SIMILARITIES)
def test_keeps_the_laws(similarity_fct, shape):
    inputs = embeddings(*shape)
    laws.equals_oracle(objective(similarity_fct), lambda x: oracle(x, similarity_fct=similarity_fct), inputs)
    laws.has_exact_gradient(objective(similarity_fct), inputs)
    laws.ignores_row_order(objective(similarity_fct), inputs)
    laws.leaves_inputs_unchanged(objective(similarity_fct), inputs)
    if similarity_fct is not dot_score:  # whose squares are past float32 for embeddings of 1e18
        laws.is_finite_for_extremes(objective(similarity_fct), inputs)
    if similarity_fct is cos_sim:
        laws.ignores_lengths(objective(similarity_fct), inputs)


@pytest.mark.parametrize("similarity_fct", SIMILARITIES)
@pytest.mark.parametrize("dimension", [1, 6])
def test_one_row_has_no_signal(similarity_fct, dimension):
    laws.is_zero_without_signal(objective(similarity_fct), embeddings(1, dimension))


def test_orthogonal_rows_have_no_signal():
    laws.is_zero_without_signal(objective(cos_sim), torch.eye(6, dtype=torch.float64))


@pytest.mark.parametrize("similarity_fct", [cos_sim, dot_score])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_closed_form_equals_the_matrix(similarity_fct, dtype):
    x = embeddings(200, 8, dtype=dtype).requires_grad_()
    closed = global_orthogonal_regularization_loss(x, similarity_fct=similarity_fct)
    plain = global_orthogonal_regularization_loss(x, similarity_fct=lambda a, b: similarity_fct(a, b))
    torch.testing.assert_close(closed, plain)
    torch.testing.assert_close(
        torch.autograd.grad(sum(closed), x), torch.autograd.grad(sum(plain), x), rtol=1e-5, atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(7, 3), (5, 12)])
def test_compiles_whole(shape):
    laws.compiles_whole(objective(cos_sim), embeddings(*shape))


@pytest.mark.parametrize("aggregation", ["mean", "sum"])
def test_module_is_the_function(aggregation):
    model, features = TokenEncoder(), columns(5, 3, 9, 4)
    terms = [
        global_orthogonal_regularization_loss(
            model(dict(column))["sentence_embedding"], similarity_fct=dot_score
        )
        for column in features
    ]
    mean, second = (sum(x) / (3 if aggregation == "mean" else 1) for x in zip(*terms, strict=True))
    loss = GlobalOrthogonalRegularizationLoss(model, dot_score, 0.5, 2.0, aggregation)
    torch.testing.assert_close(loss(features), {"gor_mean": 0.5 * mean, "gor_second_moment": 2.0 * second})


def test_terms_without_weight_are_left_out():
    model, features = TokenEncoder(), columns(5, 3)
    assert [*GlobalOrthogonalRegularizationLoss(model, mean_weight=0.0)(features)] == ["gor_second_moment"]
    assert [*GlobalOrthogonalRegularizationLoss(model, second_moment_weight=None)(features)] == ["gor_mean"]


def test_cached_equals_direct():
    class Summed(GlobalOrthogonalRegularizationLoss):
        def forward(self, sentence_features, labels=None):
            return sum(super().forward(sentence_features, labels).values())

    laws.cached_equals_direct(Summed(TokenEncoder().double()), columns(5, 3, 9), None)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        GlobalOrthogonalRegularizationLoss(TokenEncoder()),
        {
            "similarity_fct": "cos_sim",
            "mean_weight": 1.0,
            "second_moment_weight": 1.0,
            "aggregation": "mean",
            "gather_across_devices": False,
        },
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean_weight": None, "second_moment_weight": 0.0}, "must be other than 0, got None and 0.0"),
        ({"aggregation": "max"}, r"`aggregation` must be one of \['mean', 'sum'\], got 'max'"),
    ],
)
def test_refuses_options_outside_their_range(options, message):
    with pytest.raises(ValueError, match=message):
        GlobalOrthogonalRegularizationLoss(TokenEncoder(), **options)


def test_refuses_no_columns():
    with pytest.raises(ValueError, match="takes any text columns with no labels, got 0 columns"):
        GlobalOrthogonalRegularizationLoss(TokenEncoder()).compute_loss_from_embeddings([])
