"""Arrays of every kind become what the core reads, or an error that names them."""

from itertools import pairwise

import numpy as np
import pytest

import foolsgold as fg
from foolsgold.mining.arrays import as_float32, as_lists, as_matrix

VALUES = [[0.5, -1.0], [2.0, 0.25], [0.0, 3.0]]


class Dlpack:
    """An array that only speaks DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def kinds(tmp_path):
    array = np.array(VALUES, np.float32)
    np.save(tmp_path / "rows.npy", array)
    yield array
    yield from (array.astype(kind) for kind in (np.float16, np.float64, np.longdouble))
    yield np.asfortranarray(array)
    yield np.repeat(array, 2, axis=1)[:, ::2]
    yield np.load(tmp_path / "rows.npy", mmap_mode="r")
    yield VALUES
    yield Dlpack(array)


def test_every_kind_of_matrix_is_the_same(tmp_path):
    found = [as_matrix("rows", kind) for kind in kinds(tmp_path)]
    assert len(found) == 9
    assert [matrix.dtype == np.float16 for matrix in found].count(True) == 1
    for matrix in found:
        assert matrix.dtype in (np.float16, np.float32)
        assert matrix.flags.c_contiguous
        assert matrix.tolist() == VALUES


def test_torch_tensors_are_read(tmp_path):
    import torch

    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        tensor = torch.tensor(VALUES, dtype=dtype, requires_grad=True)
        found = as_matrix("rows", tensor)
        assert as_float32("rows", tensor).tolist() == VALUES
        assert (found.dtype == np.uint16) == (dtype == torch.bfloat16)
        if dtype != torch.float64:
            assert found.ctypes.data == tensor.data_ptr()


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_arrow_lists_are_read_in_place(kind):
    import pyarrow as pa

    flat = pa.array(np.array(VALUES, kind).ravel())
    lists = pa.FixedSizeListArray.from_arrays(flat, 2)
    found = as_matrix("rows", lists)
    assert (found.dtype, found.tolist()) == (kind, VALUES)
    assert found.ctypes.data == flat.buffers()[1].address
    assert as_matrix("rows", lists[1:]).tolist() == VALUES[1:]
    assert as_matrix("rows", pa.chunked_array([lists[:1], lists[1:]])).tolist() == VALUES


def test_arrow_nulls_are_an_error():
    import pyarrow as pa

    for rows in ([[1.0, 2.0], None], [[1.0, None], [1.0, 2.0]]):
        with pytest.raises(ValueError, match="`rows` must have no nulls, got 1"):
            as_matrix("rows", pa.array(rows, pa.list_(pa.float32(), 2)))


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_what_the_core_reads_is_not_copied(kind):
    array = np.array(VALUES, kind)
    assert np.shares_memory(as_matrix("rows", array), array)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.ones((2, 2), np.int64), TypeError, "`rows` must hold floats, got int64"),
        ([["a"]], TypeError, "`rows` must hold floats"),
        (np.array([[1.0, 2.0], [3.0, 4.0]], object), TypeError, "floats, got object\nhint: .*numpy.stack"),
        (np.ones(3), ValueError, "`rows` must have 2 dimensions, got 1"),
        ([[1.0], [1.0, 2.0]], ValueError, "`rows` must be an array, got list"),
    ],
)
def test_unusable_matrices_are_named(value, error, message):
    with pytest.raises(error, match=message):
        as_matrix("rows", value)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.float64])
def test_what_is_not_aligned_is_copied(kind):
    values = np.array(VALUES, kind)
    odd = np.frombuffer(b"x" + values.tobytes(), kind, values.size, offset=1).reshape(values.shape)
    assert not odd.flags.aligned
    found = as_matrix("rows", odd)
    assert found.flags.aligned
    assert found.tolist() == VALUES
    assert fg.mine(odd, odd, num_negatives=3).ids.shape == (3, 3)


def test_lists_that_are_not_aligned_are_copied():
    offsets, values = np.array([0, 1, 1, 3]), np.array([2, 0, 1])
    odd = [np.frombuffer(b"x" + part.tobytes(), np.int64, offset=1) for part in (offsets, values)]
    assert not odd[0].flags.aligned
    found = as_lists("lists", tuple(odd), 3, 3)
    assert all(part.flags.aligned for part in found)
    assert [part.tolist() for part in found] == [offsets.tolist(), values.tolist()]


def test_columns_of_vectors_get_a_hint():
    import pandas as pd
    import pyarrow as pa

    frame = pd.DataFrame(np.array(VALUES, np.float32))
    series = pd.Series(list(np.array(VALUES, np.float32)))
    lists = pa.array(VALUES, pa.list_(pa.float32()))
    for column in (frame, series, lists, pa.chunked_array([lists]), pa.table({"a": [1.0], "b": [2.0]})):
        with pytest.raises(TypeError, match="`rows` must hold floats, got object\nhint: "):
            as_matrix("rows", column)
    # what the hint says
    for matrix in (frame.to_numpy(), np.stack(series), lists.cast(pa.list_(pa.float32(), 2))):
        assert as_matrix("rows", matrix).tolist() == VALUES


LISTS = [[2], [], [0, 1]]


@pytest.mark.parametrize(
    "value",
    [
        LISTS,
        [np.array([2]), (), np.array([0, 1], np.int8)],
        np.array([[2, -1], [-1, -1], [0, 1]]),
        np.array([[-1, 2], [-1, -1], [0, 1]], np.int32),
        (np.array([0, 1, 1, 3]), np.array([2, 0, 1], np.uint32)),
        ([0, 1, 1, 3], [2, 0, 1]),
    ],
)
def test_every_form_of_lists_is_the_same(value):
    offsets, values = as_lists("lists", value, 3, 3)
    assert (offsets.dtype, values.dtype) == (np.int64, np.uint32)
    assert [values[start:end].tolist() for start, end in pairwise(offsets)] == LISTS


def test_two_lists_in_a_tuple_are_lists_for_two_queries():
    def lists(value, num_lists):
        offsets, values = as_lists("lists", value, num_lists, 9)
        return [values[start:end].tolist() for start, end in pairwise(offsets)]

    assert lists(([0, 1], [2]), 2) == [[0, 1], [2]]
    assert lists(([0, 1, 2], [5]), 2) == [[0, 1, 2], [5]]
    assert lists(([0, 1], [5]), 1) == [[5]]
    assert lists((4, 5), 2) == [[4], [5]]
    assert lists((np.array([0, 1, 2]), np.array([0, 1])), 2) == [[0], [1]]
    for value in (([0, 1, 2], [0, 1]), ((0, 0, 0), ()), ([0, 2, 1], [7])):
        with pytest.raises(
            ValueError, match=r"`lists` must be two lists of ids, or offsets and values, got .*\nhint"
        ):
            as_lists("lists", value, 2, 9)
        assert lists(list(value), 2) == [list(part) for part in value]


@pytest.mark.parametrize("value", [[1, -1, 0], np.array([1, -1, 0]), np.array([1, -1, 0], np.int16)])
def test_one_id_a_list(value):
    offsets, values = as_lists("lists", value, 3, 2)
    assert (offsets.tolist(), values.tolist()) == ([0, 1, 1, 2], [1, 0])


@pytest.mark.parametrize("value", [[], np.empty((0, 4), np.int64), ([0], [])])
def test_no_lists(value):
    offsets, values = as_lists("lists", value, 0, 3)
    assert (offsets.tolist(), values.tolist()) == ([0], [])


@pytest.mark.parametrize("value", [[[], [], []], np.empty((3, 0), np.int64)])
def test_empty_lists(value):
    offsets, values = as_lists("lists", value, 3, 3)
    assert (offsets.tolist(), values.tolist()) == ([0, 0, 0, 0], [])


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([0, 1], ValueError, "`lists` must have one entry a query, 3, got 2"),
        ([0, 1, 3], ValueError, "`lists` must hold rows of the corpus, below 3, got 3"),
        ([0, 1, -2], ValueError, "got -2"),
        ([[0], [-1], [2]], ValueError, "got -1"),
        ([0.0, 1.0, 2.0], TypeError, "`lists` must hold integers, got float64"),
        (np.zeros((3, 1, 1), int), ValueError, "`lists` must have 1 or 2 dimensions, got 3"),
        (7, ValueError, "`lists` must have 1 or 2 dimensions, got 0"),
        ([[0], 1, [2]], TypeError, "`lists` must hold integers alone or lists alone, got int at 1"),
        ([0, [1], 2], TypeError, "`lists` must hold integers alone or lists alone, got list at 1"),
        ([0, None, 2], TypeError, "`lists` must hold integers alone or lists alone, got NoneType at 1"),
        ([[0], "1", [2]], TypeError, "`lists` must hold integers alone or lists alone, got str at 1"),
        ([[[0]], [[1]], [[2]]], ValueError, "`lists` must hold lists of integers, got 2 dimensions at 0"),
        ({0: 1, 1: 2, 2: 0}, TypeError, "`lists` must hold integers, one or a list a query, got dict"),
        ({0, 1, 2}, TypeError, "`lists` must hold integers, one or a list a query, got set"),
        ("012", TypeError, "`lists` must hold integers, one or a list a query, got str"),
    ],
)
def test_unusable_lists_are_named(value, error, message):
    with pytest.raises(error, match=message):
        as_lists("lists", value, 3, 3)
