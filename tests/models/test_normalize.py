"""Normalize: length 1, and its folder of any release."""

from __future__ import annotations

import pytest
import torch

from foolsgold.models import Normalize


def test_length_is_one_or_zero():
    batch = {"sentence_embedding": torch.tensor([[3.0, 4.0], [0.0, 0.0]])}
    output = Normalize()(batch)["sentence_embedding"]
    torch.testing.assert_close(output, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    assert batch["sentence_embedding"][0, 0] == 3


def test_the_type_stays():
    batch = {"sentence_embedding": torch.ones(1, 3, dtype=torch.bfloat16)}
    assert Normalize()(batch)["sentence_embedding"].dtype == torch.bfloat16


def test_save_and_load(tmp_path):
    Normalize().save(tmp_path)
    assert isinstance(Normalize.load(tmp_path), Normalize)
    assert isinstance(Normalize.load(tmp_path / "of an older release"), Normalize)


def test_other_inputs_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"module_input_name": "token_embeddings"}')
    with pytest.raises(ValueError, match=r"config.json` must normalise `sentence_embedding` in place"):
        Normalize.load(tmp_path)
