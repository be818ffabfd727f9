"""A training on computed triplets: others in each epoch, by number and as a stream, as if listed."""

from __future__ import annotations

import logging
from functools import partial

import numpy as np
import pytest
from datasets import Dataset
from tests.training.scenario import NOUNS, largest_difference, trainer_of, weights

from foolsgold.data import pairs_from_labels, triplets_from_labels
from foolsgold.losses import MultipleNegativesRankingLoss, TripletLoss
from foolsgold.models import SentenceTransformer
from foolsgold.sampling import NoDuplicatesBatchSampler, PKSampler
from foolsgold.training.streams import OrderedBatches, StreamedRows

pytestmark = pytest.mark.training

TEXTS = [f"the {noun} is {number}" for number in range(4) for noun in NOUNS[:3]]
LABELS = [row % 3 for row in range(12)]
TRIPLETS = triplets_from_labels(LABELS)  # 12 * 3 * 8
REPEATED = [f"the {NOUNS[row % 8]}" for row in range(12)]
PERSISTENT = {"dataloader_num_workers": 2, "dataloader_persistent_workers": True}


class Listener(TripletLoss):
    """Counts the triplets that it gets, and keeps their tokens."""

    def __init__(self, model):
        super().__init__(model)
        self.heard = []

    def forward(self, sentence_features, labels=None):
        columns = [
            [tuple(i[m.bool()].tolist()) for i, m in zip(f["input_ids"], f["attention_mask"], strict=True)]
            for f in sentence_features
        ]
        self.heard += zip(*columns, strict=True)
        return super().forward(sentence_features, labels)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_epoch_has_its_triplets(tmp_path, tiny_bert, workers):
    loss = Listener(tiny_bert)
    options = {"dataloader_num_workers": workers, "dataloader_persistent_workers": workers > 0}
    trainer_of(tiny_bert, tmp_path, loss, TRIPLETS.rows(TEXTS, num_rows=16, seed=3), options).train()
    expected = TRIPLETS.rows(TEXTS, num_rows=16, seed=3)
    epochs = [set(loss.heard[start : start + 16]) for start in (0, 16, 32)]
    assert len(loss.heard) == 48
    for epoch, heard in enumerate(epochs):
        expected.set_epoch(epoch)
        assert heard == set(tokens_of(tiny_bert, [expected[row] for row in range(16)]))
    assert len(set.union(*epochs)) == 48


def tokens_of(model, rows):
    columns = []
    for name in rows[0]:
        features = model.preprocess([row[name] for row in rows])
        cells = zip(features["input_ids"], features["attention_mask"], strict=True)
        columns.append([tuple(ids[mask.bool()].tolist()) for ids, mask in cells])
    return list(zip(*columns, strict=True))


def heard_of(model, folder, dataset, options):
    """Train on in-batch negatives; return the weights, and what the batches told of identities."""
    told = []

    class Telling(MultipleNegativesRankingLoss):
        def forward(self, sentence_features, labels=None):
            told.append([(f.get("text_ids"), f.get("known_positive_ids")) for f in sentence_features])
            return super().forward(sentence_features, labels)

    trainer_of(model, folder, Telling(model), dataset, {"num_train_epochs": 1, **options}).train()
    return weights(model), told


@pytest.mark.parametrize("options", [{}, PERSISTENT], ids=["no workers", "workers"])
@pytest.mark.parametrize("combinations", [TRIPLETS, pairs_from_labels(LABELS)], ids=str)
def test_an_epoch_trains_as_its_rows_listed(tmp_path, tiny_bert_folder, combinations, options):
    """Equal texts, and positives that other rows of the epoch tell, are no negatives of either."""
    rows = combinations.rows(REPEATED, num_rows=24, seed=1)
    listed = Dataset.from_list([rows[row] for row in range(24)])
    trained, told = [], []
    for dataset in (rows, listed):
        model = SentenceTransformer(tiny_bert_folder, device="cpu")
        after, of_batches = heard_of(model, tmp_path, dataset, options)
        trained.append(after)
        told.append(of_batches)
    assert largest_difference(*trained) == 0
    assert len(told[0]) == 6
    for own, other in zip(*told, strict=True):
        assert own[0][1] is not None
        assert own[0][1].shape == other[0][1].shape
        texts = [np.concatenate([ids.numpy() for ids, _ in columns]) for columns in (own, other)]
        equal = [ids[:, None] == ids for ids in texts]
        assert (equal[0] == equal[1]).all()


