"""Every row of the tables of data formats, as a data set through the trainer with every loss it names."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from datasets import Dataset
from tests.losses.test_data_formats import GUIDED, ROWS, TABLE
from tests.training.scenario import NOUNS, largest_difference, trainer_of, weights

from foolsgold import losses

pytestmark = [pytest.mark.training, pytest.mark.slow]
DIMENSION = 32


def dataset_of(num_columns, labels):
    columns = {
        f"column_{i}": [f"the {NOUNS[row]} and the {NOUNS[(row + i) % ROWS]} of {i}" for row in range(ROWS)]
        for i in range(num_columns)
    }
    if labels is not None:
        columns["label"] = labels.tolist()
    return Dataset.from_dict(columns)


def loss_of(name, model):
    options = {}
    if name in GUIDED:
        options["guide"] = copy.deepcopy(model)
    if name == "SoftmaxLoss":
        options |= {"embedding_dimension": DIMENSION, "num_labels": 3}
    if name.startswith(("Matryoshka", "Adaptive")):
        options["loss"] = losses.CoSENTLoss(model)
    if name.startswith("Matryoshka"):
        options["matryoshka_dims"] = [DIMENSION, 8]
    return getattr(losses, name)(model, **options)


@pytest.mark.parametrize(
    ("name", "num_columns", "kind", "labels"),
    [
        pytest.param(name, num_columns, kind, labels, id=f"{name} of {inputs} with {kind}")
        for inputs, num_columns, kind, labels, names in TABLE
        for name in names
    ],
)
def test_a_row_of_the_table_trains(
    name, num_columns, kind, labels, tiny_bert, tiny_transformers_folder, tmp_path
):
    labels = None if labels is None else labels()
    if kind == "model sentence embeddings":
        labels = torch.randn(*labels.shape[:-1], DIMENSION, generator=torch.Generator().manual_seed(0))
    if name == "DenoisingAutoEncoderLoss":
        tiny_bert.transformers_model.config._name_or_path = str(tiny_transformers_folder)
    before = weights(tiny_bert)
    rows, loss = dataset_of(num_columns, labels), loss_of(name, tiny_bert)
    trainer = trainer_of(tiny_bert, tmp_path, loss, rows, {"num_train_epochs": 1})
    trainer.train()
    logged = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(logged) == 2
    assert all(math.isfinite(value) for value in logged)
    after = weights(tiny_bert)
    assert largest_difference(before, after) > 0
    assert all(value.isfinite().all() for value in after.values())
