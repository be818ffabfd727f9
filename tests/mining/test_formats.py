"""Each format is a view of the same pairs and negatives."""

import numpy as np
import pyarrow as pa
import pytest
from datasets import List, Value

from foolsgold.mining.formats import Mined, columns_of_format, new_column_names
from foolsgold.mining.rows import Rows

TEXTS = pa.array(["p0", "p1", "p2", "n0", "n1", "n2", "a0", "a1", "a2"], pa.large_string())
# a0 has two positives and two negatives, a1 has one of each, a2 has no negative.
MINED = Mined(
    anchors=np.array([6, 6, 7, 8], np.uint32),
    positives=np.array([0, 2, 1, 1], np.uint32),
    positive_scores=np.array([1.0, 0.75, 0.5, 0.25], np.float32),
    query=np.array([0, 0, 1, 2], np.uint32),
    ids=np.array([[4, 3], [4, 3], [5, -1], [-1, -1]]),
    scores=np.array([[0.5, 0.25], [0.5, 0.25], [0.125, -np.inf], [-np.inf, -np.inf]], np.float32),
    is_kept=np.ones(4, bool),
)
WHOLE = np.array([True, True, False, False])
TEXT, LIST = Value("string"), List(Value("string"))
NUMBERS, LABELS = List(Value("float64")), List(Value("int64"))


def made(output_format, *, with_scores=False, is_kept=None, mined=MINED):
    if is_kept is not None:
        mined = Mined(**{**vars(mined), "is_kept": is_kept})
    columns = columns_of_format(mined, output_format, "q", "d", with_scores=with_scores)
    return Rows(TEXTS, columns).to_dataset()


def rows(dataset):
    return [tuple(row.values()) for row in dataset.to_list()]


def test_triplets_have_a_row_a_negative():
    found = made("triplet", with_scores=True)
    assert found.features == {"q": TEXT, "d": TEXT, "negative": TEXT, "scores": NUMBERS}
    assert rows(found) == [
        ("a0", "p0", "n1", [1.0, 0.5]),
        ("a0", "p0", "n0", [1.0, 0.25]),
        ("a0", "p2", "n1", [0.75, 0.5]),
        ("a0", "p2", "n0", [0.75, 0.25]),
        ("a1", "p1", "n2", [0.5, 0.125]),
    ]


def test_n_tuples_have_a_row_a_pair():
    found = made("n-tuple", with_scores=True, is_kept=WHOLE)
    assert found.features == {"q": TEXT, "d": TEXT, "negative_1": TEXT, "negative_2": TEXT, "scores": NUMBERS}
    assert rows(found) == [
        ("a0", "p0", "n1", "n0", [1.0, 0.5, 0.25]),
        ("a0", "p2", "n1", "n0", [0.75, 0.5, 0.25]),
    ]


def test_kept_n_tuples_have_nulls():
    assert rows(made("n-tuple", with_scores=True))[2:] == [
        ("a1", "p1", "n2", None, [0.5, 0.125]),
        ("a2", "p1", None, None, [0.25]),
    ]


@pytest.mark.parametrize(
    ("with_scores", "name", "kind", "values"),
    [
        (False, "label", Value("int64"), [1, 1, 0, 0, 1, 0, 1]),
        (True, "score", Value("float64"), [1.0, 0.75, 0.5, 0.25, 0.5, 0.125, 0.25]),
    ],
)
def test_labeled_pairs_have_each_text_of_a_query_once(with_scores, name, kind, values):
    found = made("labeled-pair", with_scores=with_scores)
    assert found.features == {"q": TEXT, "d": TEXT, name: kind}
    assert found["q"][:] == ["a0"] * 4 + ["a1"] * 2 + ["a2"]
    assert found["d"][:] == ["p0", "p2", "n1", "n0", "p1", "n2", "p1"]
    assert found[name][:] == values


def test_labeled_pairs_join_what_each_positive_has():
    """Where margins are measured from each positive, pairs of a query differ in their negatives."""
    ids = np.array([[4, 3], [3, 5], [-1, -1], [-1, -1]])
    found = made("labeled-pair", mined=Mined(**{**vars(MINED), "ids": ids}))
    assert found["d"][:][:5] == ["p0", "p2", "n1", "n0", "n2"]
    assert found["label"][:][:5] == [1, 1, 0, 0, 0]


def test_labeled_lists_are_ragged():
    found = made("labeled-list")
    assert found.features == {"q": TEXT, "d": LIST, "labels": LABELS}
    assert rows(found) == [
        ("a0", ["p0", "n1", "n0"], [1, 0, 0]),
        ("a0", ["p2", "n1", "n0"], [1, 0, 0]),
        ("a1", ["p1", "n2"], [1, 0]),
    ]
    scored = made("labeled-list", with_scores=True)
    assert scored.features == {"q": TEXT, "d": LIST, "scores": NUMBERS}
    assert scored["d"][:] == found["d"][:]
    assert scored["scores"][:] == [[1.0, 0.5, 0.25], [0.75, 0.5, 0.25], [0.5, 0.125]]


def test_ragged_rows_lose_no_pair():
    found = made("ragged", with_scores=True)
    assert found.features == {"q": TEXT, "d": TEXT, "negatives": LIST, "scores": NUMBERS}
    assert rows(found) == [
        ("a0", "p0", ["n1", "n0"], [1.0, 0.5, 0.25]),
        ("a0", "p2", ["n1", "n0"], [0.75, 0.5, 0.25]),
        ("a1", "p1", ["n2"], [0.5, 0.125]),
        ("a2", "p1", [], [0.25]),
    ]


@pytest.mark.parametrize("output_format", ["triplet", "n-tuple", "labeled-pair", "labeled-list", "ragged"])
@pytest.mark.parametrize("with_scores", [False, True])
def test_dropped_pairs_have_no_rows(output_format, with_scores):
    found = made(output_format, with_scores=with_scores, is_kept=WHOLE)
    assert set(found["q"]) == {"a0"}
    nothing = made(output_format, with_scores=with_scores, is_kept=np.zeros(4, bool))
    assert len(nothing) == 0
    assert nothing.features == found.features
    names = new_column_names(output_format, 2, with_scores=with_scores)
    assert list(found.features) == ["q", "d", *names]


def test_an_unknown_format_is_named():
    with pytest.raises(ValueError, match=r"`output_format` must be one of 'triplet', .*, got 'pairs'"):
        new_column_names("pairs", 1, with_scores=False)
