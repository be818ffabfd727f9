import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foolsgold import _core, progress
from foolsgold.data import read, stream, write

SAME_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
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
    "]",
    "é",
    "😀",
    "\u2028",
    "1",
    "null",
]
texts = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=20)


def rows_of(table):
    return pa.table(table).to_pylist()


def write_json_lines(path, rows, **options):
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(json.dumps(row, **options) + "\n" for row in rows)
    return path


@SAME_FOLDER
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"text": texts | st.none(), "whole": st.integers(-(2**63), 2**63 - 1)},
            optional={
                "part": st.floats(allow_nan=False, allow_infinity=False),
                "flag": st.booleans(),
                "list": st.lists(texts | st.none()),
                "numbers": st.lists(st.floats(allow_nan=False, allow_infinity=False)),
            },
        ),
        min_size=1,
    ),
    ascii_only=st.booleans(),
)
def test_json_lines_of_the_standard_library_come_back(tmp_path, rows, ascii_only):
    path = write_json_lines(tmp_path / "rows.jsonl", rows, ensure_ascii=ascii_only)
    names = dict.fromkeys(name for row in rows for name in row)
    assert rows_of(read(path)) == [{name: row.get(name) for name in names} for row in rows]


@SAME_FOLDER
@given(
    rows=st.lists(st.tuples(texts, texts), min_size=1),
    dialect=st.sampled_from(["excel", "unix", "excel-tab"]),
    has_mark=st.booleans(),
)
def test_csv_of_the_standard_library_comes_back(tmp_path, rows, dialect, has_mark):
    path = tmp_path / ("rows.tsv" if dialect == "excel-tab" else "rows.csv")
    with path.open("w", encoding="utf-8-sig" if has_mark else "utf-8", newline="") as file:
        # Python quotes a lone carriage return only where everything is quoted.
        writer = csv.writer(file, dialect, quoting=csv.QUOTE_ALL)
        writer.writerows([("left", "right"), *rows])
    kinds = dict(read(path).kinds)
    found = rows_of(read(path))
    for name, column in zip(("left", "right"), zip(*rows, strict=True), strict=True):
        cells = [row[name] for row in found]
        if kinds[name] == "text":
            assert cells == list(column)
        else:  # among numbers a text of no characters is a null
            assert cells == [float(text) if text else None for text in column]
            spelled = ["" if cell is None else str(cell) for cell in cells]
            assert kinds[name] == "float64" or spelled == list(column)


@SAME_FOLDER
@given(rows=st.lists(st.tuples(texts | st.none(), st.lists(texts | st.none()) | st.none()), min_size=1))
def test_parquet_of_pyarrow_comes_back(tmp_path, rows):
    left, right = ([row[at] for row in rows] for at in (0, 1))
    numbers = range(len(rows))
    written = pa.table(
        {
            "string": pa.array(left, pa.string()),
            "large": pa.array(left, pa.large_string()),
            "view": pa.array(left, pa.string_view()),
            "dictionary": pa.array(left, pa.string()).dictionary_encode(),
            "list": pa.array(right, pa.list_(pa.string())),
            "large_list": pa.array(right, pa.large_list(pa.large_string())),
            **{
                str(kind): pa.array(numbers, kind)
                for kind in (pa.int8(), pa.uint32(), pa.uint64(), pa.float32())
            },
            "half": pa.array([float(number) for number in numbers], pa.float32()).cast(pa.float16()),
            "bool": pa.array([number % 2 == 0 for number in numbers]),
            "null": pa.nulls(len(rows)),
            "date": pa.array(numbers, pa.date32()),
            "struct": pa.array([{"x": 1}] * len(rows)),
        }
    )
    pq.write_table(written, tmp_path / "rows.parquet", compression="zstd")
    table = read(tmp_path / "rows.parquet")
    assert [name for name, _ in table.unreadable] == ["date", "struct"]
    assert rows_of(table) == written.drop_columns(["date", "struct"]).to_pylist()
    assert {kind for _, kind in table.kinds} == {"text", "list[text]", "int64", "float64", "bool", "null"}


def test_a_line_of_a_megabyte_and_a_mark(tmp_path):
    rows = [{"text": "é" * 500_000}, {"text": "x" * 3_000_000}, {"text": "\ufeff"}]
    path = write_json_lines(tmp_path / "rows.jsonl", rows, ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert rows_of(read(path)) == rows


@pytest.mark.parametrize("level", [1, 9])
def test_gzip_of_several_members_under_any_name(tmp_path, level):
    rows = [{"text": f"row {number}"} for number in range(5000)]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    packed = b"".join(gzip.compress(lines[at : at + 30_000], level) for at in range(0, len(lines), 30_000))
    for name in ("rows.jsonl.gz", "rows.jsonl", "rows.JSONL.GZ", "rows.json"):
        (tmp_path / name).write_bytes(packed)
        assert rows_of(read(tmp_path / name, threads=2)) == rows
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[:-5])
    with pytest.raises(ValueError, match=r"cut\.jsonl\.gz: is cut short"):
        read(tmp_path / "cut.jsonl.gz")
    wrong = bytearray(packed)
    wrong[-6] ^= 1  # in the checksum
    (tmp_path / "wrong.jsonl.gz").write_bytes(wrong)
    with pytest.raises(ValueError, match=r"wrong\.jsonl\.gz: must be sound gzip or zstd, got "):
        read(tmp_path / "wrong.jsonl.gz")


