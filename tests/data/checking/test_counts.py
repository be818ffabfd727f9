"""Counts are those of naive loops, for small alphabets in which every fault comes about by itself."""

import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.checking.oracle import counts, normal

from foolsgold.data import check

LAWS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
text = st.sampled_from(
    ["a", "A", " a", "b", "ﬁn", "fin", "", " ", "\u200b", "straße", "STRASSE", "cat  dog", "cat dog"]
)
maybe = st.one_of(text, text, text, st.none())
texts = st.one_of(st.lists(maybe, max_size=3), st.lists(text, max_size=3), st.none())

RULES = {
    "null",
    "blank",
    "empty-list",
    "no-negatives",
    "duplicate-row",
    "twin-row",
    "repeated-text",
    "twin-text",
    "positive-in-negatives",
    "twin-in-negatives",
    "anchor-is-positive",
    "anchor-is-negative",
    "contradiction",
}


def told(report):
    """The counts of a report by rule and column."""
    found = Counter()
    whole = {"duplicate-row", "twin-row", "twin-text"}
    for finding in report.findings:
        if finding.rule in RULES:
            column = None if finding.rule in whole else finding.columns[0]
            found[finding.rule, column] += finding.count
    return dict(found)


def table_of(rows, kinds):
    names = {
        "text": pa.large_string(),
        "texts": pa.large_list(pa.large_string()),
        "int": pa.int64(),
        "float": pa.float64(),
    }
    return pa.table(
        {name: pa.array([row[name] for row in rows], names[kind]) for name, kind in kinds.items()}
    )


def rows_of(**cells):
    return st.lists(st.fixed_dictionaries(cells), min_size=1, max_size=25)


SHAPES = {
    "pair": ({"anchor": "text", "positive": "text"}, {}),
    "triplet": ({"query": "text", "positive": "text", "negative": "text"}, {"negatives": ["negative"]}),
    "n-tuple": (
        {"anchor": "text", "positive": "text", "negative_1": "text", "negative_2": "text"},
        {"negatives": ["negative_1", "negative_2"]},
    ),
    "ragged": (
        {"query": "text", "pos": "texts", "neg": "texts"},
        {"positives": ["pos"], "negatives": ["neg"]},
    ),
    "labeled": ({"sentence1": "text", "sentence2": "text", "label": "int"}, {"label": "label"}),
    "scored": ({"sentence1": "text", "sentence2": "text", "score": "float"}, {"label": "score"}),
    "class": ({"text": "text", "label": "int"}, {"label": "label", "positives": []}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("threads", [1, 2])
@LAWS
@given(data=st.data())
def test_counts_are_those_of_naive_loops(shape, threads, data):
    kinds, roles = SHAPES[shape]
    cells = {
        "text": maybe,
        "texts": texts,
        "int": st.sampled_from([0, 1, None]),
        "float": st.sampled_from([0.0, 0.5, None]),
    }
    rows = data.draw(rows_of(**{name: cells[kind] for name, kind in kinds.items()}))
    names = list(kinds)
    roles = {"positives": names[1:2], **roles}
    report = check(table_of(rows, kinds), threads=threads)
    assert told(report) == counts(rows, names[0], **roles)
    assert report.rows == len(rows)


@LAWS
@given(
    rows=rows_of(query=text, pos=st.one_of(text, st.lists(text, max_size=2)), neg=st.lists(text, max_size=2))
)
@pytest.mark.parametrize("kind", ["memory", "jsonl"])
def test_texts_among_lists_are_lists_of_one(kind, rows, tmp_path):
    if kind == "jsonl":
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        report = check(path)
    else:
        report = check(rows)
    wrapped = [{**row, "pos": row["pos"] if isinstance(row["pos"], list) else [row["pos"]]} for row in rows]
    num_texts = sum(isinstance(row["pos"], str) for row in rows)
    found = {finding.rule: finding for finding in report.findings}
    assert (found["text-for-list"].count if num_texts else 0) == num_texts
    if num_texts < len(rows):
        assert told(report) == counts(wrapped, "query", ["pos"], ["neg"])


MISREADABLE = {bytes([byte]).decode("cp1252", errors="ignore") for byte in range(128, 256)} | set(
    map(chr, range(128, 256))
)
letters = st.characters(codec="utf-8", categories=["Ll", "Lu", "Nd"], exclude_characters="".join(MISREADABLE))
words = st.text(letters, min_size=2, max_size=30)


@LAWS
@given(pool=st.lists(words, min_size=8, max_size=60, unique=True))
def test_clean_data_raises_no_alarm(pool):
    pool = list({normal(word): word for word in pool}.values())
    half = len(pool) // 2
    report = check({"anchor": pool[:half], "positive": pool[half : 2 * half]})
    assert report.is_clean
    assert [finding.rule for finding in report.findings] == []


@LAWS
@given(
    train=rows_of(anchor=text, positive=text),
    test=rows_of(anchor=text, positive=text),
)
def test_leaks_are_those_of_sets(train, test):
    rows = {(row["anchor"], row["positive"]) for row in test}
    exact = {row["anchor"] for row in test}
    forms = {normal(row["anchor"]) for row in test}
    wanted = Counter()
    for row in train:
        if (row["anchor"], row["positive"]) in rows:
            wanted["leaked-row"] += 1
        elif row["anchor"] in exact:
            wanted["leaked-text"] += 1
        elif normal(row["anchor"]) in forms:
            wanted["leaked-twin"] += 1
    wanted["shared-document"] = sum(row["positive"] in {one["positive"] for one in test} for row in train)
    report = check(train, test=test, near_duplicates=None)
    found = {one.rule: one.count for one in report.findings if one.rule.startswith(("leaked", "shared"))}
    assert found == {rule: count for rule, count in wanted.items() if count}


def test_files_of_all_kinds_give_one_report(tmp_path):
    rows = [{"anchor": f"who is {row % 7}", "positive": f"it is {row}"} for row in range(20)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.csv").write_text(
        "anchor,positive\n" + "".join(f"{row['anchor']},{row['positive']}\n" for row in rows)
    )
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    reports = [check(tmp_path / name).as_dict() for name in ("a.jsonl", "a.csv", "a.parquet")] + [
        check(rows).as_dict()
    ]
    for report in reports:
        report.pop("files")
        for finding in report["findings"]:
            for example in finding["examples"]:
                example.pop("file")
                example.pop("line")
    assert reports[0] == reports[1] == reports[2] == reports[3]
    assert reports[0]["findings"][0]["rule"] == "repeated-text"
