"""A training sees other negatives in each epoch, in workers that live through all of them."""

from __future__ import annotations

import pytest
from tests.training.scenario import NOUNS, trainer_of

from foolsgold.data import DrawnNegatives
from foolsgold.losses import MultipleNegativesRankingLoss

pytestmark = pytest.mark.training

ROWS = [
    {
        "anchor": f"which {noun} is it",
        "positive": f"the {noun}",
        "negatives": [f"{noun} {place}" for place in range(6)],
    }
    for noun in NOUNS
]


def tokens_of(sentence_features):
    """Rows of the token ids of each column, without padding."""
    columns = [
        [
            tuple(ids[mask.bool()].tolist())
            for ids, mask in zip(f["input_ids"], f["attention_mask"], strict=True)
        ]
        for f in sentence_features
    ]
    return list(zip(*columns, strict=True))


class Listener(MultipleNegativesRankingLoss):
    """Keeps the tokens that it gets, row by row."""

    def __init__(self, model):
        super().__init__(model)
        self.heard = []

    def forward(self, sentence_features, labels=None):
        self.heard += tokens_of(sentence_features)
        return super().forward(sentence_features, labels)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_epoch_has_its_negatives(tmp_path, tiny_bert, workers):
    loss = Listener(tiny_bert)
    options = {"dataloader_num_workers": workers, "dataloader_persistent_workers": workers > 0}
    trainer_of(tiny_bert, tmp_path, loss, DrawnNegatives(ROWS, 2, seed=3), options).train()
    expected = DrawnNegatives(ROWS, 2, seed=3)
    epochs = [set(loss.heard[start : start + 8]) for start in (0, 8, 16)]
    assert len(loss.heard) == 24
    for epoch, heard in enumerate(epochs):
        expected.set_epoch(epoch)
        columns = [tiny_bert.preprocess(expected[name]) for name in expected.column_names]
        assert heard == set(tokens_of(columns))
    assert epochs[0] != epochs[1] != epochs[2]
