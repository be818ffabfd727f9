"""A training on a stream that is read once a pass: its batches, without duplicates, and an exact resume."""

from __future__ import annotations

import json
import pickle
from functools import partial

import pytest
from datasets import Dataset
from tests.training.scenario import NOUNS, CosineDistance, largest_difference, trainer_of, weights
from torch.utils.data import IterableDataset

from foolsgold.data import stream as stream_files
from foolsgold.data import write
from foolsgold.losses import MultipleNegativesRankingLoss
from foolsgold.models import SentenceTransformer
from foolsgold.sampling import NoDuplicatesStream, PKSampler
from foolsgold.training.batch_stream import BatchStream, StreamBatches

pytestmark = pytest.mark.training

ROWS = [
    {"anchor": f"which {NOUNS[row % 8]} is {row}", "positive": f"the {NOUNS[row % 5]}"} for row in range(30)
]
"""Thirty pairs, five positives: at most five in a batch, and batches of different sizes."""
PERSISTENT = {"dataloader_num_workers": 2, "dataloader_persistent_workers": True}


class Source(IterableDataset):
    """Says how many rows were read, and of which passes."""

    def __init__(self):
        self.epoch = 0
        self.read = []

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        for row in ROWS:
            self.read.append(self.epoch)
            yield row


def of(source=ROWS, **options):
    return NoDuplicatesStream(source, 4, **{"drop_last": False, "window": 3, "seed": 5, **options})


def batches_of(passes, **options):
    """All batches of some passes, one after the other."""
    stream = of(**{**options, "rows": False})
    found = []
    for epoch in range(passes):
        stream.set_epoch(epoch)
        found.append(list(stream))
    return found


class Listener(MultipleNegativesRankingLoss):
    """Keeps the tokens that it gets, batch by batch."""

    def __init__(self, model):
        super().__init__(model)
        self.heard = []

    def forward(self, sentence_features, labels=None):
        self.heard.append(tokens_of(sentence_features))
        return super().forward(sentence_features, labels)


def tokens_of(sentence_features):
    columns = [
        [
            tuple(ids[mask.bool()].tolist())
            for ids, mask in zip(f["input_ids"], f["attention_mask"], strict=True)
        ]
        for f in sentence_features
    ]
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize("options", [{}, PERSISTENT], ids=["no workers", "workers"])
def test_the_batches_of_the_stream_are_trained_on_pass_after_pass(tmp_path, tiny_bert, options):
    first, second, *_ = batches_of(3)
    expected = [*first, *second][: len(first) + 3]
    assert len({len(batch) for batch in first}) > 1
    loss, source = Listener(tiny_bert), Source()
    trainer = trainer_of(
        tiny_bert, tmp_path, loss, of(source), {**options, "max_steps": len(expected), "logging_steps": 2}
    )
    trainer.train()
    assert loss.heard == [
        tokens_of([tiny_bert.preprocess([row[name] for row in batch]) for name in ("anchor", "positive")])
        for batch in expected
    ]
    assert trainer.state.global_step == len(expected)
    assert trainer.batches.passes == [len(first)]
    assert {*source.read} == {0, 1}


def streamed(folder, bert_folder, options, resume=None, source=None, **of_stream):
    model = SentenceTransformer(bert_folder, device="cpu")
    options = {"save_strategy": "steps", "save_steps": 3, "max_steps": 15, **options}
    stream = of(Source() if source is None else source, **of_stream)
    trainer = trainer_of(model, folder, MultipleNegativesRankingLoss(model), stream, options)
    trainer.train(resume_from_checkpoint=resume)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return weights(trainer.model), losses


@pytest.mark.parametrize("of_stream", [{}, {"rows": True, "drop_last": True}], ids=["batches", "rows"])
def test_a_resumed_stream_goes_on_with_the_batch_that_came_next(tmp_path, tiny_bert_folder, of_stream):
    """Within the first pass, and within a later one, with workers that read ahead over its end."""
    whole, losses = streamed(tmp_path, tiny_bert_folder, PERSISTENT, **of_stream)
    assert len(losses) == 15
    for step, options in ((3, {}), (12, PERSISTENT)):
        checkpoint, source = str(tmp_path / f"checkpoint-{step}"), Source()
        resumed, again = streamed(tmp_path, tiny_bert_folder, options, checkpoint, source, **of_stream)
        assert again == losses
        assert largest_difference(whole, resumed) == 0
        if step == 12:
            assert 0 not in source.read[1:]  # the first row is looked at; the first pass is not read again


def test_accumulated_batches_are_counted(tmp_path, tiny_bert_folder):
    options = {"gradient_accumulation_steps": 2, "max_steps": 7}
    whole, losses = streamed(tmp_path, tiny_bert_folder, options)
    resumed, again = streamed(tmp_path, tiny_bert_folder, options, str(tmp_path / "checkpoint-6"))
    assert again == losses
    assert largest_difference(whole, resumed) == 0


def test_a_longer_run_may_go_on_and_other_batches_may_not(tmp_path, tiny_bert_folder):
    streamed(tmp_path, tiny_bert_folder, {"max_steps": 3})
    checkpoint = str(tmp_path / "checkpoint-3")
    record = json.loads((tmp_path / "checkpoint-3" / "sampler.json").read_text())
    assert record["num_rows"] is record["num_batches"] is None
    assert record["sampler"] == "StreamBatches"
    _, losses = streamed(tmp_path, tiny_bert_folder, {"max_steps": 5}, checkpoint)
    assert len(losses) == 5
    for options in ({"seed": 6}, {"window": 4}, {"drop_last": True}, {"source": ROWS[1:]}):
        with pytest.raises(ValueError, match="`fingerprint` of a run resumed from"):
            streamed(tmp_path, tiny_bert_folder, {}, checkpoint, **options)


