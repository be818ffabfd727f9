"""A training on computed triplets: others in each epoch, in workers that live through all of them."""

from __future__ import annotations

import pytest
from tests.training.scenario import NOUNS, trainer_of

from foolsgold.data import triplets_from_labels
from foolsgold.losses import TripletLoss

pytestmark = pytest.mark.training

TEXTS = [f"the {noun} is {number}" for number in range(4) for noun in NOUNS[:3]]
LABELS = [row % 3 for row in range(12)]


class Listener(TripletLoss):
    """Counts the triplets that it gets, and keeps their tokens."""

    def __init__(self, model):
        super().__init__(model)
        self.heard = []

    def forward(self, sentence_features, labels=None):
        columns = [
            [tuple(i[m.bool()].tolist()) for i, m in zip(f["input_ids"], f["attention_mask"], strict=True)]
            for f in sentence_features
        ]
        self.heard += zip(*columns, strict=True)
        return super().forward(sentence_features, labels)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_epoch_has_its_triplets(tmp_path, tiny_bert, workers):
    loss = Listener(tiny_bert)
    options = {"dataloader_num_workers": workers, "dataloader_persistent_workers": workers > 0}
    triplets = triplets_from_labels(LABELS)
    trainer_of(tiny_bert, tmp_path, loss, triplets.rows(TEXTS, num_rows=16, seed=3), options).train()
    expected = triplets.rows(TEXTS, num_rows=16, seed=3)
    epochs = [set(loss.heard[start : start + 16]) for start in (0, 16, 32)]
    assert len(loss.heard) == 48
    for epoch, heard in enumerate(epochs):
        expected.set_epoch(epoch)
        tokens = []
        for name in expected.column_names:
            features = tiny_bert.preprocess(expected[name])
            rows = zip(features["input_ids"], features["attention_mask"], strict=True)
            tokens.append([tuple(ids[mask.bool()].tolist()) for ids, mask in rows])
        assert heard == set(zip(*tokens, strict=True))
    assert len(set.union(*epochs)) == 48
