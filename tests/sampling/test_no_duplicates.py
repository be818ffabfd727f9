"""Laws of NoDuplicatesBatchSampler: no text twice in a batch, exact length, rows used or counted."""

from __future__ import annotations

import itertools
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.refusing import Refusing

from foolsgold.data import DrawnNegatives, triplets_from_labels
from foolsgold.sampling import NoDuplicatesBatchSampler


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def check(columns, batches, batch_size, *, drop_last):
    """Assert that no two rows of a batch share a text; return how often each row is used."""
    uses = Counter()
    for batch in batches:
        assert len(set(batch)) == len(batch) > 0
        assert len(batch) == batch_size or (not drop_last and len(batch) < batch_size)
        texts = [{column[row] for column in columns.values()} for row in batch]
        assert sum(map(len, texts)) == len(set().union(*texts))
        uses.update(batch)
    return uses


def frequent(num_rows, num_values):
    return {
        "query": [f"query {row}" for row in range(num_rows)],
        "answer": [f"answer {row % num_values}" for row in range(num_rows)],
    }


def mixed(num_rows):
    """Half of the answers are shared by two rows, and every tenth query is another row's answer."""
    return {
        "query": [f"answer {row // 20}" if row % 10 == 0 else f"query {row}" for row in range(num_rows)],
        "answer": [f"answer {row // 2 if row % 2 else row}" for row in range(num_rows)],
    }


few = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[st.sampled_from("abcdefghijkl")] * width), min_size=1, max_size=40)
)


@settings(max_examples=300, deadline=None)
@given(few, st.integers(1, 6), st.booleans(), st.integers(0, 2**64 - 1), st.integers(1, 3))
def test_no_text_twice_and_length_exact(rows, batch_size, drop_last, seed, num_replicas):
    columns = {str(at): [row[at] for row in rows] for at in range(len(rows[0]))}
    options = {"seed": seed, "num_replicas": num_replicas}
    try:
        sampler = NoDuplicatesBatchSampler(columns, batch_size, drop_last, **options)
    except ValueError:
        return
    for _ in range(3):
        batches = list(sampler)
        assert len(batches) == len(sampler)
        groups = [joined(batches[at : at + num_replicas]) for at in range(0, len(batches), num_replicas)]
        uses = check(columns, groups, batch_size * num_replicas, drop_last=drop_last)
        report = sampler.report
        assert (report.used, report.left_out) == (len(uses), len(rows) - len(uses))
        assert report.repeated == uses.total() - len(uses)
        assert sum(report.why.values()) == report.left_out


