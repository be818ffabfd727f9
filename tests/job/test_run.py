"""The job on pairs made up in code: what it leaves, how it goes on, what it refuses."""

import json
import random
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from foolsgold import cli
from foolsgold.job import run as job
from foolsgold.job import stages
from foolsgold.job.corpus import corpus_from_docstrings, corpus_from_files
from foolsgold.job.embedded import train_tokenizer
from foolsgold.job.recipe import EmbeddedModel, Stage, StaticRecipe
from foolsgold.models import SentenceTransformer

pytestmark = [pytest.mark.training, pytest.mark.timeout(300)]

SMALL = EmbeddedModel(vocabulary_size=600, dimension=16)
RECIPE = StaticRecipe(
    in_batch=Stage(epochs=2, learning_rate=0.2),
    mined=Stage(epochs=1, learning_rate=0.05),
    batch_size=32,
    num_negatives=2,
    range_max=20,
)
QUIET = ["--quiet", "--batch-size", "32", "--num-negatives", "2"]


def write_pairs(path, num_pairs=300, seed=0):
    words = random.Random(seed)
    rows = []
    for number in range(num_pairs):
        topic = [f"w{words.randrange(120)}" for _ in range(4)]
        rows.append(
            {"anchor": f"q{number} {' '.join(topic[:3])}", "positive": f"d{number} {' '.join(topic)}"}
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path / "pairs.jsonl")


def run_small(pairs, output, **options):
    corpus = corpus_from_files([pairs], progress=False)
    return job.run(corpus, RECIPE, output, model=SMALL, progress=False, **options)


def test_the_job_learns_and_leaves_its_files(pairs, tmp_path):
    outcome = run_small(pairs, tmp_path / "out", with_control=True)
    assert list(outcome.metrics) == ["untrained", "in-batch", "control", "mined", "BM25"]
    ndcg = {step: metrics["ndcg@10"] for step, metrics in outcome.metrics.items()}
    assert ndcg["in-batch"] > ndcg["untrained"]
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {"model", "mined.parquet", "metrics.json", "report.html"}
    told = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert told["metrics"] == outcome.metrics
    assert told["recipe"]["seed"] == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<svg") == 2
    assert "http" not in page.split("<body>")[1]
    mined = pq.read_table(tmp_path / "out" / "mined.parquet")
    assert mined.column_names == ["anchor", "positive", "negative_1", "negative_2", "scores"]
    assert len(mined) == outcome.num_mined
    model = SentenceTransformer(str(tmp_path / "out" / "model"))
    assert model.encode(["q1 w2"]).shape == (1, 16)


def test_held_out_texts_are_not_trained_on(pairs):
    corpus = corpus_from_files([pairs], progress=False)
    trained = {*corpus.train["anchor"][:], *corpus.train["positive"][:]}
    assert len(corpus.held_out.queries) == 30
    assert not trained.intersection(corpus.held_out.queries, corpus.held_out.documents)


