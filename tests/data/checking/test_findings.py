"""Each rule, its places, its words; and what is no fault."""

import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foolsgold.data import check
from foolsgold.data.checking.rules import RULES


def write(path, *lines):
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n")
    return path


def rules(report):
    return {finding.rule: finding.count for finding in report.findings}


def pair(row, **more):
    return {"anchor": f"question number {row}", "positive": f"answer number {row}", **more}


def jsonl(path, rows):
    return write(path, *(json.dumps(row) for row in rows))


def test_broken_rows_are_told_and_passed_over(tmp_path):
    lines = [json.dumps(pair(row)) for row in range(6)]
    lines[1] = '{"anchor": "a"'
    lines[3] = b'{"anchor": "caf\xe9", "positive": "b"}'
    lines[4] = '{"anchor": "a", "anchor": "b", "positive": "c"}'
    path = write(tmp_path / "rows.jsonl", *lines)
    report = check(path)
    finding = report["broken-row"][0]
    assert (report.rows, finding.count, finding.total, finding.severity) == (3, 3, 6, "error")
    assert [example.line for example in finding.examples] == [2, 4, 5]
    offset = len(lines[0]) + 1 + len(lines[1]) + 1 + len(lines[2]) + 1 + len(b'{"anchor": "caf')
    assert finding.examples[1].excerpt == f"must be UTF-8, got byte 0xe9 at offset {offset}"
    assert "EOF" in finding.examples[0].excerpt
    assert "the key `anchor` twice" in finding.examples[2].excerpt
    assert all(example.file == str(path) for example in finding.examples)


GOOD = [json.dumps(pair(row)) for row in range(6)] + ["", "  "]
BAD = [
    b"{",
    b"[]",
    b"7",
    b'{"anchor": "\\ud800"}',
    b'{"anchor": 1e999}',
    b'\xff{"anchor": "a"}',
    b'{"a": 1, "a": 2}',
    b"{}x",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.sampled_from([*GOOD, *BAD]), min_size=1, max_size=30), threads=st.integers(1, 2))
def test_what_is_left_is_what_the_good_rows_are(tmp_path, lines, threads):
    whole = [line for line in lines if isinstance(line, str)]
    if not any(map(str.strip, whole)):
        return
    wanted = check(write(tmp_path / "good.jsonl", *whole))
    report = check(write(tmp_path / "rows.jsonl", *lines), threads=threads, max_examples=100)
    numbers = [number for number, line in enumerate(lines, 1) if isinstance(line, bytes)]
    assert [example.line for one in report["broken-row"] for example in one.examples] == numbers
    assert report.columns == wanted.columns
    assert [one.count for one in report.findings[bool(numbers) :]] == [one.count for one in wanted.findings]
    assert {example.line for one in report.findings for example in one.examples} <= set(
        range(1, len(lines) + 1)
    )


def test_broken_records_of_csv_are_told(tmp_path):
    path = write(
        tmp_path / "rows.csv",
        "anchor,positive",
        "first question,first answer",
        "alone",
        '"a\nquestion",b,c',
        b"caf\xe9,second answer",
        '"third\nquestion",third answer',
        "fourth question,fourth answer",
        '"never closed,x',
    )
    report = check(path)
    finding = report["broken-row"][0]
    assert (report.rows, finding.count) == (3, 4)
    assert [example.line for example in finding.examples] == [3, 4, 6, 10]
    assert "must have 2 fields as the header has, got 1" in finding.examples[0].excerpt
    assert "byte 0xe9 at offset" in finding.examples[2].excerpt
    assert "quotes" in finding.examples[3].excerpt


def test_a_text_where_a_list_belongs(tmp_path):
    rows = [{"query": f"query {row}", "pos": [f"pos {row}"], "neg": [f"neg {row}"]} for row in range(5)]
    rows[3]["neg"] = "neg alone"
    report = check(jsonl(tmp_path / "rows.jsonl", rows))
    finding = report["text-for-list"][0]
    assert (finding.columns, finding.count, finding.examples[0].line) == (("neg",), 1, 4)
    assert (report.shape, finding.severity) == ("ragged", "error")
    for row in rows:
        row["neg"] = "neg alone"
    assert check(rows)["text-for-list"][0].count == 5


def test_values_of_other_kinds_are_mixed(tmp_path):
    rows = [
        pair(0),
        pair(1),
        {"anchor": "question", "positive": 5},
        {"anchor": {"x": 1}, "positive": ["answer"]},
    ]
    report = check(jsonl(tmp_path / "rows.jsonl", rows))
    assert [(one.columns, one.count) for one in report["mixed-types"]] == [
        (("anchor",), 1),
        (("positive",), 1),
    ]
    assert [(one.columns, one.count) for one in report["text-for-list"]] == [(("positive",), 2)]
    report = check([pair(0, meta={"a": 1}), pair(1, meta={"a": 2})])
    assert "extra-column" in rules(report)
    report = check(jsonl(tmp_path / "rows.jsonl", [pair(0, meta={"a": 1}), pair(1, meta={"a": 2})]))
    assert report["unreadable-column"][0].columns == ("meta",)
    assert report.is_clean


