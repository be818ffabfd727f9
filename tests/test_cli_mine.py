"""`foolsgold mine`: files of pairs in, a file of rows out, and one line for what is wrong."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_from_disk

import foolsgold as fg
from foolsgold import cli
from foolsgold.cli.words import as_bytes
from foolsgold.data.files import read

pytestmark = [pytest.mark.training, pytest.mark.timeout(300)]

WORDS = ["cat", "dog", "bird", "fish", "gold", "iron", "stone", "river"]
PAIRS = [
    {
        "anchor": f"the {WORDS[row % 8]} {row}",
        "positive": f"a {WORDS[row % 8]} of {WORDS[(row + 3) % 8]} {row}",
    }
    for row in range(24)
]
CORPUS = [{"id": row, "text": f"{WORDS[row % 8]} {WORDS[(3 * row) % 8]} in {row}"} for row in range(30)]


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tiny_tokenizer, tmp_path_factory):
    import torch

    from foolsgold.models import SentenceTransformer, StaticEmbedding

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        static = SentenceTransformer(
            modules=[StaticEmbedding(tiny_tokenizer, embedding_dim=16)], device="cpu"
        )
    folder = tmp_path_factory.mktemp("model") / "static"
    static.save(folder)
    return folder


@pytest.fixture
def files(tmp_path):
    return write_lines(tmp_path / "pairs.jsonl", PAIRS), write_lines(tmp_path / "corpus.jsonl", CORPUS)


def run(files, model, output, *arguments):
    pairs, corpus = files
    words = ["mine", "--quiet", "--data", str(pairs), "--corpus", str(corpus), "--model", str(model)]
    return cli.main([*words, "--output", str(output), *map(str, arguments)])


def expected(model, **options):
    encoder = fg.SentenceTransformer(str(model))
    corpus = [row["text"] for row in CORPUS]
    return fg.mine_hard_negatives(PAIRS, encoder, corpus=corpus, verbose=False, **options)


FORMATS = [
    ("triplet", "x.csv", []),
    ("triplet", "x.jsonl", ["--scores"]),
    ("n-tuple", "x.tsv.gz", []),
    ("n-tuple", "x.parquet", ["--scores"]),
    ("labeled-pair", "x.csv", []),
    ("labeled-pair", "x.jsonl.zst", ["--scores"]),
    ("labeled-list", "x.jsonl", []),
    ("labeled-list", "x.parquet", ["--scores"]),
    ("ragged", "x.jsonl.gz", []),
    ("ragged", "folder", ["--scores"]),
]


@pytest.mark.parametrize(("output_format", "name", "more"), FORMATS)
def test_rows_are_those_of_the_function(files, model, tmp_path, output_format, name, more):
    output = tmp_path / name
    assert run(files, model, output, "--format", output_format, *more) == 0
    wanted = expected(model, output_format=output_format, output_scores=bool(more))
    if name == "folder":
        found = load_from_disk(output).data.table
    else:
        found = pa.table(read(output)).cast(wanted.data.table.schema)
    assert found.num_rows == len(wanted) > 0
    for column in wanted.column_names:
        if column in ("score", "scores"):
            flat = (pa.array(rows[column]).to_pylist() for rows in (found.to_pydict(), wanted))
            assert next(flat) == pytest.approx(next(flat)) if column == "score" else True
        else:
            assert found[column].to_pylist() == wanted[column][:]


def test_a_known_positive_is_in_no_file(files, model, tmp_path):
    assert run(files, model, tmp_path / "x.csv", "--num-negatives", 10, "--no-margin") == 0
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 * 10
    positives = {row["anchor"]: row["positive"] for row in PAIRS}
    assert not any(row["negative"] == positives[row["anchor"]] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--relative-margin", 0.3], {"relative_margin": 0.3}),
        (["--absolute-margin", 0.1], {"absolute_margin": 0.1}),
        (["--max-score", 0.4, "--min-score", 0.1], {"max_score": 0.4, "min_score": 0.1}),
        (["--range-min", 2, "--range-max", 9], {"range_min": 2, "range_max": 9}),
        (["--no-margin"], {"relative_margin": None}),
        (["--on-short", "drop", "--max-score", 0.2], {"on_short": "drop", "max_score": 0.2}),
        (["--query-prompt", "iron "], {"query_prompt": "iron "}),
        (["--similarity", "euclidean"], {"similarity": "euclidean"}),
        (["--device", "cpu", "--max-memory", "1MiB"], {}),
        (["--sources", "model", "bm25"], {"sources": ["model", "bm25"]}),
        (["--sources", "model=3", "bm25=2"], {"sources": {"model": 3, "bm25": 2}}),
        (["--no-twins"], {"twins": False}),
    ],
)
def test_words_reach_the_search(files, model, tmp_path, arguments, options):
    assert run(files, model, tmp_path / "x.parquet", *arguments) == 0
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == expected(model, **options).to_list()


def test_groups_are_read_from_the_files(model, tmp_path):
    pairs = write_lines(
        tmp_path / "p.jsonl", [{**row, "page": number % 4} for number, row in enumerate(PAIRS)]
    )
    corpus = write_lines(
        tmp_path / "c.jsonl", [{**row, "page": number % 4} for number, row in enumerate(CORPUS)]
    )
    words = ["--group", "page", "--corpus-group", "page", "--no-margin", "--num-negatives", "40"]
    assert run((pairs, corpus), model, tmp_path / "x.jsonl", *words) == 0
    page_of = {row["text"]: number % 4 for number, row in enumerate(CORPUS)}
    page_of |= {row["positive"]: number % 4 for number, row in enumerate(PAIRS)}
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows
    assert all(page_of[row["negative"]] != page_of[row["positive"]] for row in rows)


def test_a_beir_folder_brings_its_corpus(model, tmp_path):
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    write_lines(
        folder / "corpus.jsonl",
        [{"_id": f"d{row['id']}", "title": "", "text": row["text"]} for row in CORPUS],
    )
    write_lines(
        folder / "queries.jsonl", [{"_id": f"q{row}", "text": f"the {WORDS[row]}"} for row in range(8)]
    )
    lines = ["query-id\tcorpus-id\tscore", *(f"q{row}\td{row}\t1" for row in range(8))]
    (folder / "qrels" / "train.tsv").write_text("\n".join(lines) + "\n")
    words = ["mine", "--quiet", "--data", str(folder), "--model", str(model), "--no-margin"]
    assert cli.main([*words, "--output", str(tmp_path / "x.jsonl")]) == 0
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 8 * 3
    assert {row["negative"] for row in rows} <= {row["text"].strip() for row in CORPUS}


def test_what_was_done_is_told(files, model, tmp_path, capsys):
    assert run(files, model, tmp_path / "x.jsonl", "--report", tmp_path / "report") == 0
    told = capsys.readouterr().out
    assert "rows of 24 pairs" in told
    assert "negatives" in told
    assert "report.html" in told.replace("\n", "")
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["options"]["relative_margin"] == 0.05


BAD = [
    (["--format", "ragged"], "x.csv", "must hold no lists, got column `negatives`"),
    ([], "x.xlsx", "must end in .jsonl"),
    ([], "none/x.jsonl", "must be in a folder that exists"),
    (["--group", "page"], "x.jsonl", "`--group` must be one of ['anchor', 'positive'], got 'page'"),
    (["--corpus-column", "title"], "x.jsonl", "title"),
    (["--corpus-column", "id"], "x.jsonl", "must hold texts"),
    (["--num-negatives", "0"], "x.jsonl", "`--num-negatives` must be from 1 to 2^32 - 1, got 0"),
    (["--temperature", "1"], "x.jsonl", "`--temperature` must not be given with `--sampling-strategy"),
    (["--batch-size", "0"], "x.jsonl", "`--batch-size` must be at least 1, got 0"),
    (["--resume", "work", "--on-short", "random"], "x.jsonl", 'must not be "random" with `--resume`'),
    (["--anchor", "question"], "x.jsonl", "question"),
    (
        ["--max-memory", "much"],
        "x.jsonl",
        "`--max-memory` must be bytes, as 500MB, 2GiB or 1000000, got 'much'",
    ),
    (["--sources", "words"], "x.jsonl", '`--sources` must be "model", "bm25" or both'),
    (["--sources", "model=3", "bm25"], "x.jsonl", "`--sources` must be names, or each once with a number"),
    (["--device", "gpu"], "x.jsonl", "`--device` must be like"),
    (["--sources", "model", "bm25", "--format", "ragged"], "x.csv", "must hold no lists"),
]


@pytest.mark.parametrize(("arguments", "name", "named"), BAD)
def test_bad_input_is_one_line_and_exit_code_2(files, model, tmp_path, capsys, arguments, name, named):
    before = sorted(path.name for path in tmp_path.iterdir())
    assert run(files, model, tmp_path / name, *arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("foolsgold: error: ")
    assert named in said
    assert "Traceback" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_words_without_their_companions_are_refused(files, model, tmp_path, capsys):
    words = ["mine", "--data", str(files[0]), "--model", str(model), "--output", str(tmp_path / "x.jsonl")]
    for word in ("--corpus-column", "--corpus-group"):
        assert cli.main([*words, word, "text"]) == 2
        assert f"`{word}` must be left out without `--corpus`" in capsys.readouterr().err
    assert cli.main([*words[:3], "--model", str(tmp_path), *words[5:]]) == 2
    assert capsys.readouterr().err.startswith("foolsgold: error: ")
    with pytest.raises(SystemExit, match="2"):
        cli.main([*words, "--format", "pairs"])


@pytest.mark.slow
def test_ctrl_c_writes_nothing(model, tmp_path):
    rows = [{"anchor": f"the cat {row}", "positive": f"a dog {row} {'gold ' * 200}"} for row in range(40_000)]
    pairs = write_lines(tmp_path / "pairs.jsonl", rows)
    words = ["mine", "--data", str(pairs), "--model", str(model), "--output", str(tmp_path / "x.jsonl")]
    command = [sys.executable, "-m", "foolsgold", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    while "Embedding" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "foolsgold: error: interrupted" in said
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.jsonl"]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--recipe", "nv-retriever", "--num-negatives", 2], {"recipe": "nv-retriever", "num_negatives": 2}),
        (
            ["--sampling-strategy", "softmax", "--temperature", 0.1, "--range-max", 20, "--seed", 3],
            {"sampling_strategy": "softmax", "temperature": 0.1, "range_max": 20, "seed": 3},
        ),
        (
            ["--sampling-strategy", "simans", "--simans-a", 4, "--simans-b", 0.1],
            {"sampling_strategy": "simans", "simans_a": 4.0, "simans_b": 0.1},
        ),
        (["--near-duplicates", 0.5, "--no-margin"], {"near_duplicates": 0.5, "relative_margin": None}),
    ],
    ids=str,
)
def test_recipes_and_strategies_are_those_of_python(files, model, tmp_path, words, options):
    assert run(files, model, tmp_path / "out.jsonl", *words) == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows == expected(model, **options).to_list()


def test_a_folder_keeps_what_is_done(files, model, tmp_path):
    words = ["--resume", tmp_path / "work"]
    assert run(files, model, tmp_path / "first.jsonl", *words) == 0
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")}
    assert kept
    assert run(files, model, tmp_path / "again.jsonl", *words) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")} == kept
    assert (tmp_path / "first.jsonl").read_bytes() == (tmp_path / "again.jsonl").read_bytes()
    assert run(files, model, tmp_path / "plain.jsonl") == 0
    assert (tmp_path / "first.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()


@pytest.mark.parametrize("words", [["--relative-margin", 0.1], ["--recipe", "bge"]], ids=str)
def test_no_margin_beside_a_margin_is_refused(files, model, tmp_path, capsys, words):
    assert run(files, model, tmp_path / "out.jsonl", "--no-margin", *words) == 2
    assert f"`--no-margin` must be left out with `{words[0]}`" in capsys.readouterr().err


def test_words_alone_need_no_model(files, tmp_path, capsys):
    words = ["mine", "--quiet", "--data", str(files[0]), "--corpus", str(files[1])]
    words += ["--output", str(tmp_path / "x.jsonl")]
    assert cli.main([*words, "--sources", "bm25"]) == 0
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    corpus = [row["text"] for row in CORPUS]
    options = {"sources": ["bm25"], "verbose": False}
    assert rows == fg.mine_hard_negatives(PAIRS, None, corpus=corpus, **options).to_list()
    assert {row["source"] for row in rows} == {"bm25"}
    for more in ([], ["--sources", "bm25", "model"]):
        assert cli.main([*words, *more]) == 2
        assert "`--model` must name what embeds the texts, got none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("1000000", 10**6),
        ("12B", 12),
        ("500MB", 500 * 10**6),
        ("2GiB", 2 << 30),
        ("1.5 gib", 3 << 29),
        ("3k", 3000),
        ("1TB", 10**12),
    ],
)
def test_bytes_have_units(text, number):
    assert as_bytes("--max-memory", text) == number


@pytest.mark.parametrize("text", ["", "GB", "-1", "1e9", "2 G iB", "1,5GB", "5PB", "nan"])
def test_what_is_no_number_of_bytes_is_refused(text):
    with pytest.raises(ValueError, match="`--max-memory` must be bytes"):
        as_bytes("--max-memory", text)


@pytest.fixture
def copied(model, tmp_path):
    """The model's folder, to be written over."""
    return Path(shutil.copytree(model, tmp_path / "static"))


