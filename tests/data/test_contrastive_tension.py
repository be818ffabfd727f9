from __future__ import annotations

import random

import pytest

from foolsgold.data.columns import Columns
from foolsgold.data.contrastive_tension import ContrastiveTensionDataLoader, ContrastiveTensionDataset

SENTENCES = [f"sentence {i}" for i in range(100)]


@pytest.mark.parametrize(("batch_size", "ratio"), [(16, 8), (8, 8), (12, 4), (6, 1), (4, 2)])
def test_each_batch_has_its_positives_and_uses_a_sentence_once(batch_size, ratio):
    loader = ContrastiveTensionDataLoader(list(SENTENCES), batch_size, ratio)
    batches = list(loader)
    assert len(batches) == len(loader) == 100 // (2 * batch_size - batch_size // ratio)
    used = []
    for batch in batches:
        assert [pair.label for pair in batch] == [1, *[0] * (ratio - 1)] * (batch_size // ratio)
        for pair in batch:
            assert (pair.texts[0] == pair.texts[1]) == bool(pair.label)
            used += sorted(set(pair.texts))
    assert len(used) == len(set(used)) == len(loader) * (2 * batch_size - batch_size // ratio)


def test_passes_differ_and_repeat_with_the_epoch():
    state, given = random.getstate(), list(SENTENCES)
    loader = ContrastiveTensionDataLoader(given, 16)
    first, second = list(loader), list(loader)
    loader.set_epoch(0)
    assert list(loader) == first != second
    assert list(ContrastiveTensionDataLoader(given, 16)) == first
    assert list(ContrastiveTensionDataLoader(given, 16, seed=1)) != first
    assert random.getstate() == state
    assert given == SENTENCES


def test_rows_are_those_of_the_loader():
    dataset = ContrastiveTensionDataset(SENTENCES, 4, seed=3)
    loader = ContrastiveTensionDataLoader(batch_size=8, pos_neg_ratio=4, examples=SENTENCES, seed=3)
    pairs = [pair for batch in loader for pair in batch]
    rows = [(row["sentence_A"], row["sentence_B"], row["label"]) for row in dataset]
    assert rows[: len(pairs)] == [(*pair.texts, pair.label) for pair in pairs]
    assert Columns.from_row(dataset[0]) == Columns(("sentence_A", "sentence_B"), "label")
    assert dataset[-1] == dataset[len(dataset) - 1]
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_equal_sentences_are_no_negative():
    assert [row["label"] for row in ContrastiveTensionDataset(["same"] * 15)] == [1] * 8


def test_collates():
    loader = ContrastiveTensionDataLoader(SENTENCES, 8)
    loader.collate_fn = len
    assert list(loader) == [8] * len(loader)


def test_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="`batch_size` must be a multiple of `pos_neg_ratio`, 8, got 12"):
        ContrastiveTensionDataLoader(SENTENCES, 12)
    with pytest.raises(ValueError, match="`pos_neg_ratio` must be at least 1, got 0"):
        ContrastiveTensionDataLoader(SENTENCES, 12, 0)
    with pytest.raises(TypeError, match="one of `sentences` and `examples` must be given"):
        ContrastiveTensionDataLoader(batch_size=8)
    with pytest.raises(TypeError, match="one of `sentences` and `examples` must be given"):
        ContrastiveTensionDataLoader(SENTENCES, 8, examples=SENTENCES)
