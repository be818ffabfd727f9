from __future__ import annotations

import logging
import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import FlatEncoder, TokenEncoder, columns, embeddings, flat, token_rows
from torch import nn

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.cosine_similarity import CosineSimilarityLoss, cosine_similarity_loss
from foolsgold.losses.matryoshka import MatryoshkaLoss, matryoshka_loss
from foolsgold.losses.multiple_negatives_ranking import MultipleNegativesRankingLoss
from foolsgold.losses.triplet import TripletLoss
from foolsgold.losses.weighted_sum import WeightedSumLoss
from foolsgold.similarity import normalize_embeddings, pairwise_dot_score

DIMS, WEIGHTS = [4, 2, 1], [1.0, 0.5, 2.0]


class Distance(EmbeddingLoss):
    """Mean squared distance to a teacher's embeddings."""

    labels_are_embeddings = True

    def compute(self, embeddings, labels, batch):
        return (
            (torch.stack(embeddings, dim=1) - labels.view(len(labels), -1, labels.shape[-1])).square().mean()
        )


def dots(tensors):
    """Mean of products of pairs, so that lengths count."""
    left, right = tensors
    return pairwise_dot_score(left, right).square().mean()


def oracle(left, right, *, normalize=True):
    total = 0.0
    for dim, weight in zip(DIMS, WEIGHTS, strict=True):
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            product = sum(x * y for x, y in zip(a[:dim], b[:dim], strict=True))
            if normalize:
                product /= math.sqrt(sum(x * x for x in a[:dim]) * sum(y * y for y in b[:dim]))
            total += weight * product**2 / len(left)
    return total


def objective(**options):
    def of(*columns):
        return matryoshka_loss(dots, columns, matryoshka_dims=DIMS, matryoshka_weights=WEIGHTS, **options)

    return of


def batch():
    return [embeddings(5, 4, seed=seed) for seed in range(2)]


@pytest.mark.parametrize("normalize", [True, False])
def test_keeps_the_laws(normalize):
    one = objective(normalize=normalize)
    laws.equals_oracle(one, lambda *inputs: oracle(*inputs, normalize=normalize), *batch())
    laws.has_exact_gradient(one, *batch())
    laws.ignores_row_order(one, *batch())
    laws.leaves_inputs_unchanged(one, *batch())


def test_normalised_it_is_finite_and_ignores_lengths():
    laws.is_finite_for_extremes(objective(), *batch())
    laws.ignores_lengths(objective(), *batch())


def test_met_scores_have_no_signal():
    def scored(left, right):
        return matryoshka_loss(
            lambda tensors: cosine_similarity_loss(*tensors, torch.ones(5)),
            [left, right],
            matryoshka_dims=DIMS,
        )

    left = embeddings(5, 4)
    laws.is_zero_without_signal(scored, left, 2 * left)


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(objective(), *batch())


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_module_is_the_function(weights):
    model, features = TokenEncoder(), columns(5, 3, 9)
    inner = MultipleNegativesRankingLoss(model)
    inputs = [model(dict(column))["sentence_embedding"] for column in features]
    expected = matryoshka_loss(
        inner.compute_loss_from_embeddings, inputs, matryoshka_dims=[2, 6, 4], matryoshka_weights=weights
    )
    model.calls.clear()
    loss = MatryoshkaLoss(model, inner, [2, 6, 4], weights)
    torch.testing.assert_close(loss(features), expected)
    assert len(model.calls) == 2
    assert loss.matryoshka_dims == (6, 4, 2)
    assert loss.matryoshka_weights == ((1, 1, 1) if weights is None else (0.5, 2.0, 1.0))


def test_components_are_summed_by_name():
    model, features, scores = TokenEncoder(), columns(5, 3, 9), torch.rand(5)
    parts = {"ranking": MultipleNegativesRankingLoss(model), "scores": CosineSimilarityLoss(model)}
    both = MatryoshkaLoss(model, WeightedSumLoss(model, parts), [6, 2])(features, scores)
    for name, part in parts.items():
        torch.testing.assert_close(both[name], MatryoshkaLoss(model, part, [6, 2])(features, scores))


def test_modifiers_may_be_nested():
    model, features = TokenEncoder(), columns(5, 3, 9)
    inner = MultipleNegativesRankingLoss(model)
    twice = MatryoshkaLoss(model, MatryoshkaLoss(model, inner, [2]), [6, 4])
    torch.testing.assert_close(twice(features), 2 * MatryoshkaLoss(model, inner, [2])(features))


def test_cached_equals_direct():
    model = TokenEncoder().double()
    loss = MatryoshkaLoss(model, MultipleNegativesRankingLoss(model), [6, 3, 1], [1, 2, 3])
    laws.cached_equals_direct(loss, columns(5, 3, 9), None)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("stacked", [False, True])
