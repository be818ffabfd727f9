"""Modifiers of losses beside those of sentence-transformers, over a model that both load."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.models import SentenceTransformer

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

STEMS = {
    "AdaptiveLayerLoss": "adaptive_layer",
    "CosineSimilarityLoss": "cosine_similarity",
    "Matryoshka2dLoss": "matryoshka2d",
    "MatryoshkaLoss": "matryoshka",
    "MultipleNegativesRankingLoss": "multiple_negatives_ranking",
    "TripletLoss": "triplet",
}
MODULES = {name: importlib.import_module(f"foolsgold.losses.{stem}") for name, stem in STEMS.items()}
OURS = SimpleNamespace(**{name: getattr(module, name) for name, module in MODULES.items()})
TEXTS = [
    ["the cat of gold", "a dog in the river", "iron and stone", "fish", "a bird is a bird"],
    ["gold cat", "the river dog is a dog", "stone and iron", "the fish is in the river of gold", "birds"],
    ["bird", "the bird of iron", "a river", "the stone", "of a cat and a dog"],
]
LAYERS = [
    {"n_layers_per_step": -1},
    {"n_layers_per_step": 2, "layer_weighting": "log", "kl_temperature": 0.7, "kl_div_weight": 0.5},
    {"n_layers_per_step": -1, "layer_weighting": "linear", "last_layer_weight": 0.5, "kl_temperature": 0},
    {"n_layers_per_step": -1, "layer_weighting": lambda layer: 3.0 - layer, "prior_layers_weight": 2.0},
]
DIMS = [
    {"matryoshka_dims": [32, 16, 8]},
    {"matryoshka_dims": [8, 32], "matryoshka_weights": [0.5, 2.0], "n_dims_per_step": 2},
]


@pytest.fixture(scope="module")
def peer():
    from sentence_transformers.sentence_transformer import losses

    return losses


@pytest.fixture
def models(tiny_bert_folder):
    """Ours and the peer's."""
    from sentence_transformers import SentenceTransformer as Peers

    kinds = (SentenceTransformer, Peers)
    return [kind(str(tiny_bert_folder), device="cpu").double().eval() for kind in kinds]


def ranking(module, model):
    return module.MultipleNegativesRankingLoss(model, scale=5.0)


def cosine(module, model):
    return module.CosineSimilarityLoss(model)


def triplet(module, model):
    return module.TripletLoss(model, triplet_margin=3.0)


INNER = {ranking: (2, None), triplet: (3, None), cosine: (2, [0.1, 0.9, 0.4, 0.7, 0.0])}


def outcome(module, model, name, inner, num_rows, options):
    """The value, and the gradients by the parameters' names in the model of `transformers`."""
    num_columns, labels = INNER[inner]
    model.zero_grad()
    loss = getattr(module, name)(model, inner(module, model), **options)
    features = [model.preprocess(column[:num_rows]) for column in TEXTS[:num_columns]]
    value = loss(features, None if labels is None else torch.tensor(labels[:num_rows]).double())
    value.backward()
    named = model[0].auto_model.named_parameters()
    return {"": value.detach(), **{key: x.grad for key, x in named if x.grad is not None}}


def agree(peer, models, name, inner, options):
    for num_rows in (1, 5):
        ours = outcome(OURS, models[0], name, inner, num_rows, options)
        theirs = outcome(peer, models[1], name, inner, num_rows, options)
        assert len(ours) > 20
        torch.testing.assert_close(ours, theirs)
    # Ours, around the peer's model.
    torch.testing.assert_close(outcome(OURS, models[1], name, inner, num_rows, options), theirs)


@pytest.mark.parametrize(("inner", "options"), list(zip(INNER, [DIMS[0], *DIMS], strict=True)))
def test_matryoshka(peer, models, inner, options):
    agree(peer, models, "MatryoshkaLoss", inner, options)


@pytest.mark.parametrize(("inner", "options"), list(zip([*INNER, ranking], LAYERS, strict=True)))
def test_adaptive_layer(peer, models, inner, options):
    agree(peer, models, "AdaptiveLayerLoss", inner, options)


@pytest.mark.parametrize(("inner", "layers"), list(zip([ranking, *INNER], LAYERS, strict=True)))
@pytest.mark.parametrize("dims", DIMS)
def test_matryoshka2d(peer, models, inner, layers, dims):
    agree(peer, models, "Matryoshka2dLoss", inner, {"n_dims_per_step": -1, **dims, **layers})


def test_the_peer_cuts_a_teachers_embeddings_without_scaling_them(peer, models):
    """A model compared with itself: the peer's is off where dimensions are cut."""

    class Distance(EmbeddingLoss):
        labels_are_embeddings = True

        def compute(self, embeddings, labels, batch):
            return nn.functional.mse_loss(embeddings[0], labels)

    options = {"matryoshka_dims": [32, 8]}
    features = [models[0].preprocess(TEXTS[0])]
    with torch.no_grad():
        own = nn.functional.normalize(models[0](dict(features[0]))["sentence_embedding"], dim=-1)
        theirs = peer.MatryoshkaLoss(models[1], peer.MSELoss(models[1]), **options)(features, own)
        ours = OURS.MatryoshkaLoss(models[0], Distance(models[0]), **options)(features, own)
    assert float(theirs) > 1e-3
    assert float(ours) < 1e-20


def test_constructors_and_configs_begin_like_the_peers(peer, models):
    import inspect

    for name, arguments in (
        ("MatryoshkaLoss", ([8, 32],)),
        ("AdaptiveLayerLoss", ()),
        ("Matryoshka2dLoss", ([8, 32],)),
    ):
        ours, theirs = (list(inspect.signature(getattr(x, name)).parameters.values()) for x in (OURS, peer))
        assert [(x.name, x.default) for x in ours[: len(theirs)]] == [(x.name, x.default) for x in theirs]
        assert all(x.kind is x.KEYWORD_ONLY for x in ours[len(theirs) :])
        config, expected = (
            getattr(module, name)(model, ranking(module, model), *arguments).get_config_dict()
            for module, model in zip((OURS, peer), models, strict=True)
        )
        assert expected.items() <= config.items()
