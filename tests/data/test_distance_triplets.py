"""Hard, semi-hard and easy triplets, beside loops in float64, and draws from them."""

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data import triplets_from_distances, triplets_from_embeddings

KINDS = {
    "all": lambda difference, margin: True,
    "hard": lambda difference, margin: difference <= 0,
    "semi-hard": lambda difference, margin: 0 < difference <= margin,
    "easy": lambda difference, margin: difference > margin,
    "violating": lambda difference, margin: difference <= margin,
}


def naive(distances, labels, kind, margin, noise=None):
    rows = [row for row, label in enumerate(labels) if label != noise]
    return {
        (a, p, n)
        for a in rows
        for p in rows
        for n in rows
        if a != p and labels[a] == labels[p] != labels[n]
        if KINDS[kind](float(distances[a][n]) - float(distances[a][p]), margin)
    }


def as_set(rows):
    found = {tuple(row) for row in rows.tolist()}
    assert len(found) == len(rows)
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=9),
    st.integers(0, 2**32 - 1),
    st.sampled_from([*KINDS]),
    st.sampled_from([0.0, 0.25, 1.0]),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([None, 0]),
)
def test_kinds_of_a_table_are_those_of_loops(labels, seed, kind, margin, dtype, noise):
    # Multiples of 1/4 make ties and distances on the margin.
    distances = np.random.default_rng(seed).integers(0, 9, (len(labels), len(labels))).astype(dtype) / 4
    triplets = triplets_from_distances(distances, labels, kind=kind, margin=margin, noise=noise)
    expected = naive(distances, labels, kind, margin, noise)
    assert triplets.count == len(expected)
    assert as_set(triplets[:]) == as_set(triplets.shuffled(seed)[:]) == expected
    for other in ("hard", "semi-hard", "easy"):
        count = len(naive(distances, labels, other, margin, noise))
        assert triplets.report[other.replace("-", "_")] == count


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "squared_euclidean"])
@pytest.mark.parametrize("kind", [*KINDS])
def test_kinds_of_embeddings_are_those_of_their_distances(metric, kind):
    rng = np.random.default_rng(3)
    embeddings, labels = rng.normal(size=(24, 5)).astype(np.float32), rng.integers(0, 5, 24)
    wide = embeddings.astype(np.float64)
    if metric == "cosine":
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
        distances = 1 - wide @ wide.T
    else:
        distances = ((wide[:, None] - wide) ** 2).sum(-1)
        distances = np.sqrt(distances) if metric == "euclidean" else distances
    triplets = triplets_from_embeddings(
        torch.tensor(embeddings), labels, kind=kind, margin=0.3, metric=metric
    )
    assert as_set(triplets[:]) == naive(distances, labels, kind, 0.3)
    again = pickle.loads(pickle.dumps(triplets))
    assert np.array_equal(again.shuffled(1)[:50], triplets.shuffled(1)[:50])


def test_draws_are_uniform_and_from_the_set_alone():
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(15, 4)), np.arange(15) % 4
    triplets = triplets_from_embeddings(embeddings, labels, margin=0.3)
    everything = as_set(triplets[:])
    assert 50 < len(everything) < 400
    times = Counter()
    for seed in range(1500):
        drawn = as_set(triplets.shuffled(seed)[:20])
        assert drawn <= everything
        times.update(drawn)
    mean = 1500 * 20 / len(everything)
    statistic = sum((times[triplet] - mean) ** 2 / mean for triplet in everything)
    freedom = len(everything) - 1
    assert abs(statistic - freedom) < 5 * (2 * freedom) ** 0.5


def test_nothing_depends_on_threads():
    rng = np.random.default_rng(1)
    embeddings, labels = rng.normal(size=(150, 33)), rng.integers(0, 12, 150)
    one, two, seven = (
        triplets_from_embeddings(embeddings, labels, threads=threads).shuffled(1)[:5000]
        for threads in (1, 2, 7)
    )
    assert np.array_equal(one, two)
    assert np.array_equal(one, seven)


@pytest.mark.parametrize(
    ("distances", "labels", "options", "message"),
    [
        (np.eye(3), [0, 0], {}, "`labels` must have one label for each of 3 rows, got 2"),
        (np.ones((2, 3)), [0, 0], {}, r"`distances` must have the shape \(rows, rows\), got \(2, 3\)"),
        (np.ones(3), [0, 0, 1], {}, r"`distances` must have the shape \(rows, rows\), got \(3,\)"),
        (np.eye(3) * np.nan, [0, 0, 1], {}, "`distances` must be finite, got NaN in column 0 at row 0"),
        (np.eye(3), [0, 0, 1], {"margin": -0.5}, "`margin` must be a finite number that is not negative"),
        (np.eye(3), [0, 0, 1], {"kind": "soft"}, r"`kind` must be among \['all', 'hard', 'semi-hard'"),
    ],
)
def test_bad_tables_are_refused_by_name(distances, labels, options, message):
    with pytest.raises(ValueError, match=message):
        triplets_from_distances(distances, labels, **options)


def test_bad_embeddings_are_refused_by_name():
    good = np.ones((3, 2), np.float32)
    with pytest.raises(ValueError, match=r"`metric` must be among .*, got 'dot'"):
        triplets_from_embeddings(good, [0, 0, 1], metric="dot")
    with pytest.raises(ValueError, match="`embeddings` must be finite, got inf in column 1 at row 2"):
        triplets_from_embeddings(np.array([[0, 0], [0, 0], [0, np.inf]]), [0, 0, 1])
    with pytest.raises(ValueError, match=r"`embeddings` must have the shape \(rows, dim\), got \(3,\)"):
        triplets_from_embeddings(good[:, 0], [0, 0, 1])
    with pytest.raises(TypeError, match="`embeddings` must hold numbers, got <U1"):
        triplets_from_embeddings(np.array([["a"]]), [0])


def test_distances_that_changed_are_refused():
    distances = np.array([[0, 2, 1.0], [2, 0, 3], [1, 3, 0]])
    triplets = triplets_from_distances(distances, [0, 0, 1], kind="hard")
    assert triplets[:].tolist() == [[0, 1, 2]]
    distances[0, 1] = 0
    with pytest.raises(ValueError, match="`distances` must be those that were counted, got others in row 0"):
        triplets[:]
