"""Laws of NoDuplicatesStream: no text twice in a step, each row once or counted, resumed = uninterrupted."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import numpy as np
import pytest
from accelerate.data_loader import IterableDatasetShard
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from torch.utils.data import IterableDataset as TorchIterable

from foolsgold.sampling import NoDuplicatesStream
from foolsgold.sampling.window import MOST_WAITS

PAIRS = [{"query": f"query {row}", "answer": f"answer {row // 3}", "label": row} for row in range(203)]


def rows_of(num_rows, num_answers):
    return [
        {"query": f"query {row}", "answer": f"answer {row * 7 % num_answers}", "label": row}
        for row in range(num_rows)
    ]


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def check(batches, num_replicas=1):
    """Assert that no two rows of a step share a text, no row comes twice; return the rows' numbers."""
    for first in range(0, len(batches), num_replicas):
        step = batches[first : first + num_replicas]
        assert all(step)
        texts = [{row["query"], row["answer"]} for batch in step for row in batch]
        assert sum(map(len, texts)) == len(set().union(*texts))
    numbers = [row["label"] for batch in batches for row in batch]
    assert len(set(numbers)) == len(numbers)
    return set(numbers)


few = st.lists(st.tuples(*[st.sampled_from("abcdefghijklmnop")] * 2), max_size=60)


@settings(max_examples=300, deadline=None)
@given(few, st.integers(1, 4), st.booleans(), st.integers(1, 4), st.integers(1, 2), st.booleans())
def test_rows_come_once_or_are_counted(texts, batch_size, drop_last, window, num_replicas, is_alike):
    rows = [{"query": q, "answer": a, "label": number} for number, (q, a) in enumerate(texts)]
    stream = NoDuplicatesStream(
        rows,
        batch_size,
        drop_last,
        window=window,
        num_replicas=num_replicas,
        lengths=(lambda row: ord(row["query"]) - 90) if is_alike else None,
    )
    batches = list(stream)
    used = check(batches, num_replicas)
    report = stream.report
    assert (report.used, report.left_out, report.repeated) == (len(used), len(rows) - len(used), 0)
    assert sum(report.why.values()) == report.left_out
    assert len(batches) % num_replicas == 0
    if drop_last:
        assert {len(batch) for batch in batches} <= {batch_size}
    else:
        assert all(len(batch) <= batch_size for batch in batches)
    if not drop_last and num_replicas == 1:
        assert len(used) == len(rows)
    assert list(stream) == batches


@settings(max_examples=200, deadline=None)
@given(few, st.integers(1, 4), st.booleans(), st.integers(1, 3), st.data())
def test_resumed_equals_uninterrupted(texts, batch_size, single, window, data):
    rows = [{"query": q, "answer": a, "label": number} for number, (q, a) in enumerate(texts)]

    def make():
        return NoDuplicatesStream(rows, batch_size, drop_last=False, window=window, seed=5, rows=single)

    expected = list(make())
    stop = data.draw(st.integers(0, len(expected)))
    interrupted = make()
    iterator = iter(interrupted)
    seen = [next(iterator) for _ in range(stop)]
    state = json.loads(json.dumps(interrupted.state_dict()))
    resumed = make()
    resumed.load_state_dict(state)
    assert resumed.state_dict()["position"] == 0
    assert seen + list(resumed) == expected
    whole = make()
    list(whole)
    assert resumed.report == whole.report
    assert list(resumed) == expected


def test_a_loaded_end_is_over_once():
    stream = NoDuplicatesStream(PAIRS, 4, drop_last=True)
    expected = list(stream)
    stream.load_state_dict(stream.state_dict())
    assert list(stream) == []
    assert list(stream) == expected


def test_seed_and_epoch_decide():
    made = {}
    for seed, epoch in itertools.product((0, 1), (0, 1)):
        for threads in (1, 2):
            stream = NoDuplicatesStream(PAIRS, 4, drop_last=False, seed=seed, threads=threads)
            stream.set_epoch(epoch)
            made.setdefault((seed, epoch), []).append(json.dumps(list(stream)))
    assert all(first == second for first, second in made.values())
    assert len({first for first, _ in made.values()}) == 4


