"""Text ids of all kinds of data equal those of a plain dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset, DatasetDict

from foolsgold.data.kinds import values_of
from foolsgold.data.texts import Texts, columns_of

ROWS = [{"query": "a", "answer": "b"}, {"query": "c", "answer": "a"}, {"query": "a", "answer": "d"}]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
IDS = {"query": [0, 1, 0], "answer": [2, 0, 3]}


class ByName:
    """Has `column_names` and gives columns, and is nothing else that is known."""

    column_names = tuple(COLUMNS)

    def __getitem__(self, name):
        return COLUMNS[name]


def dataset_of(columns):
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_dict(columns)


def as_lists(ids):
    return {name: column.tolist() for name, column in ids.items()}


@pytest.mark.parametrize("kind", ["dict", "arrays", "dataset", "lazy", "table", "rows", "tuples", "by name"])
def test_every_kind_of_data_has_the_same_ids(kind):
    data = {
        "dict": lambda: COLUMNS,
        "arrays": lambda: {name: np.array(column) for name, column in COLUMNS.items()},
        "dataset": lambda: dataset_of(COLUMNS),
        "lazy": lambda: {name: dataset_of(COLUMNS)[name] for name in COLUMNS},
        "table": lambda: dataset_of(COLUMNS).with_format("arrow")[:],
        "rows": lambda: ROWS,
        "tuples": lambda: [tuple(row.values()) for row in ROWS],
        "by name": ByName,
    }[kind]()
    texts, ids = Texts.intern(data)
    names = ["0", "1"] if kind == "tuples" else list(COLUMNS)
    assert as_lists(ids) == dict(zip(names, IDS.values(), strict=True))
    assert [texts[id] for id in range(len(texts))] == ["a", "c", "b", "d"]
    assert texts.take(ids[names[1]]) == COLUMNS["answer"]


def test_arrow_columns_are_not_copied():
    dataset = dataset_of(COLUMNS)
    for name, column in columns_of(dataset).items():
        ours, theirs = column.chunk(0).buffers(), dataset.data.column(name).chunk(0).buffers()
        assert [part and part.address for part in ours] == [part and part.address for part in theirs]


@pytest.mark.parametrize("change", ["select", "shuffle", "columns", "transform", "numpy", "lazy"])
def test_a_dataset_is_read_as_its_rows_are_seen(change):
    dataset = dataset_of({**COLUMNS, "number": [1, 2, 3]}).remove_columns("number")
    changed = {
        "select": lambda: dataset.select([2, 0]),
        "shuffle": lambda: dataset.shuffle(seed=1),
        "columns": lambda: dataset.with_format(None, columns=["answer"]),
        "transform": lambda: dataset.with_transform(lambda batch: {"query": [t * 2 for t in batch["query"]]}),
        "numpy": lambda: dataset.with_format("numpy"),
        "lazy": lambda: {"query": dataset.select([1])["query"]},
    }[change]()
    texts, ids = Texts.intern(changed)
    rows = [changed[row] for row in range(len(changed))] if change != "lazy" else [{"query": "c"}]
    assert list(ids) == list(rows[0])
    for name, column in ids.items():
        assert texts.take(column) == [str(row[name]) for row in rows]


def test_list_columns_keep_their_cuts():
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"query": ["a", "b"], "negatives": [["b", "c"], ["a"]]})
    texts, ids = Texts.intern(dataset)
    assert as_lists(ids) == {"query": [0, 1], "negatives": [1, 2, 0]}
    assert {name: cuts.tolist() for name, cuts in texts.offsets.items()} == {"negatives": [0, 2, 3]}


def test_other_values_count_by_their_str():
    dataset = dataset_of(
        {"n": [1, 2, 1], "x": [1.0, 0.5, 2.0], "lists": [[1], [1], []], "t": ["1", "2", "[1]"]}
    )
    values = {name: values_of(name, column) for name, column in columns_of(dataset).items()}
    _, ids = Texts.intern(values)
    assert ids["n"].tolist() == [0, 1, 0]
    assert ids["t"].tolist()[:2] == [0, 1]
    assert ids["lists"].tolist()[0] == ids["lists"].tolist()[1] == ids["t"].tolist()[2]
    assert values["x"] == ["1.0", "0.5", "2.0"]


def test_ids_are_the_same_for_any_number_of_threads():
    columns = {"text": [f"text {row * 7919 % 50_021}" for row in range(100_000)]}
    found = [Texts.intern(columns, threads=threads) for threads in (1, 2, 7)]
    assert len({texts.fingerprint for texts, _ in found}) == 1
    for _, ids in found[1:]:
        np.testing.assert_array_equal(ids["text"], found[0][1]["text"])


def test_twins_are_equal_to_a_reader():
    texts, ids = Texts.intern({"text": ["Gold", "gold ", "iron"]})
    twins = texts.twins()
    assert twins[ids["text"]].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ({"query": ["a", None]}, ValueError, r"`query` must not be null, got None at row 1"),
        ({"query": ["a", 1]}, TypeError, r"`query` must hold str, got int at row 1"),
        ([{"a": "x"}, {"b": "x"}], ValueError, r"`dataset` must have the columns \['a'\].* at row 1"),
        ([1, 2], TypeError, r"`dataset` must hold mappings or tuples, got int at row 0"),
        (7, TypeError, r"`dataset` must be a Dataset, table, mapping or sequence, got int"),
        ("text", TypeError, r"`dataset` must be .* got str"),
    ],
)
def test_bad_data_is_refused_by_name(data, error, message):
    with pytest.raises(error, match=message):
        Texts.intern(data)


def test_nulls_of_a_dataset_are_named():
    with pytest.raises(ValueError, match="`answer` must not be null, got null at row 1"):
        Texts.intern(dataset_of({"query": ["a", "b"], "answer": ["c", None]}))


def test_progress_and_threads():
    _, ids = Texts.intern(COLUMNS, threads=1, progress=True)
    assert as_lists(ids) == IDS
    with pytest.raises(ValueError, match=r"`threads` must be from 1 to 2\^32 - 1, got 0"):
        Texts.intern(COLUMNS, threads=0)


def test_splits_are_no_data_set():
    splits = DatasetDict({"train": Dataset.from_dict({"text": ["a"]})})
    with pytest.raises(TypeError, match=r"`dataset` must be one data set, got the splits \['train'\]"):
        columns_of(splits)


@pytest.mark.parametrize("id", [-1, 2, 2**70])
def test_an_id_that_is_none_is_an_index_error(id):
    texts, _ = Texts.intern({"a": ["x", "y"]})
    with pytest.raises(IndexError, match=r"`id` must be .*below 2, got"):
        texts[id]


@pytest.mark.parametrize("column", [5, None, "xy", b"xy", {"x"}, {"x": 1}])
def test_what_is_no_column_is_named(column):
    with pytest.raises(TypeError, match="column `a` must have a value for each row, got a "):
        columns_of({"a": column})
