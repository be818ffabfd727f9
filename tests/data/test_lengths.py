from __future__ import annotations

import numpy as np
import pytest

from foolsgold.data import token_lengths


def test_the_longest_text_of_a_row_counts(tiny_tokenizer):
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    data = {
        "query": ["the cat", "a dog of gold", "the cat"],
        "negatives": [["a bird", "the river of the gold"], [], ["a"]],
        "label": [1, 2, 3],
    }
    found = token_lengths(data, tokenizer)
    expected = [
        max(len(tokenizer(text)["input_ids"]) for text in [query, *negatives])
        for query, negatives in zip(data["query"], data["negatives"], strict=True)
    ]
    assert found.tolist() == expected
    assert token_lengths(data, tokenizer, max_length=3).max() == 3


def test_every_distinct_text_is_read_once():
    seen = []

    def tokenizer(texts):
        seen.extend(texts)
        return {"input_ids": [[0] * len(text) for text in texts]}

    found = token_lengths({"text": ["aa", "b"] * 12_000}, tokenizer)
    assert seen == ["aa", "b"]
    assert found.tolist() == [2, 1] * 12_000
    with pytest.raises(ValueError, match="`dataset` must have texts, got ids"):
        token_lengths({"text": np.ones(3, np.uint32)}, tokenizer)
