from __future__ import annotations

import copy

import pytest
import torch
from tests.losses.encoders import TokenEncoder

from foolsgold.losses.parts.reading import decoded, reads_alike

TEXTS = ["the cat of gold", "a dog", "stone river iron fish bird"]


def test_equal_tokenizers_read_alike(tiny_bert, tiny_static):
    assert reads_alike(tiny_bert, copy.deepcopy(tiny_bert))
    assert reads_alike(tiny_static, copy.deepcopy(tiny_static))


def test_what_has_been_tokenised_does_not_matter(tiny_bert):
    other = copy.deepcopy(tiny_bert)
    other.tokenizer(TEXTS, padding=True, truncation=True, max_length=5)
    assert reads_alike(tiny_bert, other)


def test_without_a_tokenizer_features_are_the_same(tiny_bert):
    assert reads_alike(TokenEncoder(), tiny_bert)
    assert reads_alike(tiny_bert, TokenEncoder())


def test_flat_and_padded_features_differ(tiny_bert, tiny_static):
    assert not reads_alike(tiny_bert, tiny_static)


def test_vocabularies_and_special_tokens_differ(tiny_bert):
    more, special = copy.deepcopy(tiny_bert), copy.deepcopy(tiny_bert)
    more.tokenizer.add_tokens(["silver"])
    special.tokenizer.add_special_tokens({"mask_token": "[UNK]"})
    assert not reads_alike(tiny_bert, more)
    assert not reads_alike(tiny_bert, special)


@pytest.mark.parametrize(
    ("length", "strict", "lenient"), [(32, False, False), (64, True, True), (128, False, True)]
)
def test_lengths_differ(tiny_bert, length, strict, lenient):
    other = copy.deepcopy(tiny_bert)
    other.max_seq_length = length
    assert reads_alike(tiny_bert, other) == strict
    assert reads_alike(tiny_bert, other, at_least_as_long=True) == lenient


@pytest.mark.parametrize("kind", ["tiny_bert", "tiny_static"])
def test_texts_come_back_from_tokens(kind, request):
    model = request.getfixturevalue(kind)
    assert [text.replace(" ##", "") for text in decoded(model.tokenizer, model.preprocess(TEXTS))] == TEXTS


def test_padding_is_not_decoded(tiny_bert):
    features = tiny_bert.preprocess(TEXTS)
    features["input_ids"] = torch.where(features["attention_mask"] == 1, features["input_ids"], 11)
    assert decoded(tiny_bert.tokenizer, features) == TEXTS
