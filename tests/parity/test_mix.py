"""Several data sets here and in sentence-transformers: the same rows and turns, samplers that run in both."""

from __future__ import annotations

import warnings
from collections import Counter
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from accelerate.data_loader import BatchSamplerShard
from datasets import Dataset
from torch import nn
from torch.utils.data import BatchSampler, ConcatDataset, SequentialSampler

from foolsgold.models import SentenceTransformer
from foolsgold.sampling import (
    MixSampler,
    NoDuplicatesBatchSampler,
    ProportionalBatchSampler,
    RoundRobinBatchSampler,
)
from foolsgold.training import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

pytestmark = [pytest.mark.parity, pytest.mark.training]

SIZES = (10, 30, 7)


@pytest.fixture(scope="module")
def peer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sentence_transformers
        from sentence_transformers.base import sampler

    return sentence_transformers, sampler


def sampled(kind, **options):
    """Batches of three data sets, in order of their rows within each."""
    data = ConcatDataset([list(range(size)) for size in SIZES])
    samplers = [BatchSampler(SequentialSampler(range(size)), 2, drop_last=False) for size in SIZES]
    return kind(dataset=data, batch_samplers=samplers, **options)


def test_in_proportion_the_same_batches_come(peer):
    ours = sampled(ProportionalBatchSampler, seed=1)
    theirs = sampled(peer[1].ProportionalBatchSampler, generator=torch.Generator(), seed=1)
    assert len(ours) == len(theirs) == 24
    assert Counter(map(tuple, ours)) == Counter(map(tuple, theirs))


def test_turns_are_the_same(peer):
    ours, theirs = sampled(RoundRobinBatchSampler), sampled(peer[1].RoundRobinBatchSampler)
    assert len(ours) == len(theirs) == 12
    assert list(ours) == list(theirs)


class FixedBatches(BatchSampler):
    """Called as the field's trainers call a `batch_sampler`; the same batches in both."""

    def __init__(self, dataset, batch_size, drop_last, valid_label_columns=None, generator=None, seed=0):
        super().__init__(range(len(dataset)), batch_size, drop_last)
        self.epoch = 0

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.epoch)
        order = torch.randperm(len(self.sampler), generator=generator).tolist()
        for start in range(0, len(order), self.batch_size):
            yield order[start : start + self.batch_size]

    def set_epoch(self, epoch):
        self.epoch = epoch


class Recorded(nn.Module):
    """Remembers the batches; a cosine loss where there are labels, a contrastive one where there are none."""

    def __init__(self, model, calls):
        super().__init__()
        self.model = model
        self.calls = calls

    def forward(self, sentence_features, labels):
        features = list(sentence_features)
        given = None if labels is None else labels.tolist()
        self.calls.append((given, features[0]["input_ids"].tolist()))
        first, second = (self.model(column)["sentence_embedding"] for column in features)
        if labels is not None:
            return F.mse_loss(F.cosine_similarity(first, second), labels)
        return F.cross_entropy(first @ second.T, torch.arange(len(first)))


def data():
    """Two data sets of twelve rows; no text comes twice in either."""
    rows = range(12)
    scored = {"text": [f"the cat {row}" for row in rows], "other": [f"a stone {row}" for row in rows]}
    plain = {"query": [f"the dog {row}" for row in rows], "answer": [f"a river {row}" for row in rows]}
    return {
        "scored": Dataset.from_dict({**scored, "label": [row % 5 / 4 for row in rows]}),
        "plain": Dataset.from_dict(plain),
    }


def trained(package, folder, model_folder, **options):
    """Train with one of the packages; return what the losses were given, by loss, the log and the model."""
    ours = package is None
    encoder = SentenceTransformer if ours else package.SentenceTransformer
    arguments = SentenceTransformerTrainingArguments if ours else package.SentenceTransformerTrainingArguments
    model = encoder(str(model_folder), device="cpu")
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    args = arguments(
        output_dir=str(folder),
        per_device_train_batch_size=4,
        num_train_epochs=2,
        learning_rate=1e-2,
        logging_steps=1,
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        report_to="none",
        **options,
    )
    calls = []
    loss = {"scored": Recorded(model, calls), "plain": Recorded(model, calls)}
    train_dataset = data()
    if not ours:
        from datasets import DatasetDict

        train_dataset = DatasetDict(train_dataset)
    with warnings.catch_warnings():
        if not ours:
            warnings.simplefilter("ignore")
        trainer = SentenceTransformerTrainer if ours else package.SentenceTransformerTrainer
        run = trainer(model=model, args=args, train_dataset=train_dataset, loss=loss)
        run.train()
    return calls, [entry["loss"] for entry in run.state.log_history if "loss" in entry], model


