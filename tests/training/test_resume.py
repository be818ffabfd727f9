from __future__ import annotations

import json
import shutil

import pytest
import torch
from tests.training.scenario import (
    Classifier,
    CosineDistance,
    largest_difference,
    pairs,
    trainer_of,
    weights,
)

from foolsgold.data.texts import Texts
from foolsgold.models import SentenceTransformer

pytestmark = pytest.mark.training


def run(folder, bert_folder, options, resume=None, train_dataset=None, evaluator=None):
    """Train from the same start; the loss's head is drawn from the seed."""
    model = SentenceTransformer(bert_folder, device="cpu")
    trainer = trainer_of(
        model, folder, lambda encoder: Classifier(encoder, 32), train_dataset, options, evaluator=evaluator
    )
    trainer.train(resume_from_checkpoint=resume)
    return weights(trainer.model), [entry for entry in trainer.state.log_history if "loss" in entry]


def stopped_and_resumed(tmp_path, bert_folder, options, step, after=None, evaluator=None):
    saving = {**options, "save_strategy": "steps", "save_steps": step}
    whole, whole_log = run(tmp_path, bert_folder, saving, evaluator=evaluator)
    checkpoint = str(tmp_path / f"checkpoint-{step}")
    resumed, log = run(tmp_path, bert_folder, {**saving, **(after or {})}, checkpoint, evaluator=evaluator)
    losses = [[(entry["step"], entry["loss"], entry["class"]) for entry in one] for one in (whole_log, log)]
    assert losses[0] == losses[1]
    assert len(losses[0]) > step
    return whole, resumed


@pytest.mark.parametrize(
    ("step", "options", "after"),
    [
        pytest.param(8, {}, {}, id="in the second epoch"),
        pytest.param(6, {}, {}, id="between epochs"),
        pytest.param(2, {}, {}, id="in the first epoch"),
        pytest.param(8, {"dataloader_num_workers": 2}, {}, id="two workers"),
        pytest.param(8, {}, {"dataloader_num_workers": 2}, id="two workers afterwards"),
        pytest.param(
            8,
            {"dataloader_num_workers": 2, "dataloader_persistent_workers": True},
            {"dataloader_num_workers": 0, "dataloader_persistent_workers": False},
            id="persistent workers before",
        ),
        pytest.param(4, {"gradient_accumulation_steps": 2}, {}, id="two accumulated"),
        pytest.param(8, {"batch_sampler": "no_duplicates"}, {}, id="no duplicates"),
        pytest.param(8, {"bf16": True}, {}, id="bfloat16"),
        pytest.param(3, {"gradient_accumulation_steps": 5}, {}, id="five accumulated, six batches"),
        pytest.param(
            7, {"data_seed": 5, "per_device_train_batch_size": 5}, {}, id="own seed, a smaller batch"
        ),
    ],
)
def test_a_resumed_run_has_the_bits_of_one_that_never_stopped(
    tmp_path, tiny_bert_folder, step, options, after
):
    whole, resumed = stopped_and_resumed(tmp_path, tiny_bert_folder, options, step, after)
    assert largest_difference(whole, resumed) == 0


def test_dropout_is_at_work_in_these_runs(tmp_path, tiny_bert_folder):
    first, _ = run(tmp_path, tiny_bert_folder, {"num_train_epochs": 1})
    second, _ = run(tmp_path, tiny_bert_folder, {"num_train_epochs": 1, "seed": 43, "data_seed": 42})
    start = SentenceTransformer(tiny_bert_folder, device="cpu")
    assert any(isinstance(module, torch.nn.Dropout) and module.p > 0 for module in start.modules())
    assert largest_difference(first, second) > 0


def test_resume_with_an_evaluation_in_between(tmp_path, tiny_bert_folder):
    def evaluator(model, output_path, epoch, steps):
        torch.rand(3)  # an evaluator may draw from the global generator
        return {"size": float(model.encode(["a cat"]).std())}

    options = {"eval_strategy": "steps", "eval_steps": 4}
    whole, resumed = stopped_and_resumed(tmp_path, tiny_bert_folder, options, 8, evaluator=evaluator)
    assert largest_difference(whole, resumed) == 0


def test_the_last_checkpoint_is_found(tmp_path, tiny_bert_folder):
    options = {"save_strategy": "steps", "save_steps": 5}
    whole, _ = run(tmp_path, tiny_bert_folder, options)
    shutil.rmtree(tmp_path / "checkpoint-18")
    resumed, _ = run(tmp_path, tiny_bert_folder, options, resume=True)
    assert largest_difference(whole, resumed) == 0


@pytest.mark.parametrize(
    ("data", "change", "message"),
    [
        pytest.param(pairs(shift=1), {}, "`fingerprint` of a run", id="other texts"),
        pytest.param(pairs(28), {}, "`fingerprint` of a run", id="more rows"),
        pytest.param(None, {"seed": 1}, "`seed` of a run .* must be 42, got 1", id="seed"),
        pytest.param(
            None, {"per_device_train_batch_size": 8}, "`batch_size` of a run .* must be 4, got 8", id="size"
        ),
        pytest.param(
            None,
            {"gradient_accumulation_steps": 2},
            "`gradient_accumulation_steps` of a run .* must be 1, got 2",
            id="accumulation",
        ),
    ],
)
def test_other_batches_are_refused(tmp_path, tiny_static, data, change, message):
    options = {"save_strategy": "steps", "save_steps": 4, "num_train_epochs": 1}
    trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options=options).train()
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), data, {**options, **change})
    with pytest.raises(ValueError, match=message):
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))


def test_the_record_says_what_the_batches_were(tmp_path, tiny_static):
    options = {"save_strategy": "steps", "save_steps": 4, "num_train_epochs": 1}
    trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options=options).train()
    texts, _ = Texts.intern({name: pairs()[name] for name in ("first", "second")})
    record = json.loads((tmp_path / "checkpoint-4" / "sampler.json").read_text())
    assert record == {
        "fingerprint": f"{texts.fingerprint:016x}",
        "num_rows": 24,
        "num_batches": 6,
        "sampler": "RandomBatchSampler",
        "seed": 42,
        "batch_size": 4,
        "world_size": 1,
        "gradient_accumulation_steps": 1,
    }


@pytest.mark.parametrize("missing", ["modules.json", "trainer_state.json", "sampler.json"])
def test_a_folder_that_is_no_whole_checkpoint_is_refused(tmp_path, tiny_static, missing):
    options = {"save_strategy": "steps", "save_steps": 4, "num_train_epochs": 1}
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), options=options)
    trainer.train()
    (tmp_path / "checkpoint-4" / missing).unlink()
    with pytest.raises(ValueError, match=f"must be a checkpoint with a {missing}"):
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
