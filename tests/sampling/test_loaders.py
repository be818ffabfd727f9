"""Who reads a batch sampler: torch's loaders of all kinds, accelerate, Lightning's epochs."""

from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator
from accelerate.data_loader import BatchSamplerShard, prepare_data_loader, skip_first_batches
from accelerate.state import AcceleratorState, GradientState, PartialState
from torch.utils.data import DataLoader

from foolsgold.sampling import NoDuplicatesBatchSampler, RandomBatchSampler

NUM_ROWS = 90
DATA = {
    "query": [f"query {row}" for row in range(NUM_ROWS)],
    "answer": [f"answer {row // 3}" for row in range(NUM_ROWS)],
}


class Unpicklable(RandomBatchSampler):
    def __getstate__(self):
        raise AssertionError("a loader must not send its sampler to workers")


def make(kind, **options):
    options = {"batch_size": 4, "drop_last": True, **options}
    if kind == "no duplicates":
        return NoDuplicatesBatchSampler(DATA, **options)
    return (RandomBatchSampler if kind == "random" else Unpicklable)(range(NUM_ROWS), **options)


@pytest.fixture(params=["no duplicates", "random"])
def kind(request):
    return request.param


@pytest.mark.parametrize(
    ("workers", "context", "persistent"),
    [(0, None, False), (2, "fork", False), (2, "fork", True), (2, "spawn", True)],
)
def test_epochs_of_a_loader_are_those_of_the_sampler(workers, context, persistent):
    expected = [list(sampler) for sampler in [make("random")] for _ in range(3)]
    expected = [expected[0], expected[1], expected[1], expected[2]]
    sampler = make("unpicklable")
    loader = DataLoader(
        range(NUM_ROWS),
        batch_sampler=sampler,
        num_workers=workers,
        multiprocessing_context=context,
        persistent_workers=persistent,
        collate_fn=list,
    )
    assert len(loader) == len(expected[0])
    found = []
    for epoch in (None, None, 1, None):
        if epoch is not None:
            loader.batch_sampler.set_epoch(epoch)
        found.append(list(loader))
    assert found == expected


def test_a_place_is_sought_although_workers_read_ahead(kind):
    whole = [list(sampler) for sampler in [make(kind)] for _ in range(2)]
    sampler = make(kind)

    def loader(workers):
        return DataLoader(
            range(NUM_ROWS), batch_sampler=sampler, num_workers=workers, collate_fn=list,
            multiprocessing_context="fork" if workers else None,
        )  # fmt: skip

    iterator = iter(loader(2))
    seen = [next(iterator) for _ in range(5)]
    del iterator
    sampler.seek(5)
    assert seen + list(loader(0)) == whole[0]
    assert list(loader(1)) == whole[1]


@pytest.fixture
def accelerator():
    for state in (AcceleratorState, PartialState, GradientState):
        state._reset_state()
    yield Accelerator(cpu=True)
    for state in (AcceleratorState, PartialState, GradientState):
        state._reset_state()


def rows_of(loader):
    return [batch.tolist() for batch in loader]


def test_accelerate_reads_all_in_one_process(kind, accelerator):
    whole = [list(sampler) for sampler in [make(kind)] for _ in range(4)]
    sampler = make(kind)
    loader = accelerator.prepare(DataLoader(torch.arange(NUM_ROWS), batch_sampler=sampler))
    assert len(loader) == len(whole[0])
    assert [rows_of(loader), rows_of(loader)] == whole[:2]
    loader.set_epoch(3)
    assert rows_of(loader) == whole[3]
    # A run that is resumed tells the loader's own count of epochs.
    sampler.load_state_dict({**make(kind).state_dict(), "epoch": 1, "position": 5})
    loader.set_epoch(sampler.epoch)
    assert rows_of(loader) == whole[1][5:]
    assert rows_of(loader) == whole[2]


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("even", [True, False])
def test_accelerate_shares_the_global_batches(kind, accelerator, drop_last, even):
    options = {"num_replicas": 2, "drop_last": drop_last}
    ours = [make(kind, rank=rank, **options) for rank in range(2)]
    theirs = [
        prepare_data_loader(
            DataLoader(torch.arange(NUM_ROWS), batch_sampler=make(kind, **options)),
            torch.device("cpu"),
            num_processes=2,
            process_index=rank,
            put_on_device=True,
            even_batches=even,
        )
        for rank in range(2)
    ]
    assert all(isinstance(loader.batch_sampler, BatchSamplerShard) for loader in theirs)
    assert {len(loader) for loader in theirs} == {len(ours[0])}
    for epoch in (None, None, 5):
        if epoch is not None:
            for reader in (*ours, *theirs):
                reader.set_epoch(epoch)
        shares = [list(sampler) for sampler in ours]
        assert [rows_of(loader) for loader in theirs] == shares
        assert len(shares[0]) == len(shares[1]) == len(ours[0])
        steps = [first + second for first, second in zip(*shares, strict=True)]
        assert all(len(set(step)) == len(step) for step in steps)
        if kind == "no duplicates":
            assert all(len({row // 3 for row in step}) == len(step) for step in steps)


def test_a_shard_alone_goes_on_to_the_next_epoch(kind):
    shards = [BatchSamplerShard(make(kind, num_replicas=2), 2, rank) for rank in range(2)]
    ours = [make(kind, num_replicas=2, rank=rank) for rank in range(2)]
    for _ in range(2):
        assert [list(shard) for shard in shards] == [list(sampler) for sampler in ours]


@pytest.mark.parametrize("num_processes", [1, 2])
def test_accelerate_skips_to_a_batch(kind, accelerator, num_processes):
    sampler = make(kind, num_replicas=num_processes)
    expected = list(make(kind, num_replicas=num_processes))[::num_processes]
    loader = prepare_data_loader(
        DataLoader(torch.arange(NUM_ROWS), batch_sampler=sampler),
        num_processes=num_processes,
        process_index=0,
    )
    assert rows_of(skip_first_batches(loader, 3)) == expected[3:]


def test_lightning_finds_set_epoch(kind):
    # Before each epoch it calls `set_epoch` of `loader.sampler` and of `loader.batch_sampler.sampler`.
    whole = [list(sampler) for sampler in [make(kind)] for _ in range(3)]
    loader = DataLoader(range(NUM_ROWS), batch_sampler=make(kind), collate_fn=list)
    assert len(loader) == len(whole[0])
    for epoch in (0, 1, 2, 1):
        for sampler in (loader.sampler, loader.batch_sampler.sampler):
            if callable(set_epoch := getattr(sampler, "set_epoch", None)):
                set_epoch(epoch)
        assert list(loader) == whole[epoch]


def test_ranks_are_read_when_the_sampler_is_made(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    sampler = RandomBatchSampler(range(NUM_ROWS), 4, True)
    monkeypatch.undo()
    assert sampler.num_replicas == 3
    assert list(sampler) == list(RandomBatchSampler(range(NUM_ROWS), 4, True, num_replicas=3))
    assert len(sampler) == 21
