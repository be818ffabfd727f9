from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.scenario import arguments, pairs
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler

from foolsgold.training.loader import EvaluationBatches, RankBatches, training_batches


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4), st.integers(0, 3))
def test_evaluation_reads_every_row(num_rows, batch_size, num_replicas, seed):
    ranks = [
        list(EvaluationBatches(num_rows, batch_size, seed, rank, num_replicas))
        for rank in range(num_replicas)
    ]
    assert len({tuple(map(len, batches)) for batches in ranks}) == 1
    assert all(0 < len(batch) <= batch_size for batch in ranks[0])
    rows = [row for batches in ranks for batch in batches for row in batch]
    assert set(rows) == set(range(num_rows))
    if num_replicas == 1:
        assert len(rows) == num_rows
    assert len(EvaluationBatches(num_rows, batch_size, seed, 0, num_replicas)) == len(ranks[0])


def test_evaluation_batches_are_shuffled_and_always_the_same():
    sampler = EvaluationBatches(100, 10, 0, 0, 1)
    assert list(sampler) == list(sampler) == list(EvaluationBatches(100, 10, 0, 0, 1))
    assert list(sampler) != list(EvaluationBatches(100, 10, 1, 0, 1))
    assert sampler._batches[0] != list(range(10))


@given(st.integers(0, 30), st.integers(1, 5), st.integers(1, 4))
def test_ranks_share_the_batches(num_rows, batch_size, num_replicas):
    def sampler():
        return BatchSampler(SequentialSampler(range(num_rows)), batch_size, drop_last=False)

    shares = [RankBatches(sampler(), rank, num_replicas) for rank in range(num_replicas)]
    dealt = [batch for step in zip(*shares, strict=True) for batch in step]
    assert dealt == list(sampler())[: len(dealt)]
    assert len(dealt) > len(list(sampler())) - num_replicas
    assert all(len(share) == len(list(share)) for share in shares)


@given(st.integers(0, 8))
def test_a_seek_holds_for_the_next_iteration(batch):
    sampler = RankBatches(BatchSampler(SequentialSampler(range(16)), 2, drop_last=False), 0, 1)
    whole = list(sampler)
    sampler.set_epoch(1)
    sampler.seek(batch)
    sampler.set_epoch(1)
    assert list(sampler) == whole[batch:]
    assert list(sampler) == whole
    sampler.seek(batch)
    sampler.set_epoch(2)
    assert list(sampler) == whole


def test_the_sampler_below_gets_the_epoch():
    class Epochs:
        epochs = ()

        def set_epoch(self, epoch):
            self.epochs += (epoch,)

    inner = Epochs()
    sampler = RankBatches(inner, 0, 1)
    for epoch in (0, 1, 1, 2):
        sampler.set_epoch(epoch)
    assert inner.epochs == (1, 2)


def test_a_sampler_of_the_users_own(tmp_path):
    calls = {}

    def factory(dataset, batch_size, drop_last, valid_label_columns, generator, seed):
        calls.update(batch_size=batch_size, drop_last=drop_last, seed=seed)
        return BatchSampler(RandomSampler(dataset, generator=generator), batch_size, drop_last)

    data = pairs(10)
    sampler = training_batches(data, arguments(tmp_path, batch_sampler=factory, data_seed=3), 4)
    assert isinstance(sampler, RankBatches)
    assert calls == {"batch_size": 4, "drop_last": False, "seed": 3}
    assert sorted(row for batch in sampler for row in batch) == list(range(10))
    with pytest.raises(ValueError, match="a batch of 16 rows, got 10 rows"):
        training_batches(data, arguments(tmp_path, batch_sampler=factory, dataloader_drop_last=True), 16)
