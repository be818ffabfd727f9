import json
import os
from pathlib import Path

import pyarrow as pa
import pytest

from foolsgold.data.pairs import read_pairs


def write_csv(path, header, *rows):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def lists(pairs):
    return pairs.anchors.to_pylist(), pairs.positives.to_pylist()


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        ("anchor,positive", (0, 1)),
        ("Positive,Anchor", (1, 0)),
        ("id,question,answer", (1, 2)),
        ("answer,_id,QUERY", (2, 0)),
        ("left,right", (0, 1)),
        ("doc_id,left,right,pair_idx", (1, 2)),
        (",left,right", (1, 2)),
        ("snippet,query", (1, 0)),
        ("document,other", (1, 0)),
        ("query,other", (0, 1)),
        ("category,positive,anchor,negative", (2, 1)),
        ("premise,hypothesis", (0, 1)),
        ("sentence1,sentence2,label_text", (0, 1)),
        ("query,text,positive,anchor", (3, 2)),
        ("sentence1,sentence2,source", (0, 1)),
        ("source,question,answer", (1, 2)),
        ("source,target,note", (0, 1)),
        ("source,text", (0, 1)),
    ],
)
def test_roles_by_name_then_by_order(tmp_path, header, roles):
    cells = [f"cell {at}" for at in range(header.count(",") + 1)]
    pairs = read_pairs(write_csv(tmp_path / "pairs.csv", header, ",".join(cells)))
    assert lists(pairs) == ([cells[roles[0]]], [cells[roles[1]]])


@pytest.mark.parametrize(
    ("header", "named", "roles"),
    [
        ("a,b,c", {"anchor": "c", "positive": "a"}, (2, 0)),
        ("a,b,answer", {"anchor": "b"}, (1, 2)),
        ("query,b,c", {"positive": "c"}, (0, 2)),
        ("sentence1,sentence2,source", {"positive": "sentence2"}, (0, 1)),
        ("a,b", {"anchor": "b"}, (1, 0)),
        ("a,b", {"positive": "a"}, (1, 0)),
        ("id,text", {"anchor": "id"}, (0, 1)),
        ("anchor,positive", {"anchor": "positive", "positive": "anchor"}, (1, 0)),
    ],
)
def test_roles_that_are_named(tmp_path, header, named, roles):
    cells = [f"cell {at}" for at in range(header.count(",") + 1)]
    pairs = read_pairs(write_csv(tmp_path / "pairs.csv", header, ",".join(cells)), **named)
    assert lists(pairs) == ([cells[roles[0]]], [cells[roles[1]]])


@pytest.mark.parametrize(
    ("header", "named", "hint"),
    [
        ("a,b,c", {}, "hint: name them with `anchor` (`--anchor`) and `positive` (`--positive`)"),
        ("query,b,c", {}, "hint: name them with `positive` (`--positive`)"),
        ("query,text,answer", {}, "hint: name them with `positive` (`--positive`)"),
        ("query,question,positive", {}, "hint: name them with `anchor` (`--anchor`)"),
        (
            "source,target,sentence1,sentence2",
            {},
            "hint: name them with `anchor` (`--anchor`) and `positive` (`--positive`)",
        ),
        ("a,b,c", {"anchor": "a"}, "hint: name them with `positive` (`--positive`)"),
        ("text", {}, "hint: name them with `anchor` (`--anchor`)"),
        ("id,anchor", {}, "hint: name them with `positive` (`--positive`)"),
    ],
)
def test_unclear_roles_are_an_error_that_lists_the_columns(tmp_path, header, named, hint):
    cells = ["x"] * (header.count(",") + 1)
    path = write_csv(tmp_path / "pairs.csv", header, ",".join(cells))
    with pytest.raises(ValueError, match="must have one column of anchors") as raised:
        read_pairs(path, **named)
    columns = ", ".join(f"`{name}` (text)" for name in header.split(","))
    told = str(raised.value)
    assert told.startswith(f"{path}: ")
    assert f"got {columns}\n" in told
    assert told.endswith(hint)


