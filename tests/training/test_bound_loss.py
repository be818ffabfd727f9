"""A loss for each of several data sets."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from tests.training.scenario import (
    CosineDistance,
    pairs,
    scored_and_not,
    several,
    two_losses,
    weights,
)
from torch import nn

from foolsgold.training.several import SeveralDatasets

pytestmark = pytest.mark.training


def test_each_batch_goes_to_the_loss_of_its_data_set(tmp_path, tiny_static):
    seen = []

    class Told(CosineDistance):
        def __init__(self, model, name):
            super().__init__(model)
            self.name = name
            self.used = nn.Parameter(torch.ones(1))

        def forward(self, sentence_features, labels):
            seen.append((self.name, labels is not None, len(sentence_features)))
            labels = torch.ones(4) if labels is None else labels
            return super().forward(sentence_features, labels) * self.used.sum()

    loss = {name: partial(Told, name=name) for name in scored_and_not()}
    trainer = several(tiny_static, tmp_path, {"num_train_epochs": 1}, loss)
    assert isinstance(trainer.train_dataset, SeveralDatasets)
    start = weights(trainer.model)
    trainer.train()
    assert sorted(seen) == [("pairs.v1", False, 2)] * 4 + [("scored", True, 2)] * 6
    after = weights(trainer.model)
    assert {"scored_loss.used", "pairs_v1_loss.used"} <= after.keys()
    assert all(not torch.equal(start[name], after[name]) for name in after if name.endswith("used"))
    assert trainer.encoder is tiny_static


def test_evaluation_uses_the_loss_of_each_data_set(tmp_path, tiny_static):
    held_out = {"scored": pairs(8, shift=50), "pairs.v1": scored_and_not()["pairs.v1"].select(range(8))}
    options = {"num_train_epochs": 1, "eval_strategy": "epoch", "logging_steps": 10}
    trainer = several(tiny_static, tmp_path, options, eval_dataset=held_out)
    trainer.train()
    logged = {name: value for entry in trainer.state.log_history for name, value in entry.items()}
    found = trainer.evaluate()
    for name in held_out:
        loss = trainer.model.of(name).eval()
        columns = [column for column in held_out[name].column_names if column != "label"]
        rows = list(trainer.get_eval_dataloader(name).batch_sampler)
        values = []
        for batch in rows:
            own = held_out[name].select(batch)
            labels = torch.tensor(own["label"]) if "label" in own.column_names else None
            with torch.no_grad():
                value = loss([tiny_static.preprocess(own[column]) for column in columns], labels)
            values.append(sum(value.values()) if isinstance(value, dict) else value)
        expected = float(torch.stack(values).mean())
        assert found[f"eval_{name}_loss"] == pytest.approx(expected, rel=1e-4)
        assert logged[f"eval_{name}_loss"] == pytest.approx(expected, rel=1e-4)
    assert found["eval_scored_class"] + found["eval_scored_cosine"] == pytest.approx(
        found["eval_scored_loss"], rel=1e-4
    )
    # In training, components are named by their data set, and are means over its steps.
    assert {"scored_class", "scored_cosine"} <= logged.keys()
    assert trainer.evaluate(held_out["scored"])["eval_loss"] == pytest.approx(
        found["eval_scored_loss"], rel=1e-6
    )
    with pytest.raises(
        ValueError, match=r"`eval_dataset` must be one of the trainer's own data sets .* got another Dataset"
    ):
        trainer.evaluate(pairs(8))


def test_components_are_means_over_the_steps_of_their_data_set(tmp_path, tiny_static):
    class Constant(CosineDistance):
        def __init__(self, model, value):
            super().__init__(model)
            self.value = value

        def forward(self, sentence_features, labels):
            zero = 0 * super().forward(sentence_features, torch.ones(4))
            return {"part": zero + self.value, "rest": zero + 1}

    loss = {
        name: partial(Constant, value=value) for name, value in zip(scored_and_not(), (2.0, 5.0), strict=True)
    }
    trainer = several(tiny_static, tmp_path, {"num_train_epochs": 1, "logging_steps": 10}, loss)
    trainer.train()
    entry = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert (entry["scored_part"], entry["pairs.v1_part"], entry["scored_rest"]) == (2.0, 5.0, 1.0)
    assert entry["loss"] == pytest.approx((6 * 3 + 4 * 6) / 10)


def test_losses_of_the_wrong_kind_are_refused(tmp_path, tiny_static):
    with pytest.raises(TypeError, match=r"`loss\['scored'\]` must be a module or a function .* got str"):
        several(tiny_static, tmp_path, loss={**two_losses(), "scored": "cosine"})
    with pytest.raises(
        TypeError, match="`loss` must be a function of the model with `model_init`, got Cosine"
    ):
        several(
            None,
            tmp_path,
            loss={**two_losses(), "scored": CosineDistance(tiny_static)},
            model_init=lambda: tiny_static,
        )
    with pytest.raises(ValueError, match="one of `model` and `model_init` must be given"):
        several(None, tmp_path, loss=two_losses())