@pytest.mark.parametrize("stopped_in", ["train", "mine_negatives", "search_lexically"])
def test_an_interrupted_job_goes_on_and_ends_the_same(pairs, tmp_path, monkeypatch, stopped_in):
    whole = run_small(pairs, tmp_path / "whole")

    def stop(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stages, stopped_in, stop)
        with pytest.raises(KeyboardInterrupt):
            run_small(pairs, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    again = run_small(pairs, tmp_path / "out")
    assert again.metrics == whole.metrics
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    embeddings = [
        SentenceTransformer(str(tmp_path / name / "model")).encode(["q1 w2 w3"]) for name in ("whole", "out")
    ]
    np.testing.assert_array_equal(*embeddings)


def test_another_recipe_begins_anew(pairs, tmp_path, monkeypatch):
    corpus = corpus_from_files([pairs], progress=False)
    with monkeypatch.context() as patch:
        patch.setattr(stages, "search_lexically", lambda held_out: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            job.run(corpus, RECIPE, tmp_path / "out", model=SMALL, progress=False)
    outcome = job.run(corpus, replace(RECIPE, seed=1), tmp_path / "out", model=SMALL, progress=False)
    assert outcome.recipe["seed"] == 1


def test_a_refused_write_leaves_the_earlier_job_whole(pairs, tmp_path, monkeypatch):
    run_small(pairs, tmp_path / "out")
    before = (tmp_path / "out" / "metrics.json").read_text()

    def refuse(*args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", refuse)
        with pytest.raises(OSError, match="No space left"):
            run_small(write_pairs(tmp_path / "other.jsonl", seed=1), tmp_path / "out")
    assert (tmp_path / "out" / "metrics.json").read_text() == before


def test_the_command_trains_and_tells(pairs, tmp_path, capsys):
    arguments = ["train", "--data", str(pairs), "--output", str(tmp_path / "out"), *QUIET]
    assert cli.main(arguments) == 0
    told = capsys.readouterr().out
    assert "ndcg@10" in told
    assert "BM25" in told
    assert "seed 0" in told
    assert f'SentenceTransformer("{tmp_path / "out" / "model"}")' in told.replace("\n", "")


def test_the_command_reads_a_split_of_its_own(pairs, tmp_path):
    test = write_pairs(tmp_path / "test.jsonl", num_pairs=20, seed=5)
    arguments = [
        "train",
        "--data",
        str(pairs),
        "--test",
        str(test),
        "--output",
        str(tmp_path / "out"),
        *QUIET,
    ]
    assert cli.main(arguments) == 0
    told = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert told["data"]["held-out queries"] == 20
    assert told["data"]["training pairs"] == 300


BAD = {
    "missing file": (None, [], "missing.jsonl"),
    "empty": ("", [], "bad.jsonl"),
    "half a row": ('{"anchor": "a", "posi', [], "bad.jsonl"),
    "no such column": ('{"anchor": "a", "positive": "b"}\n', ["--anchor", "question"], "question"),
    "null": ('{"anchor": "a", "positive": "b"}\n{"anchor": null, "positive": "c"}\n', [], "row 2"),
    "blank": ('{"anchor": "a", "positive": "b"}\n{"anchor": "c", "positive": " "}\n', [], "positive"),
    "duplicate rows only": ('{"anchor": "a", "positive": "b"}\n' * 50, [], "bad.jsonl"),
    "one anchor": ("".join(f'{{"anchor": "a", "positive": "{row}"}}\n' for row in range(50)), [], "anchor"),
    "a batch larger than the data": (
        "".join(f'{{"anchor": "a{row}", "positive": "b{row}"}}\n' for row in range(50)),
        ["--batch-size", "64"],
        "--batch-size",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(case, tmp_path, capsys):
    content, arguments, named = BAD[case]
    file = tmp_path / ("missing.jsonl" if content is None else "bad.jsonl")
    if content is not None:
        file.write_text(content)
    output = tmp_path / "out"
    assert cli.main(["train", "--quiet", "--data", str(file), "--output", str(output), *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("foolsgold: error: ")
    assert named in said
    assert "Traceback" not in said
    assert not output.exists()


def test_a_folder_with_other_things_is_not_replaced(pairs, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("all of it")
    assert cli.main(["train", "--data", str(pairs), "--output", str(tmp_path / "out"), *QUIET]) == 2
    assert "`--output` must be" in capsys.readouterr().err
    assert (tmp_path / "out" / "thesis.txt").read_text() == "all of it"


def test_nothing_that_is_read_is_written_over(pairs, tmp_path, capsys):
    output = tmp_path / "out"
    output.mkdir()
    (output / "metrics.json").write_text("{}")  # as an earlier job leaves it, so that it may be replaced
    inside = write_pairs(output / "pairs.jsonl")
    (output / "model").mkdir()
    for words, word, said in [
        (["--data", inside, "--output", output], "--data", "replace a folder with"),
        (["--data", pairs, "--test", inside, "--output", output], "--test", "replace a folder with"),
        (
            ["--data", pairs, "--model", output / "model", "--output", output],
            "--model",
            "replace a folder with",
        ),
        (["--data", pairs, "--model", output, "--output", output], "--model", "write over"),
        (["--data", pairs, "--model", output, "--output", output / "new"], "--model", "write over"),
    ]:
        assert cli.main(["train", *map(str, words), *QUIET]) == 2
        assert f"`--output` must not {said} what `{word}` names, got {output}" in capsys.readouterr().err
    assert inside.read_bytes() == pairs.read_bytes()


def test_docstrings_are_split_by_module():
    corpus = corpus_from_docstrings(limit=3000, progress=False)
    assert len(corpus.train) + len(corpus.held_out.queries) == 3000
    assert 100 < len(corpus.held_out.queries) < 600


def test_a_vocabulary_is_the_same_in_each_run():
    # All pairs of letters are equally frequent, which leaves every choice to the ties.
    letters = "abcdefghijklmnopqrstuvwxyzäöü"
    texts = [first + second for first in letters for second in letters]
    vocabularies = [train_tokenizer(texts, vocabulary_size=300, max_tokens=8).get_vocab() for _ in range(3)]
    assert vocabularies[0] == vocabularies[1] == vocabularies[2]
    assert len(vocabularies[0]) == 300
