"""Laws of PKSampler: P labels in a batch and K rows of each, under each policy."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling.label_laws import check, counts, rows_of

from foolsgold.sampling import PKSampler


@settings(max_examples=300, deadline=None)
@given(
    counts,
    st.integers(2, 5),
    st.integers(2, 5),
    st.sampled_from(["cap", "oversample", "shrink"]),
    st.booleans(),
    st.sampled_from(["drop", "refill"]),
    st.integers(1, 3),
    st.integers(0, 2**64 - 1),
)
def test_k_rows_of_p_labels(counts, p, k, imbalance, coverage, tail, num_replicas, seed):
    rows = rows_of(counts)
    coverage = coverage and imbalance != "cap"
    options = {"imbalance": imbalance, "coverage": coverage, "tail": tail, "num_replicas": num_replicas}
    usable = [count for count in counts if count >= k]
    try:
        sampler = PKSampler(rows, p * k, True, k=k, seed=seed, **options)
    except ValueError:
        least = 2 if imbalance == "shrink" else p
        assert len(usable) < least or (not coverage and num_replicas > 1)
        return
    lengths = set()
    for _ in range(2):
        batches = list(sampler)
        found = check(sampler, rows["label"], batches)
        lengths.add(len(found))
        for labels in found:
            assert set(labels.values()) == {k}
            assert len(labels) == p or (imbalance == "shrink" and 2 <= len(labels) < p)
        uses = Counter(row for batch in batches for row in batch)
        for label in set(rows["label"]):
            times = [labels[label] for labels in found]
            assert max(times) - min(times) <= k
            own = [uses[row] for row, value in enumerate(rows["label"]) if value == label]
            assert max(own) - min(own) <= 1
            if coverage and len(own) >= k:
                assert min(own) >= 1
        if not coverage and (imbalance == "shrink" or (imbalance == "cap" and tail == "drop")):
            assert sampler.report.repeated == 0
    assert len(lengths) == 1
    assert lengths.pop() % num_replicas == 0


def test_policies_on_skewed_labels():
    rows = rows_of([400, 100, 60, 40, 3])
    reports = {}
    for imbalance, batch_size in {"cap": 12, "oversample": 8, "shrink": 12}.items():
        sampler = PKSampler(rows, batch_size, True, k=4, imbalance=imbalance)
        check(sampler, rows["label"], list(sampler))
        reports[imbalance] = len(sampler), sampler.report.used, sampler.report.repeated, sampler.report.why
    # 100 + 25 + 15 + 10 times four rows: the last 50 make 25 batches of three labels, 50 of two.
    assert reports == {
        "cap": (25, 300, 0, {"small classes": 3, "large classes": 300}),
        "oversample": (200, 600, 1000, {"small classes": 3}),
        "shrink": (50, 400, 0, {"small classes": 3, "large classes": 200}),
    }


def test_coverage_uses_every_row_and_the_policy_defaults_to_oversampling():
    rows = rows_of([41, 18, 7, 5])
    covering = PKSampler(rows, 12, True, k=4, coverage=True)
    assert covering.imbalance == "oversample"
    check(covering, rows["label"], list(covering))
    assert covering.report.left_out == 0
    # Without it the most frequent label comes at most ten times, in 40 places.
    leaving = PKSampler(rows, 12, True, k=4, imbalance="oversample")
    check(leaving, rows["label"], list(leaving))
    assert leaving.report.why.keys() <= {"odd rows", "tail"}
    assert leaving.report.left_out > 0
    assert PKSampler(rows, 12, True, k=4).imbalance == "cap"


def test_states_of_other_options_are_refused():
    rows = rows_of([41, 18, 16, 5])
    state = PKSampler(rows, 8, True, k=4).state_dict()
    PKSampler(rows, 8, True, k=4).load_state_dict(state)
    for name, value in {"k": 2, "imbalance": "shrink"}.items():
        other = PKSampler(rows, 8, True, **{"k": 4, name: value})
        with pytest.raises(ValueError, match=f"`state` must have `{name}` {value}, got"):
            other.load_state_dict(state)


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ([9, 9], {"k": 1}, r"`k` must be from 2 to 2\^31, got 1"),
        ([9, 9], {"k": -1}, r"`k` must be from 2 to 2\^31, got -1"),
        ([9, 9], {"k": 2.5}, r"`k` must be an integer from 2 to 2\^31, got 2.5"),
        ([9, 9], {"k": None}, "`k` must be an integer from 2 .* got None"),
        ([9, 9], {"k": 3}, "`batch_size` must be a multiple of `k`, 3, got 8"),
        ([9, 9], {"k": 8}, "`batch_size` must hold `k` rows, 8, of at least 2 labels, got 8"),
        ([3, 3], {"k": 4}, "`k` must be at most the rows of the most frequent label, 3, got 4"),
        ([9], {"k": 4}, "got 1: every row has the same label\nhint: "),
        (
            [9, 9],
            {"k": 2},
            "4 labels with 2 rows or more, got 2\nhint: take a smaller `batch_size`, or `imbal",
        ),
        ([9, 9], {"k": 2, "imbalance": "best"}, "`imbalance` must be cap, oversample or shrink, got 'best'"),
        (
            [9, 9],
            {"k": 2, "imbalance": "cap", "coverage": True},
            "`imbalance` must be oversample or shrink with `coverage`, got 'cap', .*\nhint: leave",
        ),
    ],
)
def test_senseless_options_are_refused(counts, options, message):
    with pytest.raises(ValueError, match=message):
        PKSampler(rows_of(counts), 8, True, **options)


def test_batch_size_is_shown_where_all_batches_are_full():
    rows = rows_of([41, 18, 16, 5])
    assert PKSampler(rows, 8, False, k=4, num_replicas=2).batch_size == 8
    assert not hasattr(PKSampler(rows, 8, True, k=4, imbalance="shrink", num_replicas=2), "batch_size")
