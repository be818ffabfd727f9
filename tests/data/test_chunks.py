"""Cells of chunked columns: those of the whole column."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data.chunks import taken


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=2) | st.none(), max_size=4), min_size=1, max_size=5), st.data())
def test_cells_are_those_of_the_whole_column(chunks, data):
    column = pa.chunked_array([pa.array(chunk, pa.large_string()) for chunk in chunks])
    cells = [*column.to_pylist(), None]
    rows = np.array(data.draw(st.lists(st.integers(-1, len(column) - 1), max_size=9)), np.int64)
    for order in (rows, np.sort(rows)):
        found = taken(column, order)
        assert found.type == column.type
        assert found.to_pylist() == [cells[row] for row in order]
    sliced = column.slice(1)
    rows = rows[rows < len(sliced)]
    assert taken(sliced, rows).to_pylist() == [[*sliced.to_pylist(), None][row] for row in rows]


def test_a_column_without_chunks_has_no_cells():
    column = pa.chunked_array([], pa.large_string())
    assert taken(column, np.array([], np.int64)).to_pylist() == []
    assert taken(pa.array(["a"]), np.array([0, -1])).to_pylist() == ["a", None]
