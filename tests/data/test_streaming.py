"""Files as streams: the rows that other libraries read, in bounded memory, bad ones told or skipped."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict, load_from_disk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foolsgold import _core
from foolsgold.data import read, stream, write

SAME_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
PIECES = [
    "a",
    '"',
    "'",
    ",",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\0",
    "\ufeff",
    "\\",
    "{",
    "é",
    "😀",
    "\u2028",
    "1",
    "null",
]
texts = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
rows_of_all = st.lists(
    st.fixed_dictionaries(
        {
            "text": texts,
            "maybe": texts | st.none(),
            "whole": st.integers(-(2**63), 2**63 - 1) | st.none(),
            "part": numbers | st.none(),
            "flag": st.booleans() | st.none(),
            "texts": st.lists(texts | st.none()) | st.none(),
            "numbers": st.lists(numbers | st.none()) | st.none(),
        }
    ),
    min_size=1,
    max_size=20,
)
SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("maybe", pa.string()),
        ("whole", pa.int64()),
        ("part", pa.float64()),
        ("flag", pa.bool_()),
        ("texts", pa.list_(pa.string())),
        ("numbers", pa.list_(pa.float64())),
    ]
)


def table_of(opened):
    return pa.table(opened)


def small(files, *, block_bytes=50, threads=2, **options):
    """A stream in blocks of a few bytes."""
    options = {
        "columns": None,
        "types": {},
        "names": None,
        "quoting": True,
        "nested": False,
        "on_error": "raise",
        "batch_rows": 3,
        **options,
    }
    return _core.FileStream.open([str(files)], block_bytes=block_bytes, threads=threads, **options)


def all_rows(files):
    batches, found = files.batches(), []
    while (batch := batches.next()) is not None:
        assert 0 < batch.num_rows <= 3
        found += pa.record_batch(batch).to_pylist()
    return found


@SAME_FOLDER
@given(rows_of_all, st.integers(1, 300), st.sampled_from([1, 2, 7]))
def test_json_lines_of_the_standard_library_come_back(tmp_path, rows, block_bytes, threads):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert all_rows(small(path, block_bytes=block_bytes, threads=threads)) == rows
    (tmp_path / "rows.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")
    assert all_rows(small(tmp_path / "rows.json", block_bytes=block_bytes, threads=threads)) == rows


@SAME_FOLDER
@given(rows_of_all, st.sampled_from(["x.parquet", "x.arrow", "x.arrows", "x.feather", "folder"]))
def test_files_of_pyarrow_and_datasets_come_back_and_ours_are_read_by_them(tmp_path, rows, name):
    table = pa.Table.from_pylist(rows, SCHEMA)
    path = tmp_path / f"theirs-{name}"
    if name == "folder":
        Dataset(table).save_to_disk(path)
    elif name == "x.parquet":
        pq.write_table(table, path, row_group_size=3)
    elif name == "x.feather":
        pyarrow.feather.write_feather(table, path, compression="lz4")
    else:
        writer = pyarrow.ipc.new_file if name == "x.arrow" else pyarrow.ipc.new_stream
        with writer(path, SCHEMA) as sink:
            sink.write_table(table, max_chunksize=3)
    assert table_of(stream(path)).cast(SCHEMA).to_pylist() == rows
    ours = tmp_path / f"ours-{name}"
    assert write(ours, stream(path)) == len(rows)
    found = {
        "folder": lambda: load_from_disk(ours).to_list(),
        "x.parquet": lambda: pq.read_table(ours).to_pylist(),
        "x.arrow": lambda: pyarrow.feather.read_table(ours).to_pylist(),
        "x.feather": lambda: pyarrow.feather.read_table(ours).to_pylist(),
        "x.arrows": lambda: pyarrow.ipc.open_stream(ours).read_all().to_pylist(),
    }[name]()
    assert found == rows


@SAME_FOLDER
@given(rows_of_all, st.sampled_from(["x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.json"]))
def test_our_json_is_read_by_the_standard_library(tmp_path, rows, name):
    path = tmp_path / name
    write(path, pa.Table.from_pylist(rows, SCHEMA), array=name == "x.json")
    with pa.OSFile(str(path)) as file:
        packing = {"gz": "gzip", "zst": "zstd"}.get(name.rsplit(".")[-1])
        text = (pa.CompressedInputStream(file, packing) if packing else file).read().decode()
    if name == "x.json":
        assert json.loads(text) == rows
    else:
        assert [json.loads(line) for line in text.split("\n")[:-1]] == rows


def test_types_of_typed_files_are_kept(tmp_path):
    table = pa.table(
        {
            "float": pa.array([0.1, None], pa.float32()),
            "int": pa.array([1, None], pa.int32()),
            "small": pa.array([1, None], pa.uint8()),
            "half": pa.array([0.5, None], pa.float16()),
            "large": pa.array(["a", None], pa.large_string()),
            "view": pa.array(["a", None], pa.string_view()),
            "dictionary": pa.array(["a", None]).dictionary_encode(),
            "fixed": pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)),
            "deep": pa.array([[["a"], []], None], pa.list_(pa.list_(pa.string()))),
            "date": pa.array([0, None], pa.date32()),
        }
    )
    pq.write_table(table, tmp_path / "0.parquet")
    at = tmp_path / "0.parquet"
    for step, name in enumerate(["a.arrow", "b.arrows", "c", "d.parquet", "e.arrows", "f.parquet"]):
        to = tmp_path / f"{step}-{name}"
        write(to, stream(at))
        at = to
    found = table_of(stream(at))
    assert found.schema.types == table.schema.types
    assert found.to_pylist() == table.to_pylist()
    assert dict(stream(at).kinds)["deep"] == "list[list[text]]"


def test_dictionaries_that_differ_from_batch_to_batch(tmp_path):
    kind = pa.dictionary(pa.int32(), pa.string())
    parts = [pa.array(words, kind) for words in (["a", "b"], ["c", "a"], ["b", None, "d"])]
    with pyarrow.ipc.new_stream(tmp_path / "x.arrows", pa.schema([("word", kind)])) as sink:
        for part in parts:
            sink.write_batch(pa.record_batch([part], ["word"]))
    write(tmp_path / "x.arrow", stream(tmp_path / "x.arrows"))
    found = pyarrow.feather.read_table(tmp_path / "x.arrow")
    assert found.schema.field("word").type == kind
    assert found["word"].to_pylist() == ["a", "b", "c", "a", "b", None, "d"]


def test_data_sets_with_classes_and_splits(tmp_path):
    from datasets import ClassLabel, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    data = Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}, features=features)
    DatasetDict({"train": data, "test": data}).save_to_disk(tmp_path / "both")
    with pytest.raises(ValueError, match=r"got the splits `train`, `test`\nhint: name one, as .*both/train"):
        stream(tmp_path / "both")
    write(tmp_path / "ours", stream(tmp_path / "both" / "train"))
    back = load_from_disk(tmp_path / "ours")
    assert back.features == features
    assert back.to_list() == data.to_list()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must be a file or a folder that `datasets` saved"):
        stream(tmp_path / "empty")


def test_objects_are_columns_and_objects_again(tmp_path):
    rows = [
        {"question": "q", "positive_ctxs": [{"title": "t", "text": "x"}, {"title": None, "text": "y"}]},
        {"question": "r", "positive_ctxs": []},
    ]
    path = tmp_path / "dpr.json"
    path.write_text(json.dumps(rows))
    nested = stream(path, nested=True)
    assert nested.kinds == [
        ("question", "text"),
        ("positive_ctxs.title", "list[text]"),
        ("positive_ctxs.text", "list[text]"),
    ]
    write(tmp_path / "back.json", nested, array=True)
    assert json.loads((tmp_path / "back.json").read_text()) == rows
    # Columns of another making are nested by their names.
    table = pa.table({"a.b": [1], "c.d": [["x", "y"]], "c.e": [[1, 2]]})
    write(tmp_path / "named.jsonl", table, nested=True)
    assert json.loads((tmp_path / "named.jsonl").read_text()) == {
        "a": {"b": 1},
        "c": [{"d": "x", "e": 1}, {"d": "y", "e": 2}],
    }
    write(tmp_path / "flat.jsonl", table)
    assert json.loads((tmp_path / "flat.jsonl").read_text()) == table.to_pylist()[0]
    uneven = pa.table({"c.d": [["x", "y"]], "c.e": [[1]]})
    with pytest.raises(ValueError, match=r"row 1, column `c\.e`: must have as many items .* 2, got 1"):
        write(tmp_path / "uneven.jsonl", uneven, nested=True)
    structs = pa.Table.from_pylist(rows)
    pq.write_table(structs, tmp_path / "structs.parquet")
    assert stream(tmp_path / "structs.parquet", nested=True).kinds == nested.kinds
    write(tmp_path / "structs.jsonl", stream(tmp_path / "structs.parquet"))
    assert [json.loads(line) for line in (tmp_path / "structs.jsonl").read_text().splitlines()] == rows


def test_a_null_and_an_empty_text_stay_apart_in_csv(tmp_path):
    rows = [{"a": "", "b": 1}, {"a": None, "b": None}, {"a": '"', "b": 2}]
    write(tmp_path / "x.csv", pa.Table.from_pylist(rows))
    assert (tmp_path / "x.csv").read_bytes() == b'"a","b"\n"",1\n,\n"""",2\n'
    assert table_of(stream(tmp_path / "x.csv")).to_pylist() == rows
    with pytest.raises(ValueError, match="row 2, column `a`: must not be null in the only column of a sheet"):
        write(tmp_path / "x.csv", pa.table({"a": ["", None]}))


