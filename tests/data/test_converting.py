"""Files into files: formats, messages, and nothing half-written."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import Dataset, load_from_disk

import foolsgold as fg
from foolsgold.data import convert, read
from foolsgold.data.columns import Columns

ROWS = [{"anchor": f"a{at // 2}", "positive": f"p{at // 2}", "negative": f"n{at}"} for at in range(6)]
DATA = Path(os.environ.get("FOOLSGOLD_DATA", "/nowhere"))
real = pytest.mark.skipif(not DATA.is_dir(), reason="FOOLSGOLD_DATA names no folder")


@pytest.fixture
def triplets(tmp_path):
    path = tmp_path / "triplets.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv.gz", "t.jsonl.zst", "t.parquet", "folder"])
def test_formats_there_and_back(triplets, tmp_path, name):
    report = convert(triplets, tmp_path / name)
    assert (report.from_, report.to, report.rows_in, report.rows_out) == ("triplet", "triplet", 6, 6)
    convert(tmp_path / name, tmp_path / "back.jsonl")
    assert [json.loads(line) for line in (tmp_path / "back.jsonl").read_text().splitlines()] == ROWS
    if name == "folder":
        assert load_from_disk(tmp_path / name).to_list() == ROWS


def test_a_data_set_in_memory_and_several_files(triplets, tmp_path):
    report = convert(Dataset.from_list(ROWS), tmp_path / "lists.jsonl", to="labeled-list")
    assert (report.rows_in, report.rows_out) == (6, 3)
    report = fg.data.convert([triplets, triplets], tmp_path / "lists.jsonl", to="labeled-list")
    assert (report.rows_in, report.rows_out) == (12, 3)
    assert report.to_dict()["to"] == "labeled-list"


def test_a_text_where_a_list_belongs_is_told_with_its_file(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"anchor": "a", "positive": "b", "negatives": "cd"}\n')
    with pytest.raises(
        ValueError, match=r"rows.jsonl: row 1: column `negatives` must hold lists of texts .*, got texts"
    ):
        convert(tmp_path / "rows.jsonl", tmp_path / "out.jsonl", to="triplet")
    cells = ('["c"]', '"cd"')
    mixed = "".join(f'{{"anchor": "a", "positive": "b", "negatives": {cell}}}\n' for cell in cells)
    (tmp_path / "rows.jsonl").write_text(mixed)
    with pytest.raises(ValueError, match=r"rows.jsonl, row 2, column `negatives`: must be a list"):
        convert(tmp_path / "rows.jsonl", tmp_path / "out.jsonl", to="triplet")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("output", "options", "error", "message"),
    [
        ("out.xml", {}, ValueError, "must end in .jsonl"),
        ("none/out.jsonl", {}, FileNotFoundError, "must be in a folder that exists"),
        ("out.csv", {"to": "labeled-list"}, ValueError, "must hold no lists, got column `positive`"),
        ("out.jsonl", {"to_layout": "xml"}, ValueError, "`to_layout` must be one of 'beir'"),
        (
            "out",
            {"to_layout": "beir", "to": "pair"},
            ValueError,
            "`to` must be 'graded' for layout 'beir', got 'pair'",
        ),
        (
            "out.jsonl",
            {"corpus": "c.jsonl"},
            ValueError,
            "`corpus` must be left out for rows of texts, got c.jsonl",
        ),
        (".", {"to_layout": "beir"}, ValueError, "must be a new folder or an empty one"),
        (".", {"to_layout": "dpr"}, ValueError, "must be a file, got a folder"),
    ],
)
def test_outputs_that_cannot_be_are_refused_first(triplets, tmp_path, output, options, error, message):
    with pytest.raises(error, match=message):
        convert(triplets, tmp_path / output, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["triplets.jsonl"]


def test_sources_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.jsonl: must be there"):
        convert(tmp_path / "none.jsonl", tmp_path / "out.jsonl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: must be a folder of a layout or of `datasets`, got neither"):
        convert(tmp_path / "empty", tmp_path / "out.jsonl")
    with pytest.raises(ValueError, match="`layout` must be left out for a data set in memory, got 'dpr'"):
        convert(ROWS, tmp_path / "out.jsonl", layout="dpr")
    with pytest.raises(ValueError, match="`source` must name a file, got none"):
        convert([], tmp_path / "out.jsonl")


def first_row(path):
    return pa.table(read(path)).slice(0, 1).to_pylist()[0]


@real
def test_inference_pairs_give_the_triplets_of_a_loop(tmp_path, recwarn):
    convert(DATA / "snli" / "train.jsonl.gz", tmp_path / "t.parquet", to="triplet")
    rows = pa.table(read(DATA / "snli" / "train.jsonl.gz")).to_pylist()
    good, bad = {}, {}
    for row in rows:
        side = {0: good, 2: bad}.get(row["label"])
        if side is not None:
            side.setdefault(row["premise"], []).append(row["hypothesis"])
    expected = {
        (anchor, positive, negative)
        for anchor, positives in good.items()
        for positive in positives
        for negative in bad.get(anchor, [])
        if negative not in positives and negative != anchor
    }
    found = [tuple(row.values()) for row in pa.table(read(tmp_path / "t.parquet")).to_pylist()]
    assert {*found} == expected
    assert len(expected) > 2000
    assert Columns.from_row(first_row(tmp_path / "t.parquet")).texts == ("anchor", "positive", "negative")
    assert not recwarn.list


@real
def test_classes_give_triplets_of_the_same_and_another_class(tmp_path):
    report = convert(
        DATA / "banking77" / "train.jsonl.gz", tmp_path / "t.parquet", to="triplet", label="label"
    )
    rows = pa.table(read(DATA / "banking77" / "train.jsonl.gz"))
    label = dict(zip(rows.column("text").to_pylist(), rows.column("label").to_pylist(), strict=True))
    found = pa.table(read(tmp_path / "t.parquet"))
    assert found.num_rows == report.rows_out > 9900
    for anchor, positive, negative in zip(*(found.column(at).to_pylist() for at in range(3)), strict=True):
        assert anchor != positive
        assert label[anchor] == label[positive] != label[negative]


@real
@pytest.mark.parametrize(
    ("name", "positives"), [("scifact", 919), ("medquad", 14_699), ("dbpedia_entity_5k", 880)]
)
def test_judgments_give_pairs_lists_and_triplets(tmp_path, name, positives, recwarn):
    assert convert(DATA / name, tmp_path / "p.parquet", to="pair").rows_out == positives
    lists = convert(DATA / name, tmp_path / "l.parquet", to="labeled-list")
    triplets = convert(DATA / name, tmp_path / "t.parquet", to="triplet", num_negatives=2)
    assert triplets.rows_out > positives
    found = pa.table(read(tmp_path / "l.parquet"))
    assert found.num_rows == lists.rows_out
    known = {
        (anchor, document)
        for anchor, documents, labels in zip(*(found.column(at).to_pylist() for at in range(3)), strict=True)
        for document, label in zip(documents, labels, strict=True)
        if label > 0
    }
    rows = pa.table(read(tmp_path / "t.parquet")).to_pylist()
    assert all((row["anchor"], row["positive"]) in known for row in rows)
    assert not any((row["anchor"], row["negative"]) in known for row in rows)
    for file in ("p.parquet", "t.parquet"):
        Columns.from_row(first_row(tmp_path / file))
    assert not recwarn.list


@real
def test_scores_give_labels(tmp_path):
    report = convert(
        DATA / "stsb" / "train.jsonl.gz",
        tmp_path / "l.parquet",
        to="labeled-pair",
        threshold=(0.4, 0.6),
    )
    scores = pa.table(read(DATA / "stsb" / "train.jsonl.gz")).column("score").to_pylist()
    labels = pa.table(read(tmp_path / "l.parquet")).column("label").to_pylist()
    assert labels == [int(score >= 0.6) for score in scores if score <= 0.4 or score >= 0.6]
    assert report.left_out == {"rows between the thresholds": len(scores) - len(labels)}
    assert report.dropped_columns == ("source",)


def test_an_empty_number_stays_one(tmp_path):
    (tmp_path / "rows.csv").write_text('sentence1,sentence2,score\n"a","b",0.5\n"c","d",\n"e","f",1\n')
    for to in (None, "labeled-list"):
        with pytest.raises(ValueError, match=r"rows.csv: row 3, column `score`: must be there, got None"):
            convert(tmp_path / "rows.csv", tmp_path / "out.jsonl", to=to)
    report = convert(tmp_path / "rows.csv", tmp_path / "out.jsonl", on_error="skip")
    assert (report.from_, report.rows_out) == ("scored-pair", 2)
    assert dict(report.left_out) == {"rows skipped for a fault": 1}