@pytest.mark.parametrize("drop_last", [True, False])
def test_few_duplicates_leave_out_the_tail_alone(drop_last):
    stream = NoDuplicatesStream(rows_of(1003, 400), 8, drop_last, window=4)
    used = check(list(stream))
    assert len(used) == (1000 if drop_last else 1003)
    assert stream.report.why == ({"tail": 3} if drop_last else {})


def test_a_frequent_text_waits_no_longer_than_told():
    """Every third row has one answer, in windows of four batches of eight rows: too many for one a batch."""
    rows = [{"query": f"q{row}", "answer": f"a{row if row % 3 else 0}", "label": row} for row in range(960)]
    read = []

    def source():
        for row in rows:
            read.append(row["label"])
            yield row

    stream = NoDuplicatesStream(source, 8, drop_last=False, window=4)
    batches, waits = [], Counter()
    for batch in stream:
        batches.append(batch)
        for row in batch:
            # All that is read is that of this window; a window reads at least half of its rows anew.
            waits[(len(read) - 1 - row["label"]) // 16] += 1
        assert len(read) - sum(map(len, batches)) < 32
    assert check(batches) == set(range(960))
    assert stream.report.used == 960
    assert 1 < max(waits) <= 2 * MOST_WAITS


def test_one_text_in_all_rows_ends():
    rows = [{"query": "same", "label": row} for row in range(50)]
    with_all = NoDuplicatesStream(rows, 4, drop_last=False, window=2)
    assert [len(batch) for batch in with_all] == [1] * 50
    full = NoDuplicatesStream(rows, 4, drop_last=True, window=2)
    assert list(full) == []
    assert full.report.left_out == 50


@pytest.mark.parametrize("num_rows", [200, 203])
@pytest.mark.parametrize("drop_last", [True, False])
def test_single_rows_are_cut_into_the_batches(num_rows, drop_last):
    rows = rows_of(num_rows, 60)
    stream = NoDuplicatesStream(rows, 8, drop_last=drop_last, window=3, rows=True)
    loader = DataLoader(stream, batch_size=8, drop_last=True, collate_fn=list)
    cut = list(loader)
    assert len(check(cut)) == len(cut) * 8
    assert len(cut) >= num_rows // 8 - 1
    assert joined(cut) == list(stream)[: len(cut) * 8]


def test_accelerate_cuts_a_step_for_its_processes():
    rows = rows_of(300, 80)
    stream = NoDuplicatesStream(rows, 4, drop_last=True, num_replicas=2, rows=True)
    shards = [
        list(IterableDatasetShard(stream, batch_size=4, drop_last=True, num_processes=2, process_index=rank))
        for rank in (0, 1)
    ]
    for rank, shard in enumerate(shards):
        own = NoDuplicatesStream(rows, 4, drop_last=True, num_replicas=2, rank=rank)
        assert shard == joined(own)
        assert len(shard) == 148


def test_like_lengths_go_together():
    rows = [
        {"query": f"q{row}", "answer": f"a{row}", "label": row, "length": 1 + row * 37 % 100}
        for row in range(2000)
    ]
    stream = NoDuplicatesStream(rows, 8, drop_last=False, window=64, lengths="length")
    spreads = [max(row["length"] for row in batch) - min(row["length"] for row in batch) for batch in stream]
    assert sum(spreads) / len(spreads) < 35  # a random batch's is 78
    budget = NoDuplicatesStream(
        rows, 64, drop_last=False, window=32, lengths=lambda row: row["length"], max_tokens=400
    )
    batches = list(budget)
    assert check(batches) == set(range(2000))
    assert all(len(batch) * max(row["length"] for row in batch) <= 400 for batch in batches)
    assert max(map(len, batches)) > 15 > 5 > min(map(len, batches))
    alike = NoDuplicatesStream(
        [{"query": "same", "length": row["length"]} for row in rows],
        8,
        True,
        lengths="length",
        no_duplicates=False,
    )
    assert sum(map(len, alike)) == 2000


@pytest.mark.parametrize("drop_last", [True, False])
def test_ranks_share_steps(drop_last):
    options = {"window": 3, "num_replicas": 2}
    rows = rows_of(301, 80)
    whole = list(NoDuplicatesStream(rows, 4, drop_last, **options))
    check(whole, 2)
    shares = [list(NoDuplicatesStream(rows, 4, drop_last, rank=rank, **options)) for rank in (0, 1)]
    assert [batch for step in zip(*shares, strict=True) for batch in step] == whole


@pytest.mark.slow
@pytest.mark.parametrize("persistent", [True, False])
def test_workers_share_the_rows_and_hear_of_the_epoch(persistent):
    stream = NoDuplicatesStream(PAIRS, 4, drop_last=False, window=3)
    loader = DataLoader(
        stream, batch_size=None, num_workers=2, persistent_workers=persistent, multiprocessing_context="fork"
    )
    epochs = []
    for epoch in (0, 1, 0):
        stream.set_epoch(epoch)
        epochs.append(list(loader))
        assert check(epochs[-1]) == set(range(203))
    assert epochs[0] == epochs[2] != epochs[1]


class Own(TorchIterable):
    """Gives every worker the same rows, which is its own affair; has a state, and counts what is read."""

    def __init__(self):
        self.start, self.epoch, self.read = 0, None, []

    def set_epoch(self, epoch):
        self.epoch = epoch

    def state_dict(self):
        return {"place": self.place}

    def load_state_dict(self, state):
        self.start = state["place"]

    def __iter__(self):
        for place in range(self.start, len(PAIRS)):
            self.place = place + 1
            self.read.append(place)
            yield PAIRS[place]


@pytest.mark.slow
def test_a_dataset_of_torch_shares_its_rows_itself():
    loader = DataLoader(
        NoDuplicatesStream(Own(), 4, drop_last=False),
        batch_size=None,
        num_workers=2,
        multiprocessing_context="fork",
    )
    assert Counter(row["label"] for batch in loader for row in batch) == dict.fromkeys(range(203), 2)


def test_a_source_with_a_state_is_not_read_again():
    source = Own()
    expected = list(NoDuplicatesStream(PAIRS, 4, drop_last=True, window=5))
    stream = NoDuplicatesStream(source, 4, drop_last=True, window=5)
    stream.set_epoch(0)
    iterator = iter(stream)
    seen = [next(iterator) for _ in range(23)]
    state = stream.state_dict()
    assert (source.epoch, source.start) == (0, 0)
    resumed_source = Own()
    resumed = NoDuplicatesStream(resumed_source, 4, drop_last=True, window=5)
    resumed.load_state_dict(state)
    assert seen + list(resumed) == expected
    assert min(resumed_source.read) > 70


@pytest.mark.parametrize("num_shards", [1, 3])
def test_a_streamed_dataset_resumes(num_shards):
    data = Dataset.from_list(PAIRS)

    def make():
        return NoDuplicatesStream(data.to_iterable_dataset(num_shards), 4, drop_last=False, window=4)

    stream = make()
    expected = list(stream)
    assert check(expected) == set(range(203))
    assert list(stream) == expected
    for stop in (0, 1, 17, 40, len(expected)):
        interrupted = make()
        iterator = iter(interrupted)
        seen = [next(iterator) for _ in range(stop)]
        resumed = make()
        resumed.load_state_dict(interrupted.state_dict())
        assert seen + list(resumed) == expected
        assert list(resumed) == expected
    stream.set_epoch(1)
    assert check(list(stream)) == set(range(203))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, r"`batch_size` must be from 1 to 2\^31, got 0"),
        ({"window": 0}, "`window` must be at least 1, got 0"),
        ({"num_replicas": 0}, r"`num_replicas` must be from 1 to 2\^31, got 0"),
        ({"seed": -1}, r"`seed` must be from 0 to 2\^64 - 1, got -1"),
        ({"rank": 2, "num_replicas": 2}, "`rank` must be from 0 to 1, got 2"),
        ({"batch_size": 2.5}, "`batch_size` must be an integer from 1 .* got 2.5"),
        ({"window": 1.5}, "`window` must be an integer at least 1, got 1.5"),
        ({"seed": 1.5}, "`seed` must be an integer from 0 .* got 1.5"),
        ({"rank": 0.0}, "`rank` must be an integer from 0 to 0, got 0.0"),
        ({"max_tokens": -3, "lengths": len}, "`max_tokens` must be from 1 .* got -3"),
        ({"valid_label_columns": "cls"}, "`valid_label_columns` must be names of columns, got 'cls'"),
        ({"max_tokens": 8}, "`max_tokens` must come with `lengths`, got 8"),
        ({"max_tokens": 8, "lengths": len, "rows": True}, "`max_tokens` must come with `rows=False`"),
        ({"no_duplicates": False}, "`lengths` must be given where `no_duplicates` is False"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        NoDuplicatesStream(PAIRS, **{"batch_size": 4, "drop_last": True, **options})


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([{"a": "x"}, {"a": None}], {}, "`a` must not be null, got None at row 1"),
        ([{"a": "x"}, {"b": "y"}], {}, r"`dataset` must have the columns \['a'\] in every row, got \['b'\]"),
        ([{"label": 1}], {}, r"`dataset` must have a column besides labels, got \['label'\]"),
        (
            [{"a": "x"}, {"a": "long"}],
            {"lengths": lambda row: len(row["a"]), "max_tokens": 3},
            "`lengths` must be from 0 to 3, got 4 at row 1",
        ),
        ([{"a": "x", "n": -1}], {"lengths": "n"}, "`lengths` must be from 0, got -1 at row 0"),
        ([{"a": "x"}], {"lengths": "zz"}, r"`lengths` must be among the columns \['a'\], got 'zz'"),
        ([{"a": ["x"]}, {"a": ["x", None]}], {}, "`a` must not be null, got None in the list at row 1"),
    ],
)
def test_bad_rows_are_refused_by_number(rows, options, message):
    with pytest.raises(ValueError, match=message):
        list(NoDuplicatesStream(rows, 1, False, **options))