@pytest.mark.parametrize("drop_last", [True, False])
def test_few_duplicates_leave_out_the_tail_alone(drop_last):
    columns = mixed(10_007)
    sampler = NoDuplicatesBatchSampler(columns, 32, drop_last)
    uses = check(columns, list(sampler), 32, drop_last=drop_last)
    assert uses.total() == len(uses) == (10_007 // 32 * 32 if drop_last else 10_007)
    assert sampler.report.why == ({"tail": 10_007 % 32} if drop_last else {})


@pytest.mark.parametrize(
    ("batch_size", "drop_last", "expected"), [(16, True, 1250), (20, True, 1000), (64, False, 1000)]
)
def test_twenty_frequent_texts(batch_size, drop_last, expected):
    columns = frequent(20_000, 20)
    sampler = NoDuplicatesBatchSampler(columns, batch_size, drop_last)
    assert len(sampler) == expected
    uses = check(columns, list(sampler), batch_size, drop_last=drop_last)
    assert len(uses) == uses.total() == 20_000


def test_a_text_in_most_rows_is_cut_to_one_a_batch():
    columns = {
        "query": [f"q{row}" for row in range(1000)],
        "answer": ["same"] * 900 + [f"a{row}" for row in range(100)],
    }
    sampler = NoDuplicatesBatchSampler(columns, 2, True)
    # Each batch needs one of the 100 other rows.
    assert len(sampler) == 100
    uses = check(columns, list(sampler), 2, drop_last=True)
    assert sampler.report.left_out == 1000 - len(uses) == 800
    assert len(NoDuplicatesBatchSampler(columns, 2, False)) == 900


def test_a_grid_of_two_frequent_columns():
    columns = {
        "left": [f"l{row // 20}" for row in range(400)],
        "right": [f"r{row % 20}" for row in range(400)],
    }
    for batch_size, drop_last in [(20, True), (10, True), (20, False)]:
        sampler = NoDuplicatesBatchSampler(columns, batch_size, drop_last)
        for _ in range(3):
            batches = list(sampler)
            assert len(batches) == len(sampler)
            check(columns, batches, batch_size, drop_last=drop_last)


def test_batches_depend_on_seed_and_epoch_alone():
    columns = mixed(2000)
    by_threads = [list(NoDuplicatesBatchSampler(columns, 8, True, threads=threads)) for threads in (1, 2, 7)]
    assert by_threads[0] == by_threads[1] == by_threads[2]
    prints = set()
    for seed in (0, 1):
        sampler = NoDuplicatesBatchSampler(columns, 8, True, seed=seed)
        for epoch in (0, 1):
            sampler.set_epoch(epoch)
            prints.add(sampler.fingerprint)
    assert len(prints) == 4


@pytest.mark.parametrize("num_replicas", [1, 2, 3])
def test_ranks_share_global_batches_without_duplicates(num_replicas):
    columns = mixed(3001)
    for drop_last in (True, False):
        whole = NoDuplicatesBatchSampler(columns, 8, drop_last, num_replicas=num_replicas)
        ranks = [
            NoDuplicatesBatchSampler(columns, 8, drop_last, rank=rank, num_replicas=num_replicas)
            for rank in range(num_replicas)
        ]
        for _ in range(2):
            shares = [list(rank) for rank in ranks]
            assert {len(share) for share in shares} == {len(ranks[0])}
            groups = [joined(group) for group in zip(*shares, strict=True)]
            check(columns, groups, 8 * num_replicas, drop_last=drop_last)
            assert list(whole) == [batch for group in zip(*shares, strict=True) for batch in group]


def test_labels_and_sources_may_be_shared():
    columns = {"text": list("abcd"), "label": [1, 1, 1, 1], "dataset_name": ["x"] * 4}
    sampler = NoDuplicatesBatchSampler(columns, 4, True, valid_label_columns=["label"])
    assert list(sampler.text_ids) == ["text"]
    assert [sorted(batch) for batch in sampler] == [[0, 1, 2, 3]]


def test_a_row_may_hold_a_text_twice():
    columns = {"a": list("abcd"), "b": list("abcd")}
    assert [sorted(batch) for batch in NoDuplicatesBatchSampler(columns, 4, True)] == [[0, 1, 2, 3]]


def test_ids_are_told_and_kept_by_pickling():
    columns = mixed(500)
    sampler = NoDuplicatesBatchSampler(columns, 8, True)
    every = np.concatenate([sampler.text_ids["query"], sampler.text_ids["answer"]])
    assert len(np.unique(every)) == len({text for column in columns.values() for text in column})
    data = pickle.dumps(sampler)
    assert len(data) < 2 * 500 * 4 + 2000
    assert list(pickle.loads(data)) == list(sampler)


def test_no_text_is_compared_in_python():
    columns = {name: [Refusing(text) for text in column] for name, column in mixed(1000).items()}
    sampler = NoDuplicatesBatchSampler(columns, 8, True)
    for _ in range(2):
        assert len(list(sampler)) == len(sampler) == 125
    sampler.load_state_dict(sampler.state_dict())
    assert len(list(pickle.loads(pickle.dumps(sampler)))) == 125


@pytest.mark.parametrize(
    ("columns", "batch_size", "drop_last", "message"),
    [
        ({"a": ["x", "y"]}, 0, True, r"`batch_size` must be from 1 to 2\^31, got 0"),
        ({"a": []}, 2, False, "`dataset` must have at least 1 rows? .*got 0"),
        ({"a": ["x"]}, 2, True, "`dataset` must have at least 2 rows .*got 1\nhint: .*drop_last=False"),
        ({"a": ["x", None]}, 2, True, "`a` must not be null, got None at row 1"),
        ({"a": ["x"] * 9}, 2, False, "`dataset` must have rows without a common text, .*all 9 rows\nhint"),
        (
            {"a": ["x", "y"] * 9},
            4,
            True,
            "`batch_size` must leave room .*got 4 for 18 rows with 2 distinct texts in `a`\nhint",
        ),
        ({"a": [["x"], ["y", None]]}, 2, True, "`a` must not be null, got None in the list at row 1"),
        ({"label": [1, 2]}, 1, True, r"`dataset` must have a column besides labels, got \['label'\]"),
    ],
)
def test_bad_input_is_refused_by_name(columns, batch_size, drop_last, message):
    with pytest.raises(ValueError, match=message):
        NoDuplicatesBatchSampler(columns, batch_size, drop_last, valid_label_columns=["label"])


@pytest.mark.parametrize("num_replicas", [1, 2])
def test_drawn_negatives_are_kept_apart_in_each_epoch(num_replicas):
    rows = [
        {
            "anchor": f"q{row}",
            "positive": f"p{row}",
            "negatives": [f"p{(row + step) % 300}" for step in (1, 2, 3, 4)],
        }
        for row in range(300)
    ]
    dataset = DrawnNegatives(rows, 2, seed=3)
    sampler = NoDuplicatesBatchSampler(dataset, 8, True, num_replicas=num_replicas)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        dataset.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler) >= 300 // 8 // num_replicas * num_replicas - 2
        groups = [joined(batches[at : at + num_replicas]) for at in range(0, len(batches), num_replicas)]
        drawn = {name: [dataset[row][name] for row in range(300)] for name in dataset.column_names}
        check(drawn, groups, 8 * num_replicas, drop_last=True)
    copy = pickle.loads(pickle.dumps(sampler))
    copy.set_epoch(2)
    sampler.set_epoch(2)
    assert list(copy) == list(sampler)
    with pytest.raises(ValueError, match="`state` must be of the same data"):
        NoDuplicatesBatchSampler(DrawnNegatives(rows, 2, seed=4), 8, True).load_state_dict(
            NoDuplicatesBatchSampler(dataset, 8, True).state_dict()
        )


