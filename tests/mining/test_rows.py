"""Rows from ids: texts are taken by id, and pieces make the whole."""

import numpy as np
import pyarrow as pa
import pytest
from datasets import List, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.mining.rows import Column, Rows

TEXTS = pa.array(["a", "", "ccc"], pa.large_string())


def table(*, ids, lists):
    offsets = np.cumsum([0, *map(len, lists)])
    flat = np.array([item for row in lists for item in row], np.int64)
    return Rows(
        TEXTS,
        {
            "x": Column(np.array(ids, np.int64)),
            "y": Column(flat, offsets),
            "scores": Column(flat / 4, offsets, is_text=False),
            "label": Column(np.arange(len(ids)), is_text=False),
        },
    )


def test_texts_are_taken_by_id():
    made = table(ids=[2, -1, 0], lists=[[0, 2], [], [1]]).to_dataset()
    assert made.to_dict() == {
        "x": ["ccc", None, "a"],
        "y": [["a", "ccc"], [], [""]],
        "scores": [[0.0, 0.5], [], [0.25]],
        "label": [0, 1, 2],
    }
    assert made.features == {
        "x": Value("string"),
        "y": List(Value("string")),
        "scores": List(Value("float64")),
        "label": Value("int64"),
    }


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 2), st.lists(st.integers(0, 2), max_size=4)), max_size=12),
    st.integers(1, 5),
    st.integers(0, 8),
)
def test_pieces_of_any_size_make_the_whole(rows, max_rows, max_bytes):
    made = table(ids=[x for x, _ in rows], lists=[y for _, y in rows])
    batches = list(made.batches(max_rows, max_bytes))
    assert all(0 < batch.num_rows <= max_rows for batch in batches)
    for batch in batches:
        for name in ("x", "y"):
            cells = [[cell] if name == "x" else cell for cell in batch.column(name).to_pylist()]
            widths = [sum(len(text or "") for text in cell) for cell in cells]
            assert sum(widths) <= max_bytes or batch.num_rows == 1
    expected = made.to_dataset()
    assert pa.Table.from_batches(batches, made.schema).to_pydict() == expected.to_dict()
    again = table(ids=[x for x, _ in rows], lists=[y for _, y in rows]).to_dataset()
    assert again._fingerprint == expected._fingerprint


def test_a_piece_is_as_large_as_allowed():
    made = table(ids=[2, 2, 2], lists=[[], [], []])
    assert [batch.num_rows for batch in made.batches(max_bytes=6)] == [2, 1]


def test_no_rows_keep_their_types():
    made = table(ids=[], lists=[]).to_dataset()
    assert len(made) == 0
    assert made.features["y"] == List(Value("string"))


@pytest.mark.parametrize("other", [{"ids": [1], "lists": [[0]]}, {"ids": [0], "lists": [[1]]}])
def test_other_rows_have_another_fingerprint(other):
    assert table(**other).to_dataset()._fingerprint != table(ids=[0], lists=[[0]]).to_dataset()._fingerprint