def test_wrong_columns_are_told(tmp_path):
    path = write_csv(tmp_path / "pairs.csv", "a,b,n", "x,y,1")
    wrong = [
        (
            {"anchor": "z", "positive": "b"},
            r"pairs\.csv: must have a column `z`, got the columns `a`, `b`, `n`",
        ),
        ({"anchor": "a", "positive": "n"}, r"pairs\.csv: column `n` must hold texts, got int64"),
        ({"anchor": "a", "positive": "a"}, "`anchor` and `positive` must be two columns, got `a` twice"),
    ]
    for named, message in wrong:
        with pytest.raises(ValueError, match=message):
            read_pairs(path, **named)


def test_null_and_blank_texts_are_refused_with_their_place(tmp_path):
    blank = write_csv(tmp_path / "pairs.csv", "anchor,positive", "x,y", '"two\nlines",z', "w,  ")
    with pytest.raises(
        ValueError, match=r"pairs\.csv, row 5, column `positive`: must not be null or empty, got no text"
    ):
        read_pairs(blank)
    missing = tmp_path / "pairs.jsonl"
    missing.write_text('{"anchor": "x", "positive": "y"}\n\n{"anchor": "z"}\n')
    with pytest.raises(
        ValueError, match=r"pairs\.jsonl, row 3, column `positive`: must not be null or empty, got null"
    ):
        read_pairs(missing)


def test_rows_that_are_labelled_otherwise_never_become_pairs(tmp_path):
    path = write_csv(tmp_path / "pairs.csv", "sentence1,sentence2,label", "a,b,1", "c,,0", "e,f,1")
    with pytest.raises(
        ValueError, match=r"column `label` must be 1 in all rows .* got 1 of 3 rows with another value"
    ) as raised:
        read_pairs(path)
    assert "`positive_label` (`--positive-label`)" in str(raised.value)
    for value in (1, 1.0, "1", True):
        pairs = read_pairs(path, positive_label=value)
        assert lists(pairs) == (["a", "e"], ["b", "f"])
        assert [pairs.source(row)[1] for row in range(len(pairs))] == [2, 4]
    with pytest.raises(ValueError, match="row 3, column `sentence2`: must not be null or empty"):
        read_pairs(path, positive_label=0)
    with pytest.raises(ValueError, match="column `label` must be 7 in some rows, got none"):
        read_pairs(path, positive_label=7)
    plain = write_csv(tmp_path / "plain.csv", "a,b", "x,y")
    with pytest.raises(
        ValueError, match="must have a column `label` or `score` for `positive_label`, got `a`, `b`"
    ):
        read_pairs(plain, positive_label=1)
    assert len(read_pairs(write_csv(tmp_path / "ones.csv", "a,b,score", "x,y,1.0", "z,w,1"))) == 2


@pytest.mark.parametrize(
    ("values", "wanted"), [((True, False), "true"), (("yes", "no"), "yes"), ((0.5, 0.25), 0.5)]
)
def test_labels_of_any_kind(tmp_path, values, wanted):
    path = tmp_path / "pairs.jsonl"
    rows = [{"anchor": "x", "positive": str(value), "label": value} for value in values]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert lists(read_pairs(path, positive_label=wanted)) == (["x"], [str(values[0])])


