from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.training.scenario import (
    Classifier,
    largest_difference,
    pairs,
    several_of,
    trainer_of,
    weights,
)

from foolsgold.models import SentenceTransformer
from foolsgold.sampling import RandomBatchSampler

pytestmark = [pytest.mark.training, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def static_folder(tiny_tokenizer, tmp_path_factory):
    from foolsgold.models import StaticEmbedding

    folder = tmp_path_factory.mktemp("ranks") / "static"
    SentenceTransformer(modules=[StaticEmbedding(tiny_tokenizer, embedding_dim=16)], device="cpu").save(
        folder
    )
    return folder


@pytest.fixture(scope="module")
def output(static_folder, tiny_bert_folder, tmp_path_factory):
    """What two ranks wrote."""
    folder = tmp_path_factory.mktemp("ranks") / "output"
    folder.mkdir()
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    result = subprocess.run(
        [
            *launcher,
            "--module",
            "tests.training.ranks",
            str(static_folder),
            str(tiny_bert_folder),
            str(folder),
        ],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def reports(output):
    return [json.loads((output / f"report-{rank}.json").read_text()) for rank in range(2)]


def one_process(folder, tmp_path, options, **more):
    model = SentenceTransformer(folder, device="cpu")
    trainer = trainer_of(model, tmp_path, lambda m: Classifier(m, 16), options=options, **more)
    trainer.train()
    return trainer


@pytest.mark.parametrize("name", ["rows", "accumulated", "resume"])
def test_ranks_stay_equal_in_all_that_is_trained(output, name):
    first, second = (torch.load(output / f"{name}-{rank}.pt") for rank in range(2))
    assert "head.weight" in first
    assert largest_difference(first, second) == 0


@pytest.mark.parametrize("name", ["rows", "accumulated"])
def test_two_ranks_are_one_process_with_a_batch_twice_as_large(output, static_folder, tmp_path, name):
    trainer = one_process(static_folder, tmp_path, {"per_device_train_batch_size": 8})
    ranks = torch.load(output / f"{name}-0.pt")
    alone = weights(trainer.model)
    ranks.pop("num_calls"), alone.pop("num_calls")
    assert largest_difference(ranks, alone) < 1e-6
    start = SentenceTransformer(static_folder, device="cpu")[0].embedding.weight.detach()
    assert float((alone["model.0.embedding.weight"] - start).abs().max()) > 1e-2


def test_a_loss_for_each_data_set_is_the_same_on_two_ranks(output, static_folder, tmp_path):
    losses, data = several_of(16)
    model = SentenceTransformer(static_folder, device="cpu")
    trainer = trainer_of(model, tmp_path, losses, data, {"per_device_train_batch_size": 8})
    trainer.train()
    alone = weights(trainer.model)
    first, second = (torch.load(output / f"several-{rank}.pt") for rank in range(2))
    assert largest_difference(first, second) == 0
    assert {"a_loss.head.weight", "model.0.embedding.weight"} <= alone.keys()
    first.pop("a_loss.num_calls"), alone.pop("a_loss.num_calls")
    # A step of one data set leaves the head of the other as it is, with ranks and without.
    assert largest_difference(first, alone) < 1e-6


def test_ranks_log_and_evaluate_as_one_process(reports, static_folder, tmp_path):
    options = {"per_device_train_batch_size": 8, "logging_steps": 2}
    trainer = one_process(static_folder, tmp_path, options, eval_dataset=pairs(10))
    alone = [entry for entry in trainer.state.log_history if "loss" in entry]
    expected = trainer.evaluate()
    for report in reports:
        entries = [entry for entry in report["log"] if "loss" in entry]
        assert len(entries) == len(alone) == 4
        for name in ("loss", "class", "cosine"):
            assert [e[name] for e in entries] == pytest.approx([e[name] for e in alone], rel=1e-4)
        for name in ("eval_loss", "eval_class", "eval_cosine"):
            assert report["eval"][name] == pytest.approx(expected[name], rel=1e-4)
        assert report["eval"]["eval_rank"] == 0
    assert reports[0]["eval"]["eval_mean"] == reports[1]["eval"]["eval_mean"]


def test_each_rank_reads_its_own_share(reports):
    sampler = RandomBatchSampler(pairs(), 8, drop_last=True, seed=42)
    sampler.set_epoch(2)
    steps = [first + second for first, second in zip(*(report["rows"] for report in reports), strict=True)]
    assert [sorted(rows) for rows in steps] == [sorted(rows) for rows in sampler]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_resumes_bit_by_bit_on_every_rank(reports, workers):
    assert [report[f"resumed with {workers} workers"] for report in reports] == [0.0, 0.0]


def test_a_run_is_not_resumed_on_other_batches(reports):
    for report in reports:
        assert (
            "must be 4, got 2\nhint: use the `per_device_train_batch_size` of before"
            in report["other batch size"]
        )


def test_a_loss_with_a_backward_pass_of_its_own_is_refused(reports):
    for report in reports:
        assert report["own backward"].endswith("several processes train together, got OwnBackward")


def test_a_checkpoint_of_ranks_has_the_state_of_each(output):
    names = {path.name for path in (output / "resume" / "checkpoint-5").iterdir()}
    assert names >= {"rng_state_0.pth", "rng_state_1.pth", "loss.safetensors", "sampler.json", "modules.json"}
    assert sorted(path.name for path in (output / "resume").iterdir()) == ["checkpoint-5", "checkpoint-9"]
    record = json.loads((output / "resume" / "checkpoint-5" / "sampler.json").read_text())
    assert (record["world_size"], record["batch_size"], record["num_batches"]) == (2, 4, 3)
