"""Laws of samplers over several data sets, each batch of one of them."""

from __future__ import annotations

import itertools
import json
import pickle
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, ConcatDataset, DataLoader, RandomSampler, SequentialSampler

from foolsgold.data import DrawnNegatives
from foolsgold.sampling import (
    MixSampler,
    NoDuplicatesBatchSampler,
    ProportionalBatchSampler,
    RandomBatchSampler,
    RoundRobinBatchSampler,
)

SIZES = (40, 100, 40)


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def data_of(sizes):
    return ConcatDataset([list(range(size)) for size in sizes])


def sources(sizes=SIZES, batch_sizes=(4, 2, 4), drop_last=True, **options):
    return [
        RandomBatchSampler(range(size), batch_size, drop_last, **options)
        for size, batch_size in zip(sizes, batch_sizes, strict=True)
    ]


def mix(kind=MixSampler, sizes=SIZES, batch_sizes=(4, 2, 4), drop_last=True, **options):
    ranks = {"num_replicas": options["num_replicas"]} if "num_replicas" in options else {}
    return kind(data_of(sizes), sources(sizes, batch_sizes, drop_last, **ranks), **options)


def source_of(sizes, batch):
    """Return the source that all rows of a batch are of."""
    ends = list(itertools.accumulate(sizes))
    found = {next(number for number, end in enumerate(ends) if row < end) for row in batch}
    assert len(found) == 1
    return found.pop()


