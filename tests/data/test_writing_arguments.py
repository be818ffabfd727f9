"""Arguments of `write` of another type, and values that no column holds, are refused by name."""

import numpy as np
import pyarrow as pa
import pytest

from foolsgold.data.writing import check_writable, write

SCHEMA = pa.schema([("a", pa.int64())])
BATCH = pa.record_batch({"a": [1]})


@pytest.mark.parametrize(
    ("column", "value", "row"),
    [
        ([1, None, "x", 2], "'x'", 2),
        (["x", 1], "1", 1),
        ([["x"], ["y", 1]], "['y', 1]", 1),
        ([0, 2**70], str(2**70), 1),
    ],
)
def test_values_of_several_kinds_are_told_by_column_and_row(tmp_path, column, value, row):
    rows = [{"b": 1, "a": cell} for cell in column]
    for batches in (rows, {"b": [1] * len(column), "a": column}):
        with pytest.raises(ValueError, match=r"column `a`") as caught:
            write(tmp_path / "x.jsonl", batches)
        assert str(caught.value).startswith("`batches` must hold values of one kind that Arrow has in column")
        assert str(caught.value).endswith(f", got {value} at row {row}")
    assert [*tmp_path.iterdir()] == []


def test_columns_have_one_length_and_names(tmp_path):
    with pytest.raises(
        ValueError, match=r"^`batches` must have columns of one length, got {'a': 1, 'b': 2}$"
    ):
        write(tmp_path / "x.jsonl", {"a": [1], "b": pa.array([1, 2])})
    with pytest.raises(TypeError, match=r"^`batches` must have texts for names of columns, got 1$"):
        write(tmp_path / "x.jsonl", {1: [1]})
    columns = {"a": np.arange(2), "b": pa.chunked_array([["u"], ["v"]]), "c": ["x", None]}
    assert write(tmp_path / "x.jsonl", columns) == 2


@pytest.mark.parametrize(
    ("batches", "schema", "message"),
    [
        ([5], SCHEMA, "`batches` must hold record batches, got int"),
        ([BATCH, {"a": 1}], SCHEMA, "`batches` must hold record batches, got dict"),
        (5, SCHEMA, "`batches` must be record batches, got int"),
        ([BATCH], 5, "`schema` must be an Arrow schema, got 5"),
        (pa.table({"a": [1]}), 5, "`schema` must be an Arrow schema, got 5"),
        ([{"a": 1}], "a", "`schema` must be an Arrow schema, got 'a'"),
    ],
)
def test_what_is_no_arrow_is_named(tmp_path, batches, schema, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        write(tmp_path / "x.jsonl", batches, schema)
    assert [*tmp_path.iterdir()] == []
    with pytest.raises(TypeError, match=r"^`schema` must be an Arrow schema, got 5$"):
        check_writable(tmp_path / "x.jsonl", 5)


@pytest.mark.parametrize("argument", ["nested", "array", "header", "quoting"])
def test_truth_values_are_such(tmp_path, argument):
    with pytest.raises(TypeError, match=f"^`{argument}` must be True or False, got 'x'$"):
        write(tmp_path / "x.csv", [{"a": 1}], **{argument: "x"})
    with pytest.raises(TypeError, match=r"^`path` must be a path, got None$"):
        write(None, [{"a": 1}])
