"""Values and gradients of the losses beside those of sentence-transformers."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from tests.losses.encoders import FlatEncoder, TokenEncoder, columns, embeddings, flat, token_rows
from torch import nn

from foolsgold import losses

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

DIRECTIONS = [
    ("query_to_doc", *others)
    for count in range(4)
    for others in itertools.combinations(("query_to_query", "doc_to_query", "doc_to_doc"), count)
]
HARDNESS = ["in_batch_negatives", "hard_negatives", "all_negatives"]
TEXTS = [
    ["the cat of gold", "a dog in the river", "iron and stone", "fish"],
    ["gold cat", "the river dog is a dog", "stone and iron", "the fish is in the river of gold"],
    ["bird", "the bird of iron", "a river", "the stone"],
]


@pytest.fixture(scope="module")
def peer():
    from sentence_transformers.sentence_transformer import losses as peer_losses

    return peer_losses


class Given(nn.Module):
    """An encoder whose embeddings are its features."""

    def forward(self, features):
        return {**features, "sentence_embedding": features["embedding"]}


def value_and_gradients(loss, inputs, labels=None):
    leaves = [x.clone().requires_grad_() for x in inputs]
    value = loss([{"embedding": leaf} for leaf in leaves], labels)
    value.backward()
    return [value.detach(), *(leaf.grad for leaf in leaves)]


def agree(ours, theirs, num_columns, num_rows, labels=None):
    for seed in range(3):
        inputs = [embeddings(num_rows, 8, seed=10 * seed + i) for i in range(num_columns)]
        torch.testing.assert_close(
            value_and_gradients(ours, inputs, labels), value_and_gradients(theirs, inputs, labels)
        )


@pytest.mark.parametrize("num_columns", [2, 3, 5])
@pytest.mark.parametrize("directions", DIRECTIONS)
def test_multiple_negatives_ranking(peer, num_columns, directions):
    modes = [{}, *({"hardness_mode": mode, "hardness_strength": 4.0} for mode in HARDNESS)]
    partitions = (
        ["joint"] if set(directions) & {"query_to_query", "doc_to_doc"} else ["joint", "per_direction"]
    )
    for mode, partition, num_rows in itertools.product(modes, partitions, (1, 2, 7)):
        options = {"directions": directions, "partition_mode": partition, "scale": 11.0, **mode}
        ours = losses.MultipleNegativesRankingLoss(Given(), **options)
        theirs = peer.MultipleNegativesRankingLoss(Given(), **options)
        agree(ours, theirs, num_columns, num_rows)


def test_multiple_negatives_ranking_with_other_similarities(peer):
    from sentence_transformers import util

    from foolsgold import similarity

    for name in ("dot_score", "euclidean_sim", "manhattan_sim"):
        options = {"scale": 0.5, "directions": DIRECTIONS[-1]}
        agree(
            losses.MultipleNegativesRankingLoss(Given(), similarity_fct=getattr(similarity, name), **options),
            peer.MultipleNegativesRankingLoss(Given(), similarity_fct=getattr(util, name), **options),
            num_columns=3,
            num_rows=5,
        )


@pytest.mark.parametrize("metric", ["COSINE", "EUCLIDEAN", "MANHATTAN"])
@pytest.mark.parametrize("margin", [0.3, 5])
def test_triplet(peer, metric, margin):
    ours, theirs = (getattr(x.TripletDistanceMetric, metric) for x in (losses, peer))
    agree(
        losses.TripletLoss(Given(), distance_metric=ours, triplet_margin=margin),
        peer.TripletLoss(Given(), distance_metric=theirs, triplet_margin=margin),
        num_columns=3,
        num_rows=6,
    )
    # The peer's distances are functions, which ours takes as they are.
    agree(losses.TripletLoss(Given(), theirs, margin), peer.TripletLoss(Given(), theirs, margin), 3, 6)


@pytest.mark.parametrize("options", [{}, {"loss_fct": nn.L1Loss(), "cos_score_transformation": nn.Sigmoid()}])
def test_cosine_similarity(peer, options):
    labels = torch.tensor([0.0, 0.25, 1.0, 0.5])
    agree(
        losses.CosineSimilarityLoss(Given(), **options),
        peer.CosineSimilarityLoss(Given(), **options),
        2,
        4,
        labels,
    )


@pytest.mark.parametrize("name", ["MultipleNegativesRankingLoss", "TripletLoss", "CosineSimilarityLoss"])
def test_constructors_begin_like_the_peers(peer, name):
    import inspect

    ours = list(inspect.signature(getattr(losses, name)).parameters.values())
    theirs = list(inspect.signature(getattr(peer, name)).parameters.values())
    assert [x.name for x in ours[: len(theirs)]] == [x.name for x in theirs]
    assert all(x.kind is x.KEYWORD_ONLY for x in ours[len(theirs) :])
    plain = (int, float, bool, str, tuple, type(None))
    for x, y in zip(ours, theirs, strict=False):
        assert x.default == y.default or not isinstance(y.default, plain)
    config, expected = (getattr(x, name)(Given()).get_config_dict() for x in (losses, peer))
    assert expected.items() <= config.items()


@pytest.mark.parametrize("encoder", ["padded", "flat"])
def test_parameters_of_an_encoder(peer, encoder):
    if encoder == "padded":
        model, features = TokenEncoder().double(), columns(5, 4, 9, 7)
    else:
        model, features = FlatEncoder().double(), [flat(token_rows(5, 6, seed)) for seed in range(3)]
    for name in ("MultipleNegativesRankingLoss", "TripletLoss"):
        outcomes = []
        for module in (losses, peer):
            loss = getattr(module, name)(copy.deepcopy(model))
            value = loss([dict(column) for column in features], None)
            value.backward()
            outcomes.append([value.detach(), *(p.grad for p in loss.parameters())])
        torch.testing.assert_close(*outcomes)


def peer_static(tokenizer):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        embedding = StaticEmbedding(tokenizer, embedding_dim=16)
    return SentenceTransformer(modules=[embedding], device="cpu")


def test_runs_on_the_peers_model(peer, tiny_tokenizer):
    model = peer_static(tiny_tokenizer)
    for name, texts in (("MultipleNegativesRankingLoss", TEXTS), ("TripletLoss", TEXTS)):
        outcomes = []
        for module in (losses, peer):
            model.zero_grad()
            value = getattr(module, name)(model)([model.preprocess(column) for column in texts], None)
            value.backward()
            outcomes.append([value.detach(), *(p.grad.clone() for p in model.parameters())])
        torch.testing.assert_close(*outcomes)


@pytest.mark.training
def test_trains_in_the_peers_trainer(peer, tiny_tokenizer, tmp_path):
    """Ours and theirs leave the same weights after two epochs."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

    dataset = Dataset.from_dict(dict(zip(("anchor", "positive", "negative"), TEXTS, strict=True)))
    weights = []
    for module in (losses, peer):
        model = peer_static(tiny_tokenizer)
        before = copy.deepcopy(model.state_dict())
        arguments = SentenceTransformerTrainingArguments(
            str(tmp_path / module.__name__),
            per_device_train_batch_size=2,
            num_train_epochs=2,
            learning_rate=0.1,
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        )
        loss = module.MultipleNegativesRankingLoss(model)
        SentenceTransformerTrainer(model=model, args=arguments, train_dataset=dataset, loss=loss).train()
        assert any(not torch.equal(before[key], value) for key, value in model.state_dict().items())
        weights.append(model.state_dict())
    torch.testing.assert_close(*weights)
