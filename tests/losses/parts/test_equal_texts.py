from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import flat, padded, token_rows

from foolsgold.losses import BatchInfo
from foolsgold.losses.parts.equal_texts import equal_texts

LEFT = [[5, 6, 7], [5, 6], [8], [5, 6, 7], [1, 2]]
RIGHT = [[5, 6, 7], [5, 6, 0], [9], [5, 6], [2, 1]]
EQUAL = [True, False, False, False, False]


def to_the_right(features):
    """The same rows with their padding on the left."""
    lengths = features["attention_mask"].sum(1).tolist()
    width = features["input_ids"].shape[1]
    return {
        key: torch.stack([row.roll(width - length) for row, length in zip(value, lengths, strict=True)])
        for key, value in features.items()
    }


def told(left, right):
    return equal_texts(BatchInfo.from_features([left, right])).tolist()


@pytest.mark.parametrize("turn", [lambda x: x, to_the_right])
def test_tokens_without_padding_tell(turn):
    assert told(padded(LEFT), turn(padded(RIGHT))) == EQUAL
    assert told(padded([*RIGHT, [1] * 9]), turn(padded([*LEFT, [1] * 9]))) == [*EQUAL, True]


def test_flat_tokens_tell():
    assert told(flat(LEFT), flat(RIGHT)) == EQUAL
    assert told(flat(RIGHT), flat(LEFT)) == EQUAL


@pytest.mark.parametrize("seed", range(5))
def test_is_what_lists_say(seed):
    left, right = ([[x % 2 for x in row] for row in token_rows(40, 3, s)] for s in (seed, seed + 10))
    expected = [a == b for a, b in zip(left, right, strict=True)]
    assert any(expected)
    assert not all(expected)
    for features in (padded, flat):
        assert told(features(left), features(right)) == expected


def test_columns_without_masks_are_compared_as_they_are():
    left, right = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[1, 2, 9], [3, 4, 9]])
    assert told({"input_ids": left}, {"input_ids": left}) == [True, True]
    assert told({"input_ids": left}, {"input_ids": right}) == [False, False]


def test_text_ids_come_before_tokens():
    left = {**padded([[1], [2]]), "text_ids": torch.tensor([7, 8])}
    assert told(left, {**padded([[3], [2]]), "text_ids": torch.tensor([7, 9])}) == [True, False]
    assert told(left, padded([[3], [2]])) == [False, True]


def test_nothing_is_told_where_nothing_is_known():
    assert equal_texts(BatchInfo()) is None
    assert equal_texts(BatchInfo.from_features([{"pixels": torch.ones(2)}] * 2)) is None
