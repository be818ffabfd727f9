"""`foolsgold convert`: files in, a file of another shape or layout out, and one line for what is wrong."""

import json

import pytest

from foolsgold import cli
from foolsgold.cli import convert as command
from foolsgold.data.layouts import LAYOUTS
from foolsgold.data.reshaping.shapes import SHAPES

ROWS = [{"anchor": "a", "positive": "p", "negative": f"n{at}", "note": "x"} for at in range(3)]


@pytest.fixture
def triplets(tmp_path):
    path = tmp_path / "triplets.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def run(*words):
    return cli.main(["convert", "--quiet", *map(str, words)])


def test_the_choices_are_those_of_the_library():
    assert command._SHAPES == SHAPES
    assert {*command._LAYOUTS} == {*LAYOUTS}


def test_a_shape_and_a_layout(triplets, tmp_path, capsys):
    assert run("--data", triplets, "--output", tmp_path / "f.jsonl", "--to-layout", "flagembedding") == 0
    assert json.loads((tmp_path / "f.jsonl").read_text())["neg"] == ["n0", "n1", "n2"]
    words = ["--to", "n-tuple", "--num-negatives", 2]
    assert run("--data", triplets, "--output", tmp_path / "n.csv", *words) == 0
    told = capsys.readouterr().out
    assert "3 rows of triplet, 1 rows of n-tuple" in told.replace("\n", " ")
    assert "left out, negatives beyond the number asked for: 1" in told
    assert "columns dropped: note" in told
    assert (tmp_path / "n.csv").read_text().splitlines()[1] == '"a","p","n0","n1"'


def test_json_says_what_was_done(triplets, tmp_path, capsys):
    words = ["--to", "pair", "--json"]
    assert run("--data", triplets, "--output", tmp_path / "p.jsonl", *words) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows_in"] == 3
    assert report["rows_out"] == 1
    assert report["dropped_columns"] == ["note"]


def test_labels_of_scores_and_classes(tmp_path):
    scored = tmp_path / "scored.jsonl"
    scored.write_text("".join(f'{{"a": "x{at}", "b": "y", "score": 0.{at}}}\n' for at in range(1, 10)))
    words = ["--to", "labeled-pair", "--threshold", 0.35, 0.75]
    assert run("--data", scored, "--output", tmp_path / "l.jsonl", *words) == 0
    labels = [json.loads(line)["label"] for line in (tmp_path / "l.jsonl").read_text().splitlines()]
    assert labels == [0, 0, 0, 1, 1]
    classes = tmp_path / "classes.jsonl"
    classes.write_text('{"a": "x", "b": "y", "label": 4}\n{"a": "x", "b": "z", "label": 5}\n')
    words = ["--to", "triplet", "--positive-label", 4]
    assert run("--data", classes, "--output", tmp_path / "t.jsonl", *words) == 0
    assert json.loads((tmp_path / "t.jsonl").read_text()) == {"anchor": "x", "positive": "y", "negative": "z"}


def test_noise_is_left_out(tmp_path, capsys):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f'{{"text": "t{at}", "label": {at // 2 - 1}}}\n' for at in range(6)))
    words = ["--to", "triplet", "--noise", "-1"]
    assert run("--data", rows, "--output", tmp_path / "t.jsonl", *words) == 0
    assert "left out, rows of no class: 2" in capsys.readouterr().out
    assert len((tmp_path / "t.jsonl").read_text().splitlines()) == 4


def test_a_model_mines_negatives(tmp_path, tiny_static, capsys):
    tiny_static.save(tmp_path / "model")
    pairs = tmp_path / "pairs.jsonl"
    words = ["cat", "dog", "bird", "fish", "gold", "iron"]
    pairs.write_text(
        "".join(f'{{"query": "the {word}", "answer": "a {word} in the river"}}\n' for word in words)
    )
    options = ["--to", "triplet", "--model", tmp_path / "model", "--num-negatives", 2]
    assert run("--data", pairs, "--output", tmp_path / "t.jsonl", *options) == 0
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert rows
    assert all(row["negative"] != row["positive"] for row in rows)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--num-negatives", "0", "--to", "triplet"], "`--num-negatives` must be at least 1, got 0"),
        (["--threshold", "high"], "`--threshold` must be a number, two, or first, got 'high'"),
        (
            ["--anchor", "query"],
            "`--anchor` must be one of `anchor` (texts), `positive` (texts), `negative` (texts), `note`",
        ),
        (["--to-layout", "beir", "--to", "pair"], "`--to` must be 'graded' for layout 'beir', got 'pair'"),
        (["--corpus", "c.jsonl"], "`--corpus` must be left out for rows of texts"),
    ],
)
def test_errors_are_one_line_in_words_of_the_command(triplets, tmp_path, capsys, words, message):
    assert run("--data", triplets, "--output", tmp_path / "out.jsonl", *words) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["triplets.jsonl"]


def test_nothing_is_written_over_what_is_read(triplets, capsys):
    before = triplets.read_text()
    assert run("--data", triplets, "--output", triplets, "--to", "pair") == 2
    assert "`--output` must not write over what `--data` names" in capsys.readouterr().err
    assert triplets.read_text() == before