@pytest.mark.parametrize("num_replicas", [1, 2])
def test_combinations_are_looked_at_in_each_epoch(num_replicas):
    texts = [f"text {row % 250}" for row in range(300)]  # 50 come twice
    rows = triplets_from_labels([row % 50 for row in range(300)]).rows(texts, num_rows=400, seed=3)
    sampler = NoDuplicatesBatchSampler(rows, 8, True, num_replicas=num_replicas)
    plans = set()
    for epoch in range(3):
        sampler.set_epoch(epoch)
        rows.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler) >= 40
        groups = [joined(batches[at : at + num_replicas]) for at in range(0, len(batches), num_replicas)]
        check({name: rows[name] for name in rows.column_names}, groups, 8 * num_replicas, drop_last=True)
        plans.add(sampler.fingerprint)
    assert len(plans) == 3


def test_no_later_epoch_of_drawn_negatives_is_without_a_plan():
    # Where all rows draw the one negative that they share, no two of them can meet.
    rows = [{"anchor": f"q{row}", "negatives": ["shared", f"n{row}"]} for row in range(3)]
    dataset = DrawnNegatives(rows, 1)
    sampler = NoDuplicatesBatchSampler(dataset, 2, True)
    sizes = set()
    for epoch in range(60):
        sampler.set_epoch(epoch)
        dataset.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler) == 1
        sizes.update(map(len, batches))
        negatives = [dataset[row]["negative_1"] for row in batches[0]]
        assert len(set(negatives)) == len(negatives)
    assert sizes == {1, 2}


@pytest.mark.parametrize("odd", [{}, {"negs": ("y", "z")}, {"negs": np.array(["y", "z"])}, {"negs": []}])
def test_an_odd_cell_does_not_join_the_texts_of_lists(odd):
    rows = [{"q": f"q{row}", "negs": ["shared" if row % 2 else f"x{row}", f"n{row}"]} for row in range(40)]
    rows.append({"q": "zz", "negs": ["y"], **odd})
    for batch in NoDuplicatesBatchSampler(rows, 2, True, known_positives=False):
        assert sum(rows[row]["negs"][:1] == ["shared"] for row in batch) <= 1
    with pytest.raises(ValueError, match="`negs` must not be null, got None at row 41"):
        NoDuplicatesBatchSampler([*rows, {"q": "z", "negs": None}], 2, True)
