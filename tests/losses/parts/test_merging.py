from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import FlatEncoder, TokenEncoder, columns, flat, token_rows

from foolsgold.losses.parts.merging import embed_columns, merge_columns


def encode_with(model):
    return lambda features: model(dict(features))["sentence_embedding"]


@pytest.mark.parametrize("lengths", [(4,), (3, 9), (3, 9, 5), (9, 3, 5, 12)])
def test_merged_equals_one_by_one(lengths):
    model, features = TokenEncoder().double(), columns(5, *lengths)
    expected = [encode_with(model)(column) for column in features]
    torch.testing.assert_close(embed_columns(encode_with(model), features), expected)


def test_queries_go_apart_and_documents_together():
    model = TokenEncoder()
    embed_columns(encode_with(model), columns(5, 3, 9, 7, 8))
    assert model.calls == [(5, 3), (15, 9)]


def test_columns_of_different_rows_come_back_whole():
    model = TokenEncoder().double()
    features = [*columns(2, 4), *columns(3, 6), *columns(4, 5)]
    expected = [encode_with(model)(column) for column in features]
    torch.testing.assert_close(embed_columns(encode_with(model), features), expected)


def test_flat_columns_go_together():
    model = FlatEncoder().double()
    features = [flat(token_rows(4, 6, seed)) for seed in range(3)]
    expected = [encode_with(model)(column) for column in features]
    model.calls = 0
    torch.testing.assert_close(embed_columns(encode_with(model), features), expected)
    assert model.calls == 1


def test_flat_columns_with_an_empty_text():
    model = FlatEncoder().double()
    features = [flat([[1, 2], []]), flat([[], [3]]), flat([[], []])]
    features = [{**column, "input_ids": column["input_ids"].long()} for column in features]
    expected = [encode_with(model)(column) for column in features]
    torch.testing.assert_close(embed_columns(encode_with(model), features), expected)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "document"},
        {"prompt_length": 3},
        {"prompt_length": torch.tensor([3])},
        {"token_type_ids": torch.zeros(5, 9, dtype=torch.long)},
        {"attention_mask": torch.ones(5, 9, dtype=torch.bool)},
    ],
)
def test_columns_that_differ_stay_apart(change):
    first, second = columns(5, 9, 9)
    assert merge_columns([first, second]) is not None
    assert merge_columns([first, {**second, **change}]) is None


@pytest.mark.parametrize(
    "extra",
    [
        {"prompt_length": torch.tensor([3])},
        {"weights": torch.ones(5, 9)},
        {"pixel_values": torch.ones(5, 3, 8, 8)},
        {"cu_seq_lens_q": torch.arange(6)},
    ],
)
def test_columns_with_other_tensors_stay_apart(extra):
    assert merge_columns([{**column, **extra} for column in columns(5, 9, 9)]) is None


def test_equal_metadata_is_kept():
    features = [{**column, "task": "document", "prompt_length": 2} for column in columns(5, 9, 4)]
    merged, rows = merge_columns(features)
    assert rows == [5, 5]
    assert (merged["task"], merged["prompt_length"]) == ("document", 2)
    assert merged["input_ids"].shape == merged["attention_mask"].shape == (10, 9)
    assert merged["attention_mask"][5:, 4:].sum() == 0