@pytest.mark.parametrize("start", range(0, 25, 4))
def test_any_batch_is_sought_in_what_was_told_of_the_passes(start):
    run = [batch for batches in batches_of(4) for batch in batches][:25]
    batches = StreamBatches(of(), 4, 25)
    assert list(batches) == run
    told = batches.progress()
    for progress in ({"passes": []}, {"passes": told["passes"][:1]}, told):
        other = StreamBatches(of(), 4, 25)
        other.load_progress(json.loads(json.dumps(progress)))
        other.seek(start)
        assert list(other) == run[start:]
        assert other.passes == told["passes"]
        assert list(other) == run


@pytest.mark.parametrize("drop_last", [False, True])
def test_ranks_share_the_steps(drop_last):
    rows = [{**row, "positive": f"the {number % 11}"} for number, row in enumerate(ROWS)]
    stream = of(rows, drop_last=drop_last, window=2)
    ranks = [StreamBatches(BatchStream(stream, rank, 2, False).stream, 4, 9) for rank in range(2)]
    steps = list(zip(*map(list, ranks), strict=True))
    assert len(steps) == 9
    for step in steps:
        texts = [{row["anchor"], row["positive"]} for batch in step for row in batch]
        assert sum(map(len, texts)) == len(set.union(*texts))
    assert ranks[0].passes == ranks[1].passes
    assert stream.num_replicas == 1
    assert stream.rank is None


def test_files_are_streamed(tmp_path, tiny_static):
    """Arrow batches of a file larger than memory are rows like any others."""
    write(str(tmp_path / "rows.jsonl"), Dataset.from_list(ROWS))
    stream = of(stream_files(tmp_path / "rows.jsonl", batch_rows=7))
    assert list(stream) == list(of())
    trainer = trainer_of(
        tiny_static, tmp_path, MultipleNegativesRankingLoss(tiny_static), stream, {"max_steps": 3}
    )
    trainer.train()
    assert trainer.state.global_step == 3


def test_columns_are_read_from_the_first_row(tmp_path, tiny_static):
    rows = [{**row, "label": number / 30} for number, row in enumerate(ROWS)]
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), of(rows), {"max_steps": 2})
    loader = trainer.get_train_dataloader()
    batch, expected = next(iter(loader)), next(iter(of(rows)))
    assert batch["labels"].tolist() == pytest.approx([row["label"] for row in expected])
    assert "text_ids" not in batch["sentence_features"][0]
    with pytest.raises(ValueError, match="`train_dataset`: column `other` must hold texts, got int"):
        trainer_of(
            tiny_static, tmp_path, CosineDistance(tiny_static),
            of([{**row, "other": 3} for row in ROWS], no_duplicates=False, lengths="other"), {"max_steps": 2},
        )  # fmt: skip


def test_workers_get_rows_and_no_source():
    rows = BatchStream(of(lambda: iter(ROWS)), 0, 1, drop_last=False)
    copied = pickle.loads(pickle.dumps(rows))
    assert copied.__getitems__(ROWS[:2]) == ROWS[:2]
    assert copied.stream is None


@pytest.mark.parametrize(
    ("stream", "options", "message"),
    [
        ({}, {"max_steps": -1}, "`max_steps` must be given for a stream, which has no length, got -1\nhint"),
        (
            {},
            {"per_device_train_batch_size": 8},
            "`per_device_train_batch_size` must be the `batch_size` of the stream, 4, got 8",
        ),
        ({}, {"batch_sampler": "group_by_label"}, "for a stream, which has batches, got 'group_by_label'"),
        ({}, {"batch_sampler": partial(PKSampler, k=2)}, "for a stream, which has batches, got functools"),
        ({}, {"cache_tokens": True}, "`cache_tokens` must be False for a stream, got BatchStream"),
        (
            {"rank": 1, "num_replicas": 2},
            {},
            "`train_dataset` must be a stream for all ranks, got the share of rank 1 of 2 on rank 0 of 1",
        ),
        ({"source": []}, {}, "`train_dataset` must have rows, got a stream without any"),
        (
            {"source": ROWS[:3], "drop_last": True},
            {},
            "`train_dataset` must give each process a batch in every pass, got none in pass 0",
        ),
    ],
)
def test_what_a_stream_cannot_do_is_refused(tmp_path, tiny_static, stream, options, message):
    loss = MultipleNegativesRankingLoss(tiny_static)
    with pytest.raises(ValueError, match=message):
        trainer_of(tiny_static, tmp_path, loss, of(**stream), {"max_steps": 2, **options}).train()


def test_a_stream_with_a_state_is_refused(tmp_path, tiny_static):
    stream = of()
    iterator = iter(stream)
    next(iterator)
    stream.load_state_dict(stream.state_dict())
    with pytest.raises(ValueError, match="a stream must be at the start of an epoch to be shared out"):
        trainer_of(tiny_static, tmp_path, MultipleNegativesRankingLoss(tiny_static), stream, {"max_steps": 2})


def test_a_stream_is_for_training_alone(tmp_path, tiny_static):
    loss = MultipleNegativesRankingLoss(tiny_static)
    for arguments in ({"eval_dataset": of()}, {"train_dataset": {"a": of(), "b": of()}}):
        with pytest.raises(TypeError, match="hint: a stream is the one training data set, and given without"):
            trainer_of(tiny_static, tmp_path, loss, **{"train_dataset": Dataset.from_list(ROWS), **arguments})
    with pytest.raises(TypeError, match=r"hint: .*; `foolsgold.sampling.NoDuplicatesStream` makes batches"):
        trainer_of(tiny_static, tmp_path, loss, Dataset.from_list(ROWS).to_iterable_dataset())
