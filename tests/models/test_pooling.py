"""Pooling against a loop over the tokens of each text."""

from __future__ import annotations

import json
import math
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.models import Pooling
from foolsgold.models.pooling import PoolingMode

MODES = get_args(PoolingMode)


def pooled(mode, tokens, first):
    """Pool the tokens of one text, a list of vectors; `first` is the position of the first one."""
    if not tokens:
        return None
    columns = list(zip(*tokens, strict=True))
    weights = [first + i + 1 for i in range(len(tokens))]
    return {
        "cls": tokens[0],
        "lasttoken": tokens[-1],
        "max": [max(column) for column in columns],
        "mean": [sum(column) / len(tokens) for column in columns],
        "mean_sqrt_len_tokens": [sum(column) / math.sqrt(len(tokens)) for column in columns],
        "weightedmean": [
            sum(w * x for w, x in zip(weights, column, strict=True)) / sum(weights) for column in columns
        ],
    }[mode]


def features(lengths, width, side, seed=0, dimension=3):
    tokens = torch.randn(len(lengths), width, dimension, generator=torch.Generator().manual_seed(seed))
    columns = torch.arange(width)
    mask = torch.stack([columns >= width - n if side == "left" else columns < n for n in lengths]).long()
    return {"token_embeddings": tokens.double(), "attention_mask": mask}


@given(
    mode=st.sampled_from(MODES),
    side=st.sampled_from(["left", "right"]),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    prompt_length=st.integers(0, 5),
    padding=st.integers(0, 2),
)
@settings(deadline=None)
def test_equals_a_loop(mode, side, lengths, prompt_length, padding):
    batch = features(lengths, max(lengths) + padding, side)
    batch["prompt_length"] = prompt_length
    result = Pooling(3, mode, include_prompt=False)(batch)["sentence_embedding"]
    for row, length in enumerate(lengths):
        tokens = batch["token_embeddings"][row][batch["attention_mask"][row].bool()].tolist()
        expected = pooled(mode, tokens[prompt_length:], prompt_length)
        if expected is not None:
            torch.testing.assert_close(result[row], torch.tensor(expected).double())
        elif mode != "cls":
            assert length <= prompt_length
            assert result[row].tolist() == [0, 0, 0]
    assert result.isfinite().all()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("mode", MODES)
def test_padding_is_not_read(mode, side):
    batch = features([2, 5], 5, side)
    before = Pooling(3, mode)(batch)["sentence_embedding"]
    batch["token_embeddings"][batch["attention_mask"] == 0] = 1e6
    torch.testing.assert_close(Pooling(3, mode)(batch)["sentence_embedding"], before)


def test_modes_are_concatenated_in_order():
    batch = features([2, 5], 5, "right")
    both = Pooling(3, ["max", "cls"])
    parts = [Pooling(3, mode)(batch)["sentence_embedding"] for mode in ("max", "cls")]
    assert torch.equal(both(batch)["sentence_embedding"], torch.cat(parts, dim=1))
    assert both.get_embedding_dimension() == 6


def test_the_prompt_is_pooled_by_default():
    batch = features([4], 4, "right")
    expected = Pooling(3)(batch)["sentence_embedding"]
    assert torch.equal(Pooling(3)(batch | {"prompt_length": 2})["sentence_embedding"], expected)


@pytest.mark.parametrize("mode", MODES)
def test_half_precision_sums_in_float32(mode):
    batch = features([3000], 3000, "right")
    batch["token_embeddings"] = batch["token_embeddings"].bfloat16()
    result = Pooling(3, mode)(batch)["sentence_embedding"]
    expected = Pooling(3, mode)(batch | {"token_embeddings": batch["token_embeddings"].float()})[
        "sentence_embedding"
    ]
    assert torch.equal(result, expected.bfloat16())


@pytest.mark.parametrize("mode", MODES)
def test_gradient(mode):
    batch = features([2, 4], 4, "left")

    def run(tokens):
        return Pooling(3, mode)(batch | {"token_embeddings": tokens})["sentence_embedding"]

    assert torch.autograd.gradcheck(run, batch["token_embeddings"].requires_grad_())


def test_features_are_left_as_they_are():
    batch = features([2], 2, "right")
    output = Pooling(3)(batch)
    assert set(batch) == {"token_embeddings", "attention_mask"}
    assert output["attention_mask"] is batch["attention_mask"]


@pytest.mark.parametrize("modes", ["first", [], ["mean", "first"]], ids=str)
def test_unknown_modes(modes):
    with pytest.raises(ValueError, match="`pooling_mode` must be of"):
        Pooling(3, modes)


@pytest.mark.parametrize("modes", [*MODES, ("cls", "mean")], ids=str)
@pytest.mark.parametrize("include_prompt", [True, False])
def test_save_and_load(modes, include_prompt, tmp_path):
    Pooling(3, modes, include_prompt).save(tmp_path)
    loaded = Pooling.load(tmp_path)
    assert loaded.pooling_modes == ((modes,) if isinstance(modes, str) else modes)
    assert loaded.include_prompt is include_prompt
    assert loaded.embedding_dimension == 3


def test_load_of_older_keys(tmp_path):
    flags = {
        "pooling_mode_lasttoken": True,
        "pooling_mode_cls_token": True,
        "pooling_mode_mean_tokens": False,
    }
    (tmp_path / "config.json").write_text(json.dumps({"word_embedding_dimension": 3} | flags))
    assert Pooling.load(tmp_path).pooling_modes == ("cls", "lasttoken")


def test_load_without_a_dimension(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(
        ValueError, match=r"config.json` must have an integer `embedding_dimension`, got None"
    ):
        Pooling.load(tmp_path)
