"""The clean copy: clean of what is mended, unchanged when fixed again and where nothing was wrong."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foolsgold.data import check, read
from foolsgold.data.checking.rules import RULES

LAWS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MENDED = {name for name, rule in RULES.items() if rule.is_mended}
text = st.sampled_from(["a", "A", " a", "b", "ﬁn", "fin", "", "\u200b", "dog", "cat", "x\n", "né"])
maybe = st.one_of(text, text, text, st.none())
SHAPES = {
    "pair": {"anchor": maybe, "positive": maybe, "id": st.integers(0, 3)},
    "triplet": {"anchor": maybe, "positive": maybe, "negative": maybe},
    "ragged": {
        "query": maybe,
        "pos": st.one_of(st.lists(maybe, max_size=3), text, st.none()),
        "neg": st.one_of(st.lists(maybe, max_size=3), text),
        "neg_scores": st.lists(st.floats(0, 1), max_size=3),
    },
    "labeled-list": {
        "query": text,
        "positive": st.lists(maybe, min_size=1, max_size=3),
        "labels": st.lists(st.integers(0, 1), min_size=1, max_size=3),
    },
    "scored": {"sentence1": maybe, "sentence2": maybe, "score": st.one_of(st.floats(0, 1), st.none())},
    "flat lists": {"query": maybe, "pos": maybe, "neg": maybe},
}


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("trim", [False, True])
@LAWS
@given(data=st.data())
def test_a_fixed_copy_is_clean_and_stays(shape, trim, data, tmp_path):
    rows = data.draw(st.lists(st.fixed_dictionaries(SHAPES[shape]), min_size=1, max_size=20))
    test = data.draw(st.none() | st.lists(st.fixed_dictionaries(SHAPES["pair"]), min_size=1, max_size=2))
    path = jsonl(tmp_path / "rows.jsonl", rows)
    report = check(path, test=test)
    for path in tmp_path.glob("[lot]*"):
        path.unlink()
    once, twice, log = tmp_path / "once.parquet", tmp_path / "twice.parquet", tmp_path / "log.jsonl"
    try:
        fixed = report.fix(once, changes=log, trim=trim)
    except ValueError as error:
        assert "got none that stay" in str(error)  # noqa: PT017
        assert not log.exists()
        return
    roles = {role: report.roles.get(role) or None for role in ("positives", "negatives")}
    again = check(once, anchor=report.roles["anchor"][0], **roles, test=test)
    assert {finding.rule for finding in again.findings} & MENDED == set()
    assert again.rows == fixed.rows_after
    if trim:
        assert not again["untrimmed"]
    again.fix(twice, trim=trim)
    assert pq.read_table(once).equals(pq.read_table(twice))
    kept_as_they_were(rows, lines(log), pq.read_table(once).to_pylist(), fixed)


def kept_as_they_were(rows, changes, after, fixed):
    """Every row is in the list of changes or as it was; the list alone makes the copy of the rows."""
    dropped = {change["row"] for change in changes if change["action"] == "dropped"}
    touched = {change["row"] for change in changes}
    assert len(dropped) == sum(fixed.dropped.values())
    assert len(changes) - len(dropped) == sum(fixed.changed.values())
    kept = [number for number in range(len(rows)) if number not in dropped]
    assert len(kept) == len(after)
    for number, row in zip(kept, after, strict=True):
        if number not in touched:
            assert row == rows[number]


def test_the_list_says_what_was_done(tmp_path):
    rows = [
        {"query": "what is gold", "pos": ["a metal"], "neg": ["a river", "a metal", None]},
        {"query": "what is iron", "pos": "another metal", "neg": ["a lake"]},
        {"query": " ", "pos": ["nothing"], "neg": ["a lake"]},
        {"query": "what is iron", "pos": ["another metal"], "neg": ["a lake"]},
        {"query": "what is tin", "pos": ["a third metal"], "neg": ["a sea"]},
    ]
    path = jsonl(tmp_path / "rows.jsonl", rows)
    test = [{"query": "What is  tin", "pos": ["it"], "neg": ["x y"]}]
    fixed = check(path, test=test).fix(tmp_path / "out.jsonl", changes=tmp_path / "log.jsonl")
    assert lines(tmp_path / "out.jsonl") == [
        {"query": "what is gold", "pos": ["a metal"], "neg": ["a river"]},
        {"query": "what is iron", "pos": ["another metal"], "neg": ["a lake"]},
    ]
    assert (fixed.rows_before, fixed.rows_after) == (5, 2)
    assert fixed.dropped == {"blank": 1, "leaked-twin": 1, "duplicate-row": 1}
    assert fixed.changed == {"null": 1, "positive-in-negatives": 1, "text-for-list": 1}
    log = lines(tmp_path / "log.jsonl")
    assert {(one["rule"], one["action"], one["line"], one["column"]) for one in log} == {
        ("blank", "dropped", 3, "query"),
        ("leaked-twin", "dropped", 5, "query"),
        ("duplicate-row", "dropped", 4, None),
        ("null", "taken out", 1, "neg"),
        ("positive-in-negatives", "taken out", 1, "neg"),
        ("text-for-list", "made a list", 2, "pos"),
    }
    wrapped = next(one for one in log if one["rule"] == "text-for-list")
    assert (wrapped["before"], wrapped["after"]) == ("another metal", ["another metal"])
    assert all(one["file"] == str(path) for one in log)


def test_scores_go_with_their_texts(tmp_path):
    rows = {
        "query": ["what is gold"],
        "positive": ["a metal"],
        "negatives": [["a river", "a metal", "a lake"]],
        "scores": [[0.9, 0.1, 0.8, 0.2]],
    }
    check(rows).fix(tmp_path / "x.parquet")
    found = pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert found[0]["negatives"] == ["a river", "a lake"]
    assert found[0]["scores"] == [0.9, 0.1, 0.2]


def test_broken_rows_and_objects_are_left_out_and_listed(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"anchor": "a b", "positive": "c d", "meta": {"x": 1}}\n{"anchor"\n')
    fixed = check(path).fix(tmp_path / "x.jsonl", changes=tmp_path / "log.jsonl")
    assert fixed.dropped == {"broken-row": 1}
    assert fixed.changed == {"unreadable-column": 1}
    assert lines(tmp_path / "x.jsonl") == [{"anchor": "a b", "positive": "c d"}]
    assert [(one["rule"], one["line"]) for one in lines(tmp_path / "log.jsonl")] == [
        ("broken-row", 2),
        ("unreadable-column", None),
    ]


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.tsv.gz", "x.parquet", "x.jsonl.zst"])
def test_every_format_can_be_written(tmp_path, name):
    rows = [{"anchor": f'a "{row}"\nb, c', "positive": f"d\t{row}", "n": row} for row in range(5)]
    check(jsonl(tmp_path / "rows.jsonl", rows + rows)).fix(tmp_path / name)
    assert pa.table(read(tmp_path / name)).to_pylist() == rows


def test_nothing_is_written_over_what_is_read(tmp_path):
    path = jsonl(tmp_path / "rows.jsonl", [{"anchor": "a b", "positive": "c d"}])
    report = check(path)
    before = path.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(path)
    for output in (path, tmp_path / "link.jsonl", tmp_path / "." / "rows.jsonl"):
        with pytest.raises(ValueError, match="`output` must not write over what is read"):
            report.fix(output)
    with pytest.raises(ValueError, match="`changes` must not write over what is read"):
        report.fix(tmp_path / "x.jsonl", changes=path)
    with pytest.raises(ValueError, match="`changes` must be another file than `output`"):
        report.fix(tmp_path / "x.jsonl", changes=tmp_path / "x.jsonl")
    with pytest.raises(ValueError, match="must end in"):
        report.fix(tmp_path / "x.txt")
    folder = tmp_path / "folder"
    report.fix(folder)
    with pytest.raises(ValueError, match="`output` must not write over what is read"):
        check(folder).fix(next(folder.glob("*.arrow")))
    shutil.rmtree(folder)
    assert path.read_bytes() == before
    assert {file.name for file in Path(tmp_path).iterdir()} == {"rows.jsonl", "link.jsonl"}


def test_a_beir_folder_stays_one(tmp_path):
    folder, clean = tmp_path / "folder", tmp_path / "clean"
    (folder / "qrels").mkdir(parents=True)
    jsonl(folder / "corpus.jsonl", [{"_id": id, "title": "", "text": "a metal"} for id in "de"])
    queries = {"q": "what is gold", "r": "what is lead", "s": "which one"}
    jsonl(folder / "queries.jsonl", [{"_id": id, "text": text} for id, text in queries.items()])
    header = "query-id\tcorpus-id\tscore\n"
    (folder / "qrels" / "train.tsv").write_text(f"{header}r\td\t1\nq\td\t1\nq\te\t1\n\ns\td\t1\n")
    (folder / "qrels" / "test.tsv").write_text(f"{header}s\te\t1\n")
    report = check(folder, near_duplicates=None)
    assert [report[rule][0].count for rule in ("duplicate-row", "leaked-row")] == [1, 1]
    fixed = report.fix(clean, changes=tmp_path / "changes.jsonl")
    assert (fixed.rows_before, fixed.rows_after) == (4, 2)
    assert fixed.dropped == {"duplicate-row": 1, "leaked-row": 1}
    assert (clean / "qrels" / "train.tsv").read_text() == f"{header}r\td\t1\nq\td\t1\n"
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        assert (clean / name).read_bytes() == (folder / name).read_bytes()
    changes = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert [(change["rule"], change["line"]) for change in changes] == [
        ("duplicate-row", 4),
        ("leaked-row", 6),
    ]
    assert check(clean, near_duplicates=None).is_clean
    with pytest.raises(ValueError, match="`trim` must be left out for a BEIR folder"):
        report.fix(tmp_path / "other", trim=True)
    with pytest.raises(ValueError, match="must be a new folder or an empty one"):
        report.fix(clean)
    with pytest.raises(ValueError, match="`output` must not write over what is read"):
        report.fix(folder / "clean")


def test_a_judgment_of_several_lines_is_not_cut(tmp_path):
    (tmp_path / "qrels").mkdir()
    jsonl(tmp_path / "corpus.jsonl", [{"_id": id, "title": "", "text": "a metal"} for id in ("d", "e\nf")])
    jsonl(tmp_path / "queries.jsonl", [{"_id": "q", "text": "what is gold"}])
    judged = tmp_path / "qrels" / "train.tsv"
    judged.write_text('query-id\tcorpus-id\tscore\nq\td\t1\nq\t"e\nf"\t1\n')
    report = check(tmp_path)
    with pytest.raises(ValueError, match=r"train.tsv: must have a header and a judgment a line"):
        report.fix(tmp_path.parent / f"{tmp_path.name}-clean")
    assert not (tmp_path.parent / f"{tmp_path.name}-clean").exists()