def test_known_positives_are_those_of_the_epoch(tmp_path, tiny_static):
    rows = pairs_from_labels(LABELS).rows(REPEATED, num_rows=12, seed=1)
    trainer = trainer_of(tiny_static, tmp_path, MultipleNegativesRankingLoss(tiny_static), rows)
    loader = trainer.get_train_dataloader()
    found = []
    for epoch in (0, 1):
        loader.set_epoch(epoch)
        known = rows.text_ids_of(epoch)
        answers = {}
        for query, positive in zip(known["anchor"].tolist(), known["positive"].tolist(), strict=True):
            answers.setdefault(query, set()).add(positive)
        for batch in loader:
            features = batch["sentence_features"][0]
            for query, ids in zip(features["text_ids"].tolist(), features["known_positive_ids"], strict=True):
                assert {*ids.tolist()} - {-1} == answers[query]
                found.append(epoch)
    assert found == [0] * 12 + [1] * 12


@pytest.mark.parametrize("sampler", ["no_duplicates", partial(NoDuplicatesBatchSampler, tail="short")])
def test_no_text_comes_twice_in_a_batch(tmp_path, tiny_static, sampler):
    labels = [row % 12 for row in range(48)]
    texts = [f"the {NOUNS[row % 8]} {row % 40}" for row in range(48)]
    rows = triplets_from_labels(labels).rows(texts, num_rows=40, seed=1)
    trainer = trainer_of(
        tiny_static, tmp_path, MultipleNegativesRankingLoss(tiny_static), rows, {"batch_sampler": sampler}
    )
    heard = []
    for epoch in range(3):
        loader = trainer.get_train_dataloader()
        loader.set_epoch(epoch)
        trainer.batches.set_epoch(epoch)
        for batch in loader:
            ids = [features["text_ids"].tolist() for features in batch["sentence_features"]]
            by_row = [{*row} for row in zip(*ids, strict=True)]
            assert sum(map(len, by_row)) == len(set.union(*by_row))
            heard += [(epoch, *row) for row in zip(*ids, strict=True)]
    of_epochs = [rows.text_ids_of(epoch) for epoch in range(3)]
    expected = [
        (epoch, *row)
        for epoch, ids in enumerate(of_epochs)
        for row in zip(*(ids[name].tolist() for name in rows.column_names), strict=True)
    ]
    assert {*heard} <= {*expected}
    assert len(heard) > 100


@pytest.mark.parametrize("sampler", ["group_by_label", partial(PKSampler, k=2)])
def test_labels_that_change_cannot_be_grouped(tmp_path, tiny_static, sampler):
    rows = pairs_from_labels(LABELS, "labelled").rows(TEXTS, num_rows=20)
    trainer = trainer_of(tiny_static, tmp_path, TripletLoss(tiny_static), rows, {"batch_sampler": sampler})
    with pytest.raises(ValueError, match="rows whose labels change with the epoch, got"):
        trainer.get_train_dataloader()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_is_read_in_its_order(tmp_path, tiny_bert, workers):
    loss = Listener(tiny_bert)
    options = {"dataloader_num_workers": workers, "dataloader_persistent_workers": workers > 0}
    trainer_of(
        tiny_bert, tmp_path, loss, TRIPLETS.stream(TEXTS, seed=3),
        {**options, "per_device_train_batch_size": 50, "num_train_epochs": 2},
    ).train()  # fmt: skip
    rows = [row for epoch in (0, 1) for row in TRIPLETS.stream(TEXTS, seed=3, epoch=epoch)]
    assert loss.heard == tokens_of(tiny_bert, rows)


def streamed(folder, bert_folder, options, resume=None, seed=5):
    model = SentenceTransformer(bert_folder, device="cpu")
    stream = triplets_from_labels([0, 0, 0, 1, 1, 1]).stream(TEXTS[:6], seed=seed)  # 36
    options = {"save_strategy": "steps", "save_steps": 7, "num_train_epochs": 2, **options}
    trainer = trainer_of(model, folder, MultipleNegativesRankingLoss(model), stream, options)
    trainer.train(resume_from_checkpoint=resume)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return weights(trainer.model), losses


def test_a_resumed_stream_goes_on_where_it_stopped(tmp_path, tiny_bert_folder):
    """Nine batches an epoch: within the first epoch, and within the second."""
    whole, losses = streamed(tmp_path, tiny_bert_folder, {})
    assert len(losses) == 18
    for step, options in ((7, {}), (14, PERSISTENT)):
        checkpoint = str(tmp_path / f"checkpoint-{step}")
        resumed, again = streamed(tmp_path, tiny_bert_folder, options, checkpoint)
        assert again == losses
        assert largest_difference(whole, resumed) == 0
    with pytest.raises(ValueError, match="`fingerprint` of a run resumed from"):
        streamed(tmp_path, tiny_bert_folder, {}, str(tmp_path / "checkpoint-7"), seed=6)


