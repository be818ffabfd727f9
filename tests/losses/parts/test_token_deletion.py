from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import padded, token_rows

from foolsgold.losses.parts.token_deletion import delete_tokens, kept_first

SPECIAL = torch.tensor([0, 2, 3])


def damaged(features, ratio, seed=0):
    return delete_tokens(features, ratio, SPECIAL, torch.Generator().manual_seed(seed))


def rows_of(features):
    return [
        ids[mask.bool()].tolist()
        for ids, mask in zip(features["input_ids"], features["attention_mask"], strict=True)
    ]


def sentences(num_rows=50, length=30):
    rows = [[2, *(x + 4 for x in row), 3] for row in token_rows(num_rows, length, 0)]
    features = padded(rows)
    return rows, {**features, "token_type_ids": torch.zeros_like(features["input_ids"]), "task": "x"}


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.6, 0.99])
def test_content_is_deleted_at_the_ratio(ratio):
    rows, features = sentences(400)
    result = damaged(features, ratio)
    for row, shorter in zip(rows, rows_of(result), strict=True):
        assert (shorter[0], shorter[-1]) == (2, 3)
        assert len(shorter) - 2 >= 1
        rest = iter(row)
        assert all(token in rest for token in shorter)  # the order stays
    contents = sum(len(row) - 2 for row in rows)
    left = sum(len(row) - 2 for row in rows_of(result))
    if ratio < 0.9:
        assert left / contents == pytest.approx(1 - ratio, abs=0.02)
    assert result["task"] == "x"
    assert result["input_ids"].shape == features["input_ids"].shape
    assert (result["attention_mask"].diff(dim=1) <= 0).all()


def test_the_features_and_the_global_generator_stay_as_they_are():
    _, features = sentences()
    before = {key: value.clone() for key, value in features.items() if key != "task"}
    state = torch.get_rng_state()
    damaged(features, 0.6)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(features[key], value) for key, value in before.items())


def test_the_generator_decides():
    _, features = sentences()
    first, again, other = (damaged(features, 0.6, seed)["input_ids"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_prompts_and_rows_without_content_stay():
    features = {**padded([[2, 9, 9, 9, 8, 7, 6, 3], [2, 3], [5]]), "prompt_length": 4}
    for seed in range(9):
        rows = rows_of(damaged(features, 0.9, seed))
        assert rows[0][:4] == [2, 9, 9, 9]
        assert len(rows[0]) >= 6
        assert rows[1:] == [[2, 3], [5]]


def test_what_is_kept_comes_first_in_its_order():
    kept = torch.tensor([[False, True, False, True], [True, True, True, True]])
    assert kept_first(kept).tolist() == [[1, 3, 0, 2], [0, 1, 2, 3]]