many = st.lists(st.tuples(st.integers(6, 60), st.integers(1, 3), st.integers(1, 9)), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(
    many, st.booleans(), st.integers(1, 2), st.integers(0, 2**64 - 1), st.sampled_from(["first", "all", 7])
)
def test_shares_lengths_and_passes(given_sources, drop_last, num_replicas, seed, stop):
    sizes, batch_sizes, weights = zip(*given_sources, strict=True)
    options = {"num_replicas": num_replicas, "seed": seed, "weights": weights, "stop": stop}
    sampler = mix(MixSampler, sizes, batch_sizes, drop_last, **options)
    lengths = [
        len(source) // num_replicas
        for source in sources(sizes, batch_sizes, drop_last, num_replicas=num_replicas)
    ]
    steps = sum(sampler.counts)
    assert len(sampler) == steps * num_replicas
    for count, length, weight in zip(sampler.counts, lengths, weights, strict=True):
        assert abs(count - Fraction(weight, sum(weights)) * steps) < 1
        if stop == "first":
            assert count <= length
        if stop == "all":
            assert count >= length
    uses = [Counter() for _ in sizes]
    given_steps = [0] * len(sizes)
    firsts = [0, *itertools.accumulate(sizes)]
    for epoch in range(3):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        used = Counter()
        for step in range(steps):
            group = joined(batches[step * num_replicas : (step + 1) * num_replicas])
            source = source_of(sizes, group)
            used[source] += 1
            uses[source].update(group)
        assert [used[source] for source in range(len(sizes))] == sampler.counts
        given_steps = [total + count for total, count in zip(given_steps, sampler.counts, strict=True)]
        report = sampler.report
        rows = Counter(joined(batches))
        assert (report.used, report.repeated) == (len(rows), rows.total() - len(rows))
        assert report.left_out == sum(sizes) - len(rows) == sum(report.why.values())
        for source, own in report.by_source.items():
            of_source = {row: n for row, n in rows.items() if firsts[source] <= row < firsts[source + 1]}
            assert own.used == len(of_source)
            assert own.repeated == sum(of_source.values()) - own.used
            assert own.left_out == sizes[source] - own.used == sum(own.why.values())
    for source, length in enumerate(lengths):
        whole, rest = divmod(given_steps[source], length)
        counts = [uses[source][row] for row in range(firsts[source], firsts[source + 1])]
        is_covering = not drop_last and batch_sizes[source] > 1
        if is_covering:
            assert min(counts) >= whole
        assert max(counts) <= whole + (rest > 0)


def test_every_batch_of_every_source_comes_in_proportion():
    sampler = mix(ProportionalBatchSampler)
    assert len(sampler) == 10 + 50 + 10
    epochs = [list(sampler) for _ in range(2)]
    for batches in epochs:
        assert sorted(joined(batches)) == list(range(180))
        assert {source_of(SIZES, batch): len(batch) for batch in batches} == {0: 4, 1: 2, 2: 4}
    order = [[source_of(SIZES, batch) for batch in batches] for batches in epochs]
    assert order[0] != order[1]
    assert order[0] != sorted(order[0])
    assert epochs[0] == list(mix(MixSampler)) == list(mix(MixSampler, stop="first"))


@pytest.mark.parametrize(("stop", "rounds"), [(None, 10), ("first", 10), ("all", 50)])
def test_sources_take_turns(stop, rounds):
    sampler = mix(RoundRobinBatchSampler, stop=stop)
    assert [source_of(SIZES, batch) for batch in sampler] == [0, 1, 2] * rounds
    assert sampler.report.by_source[0].repeated == (rounds - 10) * 4


def test_turns_may_end_in_mid_round():
    assert [source_of(SIZES, batch) for batch in mix(RoundRobinBatchSampler, stop=7)] == [0, 1, 2, 0, 1, 2, 0]


def test_temperature_flattens_the_shares_of_rows():
    def counts(temperature):
        return mix(sizes=(100, 400), batch_sizes=(1, 1), temperature=temperature, stop=300).counts

    assert counts(1) == [60, 240]
    assert counts(2) == [100, 200]
    assert counts(1e9) == [150, 150]
    assert counts(0.5) == [18, 282]


def test_sizes_are_batches_of_each_source():
    sampler = mix(sizes=SIZES, num_replicas=1)
    chosen = MixSampler(data_of(SIZES), sources(), sizes=[3, 0, 25])
    assert Counter(source_of(SIZES, batch) for batch in chosen) == {0: 3, 2: 25}
    assert len(chosen) == 28 < len(sampler)
    assert chosen.report.by_source[1].why == {"not reached": 100}


def test_equal_sources_do_not_share_an_order():
    sampler = mix(RoundRobinBatchSampler, sizes=(40, 40), batch_sizes=(4, 4))
    for _ in range(3):
        batches = list(sampler)
        first, second = batches[::2], [[row - 40 for row in batch] for batch in batches[1::2]]
        assert all(a != b for a, b in zip(first, second, strict=True))


def test_batches_depend_on_seed_epoch_and_stream_alone():
    by_threads = [list(mix(threads=threads)) for threads in (1, 2, 7)]
    assert by_threads[0] == by_threads[1] == by_threads[2]
    prints = {mix(**options).fingerprint for options in ({}, {"seed": 1}, {"stream": 1})}
    assert len(prints) == 3
    others = MixSampler(data_of(SIZES), sources(seed=9, stream=3))
    assert others.fingerprint == mix().fingerprint
    later = mix()
    later.set_epoch(1)
    assert later.fingerprint not in prints


@pytest.mark.parametrize("kind", [MixSampler, ProportionalBatchSampler, RoundRobinBatchSampler])
def test_ranks_read_the_batches_of_a_step_from_one_source(kind):
    whole = mix(kind, num_replicas=2)
    shares = [mix(kind, num_replicas=2, rank=rank) for rank in range(2)]
    for _ in range(2):
        steps = list(zip(*map(list, shares), strict=True))
        assert len(steps) == len(shares[0]) == len(whole) // 2
        assert joined(steps) == list(whole)
        assert all(source_of(SIZES, joined(step)) in range(3) for step in steps)


@pytest.mark.parametrize("kind", [MixSampler, ProportionalBatchSampler, RoundRobinBatchSampler])
@pytest.mark.parametrize("stop", [0, 9, 30])
def test_resumed_equals_uninterrupted(kind, stop):
    expected = mix(kind)
    epochs = [list(expected) for _ in range(3)]
    sampler = mix(kind)
    list(sampler)
    iterator = iter(sampler)
    seen = [next(iterator) for _ in range(stop)]
    resumed = mix(kind)
    resumed.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
    rest = joined(list(resumed) for _ in range(1 if stop == len(sampler) else 2))
    assert joined(epochs[1:]) == seen + rest
    sampler.set_epoch(2)
    sampler.seek(5)
    assert list(sampler) == epochs[2][5:]
    copy = pickle.loads(pickle.dumps(sampler))
    copy.set_epoch(0)
    assert list(copy) == epochs[0]
    assert len(pickle.dumps(sampler)) < 5000


def test_states_of_other_data_or_shares_are_refused():
    state = mix().state_dict()
    with pytest.raises(ValueError, match=r"`state` must have `counts` \[10, 10, 10\], got \[10, 50, 10\]"):
        mix(weights=[1, 1, 1]).load_state_dict(state)
    with pytest.raises(ValueError, match="`state` must be of the same data, got"):
        mix(sizes=(40, 100, 41)).load_state_dict(state)
    with pytest.raises(ValueError, match=r"`state` must have `(order|sampler)`"):
        mix(RoundRobinBatchSampler, stop="all", sizes=(40, 80, 40), batch_sizes=(4, 8, 4)).load_state_dict(
            mix(sizes=(40, 80, 40), batch_sizes=(4, 8, 4)).state_dict()
        )


def test_a_source_keeps_the_guarantees_of_its_sampler():
    data = [
        {"text": [f"a {row // 2}" for row in range(60)]},
        {"question": [f"q {row // 3}" for row in range(60)], "answer": [f"b {row}" for row in range(60)]},
    ]
    rows = [
        [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
        for columns in data
    ]
    samplers = [NoDuplicatesBatchSampler(columns, 6, True, num_replicas=2) for columns in data]
    concatenated = ConcatDataset(rows)
    sampler = ProportionalBatchSampler(concatenated, samplers, num_replicas=2)
    for _ in range(2):
        batches = list(sampler)
        for step in range(len(batches) // 2):
            group = batches[2 * step] + batches[2 * step + 1]
            source_of((60, 60), group)
            texts = joined(concatenated[row].values() for row in group)
            assert len(set(texts)) == len(texts)


def test_a_loader_reads_it():
    sampler = mix()
    expected = list(mix())
    loader = DataLoader(range(180), batch_sampler=sampler, collate_fn=list)
    assert len(loader) == len(expected)
    assert list(loader) == expected
    assert list(loader) != expected


class Epochs:
    """A sampler of somebody else: batches of two, turned round by the epoch."""

    batch_size = 2
    drop_last = True

    def __init__(self, size, told=None):
        self.size, self.epoch, self.told = size, 0, []

    def set_epoch(self, epoch):
        self.epoch = epoch
        self.told.append(epoch)

    def __len__(self):
        return self.size // 2

    def __iter__(self):
        rows = [(row + self.epoch) % self.size for row in range(self.size)]
        return iter(zip(rows[::2], rows[1::2], strict=True))


def test_any_other_sampler_is_iterated_once_a_pass():
    other = Epochs(12)
    sampler = MixSampler(data_of((12, 12)), [other, sources((12,), (3,))[0]], sizes=[4, 1])
    seen = []
    for _ in range(3):
        seen += [batch for batch in sampler if batch[0] < 12]
    # Six batches a pass, four an epoch: the second epoch takes the last two of one and two of the next.
    assert other.told == [0, 1]
    assert seen == [[row, row + 1] for row in range(0, 12, 2)] + [
        [row, (row + 1) % 12] for row in range(1, 12, 2)
    ]
    assert sampler.report.by_source[0].why == {"not reached": 4}
    copy = pickle.loads(pickle.dumps(sampler))
    copy.set_epoch(0)
    assert [batch for batch in copy if batch[0] < 12] == seen[:4]


def test_torch_samplers_and_ranks():
    data = data_of((10, 9))
    others = [
        BatchSampler(SequentialSampler(range(10)), 2, False),
        BatchSampler(RandomSampler(range(9)), 2, False),
    ]
    sampler = ProportionalBatchSampler(data, others, num_replicas=2)
    assert len(sampler) == 8
    batches = list(sampler)
    assert all(source_of((10, 9), batches[at] + batches[at + 1]) in (0, 1) for at in range(0, 8, 2))
    assert sorted(row for row in joined(batches) if row < 10) == list(range(8))


def test_a_sampler_that_gives_less_than_it_says_begins_again():
    class Short(Epochs):
        def __len__(self):
            return 8

    sampler = ProportionalBatchSampler(data_of((12,)), [Short(12)])
    batches = sorted(map(list, sampler))
    assert batches == sorted([row, row + 1] for row in (0, 2, 4, 6, 8, 10, 0, 2))
    assert sampler.report.repeated == 4

    class Nothing(Short):
        def __iter__(self):
            return iter(())

    class Negative(Short):
        def __iter__(self):
            return iter([[-1]])

    for kind, message in (
        (Nothing, "give a batch in every pass, got none"),
        (Negative, "of at least 0, got -1"),
    ):
        with pytest.raises(
            ValueError, match=r"`batch_samplers\[0\]` must give .*" + message.removeprefix("give ")
        ):
            list(ProportionalBatchSampler(data_of((12,)), [kind(12)]))
    with pytest.raises(ValueError, match=r"`batch_samplers\[0\]` must give rows below 8, .* got"):
        list(ProportionalBatchSampler(data_of((8,)), [Epochs(12)]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [1, 1]}, "`weights` must be 3 non-negative numbers with a sum above zero, got"),
        ({"weights": [0, 0, 0]}, r"`weights` must be 3 non-negative .* got \[0.0, 0.0, 0.0\]"),
        ({"weights": [1, -1, 1]}, "`weights` must be 3 non-negative"),
        ({"weights": [1, float("nan"), 1]}, "`weights` must be 3 non-negative .*NaN"),
        ({"weights": ["a", 1, 1]}, r"`weights\[0\]` must be a number, got 'a'"),
        ({"weights": [1e-300, 1, 1], "stop": "all"}, "`weights` must be at least .* every source is to come"),
        ({"temperature": "a"}, "`temperature` must be a number, got 'a'"),
        ({"sizes": [1.5, 2, 1]}, r"`sizes\[0\]` must be an integer at least 0, got 1.5"),
        ({"sizes": [10**12, 1, 1]}, "`sizes` must be 3 numbers of steps, together from 1 to 4294967295"),
        ({"temperature": 0}, "`temperature` must be a finite number above 0, got 0"),
        ({"temperature": float("nan")}, "`temperature` must be a finite number above 0, got nan"),
        ({"sizes": [1, 2]}, "`sizes` must be 3 numbers of steps, together from 1 to 4294967295"),
        ({"sizes": [0, 0, 0]}, "`sizes` must be 3 numbers of steps, together from 1 to 4294967295"),
        ({"sizes": [-1, 1, 1]}, r"`sizes\[0\]` must be at least 0, got -1"),
        ({"sizes": [1, 1, 1], "stop": "all"}, "`stop` must be None where `sizes` say .* got 'all'"),
        ({"sizes": [1, 1, 1], "weights": [1, 1, 1]}, "at most one of .* got weights and sizes"),
        ({"temperature": 2, "weights": [1, 1, 1]}, "at most one of .* got weights and temperature"),
        ({"stop": "last"}, "`stop` must be first, all or a number of steps of at least 1, got 'last'"),
        ({"stop": 0}, "`stop` must be first, all or a number of steps of at least 1, got 0"),
        ({"stop": True}, "`stop` must be first, all .* got True"),
        ({"mode": "both"}, "`mode` must be homogeneous or mixed, got 'both'"),
        ({"rank": 2, "num_replicas": 2}, "`rank` must be from 0 to 1, got 2"),
        ({"seed": -1}, "`seed` must be from 0 to"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MixSampler(data_of(SIZES), sources(), **options)


def test_sources_that_do_not_fit_are_refused():
    for samplers, message in (
        ([], "`batch_samplers` must be one for each of 3 data sets, got 0"),
        (sources()[:2], "`batch_samplers` must be one for each of 3 data sets, got 2"),
        (
            [*sources()[:2], BatchSampler([], 2, False)],
            r"`batch_samplers\[2\]` must give at least one batch .* got 0",
        ),
        (
            [*sources()[:2], sources(rank=0, num_replicas=2)[2]],
            r"`batch_samplers\[2\]` must give the batches of all",
        ),
        (
            [*sources()[:2], sources(num_replicas=2)[2]],
            r"`batch_samplers\[2\]` must have `num_replicas` 1, .* got 2",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            MixSampler(data_of(SIZES), samplers)
    with pytest.raises(TypeError, match="`dataset` must be a ConcatDataset, got list"):
        MixSampler([1], sources())
    few = BatchSampler(SequentialSampler(range(4)), 4, False)
    with pytest.raises(ValueError, match="at least one batch for each of 2 ranks, got 1"):
        MixSampler(data_of((4,)), [few], num_replicas=2)


def test_numbers_of_numpy_do_as_well():
    for options in ({"weights": [1, 2, 3], "stop": 7}, {"sizes": [1, 2, 3]}, {"weights": [1, 2, 3]}):
        of_numpy = {name: np.asarray(value)[()] for name, value in options.items()}
        found = MixSampler(data_of(SIZES), sources(), **of_numpy)
        assert list(found) == list(MixSampler(data_of(SIZES), sources(), **options))
        json.dumps(found.state_dict())


@pytest.mark.parametrize("kind", ["round robin", "weights", "all"])
@pytest.mark.parametrize("num_replicas", [1, 2])
def test_drawn_negatives_are_kept_apart_by_those_of_the_epoch(kind, num_replicas):
    rows = [{"q": f"d{i}", "negatives": [f"n{j}" for j in range(i % 5, i % 5 + 6)]} for i in range(60)]
    drawn, plain = DrawnNegatives(rows, 2), [{"q": f"c{i}"} for i in range(24)]
    samplers = [
        NoDuplicatesBatchSampler(drawn, 2 // num_replicas, True, num_replicas=num_replicas),
        RandomBatchSampler(plain, 2 // num_replicas, True, num_replicas=num_replicas),
    ]
    data, options = ConcatDataset([drawn, plain]), {"num_replicas": num_replicas}
    sampler = {
        "round robin": lambda: RoundRobinBatchSampler(data, samplers, **options),
        "weights": lambda: MixSampler(data, samplers, weights=[3, 1], stop=9, **options),
        "all": lambda: MixSampler(data, samplers, stop="all", weights=[1, 3], **options),
    }[kind]()
    for epoch in range(6):
        sampler.set_epoch(epoch)
        drawn.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        for first in range(0, len(batches), num_replicas):
            step = [row for batch in batches[first : first + num_replicas] for row in batch]
            texts = [text for row in step for text in data[row].values()]
            assert len(set(texts)) == len(texts)


def test_batch_size_is_shown_where_all_sources_have_one():
    full = [RandomBatchSampler(range(40), 4, True, num_replicas=2) for _ in range(2)]
    larger = RandomBatchSampler(range(40), 5, True, num_replicas=2)
    data = data_of((40, 40))
    assert ProportionalBatchSampler(data, full, num_replicas=2).batch_size == 4
    ragged = ProportionalBatchSampler(data, [full[0], larger], num_replicas=2)
    assert not hasattr(ragged, "batch_size")
