"""Losses that draw by step, in a run that stops and goes on."""

from __future__ import annotations

import copy

import pytest
from tests.training.scenario import largest_difference, pairs, trainer_of, weights

from foolsgold.losses.cosine_similarity import CosineSimilarityLoss
from foolsgold.losses.matryoshka import MatryoshkaLoss

pytestmark = pytest.mark.training


class Recorded(MatryoshkaLoss):
    """Keeps the steps it was told, and how many dimensions were in use."""

    def set_training_step(self, step):
        self.steps = [*getattr(self, "steps", []), step]
        super().set_training_step(step)


def run(folder, model, options, resume=None, seed=0):
    loss = Recorded(model, CosineSimilarityLoss(model), [16, 8, 4, 2], n_dims_per_step=1, seed=seed)
    trainer = trainer_of(model, folder, loss, options=options, eval_dataset=pairs(8))
    trainer.train(resume_from_checkpoint=resume)
    return weights(trainer.model), loss.steps


@pytest.mark.parametrize(("step", "accumulated"), [(8, 1), (2, 5), (4, 2)])
def test_a_resumed_run_draws_as_one_that_never_stopped(tmp_path, tiny_static, step, accumulated):
    options = {
        "save_strategy": "steps",
        "save_steps": step,
        "gradient_accumulation_steps": accumulated,
        "eval_strategy": "steps",
        "eval_steps": 3,
    }
    whole, steps = run(tmp_path, copy.deepcopy(tiny_static), options)
    assert len(steps) == 18
    assert steps == sorted(set(steps))
    resumed, later = run(tmp_path, copy.deepcopy(tiny_static), options, str(tmp_path / f"checkpoint-{step}"))
    assert later == steps[-len(later) :]
    assert largest_difference(whole, resumed) == 0


def test_the_seed_decides_the_draws(tmp_path, tiny_static):
    runs = [run(tmp_path, copy.deepcopy(tiny_static), {}, seed=seed)[0] for seed in (0, 1)]
    assert largest_difference(*runs) > 0
