from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import FlatEncoder, columns, embeddings
from tests.losses.layered import LayeredEncoder

from foolsgold.losses.adaptive_layer import AdaptiveLayerLoss, adaptive_layer_loss
from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.cosine_similarity import CosineSimilarityLoss
from foolsgold.losses.matryoshka import MatryoshkaLoss
from foolsgold.losses.multiple_negatives_ranking import MultipleNegativesRankingLoss
from foolsgold.losses.parts.layers import embed_layers
from foolsgold.losses.triplet import TripletLoss
from foolsgold.losses.weighted_sum import WeightedSumLoss
from foolsgold.similarity import pairwise_cos_sim

OPTIONS = {
    "last_layer_weight": 0.5,
    "prior_layers_weight": 2.0,
    "kl_div_weight": 0.25,
    "kl_temperature": 0.7,
}


class OwnEmbed(EmbeddingLoss):
    def embed(self, features):
        return super().embed(features)


def cosines(tensors):
    return (1 - pairwise_cos_sim(*tensors)).mean()


def softmax(numbers):
    powers = [math.exp(x - max(numbers)) for x in numbers]
    return [power / sum(powers) for power in powers]


def oracle(left, right, *, layer_weights):
    def cosine_distance(a, b):
        product = sum(x * y for x, y in zip(a, b, strict=True))
        return 1 - product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    pairs = list(zip(left.tolist(), right.tolist(), strict=True))
    total = 0.0
    for layer in range(left.shape[1]):
        weight = 0.5 if layer == 0 else 2.0 * layer_weights[layer - 1] / len(layer_weights)
        total += weight * sum(cosine_distance(a[layer], b[layer]) for a, b in pairs) / len(pairs)
    for text in left.tolist() + right.tolist():
        teacher, *students = [softmax([x / 0.7 for x in layer]) for layer in text]
        for student in students:
            divergence = sum(p * math.log(p / q) for p, q in zip(teacher, student, strict=True))
            total += 0.25 * 0.7 * divergence / (2 * len(pairs))
    return total


def objective(*tensors):
    return adaptive_layer_loss(cosines, tensors, layer_weights=[1.0, 0.25], **OPTIONS)


def without_teacher(*tensors):
    """Finite differences see the teacher move; with its weight at 0 the gradient is whole."""
    return adaptive_layer_loss(cosines, tensors, layer_weights=[1.0, 0.25], kl_div_weight=0.0)


def batch():
    return [embeddings(5, 3, 4, seed=seed) for seed in range(2)]


def test_keeps_the_laws():
    laws.equals_oracle(objective, lambda *inputs: oracle(*inputs, layer_weights=[1.0, 0.25]), *batch())
    laws.has_exact_gradient(without_teacher, *batch())
    laws.is_finite_for_extremes(objective, *batch())
    laws.ignores_row_order(objective, *batch())
    laws.leaves_inputs_unchanged(objective, *batch())


def test_the_divergence_teaches_prior_layers_alone():
    last, prior = (embeddings(5, 1, 4, seed=seed) for seed in range(2))

    def divergence(last, prior):
        return adaptive_layer_loss(lambda tensors: 0 * tensors[0].sum(), [torch.cat([last, prior], dim=1)])

    leaves = [last.clone().requires_grad_(), prior.clone().requires_grad_()]
    divergence(*leaves).backward()
    assert leaves[0].grad.abs().sum() == 0
    assert leaves[1].grad.abs().sum() > 0
    laws.has_exact_gradient(lambda prior: divergence(last, prior), prior)


def test_equal_layers_have_no_signal():
    layers = embeddings(5, 1, 4).expand(5, 3, 4)
    laws.is_zero_without_signal(objective, layers, 2 * layers[:, :1].expand(5, 3, 4))


def test_options_turn_terms_off():
    left, right = batch()
    last = cosines([left[:, 0], right[:, 0]])
    torch.testing.assert_close(adaptive_layer_loss(cosines, [left[:, :1], right[:, :1]]), last)
    torch.testing.assert_close(
        adaptive_layer_loss(cosines, [left, right], prior_layers_weight=0.0, kl_temperature=0.0), last
    )


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(objective, *batch())


@pytest.mark.parametrize(
    ("weighting", "weights"),
    [
        ("uniform", [1, 1, 1]),
        ("linear", [1, 1 / 2, 1 / 3]),
        ("log", [1, 1 / (1 + math.log(2)), 1 / (1 + math.log(3))]),
        (lambda layer: 10.0**layer, [1, 10, 100]),
    ],
)
def test_module_is_the_function(weighting, weights):
    model, features = LayeredEncoder(), columns(5, 3, 9)
    inner = MultipleNegativesRankingLoss(model)
    inputs = [embed_layers(model, dict(column), range) for column in features]
    expected = adaptive_layer_loss(
        inner.compute_loss_from_embeddings, inputs, layer_weights=weights, **OPTIONS
    )
    model[0].auto_model.num_calls = 0
    loss = AdaptiveLayerLoss(model, inner, -1, *OPTIONS.values(), weighting)
    torch.testing.assert_close(loss(features), expected)
    assert model[0].auto_model.num_calls == 2
    torch.testing.assert_close(loss.compute_loss_from_embeddings(inputs), expected)