def test_a_loss_for_each_data_set_trains_alike(peer, tmp_path, tiny_bert_folder):
    options = {
        "batch_sampler": FixedBatches,
        "multi_dataset_batch_sampler": "round_robin",
        "prompts": {"plain": {"query": "gold "}},
    }
    here, there = (trained(package, tmp_path, tiny_bert_folder, **options) for package in (None, peer[0]))
    assert len(here[0]) == 12
    assert here[0] == there[0]
    assert here[1] == pytest.approx(there[1], rel=1e-4, abs=1e-4)
    first, second = (torch.from_numpy(model.encode(["a cat", "gold"])) for *_, model in (here, there))
    assert torch.allclose(first, second, atol=1e-4)


@pytest.mark.parametrize("kind", ["proportional", "round_robin"])
@pytest.mark.parametrize("drop_last", [True, False])
def test_the_peers_turns_take_our_samplers(peer, tmp_path, tiny_bert_folder, kind, drop_last):
    options = {"batch_sampler": NoDuplicatesBatchSampler, "multi_dataset_batch_sampler": kind, "seed": 3}
    calls, losses, _ = trained(peer[0], tmp_path, tiny_bert_folder, dataloader_drop_last=drop_last, **options)
    assert Counter(labels is None for labels, _ in calls) == {False: 6, True: 6}
    assert len(losses) == 12
    # Of two epochs each has every row once, in other batches; 0 is padding.
    plain = [[tuple(filter(None, row)) for row in batch] for labels, batch in calls if labels is None]
    epochs = [sorted(row for batch in part for row in batch) for part in (plain[:3], plain[3:])]
    assert len(set(epochs[0])) == 12
    assert epochs[0] == epochs[1]
    assert plain[:3] != plain[3:]


@pytest.mark.parametrize("kind", ["ProportionalBatchSampler", "RoundRobinBatchSampler"])
def test_the_peers_turns_of_our_samplers_are_shared_by_two_ranks(peer, kind):
    columns = [{"text": [f"{source} {row // 2}" for row in range(26)]} for source in "ab"]
    rows = [list(range(26)) for _ in columns]

    def turns(drop_last=True):
        samplers = [NoDuplicatesBatchSampler(column, 2, drop_last, num_replicas=2) for column in columns]
        options = {"generator": torch.Generator(), "seed": 1}
        return getattr(peer[1], kind)(dataset=ConcatDataset(rows), batch_samplers=samplers, **options)

    whole, shards = turns(), [BatchSamplerShard(turns(), 2, rank) for rank in range(2)]
    for epoch in range(2):
        for sampler in (whole, *(shard.batch_sampler for shard in shards)):
            sampler.set_epoch(epoch)
        batches = list(whole)
        assert len(batches) == 24
        assert [list(shard) for shard in shards] == [batches[0::2], batches[1::2]]
        assert {len(batch) for batch in batches} == {2}
    with pytest.raises(AttributeError, match="`batch_size` must be that of every batch"):
        turns(drop_last=False)


@pytest.mark.parametrize("kind", [ProportionalBatchSampler, partial(MixSampler, weights=[1, 2], stop=9)])
def test_our_samplers_run_in_the_peers_trainer(peer, tmp_path, tiny_bert_folder, kind):
    options = {"batch_sampler": NoDuplicatesBatchSampler, "multi_dataset_batch_sampler": kind, "seed": 3}
    here, there = (trained(package, tmp_path, tiny_bert_folder, **options) for package in (None, peer[0]))
    assert here[0] == there[0]
    counts = Counter(labels is None for labels, _ in there[0])
    assert counts == ({False: 6, True: 6} if kind is ProportionalBatchSampler else {False: 6, True: 12})
