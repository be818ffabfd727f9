"""Arguments that are none are refused by name; test data is of any kind that data is."""

import json
import os
import re

import pytest

from foolsgold.data import check

ROWS = [{"anchor": f"question {row} is this", "positive": f"answer {row}"} for row in range(3)]


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def beir(folder, splits):
    (folder / "qrels").mkdir(parents=True)
    jsonl(folder / "corpus.jsonl", [{"_id": "d", "title": "", "text": "a metal"}])
    queries = [{"_id": str(row), "text": one["anchor"]} for row, one in enumerate(ROWS)]
    jsonl(folder / "queries.jsonl", queries)
    for split, row in splits.items():
        (folder / "qrels" / f"{split}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{row}\td\t1\n")
    return folder


@pytest.mark.parametrize("words", [{}, {"within": True}, {"test": ROWS}, {"near_duplicates": None}])
@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_has_64_bits(words, seed):
    with pytest.raises(ValueError, match=rf"`seed` must be from 0 to 2\^64 - 1, got {seed}"):
        check(ROWS, seed=seed, **words)
    assert check(ROWS, seed=2**64 - 1, **words).rows == 3


@pytest.mark.parametrize(
    ("splits", "leaked"),
    [
        ({"train": 0, "test": 1}, 1),
        ({"train": 0, "dev": 2}, 2),
        ({"train": 0}, 0),
    ],
)
def test_test_data_may_be_a_beir_folder(tmp_path, splits, leaked):
    folder = beir(tmp_path / "beir", splits)
    for test in (folder, [str(folder)]):
        report = check(ROWS, test=test, near_duplicates=None)
        assert report.shape == "pair"
        assert report.compared["anchors"] == (("anchor", "query"),)
        assert [one.row for one in report["leaked-text"][0].examples] == [leaked]
    report = check(beir(tmp_path / "other", {"train": 1, "test": 0}), test=folder, near_duplicates=None)
    assert (report.shape, len(report["leaked-row"])) == ("beir", int(leaked == 1))
    with pytest.raises(ValueError, match="`output` must not write over what is read"):
        check(ROWS, test=folder).fix(folder / "clean.jsonl")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("c.parquet", ValueError, "`changes` must be a JSON Lines file, got {}\nhint: let it end in .jsonl"),
        ("c.jsonl.GZ", ValueError, "`changes` must be a JSON Lines file, got {}\nhint: let it end in .jsonl"),
        ("folder", ValueError, "`changes` must be a file, got the folder {}"),
        ("none/c.jsonl", FileNotFoundError, "`changes` must be in a folder that exists, got {}"),
    ],
)
def test_a_list_of_changes_has_its_place(tmp_path, name, error, message):
    (tmp_path / "folder").mkdir()
    path = os.fspath(tmp_path / name)
    with pytest.raises(error, match=f"^{re.escape(message.format(path))}$"):
        check(ROWS).fix(tmp_path / "out.jsonl", changes=path)
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]
    check(ROWS).fix(tmp_path / "out.jsonl", changes=tmp_path / "changes.txt")
