"""What is written is read back: by our reader, and by `datasets`."""

import gzip

import pyarrow as pa
import pytest
from datasets import Dataset, load_from_disk
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data.files import read
from foolsgold.data.writing import check_writable, write

SCHEMA = pa.schema([("text", pa.string()), ("label", pa.int64())])
LISTS = pa.schema(
    [("text", pa.string()), ("texts", pa.list_(pa.string())), ("scores", pa.list_(pa.float64()))]
)
TEXT_FILES = ["x.jsonl", "x.ndjson", "x.json", "x.jsonl.gz", "x.jsonl.zst"]
SEPARATED = ["x.csv", "x.tsv", "x.csv.gz", "x.TSV.zst"]


def batches(rows, schema, size=2):
    return pa.Table.from_pylist(rows, schema).to_batches(max_chunksize=size)


def read_back(path, schema):
    # JSON has no type for an empty list, and the reader's lists are large ones.
    return pa.table(read(path)).cast(schema).to_pylist()


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@pytest.mark.parametrize("name", [*TEXT_FILES, *SEPARATED, "x.parquet"])
def test_texts_are_read_back(name, tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")

    @settings(max_examples=30, deadline=None)
    @given(st.lists(texts, min_size=1, max_size=5))
    def check(values):
        # A letter before each, as a column of numbers alone is read as numbers from CSV.
        rows = [{"text": f"t{value}", "label": row} for row, value in enumerate(values)]
        write(folder / name, batches(rows, SCHEMA), SCHEMA)
        assert read_back(folder / name, SCHEMA) == rows
        assert [path.name for path in folder.iterdir()] == [name]

    check()


@pytest.mark.parametrize("name", [*TEXT_FILES, "x.parquet"])
def test_lists_are_read_back(name, tmp_path):
    rows = [
        {"text": 'a "quoted" / text\n', "texts": ["é", "\u2028"], "scores": [0.1, 1 / 3]},
        {"text": "b", "texts": ["x"], "scores": [-1.5e-7]},
        {"text": "c", "texts": ["y"], "scores": [2.0]},
    ]
    write(tmp_path / name, batches(rows, LISTS), LISTS)
    found = read_back(tmp_path / name, LISTS)
    for row, expected in zip(found, rows, strict=True):
        assert row.pop("scores") == pytest.approx(expected.pop("scores"), rel=1e-9)
        assert row == expected


def test_a_folder_is_a_data_set(tmp_path):
    rows = [{"text": "a", "texts": [], "scores": [0.5]}]
    for _ in range(2):  # an earlier one is replaced
        write(tmp_path / "mined", batches(rows, LISTS), LISTS)
        assert load_from_disk(tmp_path / "mined").to_list() == rows
    assert [path.name for path in tmp_path.iterdir()] == ["mined"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet"])
def test_no_rows_and_equal_bytes(name, tmp_path):
    write(tmp_path / name, [], SCHEMA)
    if name != "x.jsonl":
        assert (tmp_path / name).stat().st_size > 0
    rows = [{"text": "a", "label": 1}]
    for other in ("1", "2"):
        write(
            tmp_path / f"{other}{name}.gz".replace(".parquet.gz", ".parquet"), batches(rows, SCHEMA), SCHEMA
        )
    written = [path.read_bytes() for path in sorted(tmp_path.iterdir()) if path.name[0] in "12"]
    assert written[0] == written[1]
    if name == "x.csv":
        assert gzip.decompress(written[0]).decode() == '"text","label"\n"a",1\n'


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("earlier")

    def broken():
        yield from batches([{"text": "a", "label": 1}], SCHEMA)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write(path, broken(), SCHEMA)
    assert path.read_text() == "earlier"
    assert [each.name for each in tmp_path.iterdir()] == ["x.jsonl"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("x.xlsx", ValueError, "x.xlsx: must end in .jsonl"),
        ("x.parquet.gz", ValueError, "x.parquet.gz: must end in"),
        ("x.csv", ValueError, "x.csv: must hold no lists, got column `texts`\nhint: write .jsonl"),
        ("none/x.jsonl", OSError, "must be in a folder that exists"),
        ("taken", ValueError, "taken: must be a new folder"),
        ("folder.jsonl", ValueError, "folder.jsonl: must be a file, got a folder"),
    ],
)
def test_bad_places_are_named(name, error, message, tmp_path):
    for folder in ("taken", "folder.jsonl"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "thesis.txt").write_text("all of it")
    with pytest.raises(error, match=message):
        check_writable(tmp_path / name, LISTS)
    with pytest.raises(error, match=message):
        write(tmp_path / name, [], LISTS)
    assert (tmp_path / "taken" / "thesis.txt").read_text() == "all of it"


def test_data_sets_in_memory_are_tables(tmp_path):
    rows = [{"a": "x", "n": 1}, {"a": "y", "n": 2}]
    columns = {"a": ["x", "y"], "n": [1, 2]}
    for data in (rows, columns, Dataset.from_list(rows), Dataset.from_list(rows[::-1]).select([1, 0])):
        assert write(tmp_path / "rows.jsonl", data) == 2
        assert (tmp_path / "rows.jsonl").read_text() == '{"a":"x","n":1}\n{"a":"y","n":2}\n'


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv.gz", "a.parquet", "a.arrow"])
def test_a_lone_surrogate_is_refused_and_leaves_nothing(name, tmp_path):
    with pytest.raises(ValueError, match="surrogates not allowed"):
        write(tmp_path / name, {"text": ["x", "\ud800"]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argument", "name"),
    [("array", "x.jsonl"), ("array", "x.csv"), ("nested", "x.csv"), ("nested", "x.parquet")],
)
def test_what_is_for_json_alone_is_refused_elsewhere(argument, name, tmp_path):
    told = f"`{argument}` must be left out for a file that is no "
    for call in (
        lambda path, **given: check_writable(path, SCHEMA, **given),
        lambda path, **given: write(path, {"text": ["a"], "label": [1]}, **given),
        lambda path, **given: write(path, [], SCHEMA, **given),
    ):
        with pytest.raises(ValueError, match=told):
            call(tmp_path / name, **{argument: True})
    assert not list(tmp_path.iterdir())
