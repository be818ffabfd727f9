"""States: what is read after any history is what the epoch and the place say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.sampling import NoDuplicatesBatchSampler, RandomBatchSampler
from foolsgold.sampling.batch_sampler import PlannedBatchSampler
from foolsgold.sampling.plan import Plan

NUM_BATCHES = 6


def make(seed=0, **options):
    return RandomBatchSampler(range(20), 3, True, seed=seed, **options)


def whole(seed, epoch):
    sampler = make(seed)
    sampler.set_epoch(epoch)
    return [batch.tolist() for batch in map(sampler.plan.batch, range(len(sampler)))]


EPOCHS = {(seed, epoch): whole(seed, epoch) for seed in (0, 1) for epoch in range(30)}

steps = st.one_of(
    st.tuples(st.just("read"), st.integers(1, 7)),
    st.tuples(st.just("read all"), st.none()),
    st.tuples(st.just("iter"), st.none()),
    st.tuples(st.just("set_epoch"), st.integers(0, 3)),
    st.tuples(st.just("seek"), st.integers(0, NUM_BATCHES)),
    st.tuples(st.just("save"), st.none()),
    st.tuples(st.just("load"), st.integers(0, 5)),
    st.tuples(st.just("save iterator"), st.none()),
    st.tuples(st.just("load iterator"), st.integers(0, 5)),
)


class Model:
    """What the documentation says, in as few words: an epoch, a place, whether it is begun."""

    def __init__(self):
        self.seed, self.epoch, self.place, self.is_begun = 0, 0, 0, False

    def next_start(self):
        return (self.epoch + 1, 0) if self.is_begun else (self.epoch, self.place)

    def after(self):
        return (self.epoch + 1, 0) if self.place == NUM_BATCHES else (self.epoch, self.place)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=12), st.integers(0, 1))
def test_any_history(history, seed):
    sampler, model = make(seed), Model()
    iterator, is_current = iter(sampler), True
    reads, start = 0, None
    saved = [(sampler.state_dict(), (0, 0))]
    saved_iterators = [(iterator.state_dict(), (0, 0))]
    for step, argument in history:
        if step == "iter":
            iterator, reads, start, is_current = iter(sampler), 0, None, True
        elif step in ("read", "read all"):
            if reads == 0:
                epoch, place = start or model.next_start()
                if not (start and place == NUM_BATCHES):
                    model.epoch, model.place, model.is_begun, is_current = epoch, place, True, True
                else:
                    is_current = False
            limit = NUM_BATCHES if step == "read all" else argument
            found = [batch for _, batch in zip(range(limit), iterator, strict=False)]
            assert found == EPOCHS[seed, epoch][place : place + limit]
            reads += limit
            place += len(found)
            if is_current:
                model.place = place
        elif step == "set_epoch":
            sampler.set_epoch(argument)
            if argument != model.epoch or model.is_begun:
                model.epoch, model.place, model.is_begun = argument, 0, False
                is_current = False
        elif step == "seek":
            sampler.seek(argument)
            model.place, model.is_begun, is_current = argument, False, False
        elif step == "save":
            state = json.loads(json.dumps(sampler.state_dict()))
            assert (state["epoch"], state["position"]) == model.after()
            saved.append((state, model.after()))
        elif step == "load":
            state, (model.epoch, model.place) = saved[argument % len(saved)]
            sampler.load_state_dict(state)
            model.is_begun, is_current = False, False
        elif step == "save iterator":
            expected = (epoch, place) if reads else start or model.next_start()
            state = json.loads(json.dumps(iterator.state_dict()))
            assert (state["epoch"], state["position"]) == expected
            saved_iterators.append((state, expected))
        else:
            state, start = saved_iterators[argument % len(saved_iterators)]
            iterator.load_state_dict(state)
            reads = 0
            model.epoch, model.place = start
            model.epoch, model.place = model.after()
            model.is_begun, is_current = False, False
        if step != "iter" and not is_current and reads:
            # It reads on, but what it reads moves the sampler no more.
            assert sampler.state_dict()["epoch"] == model.after()[0]
        assert sampler.epoch == model.epoch


@pytest.mark.parametrize("rank", [None, 0, 1, 2])
def test_a_rank_goes_on_from_the_state_of_another(rank):
    options = {"num_replicas": 3, "drop_last": True, "batch_size": 2}
    data = range(40)
    first = RandomBatchSampler(data, rank=1, **options)
    iterator = iter(first)
    next(iterator), next(iterator)
    state = first.state_dict()
    assert state["position"] == 6
    other = RandomBatchSampler(data, rank=rank, **options)
    other.load_state_dict(state)
    every = RandomBatchSampler(data, **options)
    expected = list(every) if rank is None else list(every)[rank::3]
    assert list(other) == expected[6 if rank is None else 2 :]
    assert list(iterator) == list(RandomBatchSampler(data, rank=1, **options))[2:]


def test_a_place_between_two_steps_is_none_of_a_rank():
    whole_plan = RandomBatchSampler(range(40), 2, True, num_replicas=3)
    whole_plan.seek(4)
    share = RandomBatchSampler(range(40), 2, True, num_replicas=3, rank=0)
    with pytest.raises(ValueError, match=r"must be a multiple of 3 for one rank's share, got 4"):
        share.load_state_dict(whole_plan.state_dict())


BAD = {
    "no dict": (lambda state: [*state], r"`state` must be a dict, got list"),
    "none": (lambda state: {}, r"`state` must have `batch_size`, got \[\]"),
    "no epoch": (
        lambda state: {k: v for k, v in state.items() if k != "epoch"},
        "`state` must have `epoch`, got",
    ),
    "more": (lambda state: {**state, "speed": 1}, "`state` must have .*, got `speed` as well"),
    "kind": (
        lambda state: {**state, "sampler": "Other"},
        "must have `sampler` RandomBatchSampler, got Other",
    ),
    "data": (lambda state: {**state, "fingerprint": "0" * 16}, "must be of the same data, got 0{16}"),
    "tail": (lambda state: {**state, "tail": "short"}, "`state` must have `tail` drop, got short"),
    "epoch": (
        lambda state: {**state, "epoch": -1},
        r"`state\['epoch'\]` must be from 0 to 2\^64 - 1, got -1",
    ),
    "text": (lambda state: {**state, "epoch": "1"}, r"`state\['epoch'\]` must be an integer .*, got '1'"),
    "half": (
        lambda state: {**state, "position": 1.5},
        r"`state\['position'\]` must be an integer .*, got 1.5",
    ),
    "far": (lambda state: {**state, "position": 7}, r"`state\['position'\]` must be from 0 to 6, got 7"),
    "null": (lambda state: {**state, "seed": None}, r"`state\['seed'\]` must be an integer .*, got None"),
    "stream": (
        lambda state: {**state, "stream": 2**64},
        r"`state\['stream'\]` must be from 0 to 2\^64 - 1, got 1844",
    ),
}


@pytest.mark.parametrize("of", ["sampler", "iterator"])
@pytest.mark.parametrize("name", BAD)
def test_odd_states_are_refused_and_change_nothing(name, of):
    spoil, message = BAD[name]
    sampler = make()
    sampler.set_epoch(3)
    sampler.seek(2)
    before = sampler.state_dict()
    target = sampler if of == "sampler" else iter(sampler)
    with pytest.raises(ValueError, match=message):
        target.load_state_dict(spoil({**before, "seed": 9, "epoch": 5}))
    assert sampler.state_dict() == before
    assert list(sampler) == EPOCHS[0, 3][2:]


def test_numbers_of_other_libraries_become_plain_ones():
    sampler = RandomBatchSampler(range(20), np.int64(3), True, seed=np.uint8(7), stream=np.int32(1))
    sampler.set_epoch(np.int64(2))
    sampler.seek(np.int16(1))
    state = json.loads(json.dumps(sampler.state_dict()))
    assert {k: state[k] for k in ("seed", "stream", "epoch", "position", "batch_size")} == {
        "seed": 7, "stream": 1, "epoch": 2, "position": 1, "batch_size": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 2.5}, r"`batch_size` must be an integer from 1 to 2\^31, got 2.5"),
        ({"batch_size": None}, r"`batch_size` must be an integer from 1 to 2\^31, got None"),
        ({"seed": "1"}, r"`seed` must be an integer from 0 to 2\^64 - 1, got '1'"),
        ({"tail": "keep"}, "`tail` must be drop, short or refill, got 'keep'"),
    ],
)
def test_what_is_no_number_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RandomBatchSampler(range(20), **{"batch_size": 3, "drop_last": True, **options})


class Long(PlannedBatchSampler):
    """A plan of 10^9 places, of which no list is ever made."""

    reads = 0

    def __init__(self):
        super().__init__(100, True, 0, tail=None, stream=0, rank=None, num_replicas=None, threads=1)

    def _num_batches(self):
        return 10**7

    def _data_fingerprint(self):
        return 0

    def _make_plan(self, draw):
        rows = np.broadcast_to(np.uint32(draw[1]), 10**9)

        class Offsets:
            def __len__(self):
                return 10**7 + 1

            def __getitem__(self, part):
                return np.arange(part.start, min(part.stop, 10**7 + 1), dtype=np.uint64) * np.uint64(100)

        return Plan(rows=rows, offsets=Offsets(), fingerprint=0, report=None)


def test_going_to_a_far_batch_reads_none_before_it():
    sampler = Long()
    sampler.set_epoch(7)
    sampler.seek(9 * 10**6)
    iterator = iter(sampler)
    assert next(iterator) == [7] * 100
    resumed = Long()
    resumed.load_state_dict(sampler.state_dict())
    assert next(iter(resumed)) == [7] * 100
    assert resumed.state_dict()["position"] == 9 * 10**6 + 2
    resumed.seek(10**7)
    assert list(resumed) == []


def test_two_iterators_for_an_epoch_are_one_iteration():
    sampler = NoDuplicatesBatchSampler({"text": [str(row) for row in range(20)]}, 2, True)
    unread, read = iter(sampler), iter(sampler)
    assert unread.state_dict() == read.state_dict() == sampler.state_dict()
    first = list(read)
    assert sampler.epoch == 0
    assert list(iter(sampler)) != first
    assert sampler.epoch == 1
    # What was not begun begins when it is.
    next(unread)
    assert sampler.epoch == 2
    assert iter(unread) is unread