def test_lists_where_a_text_belongs():
    report = check({"query": [["a question"], ["b question"]], "positive": ["some text", "more text"]})
    assert report["list-for-text"][0].count == 2


@pytest.mark.parametrize(
    ("columns", "count"),
    [
        ({"query": ["what", "who"], "documents": [["aa", "bb"], ["cc"]], "labels": [[1, 0], [1, 0]]}, 1),
        ({"query": ["what", "who"], "pos": [["aa"], ["cc"]], "pos_scores": [[1.0], [1.0, 2.0]]}, 1),
        (
            {
                "query": ["what", "who"],
                "positive": ["aa", "bb"],
                "negative": ["cc", "dd"],
                "scores": [[1.0, 0.5], [0.5]],
            },
            0,
        ),
        (
            {
                "query": ["what", "who"],
                "positive": ["aa", "bb"],
                "negative": ["cc", "dd"],
                "scores": [[1.0, 0.5], []],
            },
            1,
        ),
    ],
)
def test_lists_that_do_not_fit_together(columns, count):
    positives = ["documents"] if "documents" in columns else None
    report = check(columns, positives=positives)
    assert rules(report).get("unequal-lists", 0) == count


def test_a_sibling_positive_is_no_negative():
    rows = {
        "query": ["what is gold", "what is gold", "what is iron"],
        "positive": ["a metal", "an element", "a metal"],
        "negatives": [["an element", "a river"], ["A  Metal", "a stone"], ["an element"]],
    }
    report = check(rows)
    exact, twin = report["positive-in-negatives"][0], report["twin-in-negatives"][0]
    assert (exact.count, exact.examples[0].row, exact.examples[0].excerpt) == (1, 0, "an element")
    assert exact.message.endswith("; 0 of them in this row")
    assert (twin.count, twin.examples[0].row, twin.examples[0].excerpt) == (1, 1, "A  Metal")


def test_contradictions_name_the_label():
    rows = {"text": ["buy it", "sell it", "buy it"], "label": [0, 1, 1]}
    finding = check(rows)["contradiction"][0]
    assert (finding.columns, finding.count, finding.examples[0].row, finding.examples[0].excerpt) == (
        ("label",),
        1,
        2,
        "1",
    )


def test_labels(tmp_path):
    pairs = {"sentence1": [f"one {row}" for row in range(4)], "sentence2": [f"two {row}" for row in range(4)]}
    scores = pa.table({**pairs, "score": [0.5, math.nan, math.inf, 5.0]})
    pq.write_table(scores, tmp_path / "x.parquet")
    found = rules(check(tmp_path / "x.parquet"))
    assert (found["not-finite"], found["score-range"]) == (2, 1)
    assert rules(check({**pairs, "label": [1, 1, 1, 1]}))["one-class"] == 4
    assert rules(check({**pairs, "label": ["x", "y", "x", "y"]}))["text-label"] == 4
    assert rules(check({**pairs, "label": [1, 2, 4, 4]}))["class-numbers"] == 3
    texts = {"text": [f"text {row}" for row in range(40)], "label": [0] * 36 + [1, 1, 1, 2]}
    found = rules(check(texts))
    assert (found["imbalance"], found["single-row-class"]) == (1, 1)
    assert rules(check({**texts, "label": [row / 7 for row in range(40)]}))["label-type"] == 1
    assert "score-range" not in rules(check({**pairs, "score": [0.1, 0.2, 0.5, 1.0]}))


def test_characters():
    report = check(
        {
            "anchor": [
                "cafÃ© au lait",
                "tab\x00bed",
                "lost \ufffd text",
                "a &amp; b",
                " edge",
                "x",
                "plain text",
            ],
            "positive": [f"answer {row}" for row in range(6)] + ["word " * 2000],
        }
    )
    for rule in ("misread-encoding", "control-characters", "replacement-characters", "html", "untrimmed"):
        assert report[rule][0].count == 1, rule
    assert report["single-character"][0].severity == "warning"
    long = report["long-text"][0]
    assert (long.count, long.message.split("; ")[1]) == (1, "the median is 8 characters")
    assert report["control-characters"][0].examples[0].excerpt == r"tab\x00bed"


def test_columns_that_losses_would_misread():
    report = check(
        {"positive": ["some answer"], "anchor": ["some question"], "doc_id": ["x1"], "lang": ["en"], "n": [1]}
    )
    assert report["id-column"][0].columns == ("doc_id",)
    assert report["extra-column"][0].columns == ("lang", "n")
    assert report["column-order"][0].columns == ("positive",)
    assert check({"aa": ["x y"], "bb": ["y z"], "cc": ["z y"]})["roles"][0].columns == ("aa", "bb", "cc")


