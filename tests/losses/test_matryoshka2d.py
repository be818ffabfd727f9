from __future__ import annotations

import pytest
import torch
from tests import laws
from tests.losses.encoders import columns, embeddings
from tests.losses.layered import LayeredEncoder

from foolsgold.losses.adaptive_layer import AdaptiveLayerLoss
from foolsgold.losses.matryoshka import MatryoshkaLoss
from foolsgold.losses.matryoshka2d import Matryoshka2dLoss, matryoshka2d_loss
from foolsgold.losses.multiple_negatives_ranking import MultipleNegativesRankingLoss
from foolsgold.losses.parts.layers import embed_layers
from foolsgold.losses.triplet import TripletLoss
from foolsgold.similarity import pairwise_dot_score

OPTIONS = {
    "last_layer_weight": 0.5,
    "prior_layers_weight": 2.0,
    "kl_div_weight": 0.25,
    "kl_temperature": 0.7,
}


def dots(tensors):
    return pairwise_dot_score(*tensors).square().mean()


def objective(*tensors, **options):
    return matryoshka2d_loss(
        dots, tensors, matryoshka_dims=[4, 2], matryoshka_weights=[1.0, 0.5], **OPTIONS, **options
    )


def oracle(left, right):
    """Layers and dims one by one; `test_adaptive_layer` has the divergence in loops."""
    total = 0.0
    for layer in range(3):
        for dim, weight in ((4, 1.0), (2, 0.5)):
            a, b = (x[:, layer, :dim] / x[:, layer, :dim].norm(dim=1, keepdim=True) for x in (left, right))
            pairs = zip(a.tolist(), b.tolist(), strict=True)
            cosines = [sum(p * q for p, q in zip(*pair, strict=True)) for pair in pairs]
            scale = weight * (0.5 if layer == 0 else 2.0 / 2)
            total += scale * sum(cosine**2 for cosine in cosines) / len(left)
    texts = torch.cat([left, right]) / 0.7
    teacher = texts[:, 0].softmax(1)
    for layer in (1, 2):
        student = texts[:, layer].softmax(1)
        total += 0.25 * 0.7 * float((teacher * (teacher / student).log()).sum(1).mean())
    return total


def batch():
    return [embeddings(5, 3, 4, seed=seed) for seed in range(2)]


def test_keeps_the_laws():
    laws.equals_oracle(objective, oracle, *batch())
    laws.is_finite_for_extremes(objective, *batch())
    laws.ignores_row_order(objective, *batch())
    laws.leaves_inputs_unchanged(objective, *batch())
    # Finite differences see the teacher of the divergence move.
    options = {"matryoshka_dims": [4, 2], "kl_temperature": 0.0}
    laws.has_exact_gradient(lambda *tensors: matryoshka2d_loss(dots, tensors, **options), *batch())


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(objective, *batch())


@pytest.mark.parametrize("normalize", [True, False])
def test_module_is_the_function(normalize):
    model, features = LayeredEncoder(), columns(5, 3, 9)
    inner = MultipleNegativesRankingLoss(model, similarity_fct=lambda a, b: a @ b.T)
    loss = Matryoshka2dLoss(model, inner, [2, 6], [0.5, 1.0], -1, -1, *OPTIONS.values(), normalize=normalize)
    inputs = [embed_layers(model, dict(column), range) for column in features]
    expected = matryoshka2d_loss(
        inner.compute_loss_from_embeddings,
        inputs,
        matryoshka_dims=[6, 2],
        matryoshka_weights=[1.0, 0.5],
        normalize=normalize,
        **OPTIONS,
    )
    torch.testing.assert_close(loss(features), expected)


def test_it_is_the_one_over_the_other():
    model, features = LayeredEncoder(), columns(5, 3, 9)
    inner = MultipleNegativesRankingLoss(model)
    loss = Matryoshka2dLoss(model, inner, [6, 3, 1], seed=4)
    of_dims = MatryoshkaLoss(model, inner, [6, 3, 1], n_dims_per_step=1, seed=4)
    other = AdaptiveLayerLoss(model, of_dims, seed=4)
    values = [loss(features).item() for _ in range(40)]
    assert [other(features).item() for _ in range(40)] == values
    # Each of three layers with each of three dims, for the last layer and for the prior one.
    assert 18 < len(set(values)) <= 27
    mean = loss.eval()(features).item()
    assert abs(sum(values) / 40 - mean) < 0.3 * mean


def test_cached_equals_direct():
    model = LayeredEncoder().double()
    loss = Matryoshka2dLoss(model, MultipleNegativesRankingLoss(model), [6, 3], None, -1, -1)
    laws.cached_equals_direct(loss, columns(5, 3, 9), None)


def test_stores_its_arguments():
    model = LayeredEncoder()
    laws.stores_its_arguments(
        Matryoshka2dLoss(model, TripletLoss(model), [2, 6]),
        {
            "loss": "TripletLoss",
            "matryoshka_dims": (6, 2),
            "matryoshka_weights": (1, 1),
            "n_layers_per_step": 1,
            "n_dims_per_step": 1,
            "last_layer_weight": 1.0,
            "prior_layers_weight": 1.0,
            "kl_div_weight": 1.0,
            "kl_temperature": 0.3,
            "layer_weighting": "uniform",
            "normalize": True,
            "seed": 0,
        },
    )
