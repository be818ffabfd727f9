from __future__ import annotations

import re

import numpy as np
import pytest

from foolsgold import datasets
from foolsgold.data import DenoisingAutoEncoderDataset, delete_words
from foolsgold.data.columns import Columns

TEXT = "Don't stop-gap, (it) works: a word\tand  another, to the very end!"


@pytest.mark.parametrize("seed", range(20))
def test_words_stay_whole_and_in_order(seed):
    damaged = delete_words(TEXT, seed=seed)
    signs = iter(re.findall(r"\w+(?:['-]\w+)*|[^\w\s]", TEXT))
    left = re.findall(r"\w+(?:['-]\w+)*|[^\w\s]", damaged)
    assert left
    assert all(word in signs for word in left)
    assert damaged == damaged.strip()


def test_deletes_at_the_ratio():
    text = " ".join(["word"] * 10_000)
    for ratio in (0.0, 0.3, 0.6):
        assert len(delete_words(text, ratio).split()) == pytest.approx(10_000 * (1 - ratio), rel=0.03)
    assert delete_words(TEXT, 0.0) == TEXT
    assert len(delete_words("one two three", 1.0).split()) == 1


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_nothing_is_deleted_from_nothing(text):
    assert delete_words(text) == text


def test_refuses_a_ratio_that_is_none():
    with pytest.raises(ValueError, match=r"`del_ratio` must be in \[0, 1\], got 2"):
        delete_words(TEXT, 2)


def test_rows_are_damaged_and_original():
    dataset = DenoisingAutoEncoderDataset([TEXT, "second one", TEXT])
    assert len(dataset) == 3
    assert [row["original_sentence"] for row in dataset] == [TEXT, "second one", TEXT]
    assert Columns.from_row(dataset[0]) == Columns(("damaged_sentence", "original_sentence"))
    assert dataset[0]["damaged_sentence"] != dataset[2]["damaged_sentence"]
    assert dataset[-1] == dataset[2]
    with pytest.raises(IndexError, match="row must be below 3, got 3"):
        dataset[3]


def test_seed_epoch_and_row_decide_and_no_generator_is_touched():
    def rows(seed, epoch):
        dataset = DenoisingAutoEncoderDataset([TEXT] * 5, seed=seed)
        dataset.set_epoch(epoch)
        return list(dataset)

    before = np.random.get_state()[1].copy()
    assert rows(0, 0) == rows(0, 0)
    assert rows(0, 0) != rows(0, 1) != rows(1, 0) != rows(0, 0)
    assert (np.random.get_state()[1] == before).all()


def test_noise_may_be_the_callers():
    dataset = DenoisingAutoEncoderDataset(
        ["a b", "c"], lambda text: DenoisingAutoEncoderDataset.delete(text, 0.0)
    )
    assert dataset[0] == {"damaged_sentence": "a b", "original_sentence": "a b"}
    assert DenoisingAutoEncoderDataset(["a b"], str.upper)[0]["damaged_sentence"] == "A B"


def test_scripts_of_the_field_find_it():
    assert datasets.DenoisingAutoEncoderDataset is DenoisingAutoEncoderDataset
    assert DenoisingAutoEncoderDataset.delete is delete_words