def test_several_files_are_one_table(tmp_path):
    first = write_json_lines(tmp_path / "a.jsonl", [{"a": "x", "b": 1}])
    (tmp_path / "b.csv").write_text("b,a\n2,y\n2.5,z\n")
    table = read([first, str(tmp_path / "b.csv")])
    assert rows_of(table) == [{"a": "x", "b": 1.0}, {"a": "y", "b": 2.0}, {"a": "z", "b": 2.5}]
    assert [table.source(row) for row in range(3)] == [
        (str(first), 1),
        (str(tmp_path / "b.csv"), 2),
        (str(tmp_path / "b.csv"), 3),
    ]
    with pytest.raises(IndexError, match="`row` must be below 3, got 3"):
        table.source(3)


def test_an_empty_field_is_null_as_in_a_stream(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('text,number,none\n"",1,\n,,\nx,2.5,\n')
    table = read(path)
    assert table.kinds == [("text", "text"), ("number", "float64"), ("none", "text")]
    rows = [("", 1.0, None), (None, None, None), ("x", 2.5, None)]
    assert [tuple(row.values()) for row in rows_of(table)] == rows
    assert rows_of(stream(path)) == rows_of(table)
    with pytest.raises(ValueError, match=r"rows\.csv, row 2, column `text`: must not be .* got no text"):
        read(path, columns=["text"])


def test_what_a_stream_reads_is_read(tmp_path):
    rows = [{"a": "x", "b": [1.5]}, {"a": "y", "b": []}]
    for name in ("rows.json", "rows.arrow", "rows.arrows", "rows.feather", "saved"):
        write(tmp_path / name, rows)
        assert rows_of(read(tmp_path / name)) == rows
    (tmp_path / "array.json").write_text(json.dumps(rows, indent=1))
    assert rows_of(read(tmp_path / "array.json")) == rows


def test_columns_are_kept_by_name_and_checked(tmp_path):
    rows = [{"a": "x", "b": None, "c": {}}, {"a": "y", "b": "z", "c": 1}]
    path = write_json_lines(tmp_path / "rows.jsonl", rows)
    table = read(path, columns=["a"])
    assert (len(table), table.kinds, table.unreadable) == (2, [("a", "text")], [])
    refused = {
        "b": r"rows\.jsonl, row 1, column `b`: must not be null or empty, got null",
        "c": r"rows\.jsonl, row 1, column `c`: must be text, number, .* got an object",
        "d": r"rows\.jsonl: must have a column `d`, got the columns `a`, `b`, `c`",
    }
    for name, message in refused.items():
        with pytest.raises(ValueError, match=message):
            read(path, columns=["a", name])
        if name != "b":
            with pytest.raises(ValueError, match=message):
                read(path).column(name)
    assert read(path).column("a").to_pylist() == ["x", "y"]


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="`paths` must name at least one file, got none"):
        read([])
    with pytest.raises(ValueError, match=r"`threads` must be from 1 to 2\^32 - 1, got 0"):
        read(tmp_path / "a.jsonl", threads=0)
    with pytest.raises(FileNotFoundError, match=r"a\.jsonl"):
        read(tmp_path / "a.jsonl")
    with pytest.raises(ValueError, match="must be a file or a folder that `datasets` saved, got another"):
        read(tmp_path)
    with pytest.raises(TypeError):
        read(3)


def test_progress_is_shown_where_it_takes_long(tmp_path, capsys, monkeypatch):
    path = write_json_lines(tmp_path / "rows.jsonl", [{"a": "x"}] * 1000)
    read(path, progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_DELAY", 0)
    read(path, progress=True)
    assert "read" in capsys.readouterr().err
    read(path)
    assert capsys.readouterr().err == ""


def test_texts_go_on_as_they_are(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl", [{"a": "x"}, {"a": "y"}, {"a": "x"}])
    texts, [(ids, _)] = _core.Texts.intern([("a", read(path).column("a"))], threads=1)
    assert (ids.tolist(), len(texts)) == ([0, 1, 0], 2)


READER = """
import sys
from foolsgold.data import read
print("ready", flush=True)
try:
    read(sys.argv[1], threads=int(sys.argv[2]))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one child alone")
@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.csv.gz"])
def test_ctrl_c_stops_within_300_ms(tmp_path, name):
    line = b'{"text": "' + b"x" * 200 + b'"}\n' if "json" in name else b'"' + b"x" * 200 + b'",y\n'
    member = gzip.compress((b"" if "json" in name else b"a,b\n") + line * 10_000, 1)
    (tmp_path / name).write_bytes(member * 2000)
    command = [sys.executable, "-c", READER, tmp_path / name, "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        took = time.monotonic() - sent
        assert child.wait(timeout=10) == 0
    assert took < 0.3


ALONE = """
import sys
for name in ("pyarrow", "arro3", "torch", "pandas", "datasets"):
    sys.modules[name] = None
from foolsgold import _core
from foolsgold.data import read
table = read(sys.argv[1])
column = table.column("a")
texts, [(ids, _)] = _core.Texts.intern([("a", column)], threads=1)
print(len(column), column.to_pylist(), ids.tolist(), table.__arrow_c_stream__() is not None)
"""


def test_numpy_alone_will_do(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl", [{"a": "x"}, {"a": "y"}])
    done = subprocess.run([sys.executable, "-c", ALONE, path], capture_output=True, text=True, check=False)
    assert done.stdout == "2 ['x', 'y'] [0, 1] True\n", done.stderr


@pytest.mark.skipif("FOOLSGOLD_DATA" not in os.environ, reason="no folder of data sets")
def test_public_data_sets():
    folder = Path(os.environ["FOOLSGOLD_DATA"])
    found = 0
    for path in sorted(folder.glob("*/*")):
        if path.name.endswith(".jsonl.gz"):
            with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
                rows = [json.loads(line) for line in file]
        elif path.suffix == ".parquet":
            rows = pq.read_table(path).to_pylist()
        else:
            continue
        table = read(path)
        assert table.unreadable == []
        assert rows_of(table) == rows
        found += 1
    assert found > 0
