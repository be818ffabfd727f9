"""Laws of batches that each have rows of several data sets."""

from __future__ import annotations

import itertools
import json
import pickle
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, ConcatDataset, SequentialSampler

from foolsgold.sampling import MixSampler, NoDuplicatesBatchSampler, RandomBatchSampler

SIZES = (200, 300, 100)


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def plain(sizes=SIZES, batch_size=8, kind=MixSampler, **options):
    ranks = {"num_replicas": options["num_replicas"]} if "num_replicas" in options else {}
    samplers = [RandomBatchSampler(range(size), batch_size, False, **ranks) for size in sizes]
    return kind(ConcatDataset([list(range(size)) for size in sizes]), samplers, mode="mixed", **options)


def shares(sizes, batch):
    ends = list(itertools.accumulate(sizes))
    return Counter(next(number for number, end in enumerate(ends) if row < end) for row in batch)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(40, 120), st.integers(1, 9)), min_size=1, max_size=3),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(0, 2**64 - 1),
)
def test_every_batch_has_its_share_of_every_source(given_sources, batch_size, num_replicas, seed):
    sizes, weights = zip(*given_sources, strict=True)
    sampler = plain(sizes, batch_size, weights=weights, num_replicas=num_replicas, seed=seed)
    whole = batch_size * num_replicas
    uses = Counter()
    for _ in range(3):
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert all(len(batch) == batch_size for batch in batches)
        for step in range(len(batches) // num_replicas):
            group = joined(batches[step * num_replicas : (step + 1) * num_replicas])
            assert len(set(group)) == whole
            found = shares(sizes, group)
            for source, count in enumerate(sampler.counts):
                assert abs(found[source] - count * whole / sum(sampler.counts)) < 1 + 1e-9
        uses.update(joined(batches))
        rows = Counter(joined(batches))
        report = sampler.report
        assert (report.used, report.repeated) == (len(rows), rows.total() - len(rows))
        assert sum(own.used for own in report.by_source.values()) == report.used
    firsts = [0, *itertools.accumulate(sizes)]
    if len(sampler) // num_replicas < 4:
        return  # too few batches to go on where the last epoch ended
    for source, (size, count) in enumerate(zip(sizes, sampler.counts, strict=True)):
        least = 3 * count // size
        assert all(uses[row] in (least, least + 1) for row in range(firsts[source], firsts[source + 1]))


def test_by_default_rows_are_in_proportion():
    sampler = plain()
    assert sampler.counts == list(SIZES)
    batches = list(sampler)
    assert sorted(joined(batches)) == list(range(600))
    assert {tuple(sorted(shares(SIZES, batch).items())) for batch in batches} <= {
        ((0, a), (1, b), (2, c)) for a in (2, 3) for b in (4,) for c in (1, 2) if a + b + c == 8
    }
    assert list(sampler) != batches


def test_weights_stops_and_sizes():
    assert plain(weights=[1, 1, 2]).counts == [50, 50, 100]
    assert plain(weights=[1, 1, 2], stop="all").counts == [300, 300, 600]
    assert plain(weights=[1, 1, 2], stop=3).counts == [6, 6, 12]
    assert plain(temperature=1e9, stop=6).counts == [16, 16, 16]
    sampler = plain(weights=[1, 1, 2], stop="all")
    assert sampler.report.by_source[2].repeated == 500
    sized = MixSampler(
        ConcatDataset([list(range(size)) for size in SIZES]),
        [RandomBatchSampler(range(size), 8, True) for size in SIZES],
        sizes=[1, 2, 1],
        mode="mixed",
    )
    assert sized.counts == [8, 16, 8]
    assert len(sized) == 4


def pairs(name, num_rows, shared):
    """Every query is another; answers are shared by two rows, and some by rows of other data sets."""
    return {
        "query": [f"{name} query {row}" for row in range(num_rows)],
        "answer": [
            f"answer {row}" if row < shared else f"{name} answer {row // 2}" for row in range(num_rows)
        ],
    }


def kept_apart(num_replicas=1, **options):
    data = [pairs("a", 200, 60), {"text": [f"answer {row}" for row in range(100)]}, pairs("c", 300, 80)]
    rows = [
        [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
        for columns in data
    ]
    samplers = [NoDuplicatesBatchSampler(columns, 8, True, num_replicas=num_replicas) for columns in data]
    concatenated = ConcatDataset(rows)
    return concatenated, MixSampler(
        concatenated, samplers, mode="mixed", num_replicas=num_replicas, **options
    )


@pytest.mark.parametrize("num_replicas", [1, 2])
@pytest.mark.parametrize("weights", [None, [1, 1, 1], [1, 5, 1]])
def test_no_text_comes_twice_whatever_the_source(num_replicas, weights):
    rows, sampler = kept_apart(num_replicas, weights=weights, stop="all")
    for _ in range(3):
        batches = list(sampler)
        for step in range(len(batches) // num_replicas):
            group = joined(batches[step * num_replicas : (step + 1) * num_replicas])
            texts = joined(rows[row].values() for row in group)
            assert len(set(texts)) == len(texts)
            assert len(set(group)) == 8 * num_replicas
            found = shares((200, 100, 300), group)
            for source, count in enumerate(sampler.counts):
                assert abs(found[source] - count * 8 * num_replicas / sum(sampler.counts)) < 1 + 1e-9


def test_batches_depend_on_seed_epoch_and_stream_alone():
    by_threads = [list(kept_apart(threads=threads)[1]) for threads in (1, 2, 7)]
    assert by_threads[0] == by_threads[1] == by_threads[2]
    assert len({plain(**options).fingerprint for options in ({}, {"seed": 1}, {"stream": 1})}) == 3


def test_resumed_equals_uninterrupted():
    whole = kept_apart()[1]
    epochs = [list(whole) for _ in range(3)]
    sampler = kept_apart()[1]
    list(sampler)
    iterator = iter(sampler)
    seen = [next(iterator) for _ in range(5)]
    resumed = pickle.loads(pickle.dumps(kept_apart()[1]))
    resumed.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
    assert joined(epochs[1:]) == seen + list(resumed) + list(resumed)


def test_what_cannot_be_mixed_is_refused():
    data = ConcatDataset([list(range(20)), list(range(20))])
    first = RandomBatchSampler(range(20), 4, True)
    texts = NoDuplicatesBatchSampler([{"text": f"{row}"} for row in range(20)], 4, True)
    for samplers, message in (
        ([first, RandomBatchSampler(range(20), 5, True)], r"must have one batch size .* got \[4, 5\]"),
        ([first, texts], "must all be RandomBatchSampler or all .* got NoDuplicatesBatchSampler, Random"),
        ([BatchSampler(SequentialSampler(range(20)), 4, True)] * 2, "must all be .* got BatchSampler"),
    ):
        with pytest.raises(ValueError, match="`batch_samplers` " + message):
            MixSampler(data, samplers, mode="mixed")
    with pytest.raises(
        ValueError, match=r"`batch_size` must be so small that source 1 has rows for .* 8, got"
    ):
        plain((200, 6), 8, weights=[0, 1], stop=9)
    columns = {"text": ["same", "other"] * 6}
    rows = [{"text": text} for text in columns["text"]]
    dense = [NoDuplicatesBatchSampler(columns, 4, False) for _ in range(2)]
    with pytest.raises(
        ValueError, match="`batch_size` must leave room for one batch without duplicates, got 4"
    ):
        MixSampler(ConcatDataset([rows, rows]), dense, mode="mixed")