def test_more_rows_than_could_be_listed(tmp_path, tiny_static, caplog):
    triplets = triplets_from_labels(np.arange(3000) % 2)
    texts = [f"the {NOUNS[row % 8]} is {row}" for row in range(3000)]
    assert triplets.count > 2**32
    with caplog.at_level(logging.WARNING, "foolsgold"):
        trainer = trainer_of(
            tiny_static, tmp_path, MultipleNegativesRankingLoss(tiny_static), triplets.stream(texts),
            {"max_steps": 3},
        )  # fmt: skip
        trainer.train()
    assert trainer.state.global_step == 3
    assert trainer.state.num_train_epochs == 1
    assert len(trainer.batches) == -(-triplets.count // 4)
    assert "further positives of an anchor are not looked for" in caplog.text


@pytest.mark.parametrize(("num_rows", "drop_last"), [(36, False), (37, False), (37, True), (5, True)])
@pytest.mark.parametrize("num_replicas", [1, 2, 3])
def test_ranks_share_ordered_batches(num_rows, drop_last, num_replicas):
    ranks = [OrderedBatches(num_rows, 4, drop_last, rank, num_replicas) for rank in range(num_replicas)]
    shares = [list(rank) for rank in ranks]
    assert [*map(len, ranks)] == [*map(len, shares)] == [len(shares[0])] * num_replicas
    rows = [row for step in zip(*shares, strict=True) for batch in step for row in batch]
    assert rows == list(range(len(rows)))
    stop = num_rows // 4 * 4 if drop_last else num_rows
    assert stop - len(rows) < 4 * num_replicas
    for rank, share in zip(ranks, shares, strict=True):
        rank.seek(1)
        assert list(rank) == share[1:]
        assert list(rank) == share
        rank.seek(1)
        rank.set_epoch(1)
        assert list(rank) == share


def test_every_rank_may_bring_its_share_of_a_stream():
    stream = TRIPLETS.stream(TEXTS, rank=1, num_replicas=2)
    assert StreamedRows(stream, 1, 2)[:] == StreamedRows(TRIPLETS.stream(TEXTS), 1, 2)[:]
    for rank, world_size in ((0, 2), (0, 1), (1, 3)):
        with pytest.raises(
            ValueError, match=r"must be a stream for all ranks, got the share of rank 1 of 2 on"
        ):
            StreamedRows(stream, rank, world_size)


@pytest.mark.parametrize(
    ("stream", "options", "message"),
    [
        ({"position": 3}, {}, "`train_dataset` must be a stream at position 0, got 3\nhint: `resume_from"),
        (
            {"num_replicas": 2},
            {},
            "`train_dataset` must be a stream for all ranks, got the share of rank 0 of 2",
        ),
        (
            {},
            {"batch_sampler": "no_duplicates"},
            "for a stream, which has its order, got 'no_duplicates'\nhint",
        ),
        ({}, {"batch_sampler": NoDuplicatesBatchSampler}, "for a stream, which has its order, got <class"),
        ({}, {"cache_tokens": True}, "`cache_tokens` must be False for rows that change with the epoch"),
        (
            {},
            {"per_device_train_batch_size": 300, "dataloader_drop_last": True},
            "must give each of 1 processes a batch of 300 rows, got 288 rows",
        ),
    ],
)
def test_what_a_stream_cannot_do_is_refused(tmp_path, tiny_static, stream, options, message):
    with pytest.raises(ValueError, match=message):
        trainer_of(
            tiny_static, tmp_path, TripletLoss(tiny_static), TRIPLETS.stream(TEXTS, **stream), options
        ).train()


def test_a_stream_has_no_length_elsewhere(tmp_path, tiny_static):
    loss, stream = TripletLoss(tiny_static), TRIPLETS.stream(TEXTS)
    with pytest.raises(TypeError, match=r"`eval_dataset` .*\nhint: `rows\(texts, num_rows=...\)`"):
        trainer_of(tiny_static, tmp_path, loss, TRIPLETS.rows(TEXTS), eval_dataset=stream)
    with pytest.raises(TypeError, match=r"`train_dataset\['a'\]` .*\nhint: `rows\(texts, num_rows=...\)`"):
        trainer_of(tiny_static, tmp_path, loss, {"a": stream})
    with pytest.raises(TypeError, match=r"`train_dataset` .*\nhint: `foolsgold.data.StoredRows.build`"):
        trainer_of(tiny_static, tmp_path, loss, Dataset.from_dict({"a": ["b"]}).to_iterable_dataset())