def test_components_are_summed_by_name():
    model, features, scores = LayeredEncoder(), columns(5, 3, 9), torch.rand(5)
    parts = {"ranking": MultipleNegativesRankingLoss(model), "scores": CosineSimilarityLoss(model)}
    value = AdaptiveLayerLoss(model, WeightedSumLoss(model, parts), -1)(features, scores)
    assert list(value) == ["ranking", "scores", "layer_kl"]
    whole = [AdaptiveLayerLoss(model, part, -1)(features, scores) for part in parts.values()]
    torch.testing.assert_close(value["ranking"] + value["scores"] + 2 * value["layer_kl"], sum(whole))


def test_cached_equals_direct():
    model = LayeredEncoder().double()
    loss = AdaptiveLayerLoss(model, MultipleNegativesRankingLoss(model), -1)
    laws.cached_equals_direct(loss, columns(5, 3, 9), None)


def test_a_replay_chooses_the_layers_of_its_forward():
    model, features = LayeredEncoder().double(), columns(5, 3, 9)
    loss = AdaptiveLayerLoss(model, MultipleNegativesRankingLoss(model))
    gradients = []
    for size in (None, 2):
        loss.chunk_size = None
        if size:
            loss.cached(size)
        loss.set_training_step(0)
        model.zero_grad()
        first, second = loss(features), loss(features)
        assert first != second
        (first + 3 * second).backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    torch.testing.assert_close(*gradients)


def test_draws_differ_by_step_and_come_again():
    model, features = LayeredEncoder(), columns(5, 3, 9)
    loss = AdaptiveLayerLoss(model, MultipleNegativesRankingLoss(model))
    values = [loss(features).item() for _ in range(30)]
    assert len(set(values)) == 3
    assert min(values.count(value) for value in set(values)) > 3
    loss.set_training_step(0)
    assert [loss(features).item() for _ in range(30)] == values
    loss.eval()
    assert loss(features).item() == pytest.approx(sum(set(values)) / 3, rel=1e-5)


def test_more_layers_than_there_are_is_all_of_them():
    model, features = LayeredEncoder(), columns(5, 3, 9)
    some, every = (AdaptiveLayerLoss(model, MultipleNegativesRankingLoss(model), count) for count in (9, -1))
    assert some(features) == every(features)
    assert some.eval()(features) == every(features)


def test_stores_its_arguments():
    model = LayeredEncoder()
    laws.stores_its_arguments(
        AdaptiveLayerLoss(model, TripletLoss(model)),
        {
            "loss": "TripletLoss",
            "n_layers_per_step": 1,
            "last_layer_weight": 1.0,
            "prior_layers_weight": 1.0,
            "kl_div_weight": 1.0,
            "kl_temperature": 0.3,
            "layer_weighting": "uniform",
            "seed": 0,
        },
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_layers_per_step": 0}, "`n_layers_per_step` must be -1 or at least 1, got 0"),
        ({"kl_temperature": -1.0}, "`kl_temperature` must be at least 0, got -1.0"),
        ({"layer_weighting": "sqrt"}, r"`layer_weighting` must be one of \['uniform', .*, got 'sqrt'"),
    ],
)
def test_refuses_other_options(options, message):
    model = LayeredEncoder()
    with pytest.raises(ValueError, match=message):
        AdaptiveLayerLoss(model, TripletLoss(model), **options)


def test_refuses_what_has_no_layers():
    model = FlatEncoder()
    with pytest.raises(TypeError, match="`model` must be a model of `transformers`"):
        AdaptiveLayerLoss(model, TripletLoss(model))
    model = LayeredEncoder()
    for loss in (OwnEmbed(model), MatryoshkaLoss(model, OwnEmbed(model), [6])):
        with pytest.raises(TypeError, match="`loss` must take one embedding of `model` per text, got"):
            AdaptiveLayerLoss(model, loss)
    inputs = [embeddings(5, 6, seed=seed) for seed in range(3)]
    with pytest.raises(ValueError, match=r"takes embeddings \(B, 1 \+ N, D\) .*, got \(5, 6\)"):
        AdaptiveLayerLoss(model, TripletLoss(model)).compute_loss_from_embeddings(inputs)
