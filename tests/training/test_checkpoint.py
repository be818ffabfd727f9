from __future__ import annotations

from functools import partial

import pytest
import torch
from safetensors.torch import load_file
from tests.training.scenario import Classifier, CosineDistance, largest_difference, trainer_of, weights
from torch import nn
from transformers import Trainer
from transformers.trainer_utils import get_last_checkpoint

from foolsgold.models import SentenceTransformer
from foolsgold.training.checkpoint import (
    check_record,
    load_encoder,
    load_owned,
    owned_tensors,
    save_owned,
    save_record,
)

SAVING = {"save_strategy": "steps", "save_steps": 4, "num_train_epochs": 1}


class Wrapper(nn.Module):
    """Holds the encoder and another loss that holds it too."""

    def __init__(self, model, loss):
        super().__init__()
        self.model = model
        self.loss = loss
        self.same_head = loss.head
        self.register_buffer("scratch", torch.zeros(3), persistent=False)


def test_the_loss_owns_what_is_trained_outside_the_encoder():
    encoder = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    loss = Wrapper(encoder, Classifier(encoder, 4))
    assert set(owned_tensors(loss, encoder)) == {
        "loss.scale",
        "loss.num_calls",
        "loss.head.weight",
        "loss.head.bias",
    }
    assert owned_tensors(CosineDistance(encoder), encoder) == {}


def test_a_frozen_encoder_does_not_freeze_the_loss():
    encoder = nn.Linear(4, 4).requires_grad_(False)
    loss = CosineDistance(encoder)
    loss.register_parameter("fixed", nn.Parameter(torch.ones(2), requires_grad=False))
    assert set(owned_tensors(loss, encoder)) == {"fixed"}


def test_what_is_saved_comes_back(tmp_path):
    encoder = nn.Linear(4, 4)
    first, second = Classifier(encoder, 4), Classifier(encoder, 4)
    first.num_calls += 5
    guide = second.guide.weight.clone()
    save_owned(first, encoder, tmp_path)
    load_owned(second, encoder, tmp_path)
    assert torch.equal(first.head.weight, second.head.weight)
    assert second.num_calls == 5
    assert torch.equal(second.guide.weight, guide)
    assert set(load_file(tmp_path / "loss.safetensors")) == {"head.weight", "head.bias", "scale", "num_calls"}


def test_nothing_owned_is_no_file(tmp_path):
    encoder = nn.Linear(4, 4)
    save_owned(CosineDistance(encoder), encoder, tmp_path)
    assert not list(tmp_path.iterdir())
    load_owned(CosineDistance(encoder), encoder, tmp_path)


def test_another_loss_is_refused(tmp_path):
    encoder = nn.Linear(4, 4)
    save_owned(Classifier(encoder, 4), encoder, tmp_path)
    other = Classifier(encoder, 5)
    before = weights(other)
    with pytest.raises(ValueError, match=r"loss.safetensors` must hold .*\[2, 10\].* got .*\[2, 8\]"):
        load_owned(other, encoder, tmp_path)
    assert largest_difference(before, weights(other)) == 0
    with pytest.raises(ValueError, match=r"must hold \{\} for this loss"):
        load_owned(CosineDistance(encoder), encoder, tmp_path)


def test_another_encoder_is_refused(tmp_path, tiny_bert, tiny_static):
    tiny_bert.save(tmp_path)
    with pytest.raises(
        ValueError, match=r"must hold a model like the one that is trained, got another `0\.embedding"
    ):
        load_encoder(tiny_static, tmp_path)


def test_a_record_is_compared_name_by_name(tmp_path):
    record = {"fingerprint": "a", "num_batches": 4}
    save_record(record, tmp_path)
    check_record(record, tmp_path)
    with pytest.raises(
        ValueError, match=r"`num_batches` of a run resumed from .* must be 4, got 5\nhint: use the"
    ):
        check_record({**record, "num_batches": 5}, tmp_path)


