"""Several data sets in one run: their samplers, their rows, what is refused."""

from __future__ import annotations

import json
import logging
from functools import partial

import pytest
import torch
from datasets import Dataset, DatasetDict
from tests.training.scenario import (
    CosineDistance,
    arguments,
    largest_difference,
    pairs,
    scored_and_not,
    several,
    texts_only,
    trainer_of,
    two_losses,
    weights,
)
from torch import nn

from foolsgold.data import DenoisingAutoEncoderDataset
from foolsgold.losses import MultipleNegativesRankingLoss
from foolsgold.sampling import MixSampler, ProportionalBatchSampler, RoundRobinBatchSampler
from foolsgold.training import MultiDatasetBatchSamplers
from foolsgold.training.several import SeveralReader

pytestmark = pytest.mark.training


def names_of(trainer):
    return [batch["dataset_name"] for batch in trainer.get_train_dataloader()]


@pytest.mark.parametrize(
    ("choice", "kind", "counts"),
    [
        (MultiDatasetBatchSamplers.PROPORTIONAL, ProportionalBatchSampler, [6, 4]),
        ("round_robin", RoundRobinBatchSampler, [4, 4]),
        (partial(MixSampler, weights=[1, 3]), MixSampler, [2, 4]),
        (RoundRobinBatchSampler, RoundRobinBatchSampler, [4, 4]),
    ],
)
def test_the_sampler_that_is_asked_for(tmp_path, tiny_static, choice, kind, counts):
    trainer = several(tiny_static, tmp_path, {"multi_dataset_batch_sampler": choice})
    names = names_of(trainer)
    assert type(trainer.batches) is kind
    assert [names.count(name) for name in scored_and_not()] == counts == trainer.batches.counts
    if kind is RoundRobinBatchSampler:
        assert names == list(scored_and_not()) * 4


def test_a_sampler_of_ones_own(tmp_path, tiny_static):
    calls = {}

    class Own:
        def __init__(self, dataset, batch_samplers, generator, seed):
            calls.update(
                rows=len(dataset), samplers=len(batch_samplers), seed=seed, sizes=dataset.cumulative_sizes
            )
            self.batch_samplers = batch_samplers

        def __len__(self):
            return len(self.batch_samplers[0])

        def __iter__(self):
            return iter(self.batch_samplers[0])

    trainer = several(tiny_static, tmp_path, {"multi_dataset_batch_sampler": Own, "data_seed": 3})
    assert names_of(trainer) == ["scored"] * 6
    assert calls == {"rows": 40, "samplers": 2, "seed": 3, "sizes": [24, 40]}
    assert trainer.batches_record()["sampler"] == "Own(RandomBatchSampler, RandomBatchSampler)"
    trainer.train()


def test_one_loss_for_all_data_sets(tmp_path, tiny_static):
    data = DatasetDict({"a": pairs(), "b": pairs(16, shift=100)})
    trainer = several(tiny_static, tmp_path, loss=CosineDistance(tiny_static), train_dataset=data)
    start = weights(trainer.model)
    trainer.train()
    assert trainer.state.global_step == 3 * 10
    assert largest_difference(start, weights(trainer.model)) > 0


def test_rows_are_those_of_the_plan(tmp_path, tiny_static):
    trainer = several(tiny_static, tmp_path, {"batch_sampler": "no_duplicates"})
    loader = trainer.get_train_dataloader()
    plan = list(trainer.batches)
    loader.set_epoch(0)
    data = list(scored_and_not().items())
    for rows, batch in zip(plan, loader, strict=True):
        source = int(rows[0] >= 24)
        name, own = data[source]
        own = own.select([row - 24 * source for row in rows])
        assert batch["dataset_name"] == name
        for column, features in zip(own.column_names, batch["sentence_features"], strict=False):
            assert torch.equal(features["input_ids"], tiny_static.preprocess(own[column])["input_ids"])
        assert ("labels" in batch) == ("label" in own.column_names)
        # Only the loss of the second data set masks by identity.
        assert ("text_ids" in batch["sentence_features"][0]) == (name == "pairs.v1")


def test_rows_by_epoch_among_others(tmp_path, tiny_static):
    sentences = [f"the cat is of gold and iron {row}" for row in range(16)]
    data = {"noise": DenoisingAutoEncoderDataset(sentences), "plain": texts_only()}
    trainer = several(
        tiny_static, tmp_path, loss=MultipleNegativesRankingLoss(tiny_static), train_dataset=data
    )
    seen = []
    loader = trainer.get_train_dataloader()
    for epoch in range(2):
        loader.set_epoch(epoch)
        batches = [batch for batch in loader if batch["dataset_name"] == "noise"]
        seen.append(
            sorted(tuple(batch["sentence_features"][0]["input_ids"].flatten().tolist()) for batch in batches)
        )
    assert seen[0] != seen[1]
    trainer.train()
    with pytest.raises(ValueError, match="`eval_dataset` must be another object than `train_dataset`"):
        trainer.evaluate(data["noise"])