def of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


OVER = [
    (["--output", "{data}"], "--output", "--data"),
    (["--output", "{tmp}/./sub/../pairs.jsonl"], "--output", "--data"),
    (["--output", "{tmp}/link.jsonl"], "--output", "--data"),
    (["--output", "{tmp}/hard.jsonl"], "--output", "--data"),
    (["--output", "{corpus}"], "--output", "--corpus"),
    (["--output", "{model}"], "--output", "--model"),
    (["--output", "{model}/x.jsonl"], "--output", "--model"),
    (["--output", "{tmp}/linked/x.jsonl"], "--output", "--model"),
    (["--output", "{tmp}/x.jsonl", "--resume", "{model}"], "--resume", "--model"),
    (["--output", "{tmp}/x.jsonl", "--resume", "{model}/work"], "--resume", "--model"),
    (["--output", "{tmp}/x.jsonl", "--report", "{model}"], "--report", "--model"),
    (["--output", "{tmp}/x.jsonl", "--report", "{data}"], "--report", "--data"),
    (["--output", "{tmp}/x.jsonl", "--resume", "{corpus}"], "--resume", "--corpus"),
    (["--output", "{tmp}/report.json", "--report", "{tmp}"], "--output", "--report"),
]


@pytest.mark.parametrize(("words", "word", "other"), OVER, ids=lambda value: str(value))
def test_nothing_that_is_read_is_written_over(
    files, copied, tmp_path, capsys, monkeypatch, words, word, other
):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.jsonl").symlink_to(files[0])
    (tmp_path / "hard.jsonl").hardlink_to(files[0])
    (tmp_path / "linked").symlink_to(copied)
    before = of(tmp_path)
    monkeypatch.setattr("foolsgold.data.pairs.read_pairs", None)  # nothing is read before
    places = {"data": files[0], "corpus": files[1], "model": copied, "tmp": tmp_path}
    common = ["--quiet", "--data", files[0], "--corpus", files[1], "--model", copied]
    assert cli.main(["mine", *map(str, common), *(each.format(**places) for each in words)]) == 2
    assert f"`{word}` must not write over what `{other}` names, got " in capsys.readouterr().err
    assert of(tmp_path) == before


