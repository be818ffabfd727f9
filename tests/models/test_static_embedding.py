"""StaticEmbedding: the mean of a table's rows, drawn without the global generator."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from foolsgold.models import SentenceTransformer, StaticEmbedding

TEXTS = ["the cat", "", "a dog in the river", "zebra"]


def test_a_text_is_the_mean_of_its_tokens(tiny_static, tiny_tokenizer):
    table = tiny_static[0].embedding.weight.double()
    for text, embedding in zip(TEXTS, tiny_static.encode(TEXTS), strict=True):
        ids = tiny_tokenizer.encode(text, add_special_tokens=False).ids
        expected = table[ids].mean(dim=0) if ids else torch.zeros(16, dtype=torch.float64)
        np.testing.assert_allclose(embedding, expected.detach().numpy(), atol=1e-6)


def test_features_are_flat(tiny_static):
    features = tiny_static.preprocess(["the cat", "", "dog"])
    assert set(features) == {"input_ids", "offsets"}
    assert features["input_ids"].shape == (3,)
    assert features["offsets"].tolist() == [0, 2, 2]


def test_the_prompt_is_tokenised_with_the_text(tiny_static):
    assert np.array_equal(tiny_static.encode("cat", prompt="the "), tiny_static.encode("the cat"))


def test_seed(tiny_tokenizer):
    state = torch.random.get_rng_state()
    tables = [
        StaticEmbedding(tiny_tokenizer, embedding_dim=8, seed=seed).embedding.weight for seed in (1, 1, 2)
    ]
    assert torch.equal(tables[0], tables[1])
    assert not torch.equal(tables[0], tables[2])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_weights_are_copied_and_trained(tiny_tokenizer):
    weights = np.ones((tiny_tokenizer.get_vocab_size(), 4), dtype=np.float32)
    model = StaticEmbedding(tiny_tokenizer, weights)
    with torch.no_grad():
        model.embedding.weight.zero_()
    assert weights.all()
    assert model.embedding.weight.requires_grad
    assert model.get_embedding_dimension() == 4
    assert model.max_seq_length == math.inf


def test_bad_arguments(tiny_tokenizer):
    with pytest.raises(TypeError, match="`tokenizer` must be a fast tokenizer, got str"):
        StaticEmbedding("bert-base-uncased", embedding_dim=4)
    with pytest.raises(
        ValueError, match="one of `embedding_weights` and `embedding_dim` must be given, got neither"
    ):
        StaticEmbedding(tiny_tokenizer)
    with pytest.raises(ValueError, match=r"must have a row for each of \d+ ids, got 3"):
        StaticEmbedding(tiny_tokenizer, torch.zeros(3, 4))


def test_a_tokenizer_of_transformers(tiny_tokenizer):
    from transformers import PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizer, pad_token="[PAD]")
    model = SentenceTransformer(modules=[StaticEmbedding(wrapped, embedding_dim=4)], device="cpu")
    assert isinstance(model.tokenizer, Tokenizer)
    assert model.encode(TEXTS).shape == (4, 4)


def test_padding_of_the_tokenizer_is_switched_off(tiny_tokenizer):
    padded = Tokenizer.from_str(tiny_tokenizer.to_str())
    padded.enable_padding()
    assert StaticEmbedding(padded, embedding_dim=4).preprocess(TEXTS)["offsets"].tolist() == [0, 2, 2, 7]


def test_a_table_of_model2vec_is_folded(tiny_tokenizer, tmp_path):
    size = tiny_tokenizer.get_vocab_size()
    embeddings = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    mapping, weights = torch.arange(size) % 5, torch.arange(size).float()
    save_file(
        {"embeddings": embeddings, "mapping": mapping, "weights": weights}, tmp_path / "model.safetensors"
    )
    tiny_tokenizer.save(str(tmp_path / "tokenizer.json"))
    table = StaticEmbedding.load(tmp_path).embedding.weight
    for row in range(size):
        torch.testing.assert_close(table[row], embeddings[row % 5] * row)