def test_a_teachers_embeddings_are_cut_as_the_models(normalize, stacked):
    model, features = TokenEncoder().double(), columns(5, 3, 9)[: 1 + stacked]
    own = torch.stack([model(dict(column))["sentence_embedding"] for column in features], dim=1).detach()
    labels = normalize_embeddings(own) if normalize else own
    labels = labels if stacked else labels[:, 0]
    loss = MatryoshkaLoss(model, Distance(model), [6, 3, 2], normalize=normalize)
    given = labels.clone()
    torch.testing.assert_close(loss(features, labels), torch.zeros((), dtype=torch.float64))
    assert torch.equal(labels, given)


def test_other_labels_are_handed_on():
    model, features = TokenEncoder(), columns(5, 3, 9)

    class Seen(EmbeddingLoss):
        def compute(self, embeddings, labels, batch):
            assert labels is wanted
            return embeddings[0].sum()

    for wanted in (None, torch.rand(5), torch.rand(5, 6)):
        MatryoshkaLoss(model, Seen(model), [6, 2])(features, wanted)


def test_draws_differ_by_step_and_come_again():
    model, features = TokenEncoder(), columns(5, 3, 9)
    inner = MultipleNegativesRankingLoss(model)
    alone = [MatryoshkaLoss(model, inner, [dim])(features) for dim in (6, 4, 2, 1)]
    loss = MatryoshkaLoss(model, inner, [1, 2, 4, 6], n_dims_per_step=2)
    values = [loss(features) for _ in range(60)]
    sums = [alone[i] + alone[j] for i in range(4) for j in range(i)]
    counts = [sum(bool(torch.isclose(value, one)) for value in values) for one in sums]
    assert sum(counts) == 60
    assert min(counts) > 2
    assert [loss(features) for _ in range(60)] != values
    loss.set_training_step(0)
    assert [loss(features) for _ in range(60)] == values


def test_evaluation_gives_the_mean_over_draws():
    model, features = TokenEncoder(), columns(5, 3, 9)
    inner = MultipleNegativesRankingLoss(model)
    loss = MatryoshkaLoss(model, inner, [1, 2, 4, 6], [1, 2, 3, 4], n_dims_per_step=1).eval()
    whole = MatryoshkaLoss(model, inner, [1, 2, 4, 6], [1, 2, 3, 4]).eval()
    torch.testing.assert_close(loss(features), whole(features) / 4)
    assert loss(features) == loss(features)


def test_stores_its_arguments():
    model = TokenEncoder()
    laws.stores_its_arguments(
        MatryoshkaLoss(model, TripletLoss(model), [2, 6], n_dims_per_step=1),
        {
            "loss": "TripletLoss",
            "matryoshka_dims": (6, 2),
            "matryoshka_weights": (1, 1),
            "n_dims_per_step": 1,
            "normalize": True,
            "seed": 0,
        },
    )


@pytest.mark.parametrize(
    ("dims", "options", "message"),
    [
        ([], {}, r"`matryoshka_dims` must be whole numbers from 1, got \[\]"),
        ([6, 0], {}, r"must be whole numbers from 1, got \[6, 0\]"),
        ([7], {}, "`matryoshka_dims` must be at most 6, the model's dimension, got 7"),
        ([6, 2], {"matryoshka_weights": [1]}, "`matryoshka_weights` must be 2, one per dimension, got 1"),
        ([6, 2], {"n_dims_per_step": 0}, "`n_dims_per_step` must be -1 or at least 1, got 0"),
    ],
)
def test_refuses_other_options(dims, options, message):
    model = TokenEncoder()
    with pytest.raises(ValueError, match=message):
        MatryoshkaLoss(model, TripletLoss(model), dims, **options)


def test_refuses_dims_past_the_embeddings_at_the_first_batch():
    model = FlatEncoder()  # which does not say its dimension
    loss = MatryoshkaLoss(model, MultipleNegativesRankingLoss(model), [7, 2])
    with pytest.raises(ValueError, match="`matryoshka_dims` must be at most 6, the embeddings' width, got 7"):
        loss([flat(token_rows(3, 4, seed)) for seed in range(2)])


def test_refuses_a_head_of_fixed_width():
    class Head(EmbeddingLoss):
        def __init__(self, model):
            super().__init__(model)
            self.classifier = nn.Linear(18, 2)

    model = TokenEncoder()
    message = r"must take embeddings of any dimension, got Head with `classifier.weight` \(2, 18\)"
    with pytest.raises(ValueError, match=message):
        MatryoshkaLoss(model, Head(model), [6, 2])
    MatryoshkaLoss(model, Head(model), [6])


def test_says_that_the_uncut_embedding_is_not_trained(caplog):
    model = TokenEncoder()
    with caplog.at_level(logging.WARNING, logger="foolsgold"):
        MatryoshkaLoss(model, TripletLoss(model), [4, 2])
        MatryoshkaLoss(model, TripletLoss(model), [6, 2])
    assert [record.getMessage() for record in caplog.records] == [
        "`matryoshka_dims` lacks 6, the model's dimension: nothing trains the uncut embedding"
    ]