def test_a_folder_that_is_replaced_holds_nothing_else(files, model, tmp_path, capsys):
    output = tmp_path / "set"
    assert run(files, model, output) == 0
    inside = shutil.copy(files[0], output / "pairs.jsonl")
    assert run((inside, files[1]), model, output) == 2
    assert "`--output` must not replace a folder with what `--data` names" in capsys.readouterr().err
    for word in ("--report", "--resume"):
        for folder in (output, output / "inside"):
            assert run(files, model, output, word, folder) == 2
            assert f"`--output` must not replace a folder with what `{word}` names" in capsys.readouterr().err
    assert run(files, model, output) == 0
    assert run(files, model, tmp_path / "report" / "set", "--report", tmp_path / "report") == 2
    (tmp_path / "report").mkdir()
    assert run(files, model, tmp_path / "report" / "set", "--report", tmp_path / "report") == 0


@pytest.mark.parametrize("word", ["--report", "--resume"])
def test_a_file_is_no_folder(files, model, tmp_path, capsys, monkeypatch, word):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("foolsgold.data.pairs.read_pairs", None)
    for folder in (tmp_path / "file", tmp_path / "file" / "inner"):
        assert run(files, model, tmp_path / "x.jsonl", word, folder) == 2
        assert (
            f"`{word}` must be a folder, got {folder}: {tmp_path / 'file'} is a file"
            in capsys.readouterr().err
        )
    with monkeypatch.context() as patch:
        patch.setattr("os.access", lambda path, mode: path != tmp_path / "locked")
        (tmp_path / "locked").mkdir()
        assert run(files, model, tmp_path / "x.jsonl", word, tmp_path / "locked" / "new") == 2
        assert f"`{word}` must be a folder that may be written to" in capsys.readouterr().err
        assert run(files, model, tmp_path / "locked" / "x.jsonl") == 2
        assert "must be in a folder that may be written to" in capsys.readouterr().err


