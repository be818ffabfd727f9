"""Pairs from labels, beside loops."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data import pairs_from_labels

LABELS = [0, 1, 0, 2, 1, 0]


def naive(labels, kind, ordered):
    pairs = list(combinations(range(len(labels)), 2))
    pairs += [(b, a) for a, b in pairs] if ordered else []
    labelled = [(a, b, int(labels[a] == labels[b])) for a, b in pairs]
    if kind == "labelled":
        return {*labelled}
    return {(a, b) for a, b, label in labelled if label == (kind == "same")}


def as_set(rows, ordered):
    rows = [tuple(row) if ordered else (*sorted(row[:2]), *row[2:]) for row in rows.tolist()]
    assert len({*rows}) == len(rows)
    return {*rows}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 4), max_size=12),
    st.sampled_from(["same", "different", "labelled"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_all_pairs_come_once(labels, kind, ordered, seed):
    expected = naive(labels, kind, ordered)
    if not expected:
        with pytest.raises(ValueError, match="`labels` must make at least one pair, got none of"):
            pairs_from_labels(labels, kind, ordered=ordered)
        return
    pairs = pairs_from_labels(labels, kind, ordered=ordered)
    assert pairs.count == len(expected)
    assert as_set(pairs[:], ordered) == as_set(pairs.shuffled(seed)[:], ordered) == expected


@pytest.mark.parametrize(("per_label", "each"), [("smallest", 4), ("largest", 11), (6, 6)])
def test_labels_are_balanced(per_label, each):
    pairs = pairs_from_labels(LABELS, "labelled", per_label=per_label)
    drawn = pairs.shuffled(1)[:]
    assert pairs.columns == ("anchor", "positive", "label")
    assert Counter(drawn[:, 2].tolist()) == {1: each, 0: each}
    for label, size in ((1, 4), (0, 11)):
        times = Counter(tuple(sorted(row[:2])) for row in drawn.tolist() if row[2] == label)
        assert len(times) == min(each, size)
        assert max(times.values()) == -(-each // size)
    assert pairs.report["repeated"] == max(0, each - 4) + max(0, each - 11)
    assert pairs.report["left_out"] == max(0, 4 - each) + max(0, 11 - each)


def test_ordered_pairs_have_caps_and_balance():
    capped = pairs_from_labels(LABELS, "different", ordered=True, max_per_anchor=2)
    assert np.bincount(capped.shuffled(3)[:][:, 0]).tolist() == [2] * 6
    balanced = pairs_from_labels(LABELS, "same", ordered=True, per_class="smallest")
    anchors = np.array(LABELS)[balanced.shuffled(3)[:][:, 0]]
    assert np.bincount(anchors).tolist() == [2, 2]
    assert pairs_from_labels(LABELS, noise=2).report["noise"] == 1


def test_columns_say_what_a_pair_is():
    kinds = {kind: pairs_from_labels(LABELS, kind).columns for kind in ("same", "different")}
    assert kinds == {"same": ("anchor", "positive"), "different": ("anchor", "negative")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "both"}, r"`kind` must be among \['same', 'different', 'labelled'\], got 'both'"),
        ({"per_label": 2}, "`per_label` must be None for pairs of one kind, got 2"),
        ({"kind": "labelled", "per_class": 2}, "`per_class` must be None for labelled pairs, got 2"),
        ({"kind": "labelled", "per_label": 0}, "`per_label` must be from 1 to"),
        ({"kind": "labelled", "per_label": "all"}, "`per_label` must be an integer, smallest or largest"),
        ({"kind": "labelled", "max_per_anchor": 2}, "`max_per_anchor` must be None for pairs of both"),
        ({"max_per_anchor": 2}, "`max_per_anchor` must be for ordered pairs"),
        ({"per_class": "largest"}, "`per_class` must be for ordered pairs"),
    ],
)
def test_bad_options_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        pairs_from_labels(LABELS, **options)
    with pytest.raises(ValueError, match="`labels` must make pairs of both kinds where each gives as many"):
        pairs_from_labels([1, 2, 3], "labelled", per_label="smallest")