def test_a_collator_of_ones_own(tmp_path, tiny_static):
    def collate(rows):
        columns = [name for name in rows[0] if name != "label"]
        features = [tiny_static.preprocess([row[name] for row in rows]) for name in columns]
        labels = {"labels": torch.tensor([row["label"] for row in rows])} if "label" in rows[0] else {}
        return {"sentence_features": features, **labels}

    own = several(tiny_static, tmp_path, data_collator=collate)
    ours = several(tiny_static, tmp_path)
    for first, second in zip(own.get_train_dataloader(), ours.get_train_dataloader(), strict=True):
        assert first["dataset_name"] == second["dataset_name"]
        for a, b in zip(first["sentence_features"], second["sentence_features"], strict=True):
            assert torch.equal(a["input_ids"], b["input_ids"])
    own.train()


def test_a_batch_of_two_data_sets_is_refused(tmp_path, tiny_static):
    reader = SeveralReader({"a": [10, 11], "b": [20, 21, 22]}, [2, 5])
    assert len(reader) == 5
    assert reader.__getitems__([4, 2]) == ("b", [22, 20])
    with pytest.raises(ValueError, match="a batch must have rows of one data set, got rows of a, b"):
        reader.__getitems__([1, 2])
    mixed = {"multi_dataset_batch_sampler": partial(MixSampler, mode="mixed")}
    trainer = several(tiny_static, tmp_path, mixed)
    with pytest.raises(
        ValueError, match=r"must give batches of one data set each, got the mode `mixed`\nhint: data"
    ):
        trainer.train()


def test_the_start_is_told(tmp_path, tiny_static, caplog):
    with caplog.at_level(logging.INFO, "foolsgold"):
        several(tiny_static, tmp_path).get_train_dataloader()
    assert "40 rows, 10 batches" in caplog.text
    assert "scored: 6, pairs.v1: 4" in caplog.text


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda m: {"train_dataset": {}},
            "`train_dataset` must have at least one data set, got an empty dict",
        ),
        (lambda m: {"loss": {}}, "`loss` must be for at least one data set, got an empty dict"),
        (
            lambda m: {"loss": {"scored": CosineDistance(m)}},
            "`loss` must have a loss for every data set of `train_dataset`, got none for pairs.v1",
        ),
        (
            lambda m: {"loss": {name: CosineDistance(m) for name in (*scored_and_not(), "third")}},
            "`loss` must be for data sets that are given, got third",
        ),
        (
            lambda m: {"loss": {**two_losses(), "scored": CosineDistance(nn.Identity())}},
            r"`loss\['scored'\]` must have the `model` that is trained",
        ),
        (
            lambda m: {"loss": two_losses(), "eval_dataset": pairs()},
            "`eval_dataset` must be a dict with the names of `loss`, scored, pairs.v1, got Dataset",
        ),
        (
            lambda m: {"train_dataset": {"a": pairs(), "b": Dataset.from_dict({"text": ["a"], "row": [1]})}},
            r"`train_dataset\['b'\]`: column `row` must hold texts, got int",
        ),
        (
            lambda m: {
                "train_dataset": {"a.b": pairs(), "a_b": pairs()},
                "loss": {"a.b": CosineDistance(m), "a_b": CosineDistance(m)},
            },
            r"`loss` must have names that differ in more than dots, got \['a.b', 'a_b'\]",
        ),
    ],
)
def test_bad_input_is_refused(tmp_path, tiny_static, build, message):
    given = {"loss": CosineDistance(tiny_static), "train_dataset": scored_and_not(), **build(tiny_static)}
    with pytest.raises(ValueError, match=message):
        trainer_of(tiny_static, tmp_path, **given)


def test_a_data_set_without_a_batch_is_refused(tmp_path, tiny_static):
    data = {"a": pairs(), "b": pairs(3)}
    options = {"dataloader_drop_last": True}
    trainer = several(tiny_static, tmp_path, options, CosineDistance(tiny_static), data)
    with pytest.raises(
        ValueError, match=r"`train_dataset\['b'\]` must have at least 4 rows for one step, got 3\nhint"
    ):
        trainer.train()


def test_an_unknown_sampler_is_refused(tmp_path):
    message = (
        "`multi_dataset_batch_sampler` must be one of round_robin, proportional, or callable, got 'best'"
    )
    with pytest.raises(ValueError, match=message):
        arguments(tmp_path, multi_dataset_batch_sampler="best")
    args = arguments(tmp_path, multi_dataset_batch_sampler=MixSampler)
    assert json.loads(args.to_json_string())["multi_dataset_batch_sampler"] == "MixSampler"
    assert arguments(tmp_path).multi_dataset_batch_sampler is MultiDatasetBatchSamplers.PROPORTIONAL
