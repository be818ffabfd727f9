from __future__ import annotations

import random

import pytest

from foolsgold.losses import ContrastiveTensionDataLoader

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


def test_equal_sentences_are_no_negative():
    (batch,) = ContrastiveTensionDataLoader(["same"] * 15, 8)
    assert [pair.label for pair in batch] == [1] * 8


def test_too_few_sentences_make_no_batch():
    loader = ContrastiveTensionDataLoader(["a", "b"], 2, 2)
    assert len(loader) == 0
    assert list(loader) == []