def test_rows_are_written_before_the_report(files, model, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "report.json")

    monkeypatch.setattr("foolsgold.mining.task.write_report", full)
    assert run(files, model, tmp_path / "x.jsonl", "--report", tmp_path / "report") == 2
    assert "No space left on device: 'report.json'" in capsys.readouterr().err
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert rows == expected(model).to_list()


def test_columns_keep_their_names(files, model, tmp_path):
    rows = [{"Question": row["anchor"], "answer": row["positive"]} for row in PAIRS]
    named = write_lines(tmp_path / "named.jsonl", rows), files[1]
    assert run(named, model, tmp_path / "x.jsonl", "--format", "labeled-pair") == 0
    found = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    corpus = [row["text"] for row in CORPUS]
    encoder = fg.SentenceTransformer(str(model))
    options = {"corpus": corpus, "output_format": "labeled-pair", "verbose": False}
    assert found == fg.mine_hard_negatives(rows, encoder, **options).to_list()
    assert list(found[0]) == ["Question", "answer", "label"]


def test_what_is_missing_is_told(files, model, tmp_path, capsys, caplog):
    assert run(files, model, tmp_path / "none.jsonl", "--max-score", -2) == 0
    assert (tmp_path / "none.jsonl").read_bytes() == b""
    assert "0 rows of 24 pairs; 24 pairs have no negatives" in capsys.readouterr().out.replace("\n", " ")
    assert "No row was made: the rules leave no pair the negatives that it needs" in caplog.text
    words = ["--num-negatives", 70, "--no-margin", "--on-short"]
    assert run(files, model, tmp_path / "drop.jsonl", *words, "drop") == 0
    told = capsys.readouterr().out.replace("\n", " ")
    assert "24 pairs are left out, with fewer negatives than asked for" in told
    assert "no negatives" not in told
    assert run(files, model, tmp_path / "keep.jsonl", *words, "keep") == 0
    assert "24 queries have fewer than asked for" in capsys.readouterr().out.replace("\n", " ")
