"""Transformer: features like the tokenizer's own, no unused parameters, settings kept."""

from __future__ import annotations

import json
import math

import pytest
import torch

from foolsgold.models import Pooling, SentenceTransformer, Transformer
from foolsgold.models.transformer import TransformerOptions

TEXTS = ["the cat", "", "a dog in the river and a bird", "zebra " * 40]


@pytest.fixture
def transformer(tiny_bert):
    return tiny_bert[0]


@pytest.mark.parametrize("side", ["left", "right"])
def test_features_are_those_of_the_tokenizer(transformer, side):
    transformer.tokenizer.padding_side = side
    expected = transformer.tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
    features = transformer.preprocess(TEXTS)
    assert set(features) == set(expected)
    for name, value in features.items():
        assert torch.equal(value, expected[name]), name
        assert value.dtype == torch.int64


def test_texts_are_cut(transformer):
    transformer.max_seq_length = 7
    assert transformer.preprocess(TEXTS)["input_ids"].shape == (4, 7)
    assert transformer.token_rows(TEXTS).lengths.tolist() == [4, 2, 7, 7]
    transformer.max_seq_length = int(1e30)
    assert transformer.max_seq_length == math.inf
    assert transformer.token_rows(TEXTS).lengths.max() > 64


def test_prompt_length_counts_the_first_special_token(transformer):
    assert transformer.prompt_length("the cat ") == 3
    features = transformer.preprocess(["dog"], prompt="the cat ")
    assert features["prompt_length"] == 3
    assert features["input_ids"].shape == (1, 5)
    assert "prompt_length" not in transformer.preprocess(["dog"], prompt="")


def test_features_are_left_as_they_are(tiny_bert):
    features = tiny_bert.preprocess(TEXTS)
    names = set(features)
    output = tiny_bert(features)
    assert set(features) == names
    assert set(output) == names | {"token_embeddings", "sentence_embedding"}


def test_every_parameter_that_wants_a_gradient_gets_one(tiny_bert):
    tiny_bert.train()
    tiny_bert(tiny_bert.preprocess(TEXTS))["sentence_embedding"].sum().backward()
    wanting = [name for name, parameter in tiny_bert.named_parameters() if parameter.requires_grad]
    assert len(wanting) > 30
    assert [name for name in wanting if tiny_bert.get_parameter(name).grad is None] == []


def test_a_folder_without_a_pooler_gets_none(transformer, tmp_path):
    transformer.model.pooler = None
    transformer.save(tmp_path)
    state = torch.random.get_rng_state()
    loaded = Transformer.load(tmp_path)
    assert loaded.model.pooler is None
    assert torch.equal(torch.random.get_rng_state(), state)


def test_hidden_states_on_demand(transformer):
    transformer.model.config.output_hidden_states = True
    assert len(transformer(transformer.preprocess(TEXTS))["all_layer_embeddings"]) == 3


def test_options_reach_transformers(tiny_bert_folder):
    options = TransformerOptions(
        model_kwargs={"dtype": torch.bfloat16},
        processor_kwargs={"model_max_length": 9},
        config_kwargs={"hidden_dropout_prob": 0.25},
    )
    transformer = Transformer.load(tiny_bert_folder, options)
    assert transformer.model.dtype == torch.bfloat16
    assert transformer.max_seq_length == 9
    assert transformer.model.config.hidden_dropout_prob == 0.25


def test_settings_of_the_tokenizer_are_saved(transformer, tmp_path):
    transformer.tokenizer.padding_side = "left"
    transformer.max_seq_length = 11
    transformer.save(tmp_path)
    loaded = Transformer.load(tmp_path)
    assert loaded.tokenizer.padding_side == "left"
    assert loaded.max_seq_length == 11


def test_dimensions(transformer):
    assert transformer.get_embedding_dimension() == transformer.get_word_embedding_dimension() == 32
    assert transformer.auto_model is transformer.model


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("transformer_task", "fill-mask"),
        ("query_expansion", {"length": 32}),
        ("module_output_name", "scores"),
    ],
)
def test_other_tasks_are_refused(tiny_bert, tmp_path, key, value):
    tiny_bert.save(tmp_path)
    path = tmp_path / "sentence_bert_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(
        ValueError, match=rf"sentence_bert_config.json` must describe a text encoder, got `{key}`"
    ):
        SentenceTransformer(tmp_path)


def test_an_encoder_decoder_is_loaded_without_its_decoder(tiny_bert_folder, tmp_path):
    from transformers import T5Config, T5Model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = T5Config(vocab_size=100, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        model = T5Model(config)
    model.save_pretrained(tmp_path)
    Transformer(tiny_bert_folder).tokenizer.save_pretrained(tmp_path)
    loaded = SentenceTransformer(modules=[Transformer(tmp_path), Pooling(16)], device="cpu")
    assert loaded.encode(["the cat", "dog"]).shape == (2, 16)
    assert not any("decoder" in name for name, _ in loaded.named_parameters())
