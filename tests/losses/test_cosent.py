from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold import similarity
from foolsgold.losses.cosent import CoSENTLoss, cosent_loss

SCORES = torch.tensor([0.0, 1.0, 0.5, 0.5, -0.25, 1.0, 0.75], dtype=torch.float64)
PAIRWISE = [
    similarity.pairwise_cos_sim,
    similarity.pairwise_dot_score,
    similarity.pairwise_manhattan_sim,
    similarity.pairwise_angle_sim,
]


def oracle(left, right, scores, *, scale=20.0, similarity_fct=similarity.pairwise_cos_sim):
    similarities, total = similarity_fct(left, right).tolist(), 1.0
    for i, y_i in enumerate(scores.tolist()):
        for j, y_j in enumerate(scores.tolist()):
            if y_i > y_j:
                total += math.exp(scale * (similarities[j] - similarities[i]))
    return math.log(total)


def batch():
    return [embeddings(7, 4, seed=seed) for seed in range(2)]


@pytest.mark.parametrize("similarity_fct", PAIRWISE)
def test_keeps_the_laws(similarity_fct):
    def objective(left, right, scores=SCORES):
        return cosent_loss(left, right, scores, scale=3.0, similarity_fct=similarity_fct)

    laws.equals_oracle(
        objective, lambda *x: oracle(*x, scale=3.0, similarity_fct=similarity_fct), *batch(), SCORES
    )
    laws.has_exact_gradient(objective, *batch())
    laws.is_finite_for_extremes(objective, *batch())
    laws.ignores_row_order(objective, *batch(), SCORES)
    if similarity_fct in (similarity.pairwise_cos_sim, similarity.pairwise_angle_sim):
        laws.ignores_lengths(lambda *x: objective(x[0], x[1]), *batch())


@pytest.mark.parametrize("scores", [torch.ones(7), torch.zeros(7, dtype=torch.bool), torch.full((7,), 3)])
def test_equal_scores_have_no_signal(scores):
    laws.is_zero_without_signal(lambda *x: cosent_loss(*x, scores), *batch())
    laws.is_finite_for_extremes(lambda *x: cosent_loss(*x, scores), *batch())


def test_one_row_has_no_signal():
    laws.is_zero_without_signal(lambda *x: cosent_loss(*x, SCORES[:1]), *(x[:1] for x in batch()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool])
def test_scores_of_any_dtype(dtype):
    scores = (SCORES > 0.4).to(dtype)
    torch.testing.assert_close(cosent_loss(*batch(), scores), cosent_loss(*batch(), scores.double()))


def test_far_ranked_scores_are_exact():
    """Sums of exponentials of thousands neither overflow nor lose the gradient."""
    inputs = [x * 60 for x in batch()]
    options = {"scale": 20.0, "similarity_fct": similarity.pairwise_dot_score}
    laws.has_exact_gradient(lambda *x: cosent_loss(*x, SCORES, **options), *inputs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_large_batch_equals_the_matrix_form(dtype):
    scores = (torch.rand(300, generator=torch.Generator().manual_seed(0)) * 9).round()
    inputs = [embeddings(300, 8, seed=seed, dtype=dtype).requires_grad_() for seed in range(2)]
    f = similarity.pairwise_cos_sim(*inputs) * 20
    pairs = torch.where(scores[:, None] > scores, f - f[:, None], -torch.inf).flatten()
    expected = torch.cat([pairs.new_zeros(1), pairs]).logsumexp(dim=0)
    value = cosent_loss(*inputs, scores)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(torch.autograd.grad(value, inputs), torch.autograd.grad(expected, inputs))


@pytest.mark.parametrize("name", ["cos_sim", "dot_score", "euclidean_sim", "manhattan_sim"])
def test_matrix_forms_stand_for_their_twins(name):
    matrix, twin = getattr(similarity, name), getattr(similarity, f"pairwise_{name}")
    torch.testing.assert_close(
        cosent_loss(*batch(), SCORES, similarity_fct=matrix),
        cosent_loss(*batch(), SCORES, similarity_fct=twin),
    )


def test_refuses_other_matrix_functions():
    with pytest.raises(ValueError, match=r"row by row and give shape \(7,\), got \(7, 7\)\nhint: "):
        cosent_loss(*batch(), SCORES, similarity_fct=lambda a, b: a @ b.T)


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(lambda *x: cosent_loss(*x, SCORES), *batch())
    laws.compiles_whole(lambda *x: cosent_loss(*x, SCORES > 0, similarity_fct=similarity.cos_sim), *batch())


def test_module_is_the_function():
    model, features = TokenEncoder(), columns(7, 3, 9)
    inputs = [model(dict(column))["sentence_embedding"] for column in features]
    loss = CoSENTLoss(model, 3.0, similarity.dot_score)
    expected = cosent_loss(*inputs, SCORES, scale=3.0, similarity_fct=similarity.pairwise_dot_score)
    torch.testing.assert_close(loss(features, SCORES), expected)
    torch.testing.assert_close(loss(features, SCORES[:, None]), expected)


def test_cached_equals_direct():
    laws.cached_equals_direct(CoSENTLoss(TokenEncoder().double()), columns(7, 3, 9), SCORES)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        CoSENTLoss(TokenEncoder()),
        {"scale": 20.0, "similarity_fct": "pairwise_cos_sim", "gather_across_devices": False},
    )


@pytest.mark.parametrize("labels", [None, torch.ones(2), torch.ones(3, 2)])
def test_refuses_other_labels(labels):
    with pytest.raises(ValueError, match=r"`CoSENTLoss` takes \(sentence_A, sentence_B\) pairs with labels"):
        CoSENTLoss(TokenEncoder())(columns(3, 4, 6), labels)


@pytest.mark.parametrize("count", [1, 3])
def test_refuses_other_numbers_of_columns(count):
    with pytest.raises(ValueError, match=rf"takes .*, got {count} columns"):
        CoSENTLoss(TokenEncoder())(columns(3, *[4] * count), torch.ones(3))


def test_refuses_a_scale_of_zero():
    with pytest.raises(ValueError, match="`scale` must be above 0, got 0"):
        CoSENTLoss(TokenEncoder(), scale=0)
