"""A training sees other negatives in each epoch, by workers too, and trains as if they were listed."""

from __future__ import annotations

import json

import pytest
import torch
from datasets import Dataset
from tests.training.scenario import NOUNS, largest_difference, trainer_of, weights

from foolsgold.data import DrawnNegatives
from foolsgold.losses import MultipleNegativesRankingLoss
from foolsgold.models import SentenceTransformer

pytestmark = pytest.mark.training

ROWS = [
    {
        "anchor": f"which {noun} is it",
        "positive": f"the {noun}",
        "negatives": [f"{noun} {place}" for place in range(6)],
    }
    for noun in NOUNS
]


PERSISTENT = {"dataloader_num_workers": 2, "dataloader_persistent_workers": True}
SHARED = [
    {
        "anchor": f"which {NOUNS[row % 4]} is it",
        "positive": f"the {NOUNS[row % 6]}",
        "negatives": [f"the {NOUNS[(row + place) % 8]}" for place in range(1, 7)],
    }
    for row in range(16)
]
"""A drawn text is often the positive of another row, or a further positive of the same anchor."""


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


def heard_of(model, folder, dataset, options):
    """Train on in-batch negatives; return the weights, and what the batches told of identities."""
    told = []

    class Telling(MultipleNegativesRankingLoss):
        def forward(self, sentence_features, labels=None):
            told.append([(f.get("text_ids"), f.get("known_positive_ids")) for f in sentence_features])
            return super().forward(sentence_features, labels)

    trainer_of(model, folder, Telling(model), dataset, {"num_train_epochs": 1, **options}).train()
    return weights(model), told


@pytest.mark.parametrize("options", [{}, PERSISTENT], ids=["no workers", "workers"])
def test_an_epoch_trains_as_its_rows_listed(tmp_path, tiny_bert_folder, options):
    """What is a positive in another row of the batch is no negative, drawn or listed."""
    drawn = DrawnNegatives(SHARED, 2, seed=1)
    trained, told = [], []
    for dataset in (drawn, Dataset.from_list(list(drawn))):
        model = SentenceTransformer(tiny_bert_folder, device="cpu")
        after, of_batches = heard_of(model, tmp_path, dataset, options)
        trained.append(after)
        told.append(of_batches)
    assert largest_difference(*trained) == 0
    assert len(told[0]) == 4
    for own, other in zip(*told, strict=True):
        assert own[0][1] is not None
        assert own[0][1].shape == other[0][1].shape
        texts = [torch.cat([ids for ids, _ in columns]) for columns in (own, other)]
        equal = [ids[:, None] == ids for ids in texts]
        assert torch.equal(*equal)


def resumed(folder, bert_folder, dataset, resume=None, options=PERSISTENT):
    model = SentenceTransformer(bert_folder, device="cpu")
    options = {"save_strategy": "steps", "save_steps": 6, "num_train_epochs": 2, **options}
    trainer = trainer_of(model, folder, MultipleNegativesRankingLoss(model), dataset, options)
    trainer.train(resume_from_checkpoint=resume)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return weights(trainer.model), losses


def test_a_resumed_run_draws_alike_and_other_draws_are_refused(tmp_path, tiny_bert_folder):
    """Six of eight steps: the second epoch has begun."""
    whole, losses = resumed(tmp_path, tiny_bert_folder, DrawnNegatives(SHARED, 2, seed=1))
    checkpoint = str(tmp_path / "checkpoint-6")
    record = json.loads((tmp_path / "checkpoint-6" / "sampler.json").read_text())
    assert record["fingerprint"] == f"{DrawnNegatives(SHARED, 2, seed=1).fingerprint:016x}"
    again, relogged = resumed(tmp_path, tiny_bert_folder, DrawnNegatives(SHARED, 2, seed=1), checkpoint, {})
    assert relogged == losses
    assert largest_difference(whole, again) == 0
    for other in (
        DrawnNegatives(SHARED, 2, seed=2),
        DrawnNegatives(SHARED, 2, seed=1, draw="top"),
        DrawnNegatives([*SHARED[1:], SHARED[0]], 2, seed=1),
    ):
        with pytest.raises(ValueError, match="`fingerprint` of a run resumed from"):
            resumed(tmp_path, tiny_bert_folder, other, checkpoint)
