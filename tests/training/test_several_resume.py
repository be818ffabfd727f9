"""A run on several data sets stops and goes on."""

from __future__ import annotations

import json
import shutil
from functools import partial

import pytest
import torch
from tests.training.scenario import (
    largest_difference,
    pairs,
    scored_and_not,
    several,
    two_losses,
    weights,
)

from foolsgold.models import SentenceTransformer
from foolsgold.sampling import MixSampler

pytestmark = pytest.mark.training


def run(folder, bert_folder, options, resume=None, train_dataset=None):
    model = SentenceTransformer(bert_folder, device="cpu")
    trainer = several(model, folder, options, two_losses(32), train_dataset)
    trainer.train(resume_from_checkpoint=resume)
    log = [entry for entry in trainer.state.log_history if "loss" in entry]
    return weights(trainer.model), [{**entry, "epoch": None} for entry in log]


@pytest.mark.parametrize(
    ("step", "options", "after"),
    [
        pytest.param(13, {}, {}, id="in the second epoch"),
        pytest.param(10, {}, {}, id="between epochs"),
        pytest.param(13, {"multi_dataset_batch_sampler": "round_robin"}, {}, id="round robin"),
        pytest.param(
            7, {"multi_dataset_batch_sampler": partial(MixSampler, weights=[3, 1])}, {}, id="weights"
        ),
        pytest.param(
            13, {"batch_sampler": "no_duplicates"}, {"dataloader_num_workers": 2}, id="workers afterwards"
        ),
        pytest.param(4, {"gradient_accumulation_steps": 3}, {}, id="three accumulated"),
    ],
)
def test_a_resumed_run_has_the_bits_of_one_that_never_stopped(
    tmp_path, tiny_bert_folder, step, options, after
):
    saving = {**options, "save_strategy": "steps", "save_steps": step}
    whole, whole_log = run(tmp_path, tiny_bert_folder, saving)
    checkpoint = str(tmp_path / f"checkpoint-{step}")
    saved = torch.load(f"{checkpoint}/optimizer.pt", weights_only=True)
    assert len(saved["state"]) > 0
    resumed, log = run(tmp_path, tiny_bert_folder, {**saving, **after}, checkpoint)
    assert "scored_loss.head.weight" in whole
    assert log == whole_log
    assert len(log) > step
    assert largest_difference(whole, resumed) == 0


def test_the_checkpoint_holds_what_the_losses_own_and_what_the_batches_were(tmp_path, tiny_static):
    from safetensors.torch import load_file

    options = {"save_strategy": "steps", "save_steps": 4, "num_train_epochs": 1}
    several(tiny_static, tmp_path, options).train()
    folder = tmp_path / "checkpoint-4"
    owned = {f"scored_loss.{name}" for name in ("head.weight", "head.bias", "scale", "num_calls")}
    assert set(load_file(folder / "loss.safetensors")) == owned
    record = json.loads((folder / "sampler.json").read_text())
    assert [name for name, _ in record["fingerprint"]] == list(scored_and_not())
    assert record["num_rows"] == 40
    assert record["num_batches"] == 10
    assert record["shares"] == [6, 4]
    assert record["sampler"] == "ProportionalBatchSampler(RandomBatchSampler, RandomBatchSampler)"


@pytest.mark.parametrize(
    ("data", "change", "message"),
    [
        ({**scored_and_not(), "scored": pairs(shift=1)}, {}, "`fingerprint` of a run"),
        (dict(reversed(scored_and_not().items())), {}, "`fingerprint` of a run"),
        (None, {"multi_dataset_batch_sampler": "round_robin"}, "`sampler` of a run .* must be 'Proportional"),
        (
            None,
            {"batch_sampler": "no_duplicates"},
            "`sampler` of a run .* got 'ProportionalBatchSampler.NoDup",
        ),
    ],
)
def test_other_batches_are_refused(tmp_path, tiny_static, data, change, message):
    options = {"save_strategy": "steps", "save_steps": 4, "num_train_epochs": 1}
    several(tiny_static, tmp_path, options).train()
    trainer = several(tiny_static, tmp_path, {**options, **change}, train_dataset=data)
    with pytest.raises(ValueError, match=message):
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))


def test_other_weights_are_refused(tmp_path, tiny_static):
    options = {"save_strategy": "steps", "save_steps": 2, "max_steps": 2}
    weighted = {"multi_dataset_batch_sampler": partial(MixSampler, weights=[3, 1], stop=6)}
    several(tiny_static, tmp_path, {**options, **weighted}).train()
    others = {"multi_dataset_batch_sampler": partial(MixSampler, weights=[1, 3], stop=6)}
    trainer = several(tiny_static, tmp_path, {**options, **others})
    with pytest.raises(
        ValueError, match=r"`shares` of a run .* must be \[5, 1\], got \[2, 4\]\nhint: use the `multi_"
    ):
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))


def test_the_last_checkpoint_is_found_by_a_function_of_the_model(tmp_path, tiny_bert_folder):
    options = {"save_strategy": "steps", "save_steps": 10, "num_train_epochs": 2}

    def trained(resume=None):
        trainer = several(
            None,
            tmp_path,
            options,
            two_losses(32),
            model_init=lambda: SentenceTransformer(tiny_bert_folder, device="cpu"),
        )
        trainer.train(resume_from_checkpoint=resume)
        return weights(trainer.model)

    whole = trained()
    shutil.rmtree(tmp_path / "checkpoint-20")
    assert largest_difference(whole, trained(True)) == 0
