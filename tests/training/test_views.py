"""What frozen models inside a loss get to read."""

from __future__ import annotations

import pickle

import pytest
import torch
from tests.training.scenario import (
    CosineDistance,
    largest_difference,
    pairs,
    texts_only,
    trainer_of,
    weights,
)

from foolsgold.losses import DistillKLDivLoss
from foolsgold.similarity import pairwise_cos_sim
from foolsgold.training.views import views_of

pytestmark = pytest.mark.training


class Taught(CosineDistance):
    """Looks at what a frozen model is given, and asks it nothing."""

    frozen_models = ("teacher", "none")

    def __init__(self, model, teacher):
        super().__init__(model)
        self.teacher, self.none = teacher.requires_grad_(False), None


@pytest.mark.parametrize("cache_tokens", [True, False])
def test_a_frozen_model_gets_its_own_view_of_the_texts(tmp_path, tiny_static, tiny_bert, cache_tokens):
    options = {"prompts": "iron ", "cache_tokens": cache_tokens}
    trainer = trainer_of(tiny_static, tmp_path, Taught(tiny_static, tiny_bert), pairs(4), options)
    loader = trainer.get_train_dataloader()
    rows, batch = next(iter(loader.batch_sampler)), next(iter(loader))
    for name, column in zip(("first", "second"), batch["sentence_features"], strict=True):
        texts = [pairs(4)[row][name] for row in rows]
        assert torch.equal(column["input_ids"], tiny_static.preprocess(texts, "iron ")["input_ids"])
        expected = tiny_bert.preprocess(texts)
        assert column["views"].keys() == {"teacher"}
        assert all(torch.equal(column["views"]["teacher"][key], expected[key]) for key in expected)
        assert column["text_ids"].shape == (4,)


def test_a_frozen_model_that_reads_alike_gets_no_view(tmp_path, tiny_static):
    other = pickle.loads(pickle.dumps(tiny_static))
    trainer = trainer_of(tiny_static, tmp_path, Taught(tiny_static, other))
    assert "views" not in next(iter(trainer.get_train_dataloader()))["sentence_features"][0]


def test_models_of_one_name_get_no_view(tmp_path, tiny_static, tiny_bert):
    loss = Taught(tiny_static, tiny_bert)
    assert views_of(loss, tiny_static).keys() == {"teacher"}
    loss.more = Taught(tiny_static, tiny_bert)
    assert views_of(loss, tiny_static).keys() == {"teacher"}
    loss.more = Taught(tiny_static, pickle.loads(pickle.dumps(tiny_bert)))
    assert views_of(loss, tiny_static) == {}


@pytest.mark.parametrize("columns", [["first", "second"], ["first", "second", "third"]])
def test_a_student_learns_from_a_teacher(tmp_path, tiny_static, tiny_bert, columns):
    data = texts_only().add_column("third", texts_only(24)["second"][::-1]).select_columns(columns)
    loss = DistillKLDivLoss(tiny_static, pairwise_cos_sim, 0.1, teacher_model=tiny_bert)
    options = {"num_train_epochs": 10, "learning_rate": 0.05, "save_strategy": "epoch"}
    trainer = trainer_of(tiny_static, tmp_path, loss, data, options)
    before, teacher = trainer.evaluate(data)["eval_loss"], weights(tiny_bert)
    trainer.train()
    assert trainer.evaluate(data)["eval_loss"] < 0.5 * before
    assert largest_difference(teacher, weights(tiny_bert)) == 0
    assert not (tmp_path / "checkpoint-6" / "loss.safetensors").exists()
    texts = {text for name in columns for text in data[name]}
    assert len(loss._teacher.table) == len(texts)
