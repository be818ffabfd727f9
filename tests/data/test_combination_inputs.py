"""What combinations are made from: kept apart and exact, or refused by name."""

import numpy as np
import pytest

from foolsgold.data import (
    pairs_from_labels,
    triplets_from_distances,
    triplets_from_embeddings,
    triplets_from_judgments,
    triplets_from_labels,
    triplets_from_scores,
)

CLOSE = np.array([[0, 0.1, 0.1 + 1e-12], [0.1, 0, 0.1 + 1e-12], [1, 1, 0]])
LARGE = [[0, 2**24, 2**24 + 1], [2**24, 0, 2**24 + 1], [1, 1, 0]]


@pytest.mark.parametrize("kind", [">f8", "=f8", np.longdouble])
def test_distances_are_compared_in_float64(kind):
    assert triplets_from_distances(CLOSE.astype(kind), [0, 0, 1], kind="semi-hard").count == 2


@pytest.mark.parametrize("distances", [LARGE, np.array(LARGE), np.array(LARGE, np.uint32)])
def test_distances_in_integers_are_exact(distances):
    assert triplets_from_distances(distances, [0, 0, 1], kind="hard").report["easy"] == 2


def test_labels_that_differ_are_classes_of_their_own():
    texts = ["a", "a\0b", "a", "a\0b"]
    assert triplets_from_labels(np.array(texts)).count == triplets_from_labels(texts).count == 8
    assert triplets_from_labels(np.array([0, 0, 1], np.float16)).count == 2
    large = 2**53
    with pytest.raises(TypeError, match="`labels` must hold labels of one kind, got floats and integers"):
        triplets_from_labels([large + 1, float(large), large + 1, float(large)])


def test_texts_by_column_are_as_many_as_their_numbers():
    triplets = triplets_from_judgments([0, 0], [5, 7], [1, 0])
    few, enough = ["d"] * 2, ["d"] * 8
    with pytest.raises(
        ValueError, match=r"`texts\['positive'\]` must have a text for each of 8 numbers, got 2"
    ):
        triplets.rows({"anchor": ["q"], "positive": few, "negative": enough})
    rows = triplets.rows({"anchor": ["q"], "positive": enough, "negative": enough})
    assert rows[0] == {"anchor": "q", "positive": "d", "negative": "d"}


def test_a_pair_taken_both_ways_is_named_by_its_row():
    with pytest.raises(ValueError, match=r"0.1 at row 0, got 0.2 at row 1"):
        triplets_from_scores([0, 1], [1, 0], [0.1, 0.2], both_ways=True)


def test_an_empty_stretch_is_empty_wherever_it_is():
    triplets = triplets_from_labels([0, 0, 1])
    assert triplets.take(range(-5, -5)).shape == triplets.take(range(9, 9)).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: triplets_from_embeddings([[1], [1, 2]], [0, 1]),
            "`embeddings` must have rows of one length",
        ),
        (lambda: triplets_from_embeddings([[1e300], [1.0]], [0, 1]), "`embeddings` must be finite, got inf"),
        (
            lambda: triplets_from_scores(None, None, None),
            "`anchors` must have a value for each pair, got a NoneType",
        ),
        (
            lambda: triplets_from_scores("aa", "bc", [0.1, 0.2]),
            "`anchors` must have a value for each pair, got a str",
        ),
        (
            lambda: triplets_from_labels([0, 0, 1], noise_as_negatives="x"),
            "`noise_as_negatives` must be True or",
        ),
        (lambda: pairs_from_labels([0, 0, 1], ordered="no"), "`ordered` must be True or False, got 'no'"),
        (
            lambda: triplets_from_labels([0, 0, 1]).take(None),
            "`places` must be one row of integers, got None",
        ),
    ],
)
def test_what_is_refused_is_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
