"""Triplets from scores and judgments, beside loops."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data import triplets_from_judgments, triplets_from_scores

PAIRS = st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 6)), st.integers(0, 5), max_size=16)


def naive(scored, margin, one_space):
    return {
        (a, p, n)
        for (a, p), high in scored.items()
        for (b, n), low in scored.items()
        if a == b and high - low > margin and not (one_space and a in (p, n))
    }


def as_set(rows):
    found = {tuple(row) for row in rows.tolist()}
    assert len(found) == len(rows)
    return found


@settings(max_examples=200, deadline=None)
@given(PAIRS, st.sampled_from([0.0, 0.1, 0.3]), st.booleans())
def test_all_triplets_of_ids_come_once(pairs, margin, is_scores):
    scored = {pair: score / 10 for pair, score in pairs.items()}
    expected = naive(scored, margin, is_scores)
    left, right = [a for a, _ in scored], [b for _, b in scored]
    make = triplets_from_scores if is_scores else triplets_from_judgments
    if not expected:
        with pytest.raises(ValueError, match="must make at least one triplet, got none of"):
            make(left, right, [*scored.values()], margin=margin)
        return
    triplets = make(np.array(left), torch.tensor(right), [*scored.values()], margin=margin)
    assert triplets.texts is None
    assert as_set(triplets[:]) == as_set(triplets.shuffled(1)[:]) == expected


def test_texts_are_numbered_together():
    triplets = triplets_from_scores(["a", "b", "b", "a"], ["b", "c", "d", "a"], [0.9, 0.5, 0.1, 1.0])
    assert [triplets.texts.take(row) for row in triplets] == [["b", "c", "d"]]
    assert triplets.report["own"] == 1
    both = triplets_from_scores(["a", "b", "b"], ["b", "c", "d"], [0.9, 0.5, 0.1], both_ways=True)
    found = [both.texts.take(row) for row in both]
    assert found == [["b", "a", "c"], ["b", "a", "d"], ["b", "c", "d"]]


def test_judgments_of_texts_and_caps():
    queries, documents = ["q"] * 4 + ["r"] * 2, ["1", "2", "3", "4", "1", "2"]
    triplets = triplets_from_judgments(queries, documents, [3, 2, 1, 0, 0, 0], max_per_query=2)
    assert triplets.count == 2
    assert triplets.report == {
        "rows": 6, "again": 0, "own": 0, "anchors": 2, "without_tuples": 1, "all": 6, "left_out": 4,
    }  # fmt: skip
    assert (
        len({tuple(triplets.texts.take(row)) for seed in range(40) for row in triplets.shuffled(seed)}) == 6
    )
    again = triplets_from_judgments([1, 1, 1], [5, 5, 6], [1, 1, 0])
    assert (again.count, again.report["again"]) == (1, 1)
    margin = triplets_from_judgments([1, 1, 1], [5, 7, 6], [2, 1, 0], margin=1)
    assert margin[:].tolist() == [[1, 5, 6]]


@pytest.mark.parametrize(
    ("grades", "message"),
    [
        ([1, 2], "`grades` must tell one score of a pair, 1 at row 0, got 2 at row 1"),
        ([1, float("nan")], "`grades` must be finite, got NaN at row 1"),
    ],
)
def test_grades_are_told_by_their_name(grades, message):
    with pytest.raises(ValueError, match=message):
        triplets_from_judgments([1, 1], [2, 2], grades)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (([1, 1], [2, 2], [0.5, 0.7]), {}, "`scores` must tell one score of a pair, 0.5 at row 0, got 0.7"),
        (([1, 1], [2, 3], [0.5, float("nan")]), {}, "`scores` must be finite, got NaN at row 1"),
        (([1, 1], [2, 3], [0.5, None]), {}, "`scores` must not be null, got None at row 1"),
        (([1, 1], [2, 3], [0.5]), {}, "`scores` must be as many as the pairs, got 1 for"),
        (([1, 1], [2], [0.5, 0.7]), {}, "`items` must be as many as the others, got"),
        (([1, -1], [2, 3], [0.5, 0.7]), {}, r"`anchors` must be from 0 to 2\^32 - 1, got -1 at row 1"),
        (([1, 1], [2, 3], [0.5, 0.7]), {"margin": -1.0}, "`margin` must be a finite number that is not neg"),
        (([1, 1], [2, 3], [0.5, 0.7]), {"max_per_anchor": 0}, "`max_per_anchor` must be from 1"),
        (([1, 1], [2, 3], [0.5, 0.5]), {}, "`scores` must make at least one triplet, got none of"),
        (([1, 1], [2, 3], [[0.5], [0.5]]), {}, "`scores` must hold one number a row"),
    ],
)
def test_bad_input_is_refused_by_name(columns, options, message):
    with pytest.raises(ValueError, match=message):
        triplets_from_scores(*columns, **options)


def test_values_of_other_kinds_are_refused():
    with pytest.raises(TypeError, match="`scores` must hold numbers, got <U1"):
        triplets_from_scores([1, 1], [2, 3], np.array(["a", "b"]))
    with pytest.raises(TypeError, match="`items` must hold integers or texts, as the others do, got float64"):
        triplets_from_scores(["a", "a"], np.array([0.5, 1.5]), [1, 2])
    with pytest.raises(TypeError, match="`margin` must be a number, got 'x'"):
        triplets_from_scores([1, 1], [2, 3], [1, 2], margin="x")


def test_ids_may_be_arrow_columns():
    expected = triplets_from_judgments([7, 7, 7], [1, 2, 3], [2, 0, 1])
    found = triplets_from_judgments(pa.array([7, 7, 7]), pa.array([1, 2, 3]), pa.array([2, 0, 1]))
    assert found.texts is None
    assert found[:].tolist() == expected[:].tolist()
