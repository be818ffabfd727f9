"""`foolsgold check`: exit codes, the page and the JSON, the clean copy, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from foolsgold import cli
from foolsgold.data import check


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


CLEAN = [{"anchor": f"question {row}", "positive": f"answer {row}"} for row in range(20)]
BROKEN = [*CLEAN, {"anchor": "   ", "positive": "x y"}]
DOUBLE = [*CLEAN, CLEAN[0]]


def run(*words):
    return cli.main(["check", "--quiet", *map(str, words)])


@pytest.mark.parametrize(
    ("rows", "words", "code"),
    [
        (CLEAN, [], 0),
        (CLEAN, ["--strict"], 0),
        (DOUBLE, [], 0),
        (DOUBLE, ["--strict"], 1),
        (BROKEN, [], 1),
        (BROKEN, ["--json"], 1),
        (CLEAN, ["--anchor", "nothing"], 2),
        (CLEAN, ["--near-duplicates", "7"], 2),
        (CLEAN, ["--fix-list", "x.jsonl"], 2),
        (CLEAN, ["--trim"], 2),
        (CLEAN, ["--seed", str(10**23)], 2),
        (CLEAN, ["--near-duplicates", ".5", "--no-near-duplicates"], 2),
        (CLEAN, ["--within", "--no-near-duplicates"], 2),
    ],
)
def test_exit_codes(tmp_path, capsys, rows, words, code):
    assert run(write(tmp_path / "rows.jsonl", rows), *words) == code
    out, err = capsys.readouterr()
    assert (out == "") == (code == 2)
    assert err.startswith("foolsgold: error: `--") == (code == 2), err


def test_files_that_cannot_be_read_are_2(tmp_path, capsys):
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "header.csv").write_bytes(b"anchor,positive\n")
    (tmp_path / "rows.txt").write_bytes(b"a")
    (tmp_path / "cut.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00")
    for name in ("nothing.jsonl", "empty.jsonl", "header.csv", "rows.txt", "cut.jsonl.gz", "."):
        assert run(tmp_path / name) == 2
        out, err = capsys.readouterr()
        assert (out, err.startswith(f"foolsgold: error: {tmp_path}")) == ("", True), err
    with pytest.raises(SystemExit) as caught:
        cli.main(["check"])
    assert caught.value.code == 2


def test_the_page_and_the_json_agree(tmp_path, capsys):
    rows = [*BROKEN, CLEAN[1], {"anchor": "\x1b[31mred\x00", "positive": "[bold]x y[/bold] 😀"}]
    path = write(tmp_path / "rows.jsonl", rows)
    assert run(path, "--json") == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (err, found) == ("", json.loads(json.dumps(check(path).as_dict())))
    assert run(path) == 1
    page = capsys.readouterr()[0]
    assert "\x1b" not in page
    assert "\x00" not in page
    for finding in found["findings"]:
        told = f"{finding['severity']} {finding['rule']}: {finding['count']:,} of {finding['total']:,}"
        assert told in page
        for example in finding["examples"][:3]:
            assert example["excerpt"] in page
    for advice in (*found["losses"], *found["samplers"], *found["unsuitable"]):
        assert f"{advice['name']}: {advice['reason']}" in page
    assert f"{len([1 for one in found['findings'] if one['severity'] == 'error'])} errors" in page


def test_names_of_columns_do_not_reach_the_terminal(tmp_path, capsys):
    rows = [{**row, "\x1b[31m[bold]": "x"} for row in CLEAN]
    assert run(write(tmp_path / "rows.jsonl", rows), "--strict") == 1
    page = capsys.readouterr()[0]
    assert "\x1b" not in page
    assert r"\x1b[31m[bold]" in page


def test_fix_judges_the_copy(tmp_path, capsys):
    path = write(tmp_path / "rows.jsonl", [*BROKEN, CLEAN[3]])
    log = tmp_path / "log.jsonl"
    assert run(path, "--fix", tmp_path / "out.jsonl", "--fix-list", log, "--strict") == 0
    assert "20 of 22 rows; dropped: blank 1, duplicate-row 1" in capsys.readouterr()[0]
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == CLEAN
    assert len(log.read_text().splitlines()) == 2
    assert run(path, "--fix", tmp_path / "folder", "--json") == 0
    found = json.loads(capsys.readouterr()[0])
    assert (found["is_clean"], found["left"]["is_clean"], found["fixed"]["rows_after"]) == (False, True, 20)
    assert run(path, "--fix", path) == 2
    assert "`--fix` must not write over what `FILE` names" in capsys.readouterr()[1]
    contradiction = [{"text": "a b", "label": 0}, {"text": "a b", "label": 1}]
    assert run(write(tmp_path / "c.jsonl", contradiction), "--fix", tmp_path / "c.parquet") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--near-duplicates", ".5", "--no-near-duplicates"], "`--near-duplicates` must be left out with"),
        (["--within", "--no-near-duplicates"], "`--within` must be left out with `--no-near-duplicates`"),
        (["--seed", str(2**64)], f"`--seed` must be from 0 to 2^64 - 1, got {2**64}"),
        (["--fix", "f.jsonl", "--fix-list", "f.jsonl"], "`--fix-list` must be another file than `--fix`"),
        (["--fix", "f.jsonl", "--fix-list", "none/c.jsonl"], "`--fix-list` must be in a folder that exists"),
        (["--fix", "f.jsonl", "--fix-list", "c.parquet"], "`--fix-list` must be a JSON Lines file"),
        (["--fix", "f.jsonl", "--anchor", "id"], "`--fix` must hold rows, got none that stay"),
        (["--anchor", "anchor", "--positives", "anchor"], "must be another column than `--anchor`"),
    ],
)
def test_errors_are_in_words_of_the_command(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "rows.jsonl", [{**row, "id": " "} for row in CLEAN])
    assert run("rows.jsonl", *words) == 2
    assert message in capsys.readouterr()[1]
    assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"]


def test_leaks_are_dropped(tmp_path, capsys):
    path = write(tmp_path / "rows.jsonl", CLEAN)
    test = write(tmp_path / "test.jsonl", [{"anchor": "QUESTION 3", "positive": "x y"}])
    assert run(path, "--test", test) == 1
    assert "leaked-twin: 1 of 20 rows in anchor" in capsys.readouterr()[0]
    assert run(path, "--test", test, "--fix", tmp_path / "out.jsonl") == 0


def test_a_beir_folder_is_fixed_as_one(tmp_path, capsys):
    folder = tmp_path / "folder"
    (folder / "qrels").mkdir(parents=True)
    write(folder / "corpus.jsonl", [{"_id": "d", "title": "", "text": "a metal"}])
    write(folder / "queries.jsonl", [{"_id": id, "text": f"what is {id}"} for id in "qr"])
    for split, queries in [("train", "qr"), ("test", "r")]:
        rows = "".join(f"{id}\td\t1\n" for id in queries)
        (folder / "qrels" / f"{split}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    assert run(folder) == 1
    assert "compared anchors: `query` with `query` of the test data" in capsys.readouterr()[0]
    assert run(folder, "--fix", tmp_path / "clean") == 0
    assert "1 of 2 rows; dropped: leaked-row 1" in capsys.readouterr()[0]
    assert sorted(path.name for path in (tmp_path / "clean" / "qrels").iterdir()) == ["test.tsv", "train.tsv"]


@pytest.mark.timeout(300)
def test_ctrl_c_leaves_nothing(tmp_path):
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        for row in range(600_000):
            file.write(f'{{"anchor": "question {row} of many", "positive": "answer {row} to it"}}\n')
    words = [sys.executable, "-m", "foolsgold", "check", str(path), "--within", "--threads", "1", "--fix"]
    process = subprocess.Popen(
        [*words, str(tmp_path / "out.jsonl")],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # The first bar tells that the work has begun.
    begun = process.stderr.read(1)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert begun
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert out == ""
    assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"]
