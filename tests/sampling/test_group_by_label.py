"""Laws of GroupByLabelBatchSampler: two labels in every batch, two rows of each, exact length."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling.label_laws import check, counts, rows_of

from foolsgold.sampling import GroupByLabelBatchSampler


def most_batches(counts, batch_size):
    """Return the most full batches that leave room for a second label, by trying all numbers."""
    pairs = [count // 2 for count in counts]
    per_batch = batch_size // 2
    numbers = itertools.takewhile(
        lambda number: sum(min(own, number * (per_batch - 1)) for own in pairs) >= number * per_batch,
        range(1, sum(pairs) + 2),
    )
    return max(numbers, default=0)


@settings(max_examples=300, deadline=None)
@given(
    counts,
    st.integers(2, 8),
    st.integers(1, 3),
    st.sampled_from(["drop", "short", "refill"]),
    st.integers(0, 2**64 - 1),
)
def test_two_labels_and_two_rows_of_each(counts, half, num_replicas, tail, seed):
    rows = rows_of(counts)
    options = {"tail": tail, "num_replicas": num_replicas, "seed": seed}
    try:
        sampler = GroupByLabelBatchSampler(rows, 2 * half, True, **options)
    except ValueError:
        assert most_batches(counts, 2 * half) < num_replicas
        return
    lengths = set()
    for _ in range(3):
        found = check(sampler, rows["label"], list(sampler))
        lengths.add(len(found))
        for labels in found:
            assert len(labels) >= 2
            assert min(labels.values()) >= 2
        smaller = [labels.total() < 2 * half for labels in found]
        assert sum(smaller) <= (num_replicas if tail == "short" else 0)
        assert not any(smaller[:-num_replicas])
        assert tail == "refill" or sampler.report.repeated == 0
        full = [labels for labels in found if labels.total() == 2 * half]
        for label in set(rows["label"]) if tail == "drop" else ():
            uses = [labels[label] for labels in full]
            assert max(uses) - min(uses) <= 2
    assert len(lengths) == 1
    assert lengths.pop() % num_replicas == 0
    if num_replicas == 1 and tail == "drop":
        assert len(sampler) == most_batches(counts, 2 * half)


def test_only_odd_rows_and_the_tail_are_left_out():
    rows = rows_of([333, 250, 101, 90])
    sampler = GroupByLabelBatchSampler(rows, 32, False)
    check(sampler, rows["label"], list(sampler))
    assert sampler.report.why == {"odd rows": 2}
    assert sampler.report.by_label["label 0"].left_out == 1
    assert sampler.report.by_label["label 3"].left_out == 0
    dropping = GroupByLabelBatchSampler(rows, 32, True)
    check(dropping, rows["label"], list(dropping))
    assert dropping.report.why == {"odd rows": 2, "tail": 772 % 32}
    assert len(dropping) == 772 // 32 == len(sampler) - 1


def test_a_dominant_label_is_cut_and_said_so():
    rows = rows_of([1000, 21, 1])
    sampler = GroupByLabelBatchSampler(rows, 16, True)
    found = check(sampler, rows["label"], list(sampler))
    assert len(found) == 10
    assert all(labels == {"label 0": 14, "label 1": 2} for labels in found)
    assert sampler.report.why == {"small classes": 1, "large classes": 860, "odd rows": 1}


def test_what_is_left_out_changes_with_the_epoch():
    rows = rows_of([7, 7])
    sampler = GroupByLabelBatchSampler(rows, 4, True)
    left_out = {frozenset(range(14)) - {row for batch in sampler for row in batch} for _ in range(30)}
    assert len(left_out) > 20
    assert len(frozenset.union(*left_out)) == 14


def test_ranks_have_their_share_of_one_plan():
    rows = rows_of([40, 31, 22])
    whole = list(GroupByLabelBatchSampler(rows, 8, True, num_replicas=3))
    shares = [list(GroupByLabelBatchSampler(rows, 8, True, rank=rank, num_replicas=3)) for rank in range(3)]
    assert [batch for step in zip(*shares, strict=True) for batch in step] == whole
    assert len(whole) % 3 == 0


@pytest.mark.parametrize(
    ("counts", "batch_size", "message"),
    [
        ([9, 9], 3, "`batch_size` must be even and at least 4, got 3"),
        ([9, 9], 2, "`batch_size` must be even and at least 4, got 2"),
        (
            [9],
            4,
            "must have rows of at least 2 labels, got 1: every row has the same label\nhint: take another",
        ),
        ([], 4, "must have rows of at least 2 labels, got no rows"),
        ([9, 1, 1], 4, "must have at least 2 labels with 2 rows or more, got 1"),
        (
            [4, 4],
            16,
            "must have rows for one batch of at least 2 labels, .*\nhint: take a smaller `batch_size`",
        ),
    ],
)
def test_data_that_make_no_batch_are_refused(counts, batch_size, message):
    with pytest.raises(ValueError, match=message):
        GroupByLabelBatchSampler(rows_of(counts), batch_size, True)
