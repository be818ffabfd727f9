"""Small runs for the tests of training: data, losses, and a trainer around them."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import nn

from foolsgold.losses import MultipleNegativesRankingLoss
from foolsgold.training import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

NOUNS = ("cat", "dog", "bird", "fish", "gold", "iron", "stone", "river")


class CosineDistance(nn.Module):
    """A loss as users write it for the field's trainers: a mean over rows."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, sentence_features, labels):
        first, second = (self.model(column)["sentence_embedding"] for column in sentence_features)
        return F.mse_loss(F.cosine_similarity(first, second), labels)


class Classifier(nn.Module):
    """Owns a head that is trained, a scale, a counter, and a frozen guide."""

    def __init__(self, model, dimension):
        super().__init__()
        self.model = model
        self.head = nn.Linear(2 * dimension, 2)
        self.scale = nn.Parameter(torch.ones(1))
        self.guide = nn.Linear(dimension, 3).requires_grad_(False)
        self.register_buffer("num_calls", torch.zeros(1, dtype=torch.int64))

    def forward(self, sentence_features, labels):
        self.num_calls += int(self.training)
        first, second = (self.model(column)["sentence_embedding"] for column in sentence_features)
        logits = self.scale * self.head(torch.cat([first, second], dim=1))
        return {
            "class": F.cross_entropy(logits, (labels > 0.5).long()),
            "cosine": 0.5 * F.mse_loss(F.cosine_similarity(first, second), labels),
        }


def pairs(num_rows=24, shift=0):
    """Two texts and a score per row."""
    rows = range(shift, shift + num_rows)
    return Dataset.from_dict(
        {
            "first": [f"the {NOUNS[row % 8]} is {row}" for row in rows],
            "second": [f"a {NOUNS[row % 3]} of {NOUNS[row % 5]} {row}" for row in rows],
            "label": [(row * 7 % 10) / 10 for row in rows],
        }
    )


def texts_only(num_rows=24):
    """The same without scores."""
    return pairs(num_rows).remove_columns("label")


def several_of(dimension):
    """Two data sets, of which one has a loss that owns parameters."""
    losses = {"a": lambda model: Classifier(model, dimension), "b": CosineDistance}
    return losses, {"a": pairs(), "b": pairs(16, shift=30)}


def scored_and_not():
    """Two data sets with other columns each: pairs with a score, and pairs without."""
    renamed = texts_only(16).rename_columns({"first": "query", "second": "answer"})
    return {"scored": pairs(), "pairs.v1": renamed}


def arguments(folder, **options):
    defaults = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 4,
        "num_train_epochs": 3,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
        "report_to": "none",
    }
    return SentenceTransformerTrainingArguments(**{**defaults, **options})


def trainer_of(model, folder, loss, train_dataset=None, options=None, **more):
    return SentenceTransformerTrainer(
        model=model,
        args=arguments(folder, **(options or {})),
        train_dataset=pairs() if train_dataset is None else train_dataset,
        loss=loss,
        **more,
    )


def two_losses(dimension=16):
    """A loss for each data set of `scored_and_not`; the first owns parameters."""
    return {"scored": partial(Classifier, dimension=dimension), "pairs.v1": MultipleNegativesRankingLoss}


def several(model, folder, options=None, loss=None, train_dataset=None, **more):
    """A trainer on `scored_and_not`, or on other data sets."""
    loss = two_losses() if loss is None else loss
    data = scored_and_not() if train_dataset is None else train_dataset
    return trainer_of(model, folder, loss, data, options, **more)


def weights(module):
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def largest_difference(first, second):
    assert first.keys() == second.keys()
    assert first
    return max(float((first[name].double() - second[name].double()).abs().max()) for name in first)
