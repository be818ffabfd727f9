"""A column has one kind, whatever holds its cells; what is null or mixed is named."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data.id_columns import IdColumns, at_rows
from foolsgold.data.kinds import Kind, values_of

LISTS = [["a", "b"], ["c"], [], ["a"], ["b", "a"]]
STRINGS = pa.array(["a", "b"]).dictionary_encode().type

containers = {
    "lists": LISTS,
    "tuples": [tuple(cell) for cell in LISTS],
    "arrays": [np.array(cell, dtype=str) for cell in LISTS],
    "arrays of objects": [np.array(cell, dtype=object) for cell in LISTS],
    "Arrow arrays": [pa.array(cell, pa.string()) for cell in LISTS],
    "Arrow scalars": list(pa.array(LISTS)),
    "one of each": [LISTS[0], ("c",), [], np.array(["a"]), pa.array(["b", "a"])],
    "list": pa.array(LISTS),
    "large_list": pa.array(LISTS, pa.large_list(pa.large_string())),
    "list_view": pa.array(LISTS, pa.list_view(pa.string())),
    "list of dictionary": pa.array(LISTS, pa.list_(STRINGS)),
    "chunks": pa.chunked_array([LISTS[:2], LISTS[2:]], pa.list_(pa.string())),
}


@pytest.mark.parametrize("name", containers)
def test_lists_are_read_text_by_text_in_any_container(name):
    column = containers[name]
    ids, texts = IdColumns.of({"lists": column, "more": ["c", "a", "d", "b", "c"]})
    cuts, found = ids.columns["lists"]
    lists = [texts.take(found[start:stop]) for start, stop in itertools.pairwise(cuts)]
    assert lists == LISTS


@pytest.mark.parametrize("kind", ["fixed", "one array"])
def test_lists_of_one_length(kind):
    cells = [["a", "b"], ["c", "a"]]
    column = pa.array(cells, pa.list_(pa.string(), 2)) if kind == "fixed" else np.array(cells)
    ids, texts = IdColumns.of({"lists": column})
    assert texts.take(ids.columns["lists"][1]) == ["a", "b", "c", "a"]


def test_texts_and_numbers_in_any_container():
    for column in (["a", "b"], np.array(["a", "b"]), pa.array(["a", "b"]).dictionary_encode()):
        assert IdColumns.of({"x": column})[1].distinct().to_pylist() == ["a", "b"]
    for column in ([1, 2.5], pa.array([1, 2.5]), [torch.tensor(1.0), np.float64(2.5)]):
        assert [float(value) for value in values_of("x", column)] == [1.0, 2.5]
    assert values_of("x", [[1], [], [2, 3]]) == ["[1]", "[]", "[2, 3]"]
    assert values_of("x", [{"b": 1}, {"b": 2}]) == ["{'b': 1}", "{'b': 2}"]
    assert values_of("x", []) == []


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        ([["a"], None], ValueError, "`x` must not be null, got None at row 1"),
        ([["a"], ["b", None]], ValueError, "`x` must not be null, got None in the list at row 1"),
        ([None, "None", "a"], ValueError, "`x` must not be null, got None at row 0"),
        ([1, 2, None], ValueError, "`x` must not be null, got None at row 2"),
        (pa.array([1, None]), ValueError, "`x` must not be null, got None at row 1"),
        (pa.array([["a"], [None]]), ValueError, "`x` must not be null, got null at row 1"),
        (pa.array([["a"], None]), ValueError, "`x` must not be null, got null at row 1"),
        (pa.array([["a"], None], pa.list_view(pa.string())), ValueError, "got None at row 1"),
        (pa.array([None, None]), ValueError, "`x` must not be null, got None at row 0"),
        ([["a"], "a"], TypeError, "of one kind, got a list of texts at row 0 and a text at row 1"),
        (["a", ["a"]], TypeError, "of one kind, got a text at row 0 and a list of texts at row 1"),
        ([[], "a"], TypeError, "of one kind, got an empty list at row 0 and a text at row 1"),
        ([[], ["a"], [1]], TypeError, "got a list of texts at row 1 and a list of other values at row 2"),
        ([["a", 1]], TypeError, r"`x` must hold lists of values of one kind, got \['a', 1\] at row 0"),
        (["a", 1], TypeError, "of one kind, got a text at row 0 and a number at row 1"),
        ([1, {"b": 1}], TypeError, "of one kind, got a number at row 0 and a dict at row 1"),
    ],
)
def test_nulls_and_mixed_kinds_are_named(column, error, message):
    with pytest.raises(error, match=message):
        IdColumns.of({"x": column})


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=12), st.data())
def test_some_rows_have_the_ids_they_had(cells, data):
    ids, _ = IdColumns.of({"lists": pa.array(cells, pa.list_(pa.string()))})
    rows = np.array(data.draw(st.lists(st.integers(0, len(cells) - 1), max_size=12)), dtype=np.int64)
    (cuts, all_ids), (own_cuts, own_ids) = ids.columns["lists"], at_rows(ids.columns["lists"], rows)
    expected = [all_ids[cuts[row] : cuts[row + 1]].tolist() for row in rows]
    assert [own_ids[own_cuts[at] : own_cuts[at + 1]].tolist() for at in range(len(rows))] == expected
    flat = np.arange(len(cells), dtype=np.uint32)
    assert at_rows(flat, rows).tolist() == rows.tolist()


def test_a_kind_says_what_was_read():
    kind = Kind("x")
    assert kind.read("a", 0) == "a"
    assert kind.is_texts
    assert not kind.is_lists_of_texts
