"""A text store has the ids, the texts and the fingerprint that the same data has in memory."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data import Texts, TextStore, near_duplicates
from foolsgold.data.row_batches import RowBatches
from foolsgold.data.stored_column import StoredColumn

pa = pytest.importorskip("pyarrow")

HOSTILE = ["", "\0", "\n", '"', "﻿", "é", "é", "𝄞", " a", "a", "A", "a" * 13, "ﬁ"]
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
columns = st.integers(0, 30).flatmap(
    lambda rows: st.tuples(
        st.lists(texts, min_size=rows, max_size=rows),
        st.lists(st.lists(texts, max_size=3), min_size=rows, max_size=rows),
        st.lists(texts, min_size=rows, max_size=rows),
    )
)


def as_columns(found):
    flat, lists, more = found
    kind = pa.large_list(pa.large_string())
    return {
        "a": pa.array(flat, pa.string()),
        "b": pa.array(lists, kind),
        "c": pa.array(more, pa.string_view()),
    }


def batches_of(data, cuts):
    table = pa.table(data)
    starts = sorted({0, len(table), *(cut % (len(table) + 1) for cut in cuts)})
    return [table.slice(start, stop - start) for start, stop in pairwise(starts)]


@settings(max_examples=100, deadline=None)
@given(
    columns.filter(lambda found: found[0]),
    columns.filter(lambda found: found[0]),
    st.lists(st.integers(0, 40)),
)
def test_a_store_has_the_texts_of_memory(first, second, cuts):
    first, second = as_columns(first), as_columns(second)
    with tempfile.TemporaryDirectory() as folder:
        store = TextStore.build(folder, iter(batches_of(first, cuts)), threads=2)
        expected, _ = Texts.intern(first)
        assert store.distinct() is not None
        assert pa.array(store.distinct()).to_pylist() == pa.array(expected.distinct()).to_pylist()
        longer = store.append(iter(batches_of(second, cuts)), threads=1)
        both = {f"1{name}": column for name, column in first.items()}
        both |= {f"2{name}": column for name, column in second.items()}
        expected, _ = Texts.intern(both)
        every = np.arange(len(longer), dtype=np.uint32)
        assert longer.take(every) == expected.take(every)
        assert longer.fingerprint == Texts.intern({"text": longer.take(every)})[0].fingerprint
        assert longer.take(every)[: len(store)] == store.take(every[: len(store)])
        longer.verify()


@pytest.mark.parametrize(
    "kind", ["mapping", "table", "stream", "batches", "rows", "generator", "dataset", "files"]
)
def test_every_kind_of_data_makes_the_same_store(tmp_path, kind):
    rows = [{"a": f"a{row % 7}", "b": f"b{row % 5}", "n": row} for row in range(40)]
    data = {name: [row[name] for row in rows] for name in rows[0]}
    table = pa.table(data)
    (tmp_path / "rows.csv").write_text(
        "a,b,n\n" + "".join(f"{row['a']},{row['b']},{row['n']}\n" for row in rows)
    )

    def dataset():
        datasets = pytest.importorskip("datasets")
        return datasets.Dataset.from_dict(data).select(range(40))

    given_data = {
        "mapping": lambda: data,
        "table": lambda: table,
        "stream": lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=9)),
        "batches": lambda: table.to_batches(max_chunksize=9),
        "rows": lambda: rows,
        "generator": lambda: (row for row in rows),
        "dataset": dataset,
        "files": lambda: tmp_path / "rows.csv",
    }[kind]()
    store = TextStore.build(tmp_path / "store", given_data, columns=["a", "b"])
    expected, _ = Texts.intern({name: data[name] for name in "ab"})
    assert list(StoredColumn(store)) == expected.take(np.arange(len(expected), dtype=np.uint32))


def test_arrow_memory_is_the_map(tmp_path):
    store = TextStore.build(tmp_path / "store", {"a": ["gold", "iron pyrite", "gold"]})
    all_texts = pa.array(store)
    assert all_texts.type == pa.large_string()
    assert all_texts.to_pylist() == ["gold", "iron pyrite"]
    again = pa.array(store)
    assert [part and part.address for part in all_texts.buffers()] == [
        part and part.address for part in again.buffers()
    ]


def test_a_pickle_is_a_name_and_a_check(tmp_path):
    store = TextStore.build(tmp_path / "store", {"a": ["a", "b"]})
    sent = pickle.dumps(store)
    assert len(sent) < 500
    longer = store.append({"a": ["c"]})
    assert (len(pickle.loads(sent)), len(longer), len(store)) == (3, 3, 2)
    shutil.rmtree(tmp_path / "store")
    TextStore.build(tmp_path / "store", {"a": ["a", "c"]})
    with pytest.raises(ValueError, match=r"must be the store of 2 texts with the fingerprint \w{16}, got 2"):
        pickle.loads(sent)


def test_twins_and_near_duplicates_are_those_of_memory(tmp_path):
    data = {"a": ["A cat sleeps here.", "a cat  sleeps here.", "a cat sleeps here!", "a dog barks", "", " "]}
    store = TextStore.build(tmp_path / "store", data)
    expected, _ = Texts.intern(data)
    assert store.twins().tolist() == expected.twins().tolist()
    for given_texts in (store, store.texts(), StoredColumn(store)):
        found, wanted = near_duplicates(given_texts), near_duplicates(expected)
        assert (found.left.tolist(), found.groups.tolist()) == (wanted.left.tolist(), wanted.groups.tolist())


def test_what_cannot_be_stored_is_told(tmp_path):
    def refused(data, **options):
        with pytest.raises((ValueError, TypeError, OSError)) as told:
            TextStore.build(tmp_path / "refused", data, **options)
        assert not (tmp_path / "refused" / "manifest.json").exists()
        return str(told.value)

    assert refused({"a": []}) == "`data` must have rows, got none"
    assert refused(iter([])) == "`data` must have rows, got none"
    assert refused({"a": [None]}) == "`a` must not be null, got None at row 0"
    batches = [pa.table({"a": ["x"]}), pa.table({"a": ["x", None]})]
    assert refused(batches) == "`a` must not be null, got null at row 2"
    assert refused({"a": ["x"]}, columns=["b"]) == "`columns` must be among ['a'], got ['b']"
    assert (
        refused({"a": ["x"]}, columns=["a", "a"]) == "`columns` must have names of their own, got ['a', 'a']"
    )
    assert refused({"a": [1]}) == "`columns` must hold texts or lists of texts, got {'a': 'int64'}"
    assert refused({"a": ["x"], "n": [1]}, columns=["n"]).endswith("lists of texts, got ['n']")
    later = [pa.table({"a": ["x"]}), pa.table({"b": ["x"]})]
    assert refused(later) == "`data` must have the columns ['a'] in every batch, got ['b'] from row 1 on"
    assert "`a` must hold texts, numbers, or lists of one of them, got date32" in refused(
        {"a": pa.array([1], pa.int32()).cast(pa.date32())}
    )
    assert refused(3) == "`data` must be a data set, files or an iterable of batches, got int"
    later = [pa.table({"a": ["x"]}), pa.table({"a": [["x"]]})]
    assert refused(later).startswith("`a` must be a column of strings as before, got a column of lists")


def test_a_stopped_stream_leaves_no_store_and_the_same_call_begins_anew(tmp_path):
    folder = tmp_path / "store"

    def stopping(stops):
        for number in range(5):
            if stops and number == 3:
                raise KeyboardInterrupt
            yield pa.table(
                {"a": [f"{number} {row}" for row in range(100)], "b": [f"{row}" for row in range(100)]}
            )

    with pytest.raises(KeyboardInterrupt):
        TextStore.build(folder, stopping(True))
    with pytest.raises(
        ValueError, match=r"must be a finished store, got no `manifest.json`\nhint: the call that"
    ):
        TextStore.open(folder)
    store = TextStore.build(folder, stopping(False))
    assert len(store) == 600
    with pytest.raises(KeyboardInterrupt):
        store.append(pa.table({"a": [f"more {part.num_rows}"]}) for part in stopping(True))
    store = TextStore.open(folder)
    store.verify()
    assert len(store) == 600
    assert not [path.name for path in folder.iterdir() if path.name.endswith(".aside")]
    with pytest.raises(
        ValueError, match=r"must hold no store yet, got `manifest.json`\nhint: open it, append"
    ):
        TextStore.build(folder, {"a": ["x"]})


@pytest.mark.parametrize("name", ["texts.bytes", "offsets.i64"])
def test_a_file_that_was_cut_or_changed_is_named(tmp_path, name):
    store = TextStore.build(tmp_path / "store", {"a": ["gold", "iron pyrite"]})
    path = tmp_path / "store" / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(
        ValueError, match=rf"{name}: must have at least {len(whole)} bytes, got {len(whole) - 1}"
    ):
        TextStore.open(tmp_path / "store")
    path.write_bytes(bytes([whole[0] ^ 0xFF]) + whole[1:])
    with pytest.raises(ValueError, match=r"texts.bytes|offsets.i64"):
        TextStore.open(tmp_path / "store").verify()
    del store


def test_ids_beyond_the_last_are_refused(tmp_path):
    store = TextStore.build(tmp_path / "store", {"a": ["a", "b"]})
    with pytest.raises(IndexError, match=r"`id` must be below 2, got 2"):
        store[2]
    with pytest.raises(IndexError, match=r"`id` must be below 2, got 7"):
        store.take(np.array([0, 7], np.uint32))
    with pytest.raises(IndexError, match=r"row must be below 2, got 2"):
        StoredColumn(store)[2]
    assert StoredColumn(store)[-1] == "b"
    assert StoredColumn(store)[::-1] == ["b", "a"]


def test_batches_are_bounded_and_kinds_settled():
    batches = RowBatches({"a": ["x"] * 200_000, "n": [1] * 200_000, "l": [[]] * 200_000})
    assert {name: str(kind) for name, kind in batches.kinds.items()} == {
        "a": "text",
        "n": "int64",
        "l": "list of text",
    }
    sizes = [(batch.first, batch.num_rows) for batch in batches]
    assert max(rows for _, rows in sizes) <= 1 << 16
    assert sum(rows for _, rows in sizes) == 200_000 == batches.total