def test_other_options_and_epochs_below_zero_are_refused():
    state = NoDuplicatesStream(PAIRS, 4, drop_last=True).state_dict()
    with pytest.raises(ValueError, match="`state` must have `batch_size` 5, got 4"):
        NoDuplicatesStream(PAIRS, 5, drop_last=True).load_state_dict(state)
    with pytest.raises(ValueError, match="`state` must have `seed` 3, got 0"):
        NoDuplicatesStream(PAIRS, 4, drop_last=True, seed=3).load_state_dict(state)
    with pytest.raises(ValueError, match="`state` must be a dict, got NoneType"):
        NoDuplicatesStream(PAIRS, 4, drop_last=True).load_state_dict(None)
    with pytest.raises(ValueError, match=r"`epoch` must be from 0 to 2.63 - 1, got -1"):
        NoDuplicatesStream(PAIRS, 4, drop_last=True).set_epoch(-1)
    with pytest.raises(
        TypeError, match=r"`dataset` must give its rows for every epoch anew, got a gen.*\nhint"
    ):
        NoDuplicatesStream((row for row in PAIRS), 4, drop_last=True)


@pytest.mark.parametrize("as_array", [False, True])
def test_lists_are_compared_text_by_text(as_array):
    rows = []
    for row in range(60):
        texts = ["shared" if row % 3 == 0 else f"x{row}", f"n{row}", *[f"m{row}"] * (row % 2)]
        rows.append({"q": f"q{row}", "negs": np.array(texts) if as_array else texts})
    stream = NoDuplicatesStream(rows, 2, False, window=4)
    batches = list(stream)
    assert sum(map(len, batches)) == 60
    assert all(sum(row["negs"][0] == "shared" for row in batch) <= 1 for batch in batches)
    query = [{"q": f"q{row}", "negs": [f"q{row + 1}"] if row % 2 else []} for row in range(40)]
    for batch in NoDuplicatesStream(query, 4, True):
        held = [{row["q"], *row["negs"]} for row in batch]
        assert len(set.union(*held)) == sum(map(len, held))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"a": ["x"]}, {"a": "x"}], "of one kind, got a list of texts at row 0 and a text at row 1"),
        ([{"a": "x"}, 7], "`dataset` must give dicts, got int at row 1"),
    ],
)
def test_rows_of_other_kinds_are_refused_by_number(rows, message):
    with pytest.raises(TypeError, match=message):
        list(NoDuplicatesStream(rows, 1, False))


def test_a_state_of_longer_data_is_refused():
    rows = [{"a": f"x{row}"} for row in range(40)]
    stream = NoDuplicatesStream(rows, 4, False, window=2)
    batches = iter(stream)
    for _ in range(9):
        next(batches)
    shorter = NoDuplicatesStream(rows[:16], 4, False, window=2)
    shorter.load_state_dict(stream.state_dict())
    with pytest.raises(ValueError, match="`state` must be of the same data, got 32 rows read of fewer"):
        list(shorter)
