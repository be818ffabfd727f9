"""Epochs, positions and state are the same for every sampler."""

from __future__ import annotations

import itertools
import json
import pickle

import pytest
from torch.utils.data import DataLoader

from foolsgold.sampling import NoDuplicatesBatchSampler, RandomBatchSampler

DATA = {
    "query": [f"query {row}" for row in range(103)],
    "answer": [f"answer {row // 2}" for row in range(103)],
}
ROWS = [{name: column[row] for name, column in DATA.items()} for row in range(103)]


@pytest.fixture(params=["no duplicates", "random"])
def make(request):
    sampler = NoDuplicatesBatchSampler if request.param == "no duplicates" else RandomBatchSampler
    return lambda data=ROWS, batch_size=4, drop_last=True, **options: sampler(
        data, batch_size, drop_last, **options
    )


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def epochs(sampler, count):
    return [list(sampler) for _ in range(count)]


def test_epochs_advance_when_nobody_announces_them(make):
    by_itself = epochs(make(), 3)
    announced = make()
    for epoch in range(3):
        announced.set_epoch(epoch)
        announced.set_epoch(epoch)
        assert list(announced) == by_itself[epoch]
    assert by_itself[0] != by_itself[1] != by_itself[2]


def test_an_epoch_can_be_iterated_again(make):
    sampler = make()
    first = list(sampler)
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_a_broken_off_iteration_is_followed_by_the_next_epoch(make):
    expected = epochs(make(), 2)
    sampler = make()
    assert next(iter(sampler)) == expected[0][0]
    assert list(sampler) == expected[1]


def test_set_epoch_does_not_undo_a_seek(make):
    expected = epochs(make(), 3)
    sampler = make()
    sampler.set_epoch(2)
    sampler.seek(5)
    sampler.set_epoch(2)
    assert list(sampler) == expected[2][5:]
    sampler.set_epoch(1)
    assert list(sampler) == expected[1]
    for batch in (-1, len(sampler) + 1):
        with pytest.raises(ValueError, match=f"`batch` must be from 0 to {len(sampler)}, got {batch}"):
            sampler.seek(batch)
    sampler.seek(len(sampler))
    assert list(sampler) == []


@pytest.mark.parametrize("stop", [0, 1, 9, 24, 25])
@pytest.mark.parametrize("rank", [None, 0, 1])
def test_resumed_equals_uninterrupted(make, stop, rank):
    options = {} if rank is None else {"rank": rank, "num_replicas": 2, "batch_size": 2}
    expected = joined(epochs(make(**options), 3))
    sampler = make(**options)
    list(sampler)
    iterator = iter(sampler)
    seen = [next(iterator) for _ in range(stop)]
    state = json.loads(json.dumps(sampler.state_dict()))
    resumed = make(**options)
    resumed.load_state_dict(state)
    rest = joined(epochs(resumed, 1 if stop == len(sampler) else 2))
    assert expected[len(sampler) :] == seen + rest


def test_states_of_other_data_or_options_are_refused(make):
    state = make().state_dict()
    with pytest.raises(ValueError, match=r"`state` must be of the same data, got [0-9a-f]{16}"):
        make(data=ROWS[:-1]).load_state_dict(state)
    for option, value in (("batch_size", 5), ("tail", "short"), ("num_replicas", 2)):
        with pytest.raises(ValueError, match=f"`state` must have `{option}` {value}, got"):
            make(**{option: value}).load_state_dict(state)
    other_seed = make(seed=5)
    other_seed.load_state_dict(state)
    assert list(other_seed) == list(make())


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_read_it_in_the_process_and_in_forked_workers(make, workers):
    sampler = make()
    expected = list(make())
    assert list(sampler) == expected  # the core has threads now, which a forked child does not
    sampler.set_epoch(0)
    context = "fork" if workers else None
    loader = DataLoader(
        range(103),
        batch_sampler=sampler,
        num_workers=workers,
        multiprocessing_context=context,
        collate_fn=list,
    )
    assert len(loader) == len(expected)
    assert list(loader) == expected
    assert list(loader) != expected


def test_a_sampler_can_be_pickled_in_mid_epoch(make):
    sampler = make()
    iterator = iter(sampler)
    seen = [next(iterator) for _ in range(3)]
    copy = pickle.loads(pickle.dumps(sampler))
    copy.load_state_dict(sampler.state_dict())
    assert seen + list(copy) == list(make())


def test_batch_size_is_shown_where_it_is_that_of_every_batch(make):
    # accelerate reads the attribute as the size of every batch of several ranks.
    sampler = make()
    assert (sampler.batch_size, sampler.drop_last) == (4, True)
    assert make(num_replicas=2).batch_size == make(num_replicas=2, tail="refill").batch_size == 4
    assert make(tail="short").batch_size == 4
    ragged = make(num_replicas=2, tail="short")
    assert not hasattr(ragged, "batch_size")
    with pytest.raises(AttributeError, match=r"`batch_size` must be that of every .*\nhint: drop the last"):
        _ = ragged.batch_size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, r"`batch_size` must be from 1 to 2\^31, got 0"),
        ({"seed": -1}, r"`seed` must be from 0 to 2\^64 - 1, got -1"),
        ({"rank": 2, "num_replicas": 2}, "`rank` must be from 0 to 1, got 2"),
        ({"num_replicas": 0}, r"`num_replicas` must be from 1 to 2\^31, got 0"),
        ({"batch_size": 10**30}, r"`batch_size` must be from 1 to 2\^31, got 1000"),
        ({"seed": 1.5}, r"`seed` must be an integer from 0 to 2\^64 - 1, got 1.5"),
        ({"rank": 0.0, "num_replicas": 2}, "`rank` must be an integer from 0 to 1, got 0.0"),
        ({"threads": 0}, "`threads` must be from 1"),
    ],
)
def test_options_out_of_range_are_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
    with pytest.raises(ValueError, match=r"`epoch` must be from 0 to 2\^64 - 1, got -1"):
        make().set_epoch(-1)
