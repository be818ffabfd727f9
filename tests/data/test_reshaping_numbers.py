"""What is said of rows in numbers: kept as it is, or told as left out."""

import numpy as np
import pyarrow as pa
import pytest

from foolsgold.data import reshape

TWO_SCORES = {
    "anchor": ["q", "q"],
    "positive": ["a", "a"],
    "negative": ["x", "y"],
    "scores": [[3.0, 1.0], [5.0, 4.0]],
}


def rows(data, **options):
    return reshape(data, **options)[0].to_pylist()


@pytest.mark.parametrize("threshold", [None, 0.5, (-1, 1)])
def test_a_positive_with_two_scores_has_the_margins_of_its_rows(threshold):
    found = rows(TWO_SCORES, to="triplet", threshold=threshold, numbers="margins")
    assert [(row["negative"], row["label"]) for row in found] == [("x", 2.0), ("y", 1.0)]


def test_those_that_change_places_keep_their_scores():
    data = {**TWO_SCORES, "positive": ["a", "b"], "negative": ["x", "x"], "scores": [[1.0, 3.0], [2.0, 9.0]]}
    found = rows(data, to="triplet", threshold=(-1, 1), numbers="margins")
    assert [(row["positive"], row["negative"], row["label"]) for row in found] == [
        ("x", "a", 2.0),
        ("x", "b", 7.0),
    ]


def test_without_scores_a_positive_has_one_list():
    assert rows(TWO_SCORES, to="labeled-list") == [
        {"anchor": "q", "positive": ["a", "x", "y"], "labels": [1, 0, 0]}
    ]
    assert len(rows(TWO_SCORES, to="pair")) == 1


@pytest.mark.parametrize("to", ["pair", "labeled-pair", "labeled-list", "graded"])
def test_scores_and_margins_that_are_lost_are_told(to):
    assert reshape(TWO_SCORES, to=to)[1].dropped_columns == ("scores",)
    margins = {**TWO_SCORES, "label": [1.5, -2.0]}
    del margins["scores"]
    assert reshape(margins, to=to)[1].dropped_columns == ("label",)


@pytest.mark.parametrize("value", [np.inf, 1e30, 2.0**63])
def test_labels_beyond_64_bits_stay_positive(value):
    lists = {"anchor": ["q"], "documents": [["a", "b"]], "labels": [[value, 0.0]]}
    assert [row["label"] for row in rows(lists, from_="labeled-list", to="labeled-pair")] == [1, 0]
    grades = {"query": ["q", "q"], "document": ["a", "b"], "score": pa.array([2**63, 0], pa.uint64())}
    assert [row["label"] for row in rows(pa.table(grades), to="labeled-pair")] == [1, 0]


def test_minus_zero_is_no_class_of_its_own():
    data = {"text": list("abcd"), "label": [0.0, -0.0, 0.0, -0.0]}
    with pytest.raises(ValueError, match="negatives that are missing 4"):
        reshape(data, from_="class", to="triplet")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([True, False], [True, 1, 1.0, "true", "True", np.True_]),
        ([5.0, 7.0], [5.0, 5, "5", np.float32(5)]),
        ([5, 7], [5, 5.0, "5"]),
        ([0.5, 7.0], [0.5, "0.5"]),
        (["5", "7"], [5, "5", 5.0]),
    ],
)
def test_a_class_is_known_however_it_is_told(labels, told):
    data = {"sentence1": ["p", "p"], "sentence2": ["e", "c"], "label": labels}
    for label in told:
        found = rows(data, from_="class-pair", to="triplet", positive_label=label)
        assert found == [{"anchor": "p", "positive": "e", "negative": "c"}], label


def test_integers_of_64_bits_are_read():
    data = {"anchor": ["a", "b"], "positive": ["c", "d"], "id": np.array([2**64 - 1, 1], np.uint64)}
    table, _ = reshape(data, to="pair", keep_columns=True)
    assert table.column("id").to_pylist() == [2**64 - 1, 1]
    with pytest.raises(TypeError, match=r"column `id` must hold integers from -2\^63 to 2\^64 - 1"):
        reshape({**data, "id": [2**64, 1]}, to="pair")


PAIR = {"anchor": ["a"], "positive": ["b"]}
CLASSES = {"sentence1": ["a", "a"], "sentence2": ["c", "d"], "label": ["x", "y"]}
LISTS = {"anchor": ["q"], "documents": [["a", "b"]]}


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (PAIR, {"to": "pair", "num_negatives": 5}, "`num_negatives` must be left out"),
        (PAIR, {"to": "pair", "negative_label": "x"}, "`negative_label` must be left out"),
        (CLASSES, {"from_": "class-pair", "to": "class", "threshold": 0.5}, "`threshold` must be left out"),
        (
            CLASSES,
            {"from_": "class-pair", "to": "class", "positive_label": "x"},
            "`positive_label` must be left out",
        ),
        (
            CLASSES,
            {"from_": "class-pair", "to": "triplet", "positive_label": "x", "threshold": 0.5},
            "`threshold` must be left out",
        ),
        (
            LISTS | {"labels": [[[1], [0]]]},
            {"from_": "labeled-list", "to": "triplet"},
            "column `labels` must hold lists of numbers",
        ),
        (
            LISTS | {"labels": [["1", "0"]]},
            {"from_": "labeled-list", "to": "triplet"},
            "column `labels` must hold lists of numbers",
        ),
        (PAIR, {"to": "triplet", "miner": 5}, "`miner` must be callable, got 5"),
        ({"anchor": "ab", "positive": "cd"}, {}, "column `anchor` must have a value for each row, got a str"),
        (
            {"anchor": {"a"}, "positive": {"b"}},
            {},
            "column `anchor` must have a value for each row, got a set",
        ),
        ({0: ["a"], 1: ["b"]}, {}, "`data` must have texts for names of columns, got"),
        ({"anchor": ["a", "b"], "positive": ["b"]}, {}, "`data` must have columns of one length"),
        (
            pa.table([["a"], ["b"], ["c"]], names=["anchor", "positive", "positive"]),
            {},
            "`data` must name each column once, got `positive` twice",
        ),
    ],
)
def test_what_has_no_effect_or_is_no_column_is_refused(data, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        reshape(data, **options)


@pytest.mark.parametrize("noise", [-1.0, [1], float("nan")])
def test_noise_is_of_the_kind_of_the_labels(noise):
    data = {"text": list("abcd"), "label": ["x", "x", "y", "y"]}
    with pytest.raises(ValueError, match="`noise` must be a text"):
        reshape(data, from_="class", to="triplet", noise=noise)
