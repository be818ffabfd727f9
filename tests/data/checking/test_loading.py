"""Files of every format are checked alike, and as the same rows in memory."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foolsgold.data import check, write

ROWS = [
    {"query": "what is gold", "pos": "a metal", "score": 0.5},
    {"query": " what is iron", "pos": "", "score": 1.0},
    {"query": "what is gold", "pos": "a metal", "score": 0.5},
    {"query": "what is tin", "pos": "a metal", "score": None},
]


def said(report):
    findings = [
        (one.rule, one.columns, one.count, one.total, [(each.row, each.column) for each in one.examples])
        for one in report.findings
    ]
    return report.rows, report.shape, report.roles, report.columns, findings


@pytest.mark.parametrize(
    "name",
    [
        "x.jsonl", "x.json", "x.csv", "x.tsv.gz", "x.jsonl.zst", "x.parquet", "x.arrow", "x.arrows",
        "x.feather", "folder",
    ],
)  # fmt: skip
def test_every_format_that_streams_read_is_checked(tmp_path, name):
    write(tmp_path / name, pa.Table.from_pylist(ROWS), array=name == "x.json")
    report = check(tmp_path / name)
    assert said(report) == said(check(ROWS))
    blank = report["blank"][0].examples[0]
    assert (blank.line, blank.file is not None) == (2 + name.startswith(("x.csv", "x.tsv")), True)
    fixed = report.fix(tmp_path / "fixed.jsonl")
    assert fixed.dropped == {"blank": 1, "duplicate-row": 1, "null": 1}


def test_kinds_are_told_of_packed_files_and_arrays_too(tmp_path):
    rows = [{"query": "a b", "neg": ["c d"]}, {"query": "c d", "neg": "e f"}, {"query": "e f", "neg": 5}]
    counts = []
    for name, text in [
        ("x.json", json.dumps(rows)),
        ("x.jsonl", "\n".join(map(json.dumps, rows))),
    ]:
        (tmp_path / name).write_text(text)
        report = check(tmp_path / name)
        counts.append([(one.rule, one.count) for one in report.findings])
        assert [one.line for one in report["text-for-list"][0].examples] == [2]
        assert [one.line for one in report["mixed-types"][0].examples] == [3]
    assert counts[0] == counts[1] == [(one.rule, one.count) for one in check(rows).findings]


def test_objects_among_empty_lists_are_no_texts(tmp_path):
    rows = [
        {"query": "a b", "answer": "c d", "ctxs": [{"text": "e"}]},
        {"query": "f g", "answer": "h i", "ctxs": []},
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    report = check(path)
    assert report["unreadable-column"][0].columns == ("ctxs",)
    assert not report["mixed-types"]
    assert report.is_clean
    report = check([{"query": "a b", "answer": "c d", "x": []}, {"query": "f g", "answer": "h i", "x": 5}])
    assert report["unreadable-column"][0].columns == ("x",)


def test_columns_that_no_loss_takes_are_left_out(tmp_path):
    table = pa.table(
        {
            "anchor": pa.array(["a b", "c d"]).dictionary_encode(),
            "positive": pa.array(["e f", "g h"], pa.string_view()),
            "day": pa.array([1, 2], pa.date32()),
            "meta": [{"x": 1}, {"x": 2}],
            "n": pa.array([1, 2], pa.uint8()),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    with pa.ipc.new_file(tmp_path / "x.arrow", table.schema) as file:
        file.write_table(table)
    for name in ("x.parquet", "x.arrow"):
        report = check(tmp_path / name)
        assert [one.columns for one in report["unreadable-column"]] == [("day",), ("meta",)]
        assert [(column["name"], column["kind"]) for column in report.columns] == [
            ("anchor", "text"),
            ("positive", "text"),
            ("n", "int64"),
        ]


def test_an_empty_field_of_csv_is_null_and_a_quoted_one_blank(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('anchor,positive\na b,\nc d,""\ne f,g h\n')
    report = check(path)
    assert [(rule, report[rule][0].examples[0].line) for rule in ("null", "blank")] == [
        ("null", 2),
        ("blank", 3),
    ]


def test_a_header_is_no_row_to_pass_over(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"anchor,positiv\xff\na b,c d\ne f,g h\n")
    with pytest.raises(ValueError, match=r"x\.csv, row 1: must be UTF-8"):
        check(path)


def test_lines_of_records_with_line_ends_are_known(tmp_path):
    path = tmp_path / "x.csv"
    rows = 3000
    path.write_text(
        "anchor,positive\n" + "".join(f'"a\n{row}",b {row}\n\n' for row in range(rows)) + '"x\ny",\n'
    )
    assert check(path)["null"][0].examples[0].line == 2 + 3 * rows