def write_lines(path, *rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_qrels(path, *rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("query-id\tcorpus-id\tscore\n" + "".join("\t".join(map(str, row)) + "\n" for row in rows))


@pytest.fixture
def beir(tmp_path):
    folder = tmp_path / "set"
    write_lines(
        folder / "corpus.jsonl",
        {"_id": "d0", "title": "Zero", "text": "nothing", "metadata": {}},
        {"_id": "d1", "title": "", "text": "one"},
        {"_id": "d2", "text": "two"},
    )
    write_lines(folder / "queries.jsonl", *({"_id": f"q{at}", "text": f"query {at}"} for at in range(4)))
    write_qrels(folder / "qrels" / "train.tsv", ("q0", "d1", 1), ("q0", "d2", 0), ("q1", "d0", 2))
    write_qrels(
        folder / "qrels" / "test.tsv", ("q3", "d2", 1), ("q2", "d0", 1), ("q3", "d0", 3), ("q2", "d1", 0)
    )
    return folder


def test_a_beir_folder(beir):
    pairs = read_pairs(beir)
    assert lists(pairs) == (["query 0", "query 1"], ["one", "Zero nothing"])
    assert pairs.corpus.to_pylist() == ["Zero nothing", "one", "two"]
    assert pairs.source(1) == (str(beir / "qrels" / "train.tsv"), 4)
    assert list(pairs.splits) == ["test"]
    test = pairs.splits["test"]
    assert test.queries.to_pylist() == ["query 3", "query 2"]
    assert (test.offsets.tolist(), test.documents.tolist()) == ([0, 2, 3], [2, 0, 0])
    assert test.scores.tolist() == [1, 3, 1]
    assert (str(test.offsets.dtype), str(test.documents.dtype)) == ("int64", "uint32")


def test_a_beir_folder_with_one_split_or_no_train(beir):
    (beir / "qrels" / "train.tsv").unlink()
    pairs = read_pairs(beir)
    assert (len(pairs), pairs.splits) == (3, {})
    (beir / "qrels" / "dev.tsv").write_bytes((beir / "qrels" / "test.tsv").read_bytes())
    with pytest.raises(ValueError, match="must hold qrels of a split `train`, got dev, test"):
        read_pairs(beir)


def test_folders_that_are_none(beir, tmp_path):
    with pytest.raises(
        ValueError, match="`anchor`, `positive` and `positive_label` must be left out for a BEIR folder"
    ):
        read_pairs(beir, anchor="text")
    (beir / "queries.jsonl").unlink()
    with pytest.raises(ValueError, match=r"set: must hold one queries\.jsonl \(also \.gz or \.zst\), got 0"):
        read_pairs(beir)
    with pytest.raises(ValueError, match="must be a file or a folder that `datasets` saved, got another"):
        read_pairs([beir, beir])
    write_qrels(beir / "qrels" / "train.tsv", ("q0", "d1", 0))
    write_lines(beir / "queries.jsonl", {"_id": "q0", "text": "query"})
    (beir / "qrels" / "test.tsv").unlink()
    with pytest.raises(ValueError, match="split `train` must hold a score above 0, got none"):
        read_pairs(beir)


def test_unknown_ids_name_file_and_row(beir):
    write_qrels(beir / "qrels" / "test.tsv", ("q0", "d1", 1), ("q9", "d1", 1))
    with pytest.raises(
        ValueError, match=r"test\.tsv, row 3, column `query-id`: must be an id that is there, got `q9`"
    ):
        read_pairs(beir)


def test_columns_are_arrow(tmp_path):
    pairs = read_pairs(write_csv(tmp_path / "pairs.csv", "anchor,positive", "x,y"))
    assert pa.chunked_array(pairs.anchors).type == pa.large_string()


@pytest.mark.skipif("FOOLSGOLD_DATA" not in os.environ, reason="no folder of data sets")
@pytest.mark.parametrize(
    ("name", "num_pairs", "splits"),
    [
        ("medquad", 14699, {"test": 1541}),
        ("scifact", 919, {"test": 300}),
        ("squad_dev", 6954, {"test": None}),
        ("arxiv_title_abstract/train.parquet", 60404, {}),
        ("tatoeba_en_fr/train.jsonl.gz", 162882, {}),
        ("tldr_commands/train.jsonl.gz", 28334, {}),
        ("wordnet_definitions/train.jsonl.gz", 105397, {}),
    ],
)
def test_public_data_sets(name, num_pairs, splits):
    pairs = read_pairs(Path(os.environ["FOOLSGOLD_DATA"]) / name)
    assert len(pairs) == num_pairs
    assert list(pairs.splits) == list(splits)
    for split, num_queries in splits.items():
        assert num_queries is None or len(pairs.splits[split].queries) == num_queries
