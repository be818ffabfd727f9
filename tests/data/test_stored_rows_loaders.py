"""Workers of a loader, forked or spawned, read stored rows from the same files."""

from __future__ import annotations

import copy
import sys

import pytest
import torch
from torch.utils.data import DataLoader

import foolsgold as fg
from foolsgold.data import StoredRows
from foolsgold.sampling import NoDuplicatesBatchSampler
from foolsgold.sampling.random import RandomBatchSampler

PAIRS = {
    "anchor": [f"cat {row}" for row in range(64)],
    "positive": [f"dog {row // 2} bird" for row in range(64)],
}


@pytest.fixture
def stored(tmp_path):
    return StoredRows.build(tmp_path / "rows", PAIRS)


def as_rows(batch):
    return batch


@pytest.mark.parametrize(
    "context",
    [
        None,
        pytest.param("fork", marks=pytest.mark.skipif(sys.platform == "win32", reason="no fork")),
        "spawn",
    ],
)
def test_workers_give_the_rows(stored, context):
    sampler = NoDuplicatesBatchSampler(stored, 8, True, seed=5)
    loader = DataLoader(
        stored,
        batch_sampler=sampler,
        collate_fn=as_rows,
        num_workers=0 if context is None else 2,
        multiprocessing_context=context,
    )
    plan = NoDuplicatesBatchSampler(PAIRS, 8, True, seed=5)
    expected = [[{name: PAIRS[name][row] for name in PAIRS} for row in batch] for batch in plan]
    assert list(loader) == expected


def losses(model, dataset, folder, **options):
    args = fg.SentenceTransformerTrainingArguments(
        str(folder),
        per_device_train_batch_size=8,
        max_steps=4,
        logging_steps=1,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        save_strategy="no",
        **options,
    )
    trainer = fg.SentenceTransformerTrainer(
        model, args, dataset, loss=fg.losses.MultipleNegativesRankingLoss(model)
    )
    trainer.train()
    return [log["loss"] for log in trainer.state.log_history if "loss" in log], trainer


@pytest.mark.training
@pytest.mark.parametrize("options", [{"batch_sampler": NoDuplicatesBatchSampler}, {"cache_tokens": True}])
def test_training_is_that_of_memory(stored, tiny_bert, tmp_path, options):
    datasets = pytest.importorskip("datasets")
    expected, one = losses(
        copy.deepcopy(tiny_bert), datasets.Dataset.from_dict(PAIRS), tmp_path / "one", **options
    )
    found, other = losses(copy.deepcopy(tiny_bert), stored, tmp_path / "other", **options)
    assert found == expected
    assert len(found) == 4
    assert one.batches_record() == other.batches_record()
    state = zip(one.encoder.state_dict().values(), other.encoder.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in state)


def test_random_batches_know_the_rows(stored):
    assert sorted(row for batch in RandomBatchSampler(stored, 8, False) for row in batch) == list(range(64))
