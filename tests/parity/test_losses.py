"""Values and gradients of the losses beside those of sentence-transformers, for every option."""

from __future__ import annotations

import copy
import inspect
import itertools

import pytest
import torch
from tests.losses.cases import CASES
from tests.losses.encoders import (
    FlatEncoder,
    Given,
    TokenEncoder,
    columns,
    embeddings,
    flat,
    padded,
    token_rows,
)

from foolsgold import losses

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
# The peer's names of the trained encoder, which is `model` in every loss here.
ENCODERS = ("sentence_embedder.", "encoder.", "model2.", "loss.model.", "loss.loss.model.")

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
WITH_PEER = [case for case in CASES if case.has_peer]
# What decides no number, or is compared elsewhere: the reason stands beside each.
UNCOMPARED = {
    "gather_across_devices": "needs ranks: tests/losses/test_ranks.py",
    "n_dims_per_step": "the peer draws from the global generator: tests/parity/test_modifiers.py",
    "n_layers_per_step": "the same",
    **dict.fromkeys(
        ("last_layer_weight", "prior_layers_weight", "kl_div_weight", "kl_temperature", "layer_weighting"),
        "layers need a model of transformers: tests/parity/test_modifiers.py",
    ),
}


@pytest.fixture(scope="module")
def peer():
    from sentence_transformers.sentence_transformer import losses as peer_losses

    return peer_losses


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


def batch_of(case, num_rows):
    """Token features without equal texts."""
    return [padded(token_rows(num_rows, 6, seed=num_rows + 20 * i)) for i in range(case.num_columns)]


def plain(name):
    """The name of a parameter, with the encoder as `model`."""
    for prefix in ENCODERS:
        if name.startswith(prefix):
            return "model." + name.removeprefix(prefix)
    return name


@pytest.mark.parametrize(
    ("case", "num_rows"),
    [
        pytest.param(case, num_rows, id=f"{case} rows={num_rows}")
        for case in WITH_PEER
        for num_rows in (2, 7, 16)
        if num_rows >= case.fewest_rows
    ],
)
def test_value_and_gradient_of_every_case(peer, case, num_rows):
    features, labels = batch_of(case, num_rows), case.labels_of(num_rows)
    outcomes = []
    state = None
    for package in (losses, peer):
        loss = case.build(package, case.encoder()).double()
        trained = {name: p for name, p in loss.named_parameters() if p.requires_grad}
        if state is None:
            state = {plain(name): p.detach().clone() for name, p in trained.items()}
        for name, parameter in trained.items():  # parameters that a loss owns are drawn by chance
            if package is peer and plain(name) in state:  # the peer trains a guide, too
                parameter.data.copy_(state[plain(name)].reshape(parameter.shape))
        value = loss([dict(column) for column in features], labels)
        value = torch.stack([*value.values()]).sum() if isinstance(value, dict) else value
        if value.requires_grad:
            value.backward()
        gradients = {plain(name): parameter.grad for name, parameter in trained.items()}
        outcomes.append((value.detach().double(), gradients))
    (value, gradients), (expected, their_gradients) = outcomes
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-8)
    assert gradients.keys() <= their_gradients.keys()
    assert all(name.startswith("guide.") for name in their_gradients.keys() - gradients.keys())
    for name, mine in gradients.items():
        theirs = their_gradients[name]
        mine = torch.zeros(()) if mine is None else mine
        theirs = torch.zeros_like(mine) if theirs is None else theirs
        torch.testing.assert_close(mine.reshape(theirs.shape), theirs, rtol=1e-4, atol=1e-7, msg=name)


def names_with_peer(peer):
    return sorted({case.name for case in CASES if hasattr(peer, case.name)})


def test_every_loss_of_the_peer_is_here(peer):
    known = {
        name
        for name, value in vars(peer).items()
        if inspect.isclass(value)
        and issubclass(value, torch.nn.Module)
        and name.endswith(("Loss", "Negatives"))
    }
    assert len(known) >= 28
    assert known <= set(losses.__all__)


def constructor_of(loss):
    """The parameters of a peer's class but `self`; some constructors are wrapped to warn."""
    function = loss.__init__
    while True:
        inner = [
            cell.cell_contents
            for cell in function.__closure__ or ()
            if inspect.isfunction(cell.cell_contents)
        ]
        parameters = list(inspect.signature(function).parameters.values())[1:]
        if {x.kind for x in parameters} != {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            return parameters
        (function,) = inner


def test_every_option_of_the_peer_is_compared(peer):
    missing = {}
    for name in names_with_peer(peer):
        parameters = constructor_of(getattr(peer, name))[1:]
        for parameter in parameters:
            if parameter.name in UNCOMPARED:
                continue
            given = [
                case.options[parameter.name]
                for case in CASES
                if case.name == name and (case.has_peer or name in LAYERED) and parameter.name in case.options
            ]
            if not any(value is not parameter.default for value in given):
                missing.setdefault(name, []).append(parameter.name)
    assert not missing


LAYERED = ("AdaptiveLayerLoss", "Matryoshka2dLoss")  # tests/parity/test_modifiers.py


def test_constructors_begin_like_the_peers(peer):
    plain = (int, float, bool, str, tuple, type(None))
    names = names_with_peer(peer)
    assert len(names) >= 28
    for name in names:
        ours = list(inspect.signature(getattr(losses, name)).parameters.values())
        theirs = constructor_of(getattr(peer, name))
        assert [x.name for x in ours[: len(theirs)]] == [x.name for x in theirs], name
        assert all(x.kind is x.KEYWORD_ONLY for x in ours[len(theirs) :]), name
        for x, y in zip(ours, theirs, strict=False):
            if name == "SoftmaxLoss" and y.default is y.empty:
                continue  # `sentence_embedding_dimension` may stand in
            assert x.default == y.default or not isinstance(y.default, plain), (name, x.name)


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
            optim="sgd",  # others divide by the size of a gradient, however small
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
