"""Stored rows are those of memory for samplers, trainer, miner and checks, and small to send."""

from __future__ import annotations

import pickle
import random
import tempfile

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

import foolsgold as fg
from foolsgold.data import DrawnNegatives, StoredRows, Texts, TextStore, token_lengths
from foolsgold.data.id_columns import IdColumns
from foolsgold.sampling import GroupByLabelBatchSampler, NoDuplicatesBatchSampler, PKSampler

pa = pytest.importorskip("pyarrow")


def pairs(rows=400, seed=0, texts=150):
    draw = random.Random(seed)
    return {
        "query": [f"q{draw.randrange(texts)} é" for _ in range(rows)],
        "answer": [f"a{draw.randrange(2 * texts)}" for _ in range(rows)],
    }


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Rows of every kind of column, on disk and in memory."""
    draw = random.Random(1)
    data = pairs(seed=1)
    data["negatives"] = [[f"a{draw.randrange(300)}" for _ in range(3 + row % 3)] for row in range(400)]
    data["label"] = [row % 4 for row in range(400)]
    data["score"] = [row / 7 for row in range(400)]
    data["is_hard"] = [row % 3 == 0 for row in range(400)]
    data["scores"] = [[row / 3] * (row % 3) for row in range(400)]
    data["topic"] = [f"t{row % 4}" for row in range(400)]
    return StoredRows.build(tmp_path_factory.mktemp("rows") / "wide", data), data


def as_rows(data):
    return [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]


def test_rows_are_those_of_memory(wide):
    stored, data = wide
    rows = as_rows(data)
    assert len(stored) == len(rows)
    assert stored.column_names == list(data)
    assert stored[:] == data
    assert [stored[row] for row in (0, 7, -1)] == [rows[0], rows[7], rows[-1]]
    assert [type(value) for value in stored[3].values()] == [type(value) for value in rows[3].values()]
    assert stored.__getitems__([5, 5, 2]) == [rows[5], rows[5], rows[2]]
    assert stored[[5, 2]] == {name: [column[5], column[2]] for name, column in data.items()}
    assert stored[390:] == {name: column[390:] for name, column in data.items()}
    assert stored[[]] == {name: [] for name in data}
    for name, column in data.items():
        found = stored[name]
        assert (found.to_pylist() if hasattr(found, "to_pylist") else list(found)) == column
        assert pa.array(found).to_pylist() == column
    stored.verify()


def test_what_is_not_there_is_told(wide):
    stored, _ = wide
    for row in (400, -401):
        with pytest.raises(IndexError, match=rf"row must be below 400, got {row}"):
            stored[row]
    with pytest.raises(IndexError, match=r"row must be below 400, got 400"):
        stored[[1, 400]]
    with pytest.raises(KeyError, match=r"must be among"):
        stored["nothing"]
    with pytest.raises(ValueError, match=r"`names` must be among .*, got 'nothing'"):
        stored.select_columns(["nothing"])


def test_a_pickle_is_small_and_maps_the_same_files(wide):
    stored, _ = wide
    chosen = stored.select_columns(["answer", "query"])
    sent = pickle.dumps(chosen)
    assert len(sent) < 500
    found = pickle.loads(sent)
    assert found[3] == chosen[3]
    assert found.column_names == ["answer", "query"]
    assert (found.fingerprint, stored.fingerprint != chosen.fingerprint) == (chosen.fingerprint, True)
    ids = stored.ids["query"]
    assert len(pickle.dumps(ids)) < 300
    assert np.array_equal(pickle.loads(pickle.dumps(ids)), ids)
    for part in (ids[3:9], ids[::-1], ids[[2, 1]], ids[None]):
        assert type(part) is np.ndarray
        assert np.array_equal(pickle.loads(pickle.dumps(part)), part)


texts = st.sampled_from(["", "a", "b", "c", "\0", "ab", "é", "é", "a\n", "x" * 20])
tables = st.integers(1, 40).flatmap(
    lambda rows: st.tuples(
        st.lists(texts, min_size=rows, max_size=rows),
        st.lists(st.lists(texts, max_size=3), min_size=rows, max_size=rows),
        st.lists(texts, min_size=rows, max_size=rows),
        st.lists(st.floats(allow_nan=False), min_size=rows, max_size=rows),
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=rows, max_size=rows),
    )
)


@settings(max_examples=100, deadline=None)
@given(tables, st.permutations(["a", "b", "c"]), st.integers(1, 3), st.booleans())
def test_ids_and_fingerprints_of_any_columns_are_those_of_memory(found, order, kept, shares):
    flat, lists, more, score, label = found
    data = {"a": flat, "b": pa.array(lists, pa.list_(pa.string())), "c": more, "score": score, "label": label}
    with tempfile.TemporaryDirectory() as folder:
        store = TextStore.build(f"{folder}/texts", {"text": ["c", "zz", "\0"]}) if shares else None
        stored = StoredRows.build(f"{folder}/rows", data, texts=store, threads=2)
        assert stored[:] == {**data, "b": lists}
        names = order[:kept]
        expected, ids = Texts.intern({name: data[name] for name in names})
        texts, found_ids = Texts.intern(stored.select_columns(names))
        assert texts.fingerprint == expected.fingerprint
        assert len(texts) == len(expected)
        every = np.arange(len(texts), dtype=np.uint32)
        assert texts.take(every) == expected.take(every)
        assert pa.array(texts.distinct()).to_pylist() == texts.take(every)
        assert texts.twins().tolist() == expected.twins().tolist()
        assert {name: column.tolist() for name, column in found_ids.items()} == {
            name: column.tolist() for name, column in ids.items()
        }
        assert {name: cuts.tolist() for name, cuts in texts.offsets.items()} == {
            name: cuts.tolist() for name, cuts in expected.offsets.items()
        }


def test_ids_are_taken_as_they_lie_and_no_text_is_read(wide, monkeypatch):
    stored, data = wide
    names = ["query", "answer", "negatives", "topic"]
    monkeypatch.setattr(TextStore, "take", None)
    monkeypatch.setattr(TextStore, "distinct", None)
    ids, texts = IdColumns.of(stored.select_columns(names))
    expected, _ = IdColumns.of({name: data[name] for name in names})
    assert ids.fingerprint == expected.fingerprint
    for name in ("query", "answer", "topic"):
        assert np.shares_memory(ids.columns[name], stored.ids[name])
        assert np.array_equal(ids.columns[name], expected.columns[name])
    assert np.shares_memory(ids.columns["negatives"][1], stored.ids["negatives"][1])
    assert len(texts) == len(stored.texts)


OPTIONS = [
    {},
    {"drop_last": False},
    {"normalize_texts": True},
    {"known_positives": True},
    {"conflicts": {"x": ["q1 é", "nowhere"], "y": ["a1", "a2"]}},
    {"lengths": "label", "max_tokens": 40},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
def test_plans_are_those_of_memory(wide, options):
    stored, data = wide
    numbers = ["label", "score", "is_hard", "scores", "topic"]
    options = {"batch_size": 8, "drop_last": True, "seed": 3, "valid_label_columns": numbers, **options}
    found, expected = NoDuplicatesBatchSampler(stored, **options), NoDuplicatesBatchSampler(data, **options)
    assert list(found) == list(expected)
    assert found.state_dict() == expected.state_dict()


def test_label_samplers_read_their_column(wide):
    stored, data = wide
    for label in ("label", "topic", "is_hard"):
        options = {"batch_size": 8, "drop_last": True, "valid_label_columns": [label]}
        found = GroupByLabelBatchSampler(stored, **options)
        assert list(found) == list(GroupByLabelBatchSampler(data, **options))
    assert list(PKSampler(stored, 4, True, k=2)) == list(PKSampler(data, 4, True, k=2))


def test_drawn_negatives_and_lengths_are_those_of_memory(wide):
    stored, data = wide
    names = ["query", "answer", "negatives"]
    found = DrawnNegatives(stored.select_columns(names), 2)
    expected = DrawnNegatives(as_rows({name: data[name] for name in names}), 2)
    for epoch in (0, 3):
        found.set_epoch(epoch)
        expected.set_epoch(epoch)
        assert found.__getitems__([0, 9]) == expected.__getitems__([0, 9])
        assert {name: ids.tolist() for name, ids in found.text_ids_of(epoch).items()} == {
            name: ids.tolist() for name, ids in expected.text_ids_of(epoch).items()
        }
    assert found.fingerprint == expected.fingerprint
    with pytest.raises(ValueError, match=r"must hold at least 4 negatives in every row, got 3 at row 0"):
        DrawnNegatives(stored.select_columns(names), 4)
    with pytest.raises(ValueError, match=r"must hold lists of texts, got none at row 0"):
        DrawnNegatives(stored.select_columns(names), 1, column="answer")

    def letters(some):
        return {"input_ids": [list(text) for text in some]}

    texts = {name: data[name] for name in names}
    assert (
        token_lengths(stored.select_columns(names), letters).tolist()
        == token_lengths(texts, letters).tolist()
    )


def test_the_check_before_training_is_that_of_memory(wide):
    stored, data = wide
    for names, loss in [
        (["query", "answer"], fg.losses.MultipleNegativesRankingLoss),
        (["query", "answer", "score"], fg.losses.CoSENTLoss),
        (["query", "label"], fg.losses.BatchAllTripletLoss),
    ]:
        part = {name: data[name] for name in names}
        chosen = stored.select_columns(names)
        sampler = NoDuplicatesBatchSampler(part, 8, True, ["score", "label"])
        assert str(fg.validate(chosen, sampler, loss)) == str(fg.validate(part, sampler, loss))


def letters(some):
    return np.array([[text.count(letter) for letter in "0123456789"] + [len(text)] for text in some], float)


def test_mining_is_that_of_memory(tmp_path):
    data = pairs(rows=200, texts=80)
    data["never"] = [["a1", "d3"] if row % 2 else [] for row in range(200)]
    documents = [f"d{number} {number * 7}" for number in range(150)] + ["a1", "A2"]
    corpus = StoredRows.build(tmp_path / "corpus", {"text": documents}, texts=tmp_path / "texts")
    stored = StoredRows.build(tmp_path / "train", data, texts=corpus.texts)
    assert len(StoredRows.open(tmp_path / "corpus").texts) == len(stored.texts) > len(corpus.texts)
    for options in [{}, {"near_duplicates": 0.7}, {"sources": ["model", "bm25"]}, {"exclude": "never"}]:
        options = {"num_negatives": 2, "verbose": False, **options}
        expected = fg.mine_hard_negatives(data, letters, corpus=documents, **options)
        for given_corpus in (corpus, corpus["text"], documents):
            found = fg.mine_hard_negatives(stored, letters, corpus=given_corpus, **options)
            assert found.to_dict() == expected.to_dict()
    kept = {"cache_folder": str(tmp_path / "kept"), "model_fingerprint": "letters", "num_negatives": 2}
    expected = fg.mine_hard_negatives(data, letters, corpus=documents, verbose=False, **kept)
    folders = sorted(path.name for path in (tmp_path / "kept").iterdir())
    found = fg.mine_hard_negatives(stored, letters, corpus=corpus, verbose=False, **kept)
    assert found.to_dict() == expected.to_dict()
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == folders  # the same embeddings
    with pytest.raises(
        TypeError, match=r"`corpus` must be a list of texts, got StoredRows\nhint: name the col"
    ):
        fg.mine_hard_negatives(stored, letters, corpus=stored, verbose=False)


def test_the_whole_store_is_a_corpus(tmp_path):
    data = pairs(rows=60, texts=40)
    stored = StoredRows.build(tmp_path / "rows", data)
    every = stored.texts.take(np.arange(len(stored.texts), dtype=np.uint32))
    found = fg.mine_hard_negatives(stored, letters, corpus=stored.texts, verbose=False)
    assert found.to_dict() == fg.mine_hard_negatives(data, letters, corpus=every, verbose=False).to_dict()


def test_what_cannot_be_stored_is_told(tmp_path):
    def refused(data, folder="refused", **options):
        with pytest.raises((ValueError, TypeError)) as told:
            StoredRows.build(tmp_path / folder, data, **options)
        with pytest.raises((ValueError, OSError)):
            StoredRows.open(tmp_path / folder)
        return str(told.value)

    assert refused({"n": [1]}) == "`data` must have a column of texts, got ['n']"
    assert refused({"a": ["x", "y"], "n": [1, None]}) == "`n` must not be null, got None at row 1"
    lists = {"a": ["x", "y", "z"], "n": [[1], [], [2, None]]}
    assert refused(lists) == "`n` must not be null, got None in the list at row 2"
    later = [pa.table({"a": ["x"], "n": [1]}), pa.table({"a": ["y"], "n": [0.5]})]
    assert refused(later) == "`n` must hold int64 as before, got double from row 1 on"
    large = {"a": ["x"], "n": pa.array([2**63], pa.uint64())}
    assert refused(large).startswith("`n` must hold numbers of int64, got ")
    with pytest.raises(ValueError, match=r"\nhint: the call that builds them was stopped; make it again"):
        StoredRows.open(tmp_path / "refused")
    later = [pa.table({"a": ["x"], "n": [0.5]}), pa.table({"a": ["y"], "n": [1]})]
    assert StoredRows.build(tmp_path / "refused", later)["n"].to_pylist() == [0.5, 1.0]
    with pytest.raises(ValueError, match=r"must hold no rows yet, got `manifest.json`\nhint: open it"):
        StoredRows.build(tmp_path / "refused", later)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").touch()
    assert "must hold nothing else, got `thesis.txt`" in refused(later, "foreign")
    (tmp_path / "file").touch()
    assert refused(later, "file").endswith("must be a folder, got a file")


def test_files_of_others_are_refused_by_name(tmp_path):
    def rows():
        return StoredRows.build(tmp_path / "rows", {"a": ["x", "y"], "n": [1, 2]})

    rows()
    (tmp_path / "rows" / "values-1.npy").write_bytes(b"short")
    with pytest.raises(ValueError, match=r"values-1.npy: must have 144 bytes, got 5"):
        StoredRows.open(tmp_path / "rows")
    np.save(tmp_path / "rows" / "values-1.npy", np.array([0.5, 1.0]))
    with pytest.raises(ValueError, match=r"values-1.npy: must be 2 numbers of int64, got float64 \(2,\)"):
        StoredRows.open(tmp_path / "rows")
    np.save(tmp_path / "rows" / "values-1.npy", np.array([1, 3]))
    with pytest.raises(ValueError, match=r"values-1.npy: must match the checksum of its manifest"):
        StoredRows.open(tmp_path / "rows").verify()
    (tmp_path / "rows" / "manifest.json").write_text("{")
    with pytest.raises(
        ValueError, match=r"manifest.json: must be a manifest of stored rows, got broken JSON"
    ):
        StoredRows.open(tmp_path / "rows")
    (tmp_path / "rows" / "manifest.json").write_text("{}")
    with pytest.raises(
        ValueError, match=r"manifest.json: must be a manifest of foolsgold rows, version 1, got"
    ):
        StoredRows.open(tmp_path / "rows")


@pytest.mark.parametrize("rows", [[True, False], np.array([True, False]), [0.5], 0.5])
def test_what_is_no_row_number_is_refused(tmp_path, rows):
    stored = StoredRows.build(tmp_path / "rows", [{"q": "a"}, {"q": "b"}])
    with pytest.raises(TypeError, match="rows must be integers, got"):
        stored[rows]


def test_a_stream_of_datasets_is_rows(tmp_path):
    rows = [{"q": "a", "n": 1}, {"q": "b", "n": 2}]
    stored = StoredRows.build(tmp_path / "rows", Dataset.from_list(rows).to_iterable_dataset())
    assert [stored[row] for row in range(len(stored))] == rows


def test_a_text_where_a_list_was_names_its_column(tmp_path):
    rows = [{"q": "a", "neg": ["x"]}, {"q": "b", "neg": "xyz"}]
    with pytest.raises(ValueError, match="`neg` must hold values of one kind, got a column of which"):
        StoredRows.build(tmp_path / "rows", rows)