def test_sheets_without_header_and_quotes(tmp_path):
    path = tmp_path / "collection.tsv"
    path.write_text('0\tthe "first" passage\n1\t"the second\n', encoding="utf-8")
    opened = stream(path, names=["id", "text"], quoting=False)
    assert table_of(opened).to_pylist() == [
        {"id": 0, "text": 'the "first" passage'},
        {"id": 1, "text": '"the second'},
    ]
    write(tmp_path / "back.tsv", opened, header=False, quoting=False)
    write(tmp_path / "rows.jsonl", opened)
    for options in ({"names": ["id", "text"]}, {"quoting": False}):
        with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be left out for files that are"):
            stream(tmp_path / "rows.jsonl", **options)
    for options in ({"header": False}, {"quoting": False}):
        with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be left out for files that are"):
            write(tmp_path / "none.parquet", opened, **options)
    assert (tmp_path / "back.tsv").read_bytes() == path.read_bytes()


def test_bad_rows_are_told_or_skipped(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": "x"}\n{"a": 1}\n{"a"\n{"a": "y"}\n')
    with pytest.raises(ValueError, match=r"x\.jsonl, row 3: must be one JSON object"):
        stream(path)
    opened = stream(path, on_error="skip")
    assert opened.skipped.count == 0
    assert table_of(opened).to_pylist() == [{"a": "x"}, {"a": "y"}]
    assert [row.row for row in opened.skipped.rows] == [2, 3]
    assert opened.skipped.rows[0].reason.endswith("row 2, column `a`: must be a text, got a number")
    assert [opened.source(row)[1] for row in (0, 1)] == [1, 4]
    assert write(tmp_path / "good.jsonl", opened) == 2
    assert opened.skipped.count == 2
    with pytest.raises(ValueError, match="`on_error` must be `raise` or `skip`, got `ignore`"):
        stream(path, on_error="ignore")
    with pytest.raises(IndexError, match="`row` must be one that was read of late, got 0"):
        stream(path, on_error="skip").source(0)


def test_several_files_are_one_stream(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1, "b": "x"}\n')
    (tmp_path / "b.csv").write_text("b,c\ny,0.5\n")
    pq.write_table(pa.table({"a": pa.array([2.5], pa.float32())}), tmp_path / "c.parquet")
    opened = stream([tmp_path / name for name in ("a.jsonl", "b.csv", "c.parquet")])
    assert table_of(opened).to_pylist() == [
        {"a": 1.0, "b": "x", "c": None},
        {"a": None, "b": "y", "c": 0.5},
        {"a": 2.5, "b": None, "c": None},
    ]
    assert repr(opened.schema) == "Schema(a: float64, b: text, c: float64)"
    assert pa.schema(opened.schema).names == ["a", "b", "c"]
    list(opened)
    assert [opened.source(row) for row in range(3)] == [
        (str(tmp_path / "a.jsonl"), 1),
        (str(tmp_path / "b.csv"), 2),
        (str(tmp_path / "c.parquet"), 1),
    ]


def test_a_table_goes_to_a_file(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": [1, 2]}\n')
    assert write(tmp_path / "b.jsonl", read(tmp_path / "a.jsonl")) == 1
    assert (tmp_path / "b.jsonl").read_text() == '{"a":[1,2]}\n'
    with pytest.raises(TypeError, match="`schema` must be given with record batches, got None"):
        write(tmp_path / "b.jsonl", [])
    with pytest.raises(ValueError, match="`batches` must be of the columns `a`"):
        write(tmp_path / "b.jsonl", [pa.record_batch({"b": [1]})], pa.schema([("a", pa.int64())]))


MEMORY = """
import resource, sys
from foolsgold.data import stream, write
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
opened = stream(sys.argv[1], threads=2)
rows = sum(batch.num_rows for batch in opened)
assert write(sys.argv[2], opened, threads=2) == rows
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet", "x.csv", "folder"])
def test_memory_does_not_grow_with_the_file(tmp_path, name):
    path = tmp_path / "big.jsonl"
    row = json.dumps({"anchor": "what is this? " * 20, "positive": "it is that " * 40, "score": 0.25}) + "\n"
    with path.open("w") as file:
        for _ in range(200):
            file.write(row * (1_000_000 // len(row)))
    if name == "x.jsonl":
        write(tmp_path / "big.parquet", stream(path))
        path = tmp_path / "big.parquet"
    command = [sys.executable, "-c", MEMORY, path, tmp_path / name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows, grown = map(int, done.stdout.split())
    assert rows == 200 * (1_000_000 // len(row))
    assert grown * 1024 < 190e6  # the file is larger, and so is the table


WRITER = """
import sys
from foolsgold.data import stream, write
opened = stream(sys.argv[1], columns=["text"], types={"text": "text"})
print("ready", flush=True)
try:
    write(sys.argv[2], opened)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one child alone")
@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.parquet", "folder"])
def test_ctrl_c_stops_and_leaves_nothing(tmp_path, name):
    import gzip

    member = gzip.compress((b'{"text": "' + b"x" * 200 + b'"}\n') * 10_000, 1)
    (tmp_path / "rows.jsonl.gz").write_bytes(member * 2000)
    command = [sys.executable, "-c", WRITER, tmp_path / "rows.jsonl.gz", tmp_path / name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        took = time.monotonic() - sent
        assert child.wait(timeout=10) == 0
    assert took < 5  # whoever has begun a row group finishes it, in an unoptimised build too
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl.gz"]


FULL = """
import resource, signal, sys
from foolsgold.data import stream, write
opened = stream(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write(sys.argv[2], opened)
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.zst", "x.csv", "x.parquet", "x.arrow", "folder"])
def test_a_full_disk_leaves_what_was_there(tmp_path, name):
    assert resource.RLIMIT_FSIZE >= 0
    rows = [{"text": os.urandom(500).hex()} for _ in range(3000)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if name != "folder":
        (tmp_path / name).write_text("earlier")
    command = [sys.executable, "-c", FULL, tmp_path / "rows.jsonl", tmp_path / name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "File too large" in done.stdout, done
    assert {path.name for path in tmp_path.iterdir()} == {"rows.jsonl", name} - {"folder"}
    assert name == "folder" or (tmp_path / name).read_text() == "earlier"


ALONE = """
import sys
for name in ("pyarrow", "arro3", "torch", "pandas", "datasets"):
    sys.modules[name] = None
from foolsgold.data import stream, write
opened = stream(sys.argv[1], nested=True)
for name in ("b.parquet", "c.jsonl.gz", "d", "e.arrow"):
    write(sys.argv[2] + "/" + name, opened)
    opened = stream(sys.argv[2] + "/" + name, nested=True)
print([(batch.num_rows, batch.column("a").to_pylist()) for batch in opened], opened.kinds)
"""


def test_numpy_alone_will_do(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": "x", "b": {"c": [1.5]}}\n{"a": "y"}\n')
    command = [sys.executable, "-c", ALONE, tmp_path / "a.jsonl", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = "[(2, ['x', 'y'])] [('a', 'text'), ('b.c', 'list[float64]')]\n"
    assert done.stdout == expected, done.stderr


def test_options_that_name_no_column_are_refused(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"anchor": "a"}\n')
    for reader in (read, stream):
        with pytest.raises(TypeError, match="`columns` must be a list of names, got 'anchor'"):
            reader(file, columns="anchor")
    with pytest.raises(
        ValueError, match=r"`types` must be of columns that are there, \['anchor'\], got \['b'\]"
    ):
        stream(file, types={"b": "text"})
    with pytest.raises(ValueError, match=r"`batch_rows` must be from 1 to 2\^63 - 1, got -1"):
        stream(file, batch_rows=-1)
    with pytest.raises(ValueError, match=r"`row` must be from 0 to 2\^63 - 1, got -1"):
        stream(file).source(-1)