def test_tokens_are_counted():
    def words(texts):
        return {"input_ids": [text.split() for text in texts]}

    report = check(
        {"anchor": ["a b c", "a b"], "positive": ["d e f g", "h i"]}, tokenizer=words, max_length=2
    )
    assert [(one.columns, one.count) for one in report["too-many-tokens"]] == [
        (("anchor",), 1),
        (("positive",), 1),
    ]


def test_near_duplicates():
    long = "How do I renew my passport after it has expired in another country?"
    train = {"anchor": [long, "What is a passport?", long.lower()], "positive": ["aa", "bb", "cc"]}
    test = {"anchor": [long[:-1] + "!"], "positive": ["zz"]}
    assert rules(check(train, test=test))["leaked-near-duplicate"] == 2
    assert "leaked-near-duplicate" not in rules(check(train, test=test, near_duplicates=None))
    assert rules(check(train, within=True))["near-duplicate"] == 2
    assert "near-duplicate" not in rules(check(train))


def test_the_report_can_be_printed_and_dumped():
    report = check({"anchor": ["a b", "e f"], "positive": ["", "c d"]})
    found = json.loads(json.dumps(report.as_dict()))
    assert {finding["rule"] for finding in found["findings"]} == {one.rule for one in report.findings}
    assert found["schema"] == 1
    assert "error: blank: `positive`: 1 of 2 texts" in str(report)
    assert "take MultipleNegativesRankingLoss" in str(report)


def test_every_rule_has_words():
    for name, rule in RULES.items():
        assert rule.message
        assert rule.remedy
        assert rule.severity in ("error", "warning", "notice")
        assert name == name.lower()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"anchor": "x"}, "`anchor` must be one of ['anchor', 'positive'], got 'x'"),
        (
            {"anchor": "anchor", "positives": "anchor"},
            "`positives` must be another column than `anchor`, got 'anchor'",
        ),
        ({"near_duplicates": 0.0}, "`near_duplicates` must be above 0 and at most 1, got 0.0"),
        ({"max_examples": -1}, "`max_examples` must be at least 0, got -1"),
        ({"max_length": 0}, "`max_length` must be at least 1, got 0"),
        ({"threads": 0}, "`threads` must be from 1 to 2^32 - 1, got 0"),
    ],
)
def test_words_are_checked(words, message):
    with pytest.raises(ValueError, match="must be") as caught:
        check({"anchor": ["a b"], "positive": ["b c"]}, **words)
    assert message in str(caught.value)


def test_data_without_rows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`data` must have rows, got none"):
        check({"anchor": [], "positive": []})
    with pytest.raises(ValueError, match="columns of one length"):
        check({"anchor": ["a"], "positive": []})
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "nothing.jsonl")
    for name, text in [
        ("empty.jsonl", ""),
        ("header.csv", "anchor,positive"),
        ("x.txt", "a"),
        ("bad.jsonl", "["),
    ]:
        with pytest.raises(ValueError, match=name):
            check(
                write(tmp_path / name, text)
                if text
                else (tmp_path / name).write_bytes(b"") or tmp_path / name
            )


def test_test_data_is_compared_by_names_then_by_roles():
    rows = {"question": ["what is gold", "what is lead"], "answer": ["a metal", "a poison"]}
    turned = {"answer": ["a metal"], "question": ["what is gold"]}
    report = check(rows, test=turned)
    assert rules(report)["leaked-row"] == 1
    both = (("question", "question"), ("answer", "answer"))
    assert report.compared == {"anchors": both[:1], "rows": both, "documents": both[1:]}
    report = check(rows, test={"premise": ["what is gold"], "hypothesis": ["a metal"]})
    assert rules(report)["leaked-row"] == 1
    assert report.compared["rows"] == (("question", "premise"), ("answer", "hypothesis"))
    assert "compared anchors: `question` with `premise` of the test data" in str(report)
    assert report.as_dict()["compared"]["anchors"] == [["question", "premise"]]


def test_columns_of_other_roles_are_not_compared_by_their_place():
    names = ("x1", "x2", "x3")
    rows = dict(zip(names, (["a b"], ["c d"], ["e f"]), strict=True))
    turned = dict(zip(reversed(names), (["a b"], ["c d"], ["e f"]), strict=True))
    assert "leaked-row" not in rules(check(rows, test=turned))
    assert rules(check(rows, test=dict(reversed(rows.items()))))["leaked-row"] == 1
    triplets = {"anchor": ["a b"], "positive": ["c d"], "negative": ["e f"]}
    lists = {"anchor": ["a b"], "positive": ["c d"], "positives": ["e f"]}
    report = check(triplets, test=lists, negatives="negative")
    assert "rows" not in report.compared
    assert "leaked-row" not in rules(report)
    assert rules(report)["leaked-text"] == 1
