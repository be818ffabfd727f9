"""Rows from ids: which pairs become rows, and of what types."""

import numpy as np
import pyarrow as pa
import pytest
from datasets import List, Value

from foolsgold.mining import rows

IDS = np.array([[4, 3], [5, -1], [-1, -1]])
SCORES = np.array([[0.5, 0.25], [0.125, -np.inf], [-np.inf, -np.inf]], np.float32)
POSITIVE = np.array([1.0, 0.75, 0.5], np.float32)


def test_triplets_have_one_row_a_negative():
    pairs, negatives, scores = rows.triplet_rows(IDS, SCORES, POSITIVE)
    assert pairs.tolist() == [0, 0, 1]
    assert negatives.tolist() == [[4], [3], [5]]
    assert scores.tolist() == [[1.0, 0.5], [1.0, 0.25], [0.75, 0.125]]


def test_n_tuples_have_one_row_a_pair_that_has_all():
    pairs, negatives, scores = rows.n_tuple_rows(IDS, SCORES, POSITIVE)
    assert (pairs.tolist(), negatives.tolist(), scores.tolist()) == ([0], [[4, 3]], [[1.0, 0.5, 0.25]])


@pytest.mark.parametrize("chunk", [1, 2, 1 << 16])
def test_texts_are_taken_by_id(monkeypatch, chunk):
    monkeypatch.setattr(rows, "_CHUNK", chunk)
    texts = pa.array(["a", "", "c"], pa.large_string())
    scores = np.arange(6.0).reshape(3, 2)
    made = rows.to_dataset(texts, {"x": np.array([2, 0, 2], np.uint32), "y": np.array([1, 1, 0])}, scores)
    assert made.to_dict() == {"x": ["c", "a", "c"], "y": ["", "", "a"], "scores": scores.tolist()}
    assert made.features["x"] == Value("string")
    assert made.features["scores"] == List(Value("float64"))


def test_no_rows_keep_their_types():
    texts = pa.array(["a"], pa.large_string())
    made = rows.to_dataset(texts, {"x": np.empty(0, np.int64)}, np.empty((0, 3)))
    assert made.features == {"x": Value("string"), "scores": List(Value("float64"))}
    assert len(made) == 0