@pytest.mark.training
def test_a_checkpoint_is_the_encoders_folder_and_more(tmp_path, tiny_bert):
    trainer = trainer_of(tiny_bert, tmp_path, partial(Classifier, dimension=32), options=SAVING)
    seen = {}
    save = tiny_bert.save_pretrained

    def spy(path):
        seen.update(weights(trainer.model))
        save(path)

    tiny_bert.save_pretrained = spy
    trainer.train()
    folder = tmp_path / "checkpoint-4"
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "modules.json",
        "model.safetensors",
        "loss.safetensors",
        "sampler.json",
        "trainer_state.json",
    }
    assert names >= {"optimizer.pt", "scheduler.pt", "rng_state.pth"}
    del tiny_bert.save_pretrained
    loaded = SentenceTransformer(folder, device="cpu")
    assert loaded.encode("a cat").shape == (32,)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-4", "checkpoint-6"]
    final = SentenceTransformer(tmp_path / "checkpoint-6", device="cpu")
    assert largest_difference(weights(final), weights(tiny_bert)) == 0


@pytest.mark.training
def test_a_failure_while_saving_leaves_what_was_there(tmp_path, tiny_static, monkeypatch):
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options=SAVING)
    original = Trainer._save_rng_state

    def disk_full(self, folder):
        if self.state.global_step == 6:
            raise OSError(28, "No space left on device")
        original(self, folder)

    monkeypatch.setattr(Trainer, "_save_rng_state", disk_full)
    with pytest.raises(OSError, match="No space left"):
        trainer.train()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]
    assert (tmp_path / "checkpoint-4" / "trainer_state.json").exists()


@pytest.mark.training
def test_a_killed_run_leaves_no_half_written_checkpoint(tmp_path, tiny_static, monkeypatch):
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options=SAVING)

    class Killed(BaseException):
        pass

    def kill(self, folder):
        if self.state.global_step == 6:
            # A kill runs no `finally`: the folder that is being written stays.
            monkeypatch.setattr(trainer, "_remove", lambda folder: None)
            raise Killed

    monkeypatch.setattr(Trainer, "_save_rng_state", kill)
    with pytest.raises(Killed):
        trainer.train()
    assert (tmp_path / ".checkpoint.saving" / "checkpoint-6").exists()
    assert get_last_checkpoint(str(tmp_path)) == str(tmp_path / "checkpoint-4")

    monkeypatch.undo()
    again = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options=SAVING)
    again.train(resume_from_checkpoint=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-4", "checkpoint-6"]


@pytest.mark.training
def test_a_second_run_replaces_checkpoints_of_the_same_step(tmp_path, tiny_static):
    for rate in (1e-2, 1e-3):
        options = {**SAVING, "learning_rate": rate}
        trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options=options)
        trainer.train()
    loaded = SentenceTransformer(tmp_path / "checkpoint-6", device="cpu")
    assert largest_difference(weights(loaded), weights(tiny_static)) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-4", "checkpoint-6"]


@pytest.mark.training
def test_old_checkpoints_go_and_the_best_one_stays(tmp_path, tiny_static):
    options = {
        "save_strategy": "steps",
        "save_steps": 2,
        "eval_strategy": "steps",
        "eval_steps": 2,
        "save_total_limit": 2,
        "metric_for_best_model": "score",
        "greater_is_better": True,
        "load_best_model_at_end": True,
    }
    trainer = trainer_of(
        tiny_static,
        tmp_path,
        CosineDistance(tiny_static),
        options=options,
        evaluator=lambda model, output_path, epoch, steps: {"score": -abs(steps - 4)},
    )
    trainer.train()
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-4", "checkpoint-18"}
    state = (tmp_path / "checkpoint-4" / "trainer_state.json").read_text()
    assert f'"best_model_checkpoint": "{tmp_path}/checkpoint-4"' in state
