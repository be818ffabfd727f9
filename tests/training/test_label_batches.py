"""Training with losses that make triplets from the labels of a batch."""

from __future__ import annotations

import pytest
from datasets import Dataset
from tests.training.scenario import NOUNS, trainer_of

from foolsgold.losses import BatchAllTripletLoss, BatchHardTripletLoss
from foolsgold.sampling import GroupByLabelBatchSampler, PKSampler

pytestmark = pytest.mark.training


def labelled(num_rows=48, num_labels=4):
    rows = range(num_rows)
    return Dataset.from_dict(
        {
            "text": [f"a {NOUNS[row % num_labels]} is {row}" for row in rows],
            "label": [row % num_labels for row in rows],
        }
    )


@pytest.mark.parametrize("loss", [BatchAllTripletLoss, BatchHardTripletLoss])
def test_a_triplet_loss_trains_on_batches_by_label(tmp_path, tiny_static, loss):
    options = {
        "batch_sampler": "group_by_label",
        "per_device_train_batch_size": 8,
        "num_train_epochs": 10,
        "learning_rate": 0.02,
    }
    trainer = trainer_of(tiny_static, tmp_path, loss(tiny_static, margin=1.0), labelled(), options)
    sampler = trainer.get_train_dataloader().batch_sampler
    assert isinstance(sampler, GroupByLabelBatchSampler)
    assert sampler.label_column == "label"
    before = trainer.evaluate(labelled())["eval_loss"]
    trainer.train()
    assert trainer.state.global_step == 60
    assert trainer.evaluate(labelled())["eval_loss"] < 0.9 * before


def test_a_sampler_with_options_is_given_as_a_function(tmp_path, tiny_static):
    def sampler(dataset, batch_size, drop_last, valid_label_columns, generator, seed):
        return PKSampler(dataset, batch_size, drop_last, valid_label_columns, generator, seed, k=4)

    options = {"batch_sampler": sampler, "per_device_train_batch_size": 8, "num_train_epochs": 2}
    trainer = trainer_of(tiny_static, tmp_path, BatchHardTripletLoss(tiny_static), labelled(), options)
    trainer.train()
    assert trainer.state.global_step == 12
