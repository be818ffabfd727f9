from __future__ import annotations

import pytest

from foolsgold.data import ContrastiveTensionDataset
from foolsgold.data.columns import Columns
from foolsgold.losses import ContrastiveTensionDataLoader

SENTENCES = [f"sentence {i}" for i in range(100)]


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


def test_epochs_differ_and_come_again():
    dataset, given = ContrastiveTensionDataset(SENTENCES, seed=1), list(SENTENCES)
    epochs = []
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        epochs.append(list(dataset))
    assert epochs[0] == epochs[2] != epochs[1]
    assert given == SENTENCES


def test_refuses_a_ratio_below_one():
    with pytest.raises(ValueError, match="`pos_neg_ratio` must be at least 1, got 0"):
        ContrastiveTensionDataset(SENTENCES, 0)
