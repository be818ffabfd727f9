"""The layouts of other tools: known by their keys and files, read, written, and the same after both."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foolsgold.data import convert, read
from foolsgold.data.layouts import LAYOUTS, layout_of
from foolsgold.data.layouts.collections import joined, parted
from foolsgold.data.layouts.nested import first_keys, write_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda text: text.strip()
)
HOSTILE = [
    '"quoted"',
    "line\nbreak",
    "tab\there",
    "back\\slash",
    "\ufeffmark",
    "zero\0byte",
    "Ünï 漢字 🥇",
    "'",
    "a\r\nb",
]
FLAG = [
    {
        "query": "q1",
        "pos": ["p1", "p2"],
        "neg": ["n1"],
        "pos_scores": [1.5, 2.0],
        "neg_scores": [0.5],
        "prompt": "find: ",
    },
    {"query": "q2", "pos": ["p3"], "neg": [], "pos_scores": [1.0], "neg_scores": [], "prompt": "find: "},
]
TEVATRON = [
    {
        "query_id": "1",
        "query": "q1",
        "positive_passages": [{"docid": "a", "title": "T", "text": "x"}],
        "negative_passages": [
            {"docid": "b", "title": "", "text": "y"},
            {"docid": "c", "title": "U", "text": "z"},
        ],
    },
    {
        "query_id": "2",
        "query": "q2",
        "positive_passages": [{"docid": "a", "title": "T", "text": "x"}],
        "negative_passages": [],
    },
]
DPR = [
    {
        "dataset": "nq",
        "question": "q1",
        "answers": ["x"],
        "positive_ctxs": [{"title": "T", "text": "x", "score": 1.5, "passage_id": "1"}],
        "negative_ctxs": [{"title": "V", "text": "v", "score": 0.0, "passage_id": "3"}],
        "hard_negative_ctxs": [{"title": "U", "text": "y", "score": 1.0, "passage_id": "2"}],
    },
    {
        "dataset": "nq",
        "question": "q2",
        "answers": [],
        "positive_ctxs": [{"title": "T", "text": "x", "score": 1.5, "passage_id": "1"}],
        "negative_ctxs": [],
        "hard_negative_ctxs": [],
    },
]


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def table(path):
    return pa.table(read(path))


@pytest.fixture
def collection(tmp_path):
    queries = write_lines(
        tmp_path / "queries.jsonl", [{"_id": str(at), "text": f"query {at}"} for at in range(3)]
    )
    corpus = write_lines(
        tmp_path / "corpus.jsonl",
        [{"_id": str(at), "title": "T" * (at % 2), "text": f"text {at}"} for at in range(9)],
    )
    return {"queries": queries, "corpus": corpus}


@pytest.mark.parametrize(("name", "rows"), [("flagembedding", FLAG), ("tevatron", TEVATRON)])
def test_json_lines_are_the_same_there_and_back(tmp_path, name, rows):
    start = write_lines(tmp_path / "start.jsonl", rows)
    assert layout_of([str(start)]) == name
    convert(start, tmp_path / "rows.parquet")
    convert(tmp_path / "rows.parquet", tmp_path / "end.jsonl.gz", to_layout=name)
    end = [
        json.loads(line) for line in gzip.decompress((tmp_path / "end.jsonl.gz").read_bytes()).splitlines()
    ]
    assert end == rows


def test_dpr_is_the_same_there_and_back(tmp_path):
    (tmp_path / "start.json").write_text(json.dumps(DPR, indent=2))
    convert(tmp_path / "start.json", tmp_path / "rows.parquet")
    found = table(tmp_path / "rows.parquet")
    assert found.column("negatives").to_pylist() == [["U y"], []]
    assert found.column("easy_negatives").to_pylist() == [["V v"], []]
    convert(tmp_path / "rows.parquet", tmp_path / "end.json", to_layout="dpr")
    assert json.loads((tmp_path / "end.json").read_text()) == DPR


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3), st.lists(TEXT, max_size=3)),
        min_size=1,
        max_size=5,
    )
)
def test_any_text_is_the_same_in_every_layout_of_rows(tmp_path, found):
    rows = [{"query": query, "pos": good, "neg": bad} for query, good, bad in found]
    start = write_lines(tmp_path / "start.jsonl", rows)
    for name in ("tevatron", "dpr"):
        convert(start, tmp_path / "middle.json", to_layout=name)
        convert(tmp_path / "middle.json", tmp_path / "end.jsonl", layout=name, to_layout="flagembedding")
        end = [{key: row[key] for key in ("query", "pos", "neg")} for row in lines(tmp_path / "end.jsonl")]
        assert end == rows


def test_hostile_texts_survive(tmp_path):
    rows = [{"query": f"q {text}", "pos": [text], "neg": HOSTILE} for text in HOSTILE]
    convert(write_lines(tmp_path / "a.jsonl", rows), tmp_path / "b.json.zst", to_layout="dpr")
    convert(tmp_path / "b.json.zst", tmp_path / "c.jsonl", to_layout="flagembedding")
    assert [{key: row[key] for key in ("query", "pos", "neg")} for row in lines(tmp_path / "c.jsonl")] == rows


def test_ids_and_titles_travel_between_layouts(tmp_path):
    start = write_lines(tmp_path / "start.jsonl", TEVATRON)
    convert(start, tmp_path / "ids", to_layout="tevatron-ids")
    assert lines(tmp_path / "ids" / "train.jsonl")[0] == {
        "query_id": "1",
        "query_text": "q1",
        "positive_document_ids": ["a"],
        "negative_document_ids": ["b", "c"],
    }
    assert lines(tmp_path / "ids" / "corpus.jsonl")[0] == {"docid": "a", "text": "T x"}
    convert(tmp_path / "ids", tmp_path / "flag.jsonl", to_layout="flagembedding")
    row = lines(tmp_path / "flag.jsonl")[0]
    assert (row["query"], row["pos"], row["neg"], row["neg_id"]) == ("q1", ["T x"], ["y", "U z"], ["b", "c"])
    convert(start, tmp_path / "beir", to_layout="beir")
    assert lines(tmp_path / "beir" / "corpus.jsonl")[0] == {"_id": "a", "title": "T", "text": "x"}


def test_judgments_are_the_same_in_all_their_layouts(tmp_path, collection):
    qrels = tmp_path / "start.qrels"
    qrels.write_text("0 0 3 2\n0 0 4 0\n2 0 5 1\n")
    convert(qrels, tmp_path / "rows.parquet", layout="trec-qrels", **collection)
    rows = table(tmp_path / "rows.parquet")
    assert rows.column("document").to_pylist() == ["T text 3", "text 4", "T text 5"]
    assert rows.column("score").to_pylist() == [2, 0, 1]
    for name in ("beir", "msmarco"):
        report = convert(tmp_path / "rows.parquet", tmp_path / name, to_layout=name, split="dev")
        assert report.rows_out == 3
        assert layout_of([str(tmp_path / name)]) == name
        convert(tmp_path / name, tmp_path / "back.parquet", split="dev")
        names = ["query_id", "query", "document_id", "document", "score"]
        assert table(tmp_path / "back.parquet").select(names).equals(rows.select(names))
    convert(tmp_path / "beir", tmp_path / "end.qrels", to_layout="trec-qrels")
    assert [line.split() for line in (tmp_path / "end.qrels").read_text().splitlines()] == [
        line.split() for line in qrels.read_text().splitlines()
    ]
    with pytest.raises(ValueError, match=r"`split` must be one of \['dev'\], got 'test'"):
        convert(tmp_path / "beir", tmp_path / "none.parquet", split="test")


def test_a_run_is_the_same_there_and_back(tmp_path, collection):
    (tmp_path / "start.run").write_text("0 Q0 3 1 7.5 bm25\n0 Q0 4 2 4.25 bm25\n1 Q0 5 1 0.1 bm25\n")
    convert(tmp_path / "start.run", tmp_path / "rows.parquet", layout="trec-run", **collection)
    assert table(tmp_path / "rows.parquet").column("score").to_pylist() == [7.5, 4.25, 0.1]
    convert(tmp_path / "rows.parquet", tmp_path / "end.run", to_layout="trec-run")
    assert (tmp_path / "end.run").read_text() == (tmp_path / "start.run").read_text()
    report = convert(
        tmp_path / "start.run",
        tmp_path / "lists.jsonl",
        layout="trec-run",
        to="labeled-list",
        threshold=4,
        **collection,
    )
    assert report.rows_out == 2


def test_triples_are_the_same_as_texts_and_as_ids(tmp_path, collection):
    (tmp_path / "texts.tsv").write_text('query\t"a" positive\tnegative\n')
    convert(tmp_path / "texts.tsv", tmp_path / "rows.jsonl", layout="msmarco-triples")
    assert lines(tmp_path / "rows.jsonl") == [
        {"anchor": "query", "positive": '"a" positive', "negative": "negative"}
    ]
    convert(tmp_path / "rows.jsonl", tmp_path / "end.tsv", to_layout="msmarco-triples")
    assert (tmp_path / "end.tsv").read_text() == (tmp_path / "texts.tsv").read_text()
    (tmp_path / "ids.tsv").write_text("0\t3\t4\n2\t5\t6\n")
    convert(tmp_path / "ids.tsv", tmp_path / "rows.parquet", layout="msmarco-triples", **collection)
    convert(tmp_path / "rows.parquet", tmp_path / "end.tsv", to_layout="msmarco-triples")
    assert (tmp_path / "end.tsv").read_text() == (tmp_path / "ids.tsv").read_text()
    write_lines(tmp_path / "bad.jsonl", [{"anchor": "a", "positive": "b\tc", "negative": "d"}])
    with pytest.raises(
        ValueError,
        match=r"bad.jsonl: row 1, column `positive`: must be without tabs and line breaks, got 'b\\tc'",
    ):
        convert(tmp_path / "bad.jsonl", tmp_path / "bad.tsv", to_layout="msmarco-triples")
    assert not (tmp_path / "bad.tsv").exists()


def test_margins_of_a_teacher(tmp_path, collection):
    (tmp_path / "start.tsv").write_text("7.5\t2.25\t0\t3\t4\n-1.0\t0.5\t2\t5\t6\n")
    convert(tmp_path / "start.tsv", tmp_path / "rows.parquet", layout="margin-mse", **collection)
    convert(tmp_path / "rows.parquet", tmp_path / "end.tsv", to_layout="margin-mse")
    assert (tmp_path / "end.tsv").read_text() == (tmp_path / "start.tsv").read_text()
    convert(
        tmp_path / "start.tsv", tmp_path / "m.jsonl", layout="margin-mse", numbers="margins", **collection
    )
    assert lines(tmp_path / "m.jsonl") == [
        {"anchor": "query 0", "positive": "T text 3", "negative": "text 4", "label": 5.25},
        {"anchor": "query 2", "positive": "T text 5", "negative": "text 6", "label": -1.5},
    ]


def test_mined_negatives_of_systems(tmp_path, collection):
    rows = [
        {"qid": 0, "pos": [3], "neg": {"bm25": [4, 5], "dense": [5, 6]}},
        {"qid": 2, "pos": [7], "neg": {"bm25": [8], "dense": []}},
    ]
    start = write_lines(tmp_path / "start.jsonl", rows)
    assert layout_of([str(start)]) == "hard-negatives"
    convert(start, tmp_path / "rows.parquet", **collection)
    assert table(tmp_path / "rows.parquet").column("negatives").to_pylist() == [
        ["text 4", "T text 5", "text 6"],
        ["text 8"],
    ]
    convert(tmp_path / "rows.parquet", tmp_path / "end.jsonl", to_layout="hard-negatives")
    assert lines(tmp_path / "end.jsonl") == rows
    assert convert(start, tmp_path / "triplets.jsonl", to="triplet", **collection).rows_out == 4


@pytest.mark.parametrize("as_text", [False, True])
def test_distillation_lists(tmp_path, as_text):
    folder = tmp_path / "start"
    folder.mkdir()
    row = {"query_id": 7, "document_ids": [1, 2], "scores": [0.5, -1.25]}
    if as_text:
        row |= {"document_ids": "['1', '2']", "scores": "[0.5, -1.25]"}
    write_lines(folder / "train.jsonl", [row])
    write_lines(folder / "queries.jsonl", [{"query_id": 7, "text": "q"}])
    pq.write_table(
        pa.table({"document_id": [1, 2, 3], "text": ["x", "y", "z"]}), folder / "documents.parquet"
    )
    assert layout_of([str(folder)]) == "pylate"
    convert(folder, tmp_path / "rows.parquet")
    convert(tmp_path / "rows.parquet", tmp_path / "end", to_layout="pylate")
    assert lines(tmp_path / "end" / "train.jsonl") == [
        {"query_id": "7", "document_ids": ["1", "2"], "scores": [0.5, -1.25]}
    ]
    assert lines(tmp_path / "end" / "documents.jsonl")[1] == {"document_id": "2", "text": "y"}
    margins = {"to": "triplet", "threshold": "first", "numbers": "margins"}
    convert(folder, tmp_path / "margins.jsonl", **margins)
    assert lines(tmp_path / "margins.jsonl") == [
        {"anchor": "q", "positive": "x", "negative": "y", "label": 1.75}
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"query": "q", "pos": "text", "neg": []}],
            r"rows.jsonl: row 1, column `pos`: must be a list, got 'text'",
        ),
        (
            [FLAG[0], {"query": "q", "pos": ["p"], "neg": "text"}],
            "row 2, column `neg`: must be a list as in the rows before, got a text",
        ),
        (
            [FLAG[0], {"query": ["q"], "pos": ["p"], "neg": []}],
            "row 2, column `query`: must be a text as in the rows before, got a list",
        ),
        (
            [FLAG[0], {"query": "q", "pos": ["p", 1], "neg": []}],
            "row 2, column `pos`: must be a list in which each is a text as in the rows before, got a number",
        ),
        (
            [TEVATRON[0], {"query": "q", "positive_passages": "text", "negative_passages": []}],
            "row 2, column `positive_passages`: must be a list as in the rows before, got a text",
        ),
        ([FLAG[0], [1]], "row 2: must be one JSON object, got an array"),
        (
            [{"query": "q", "pos": [], "neg": []}],
            "row 1, column `positives`: must be a text that is not blank, got",
        ),
        (
            [{"query": "q", "pos": [" "], "neg": []}],
            "row 1, column `positives`: must be a text that is not blank, got",
        ),
    ],
)
def test_a_bad_row_is_told_with_file_row_and_column(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        convert(write_lines(tmp_path / "rows.jsonl", rows), tmp_path / "out.jsonl", to="ragged")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_bad_rows_are_skipped_and_counted(tmp_path):
    start = write_lines(tmp_path / "rows.jsonl", [FLAG[0], {"query": "q", "pos": "text"}, FLAG[1], [1]])
    with start.open("a") as file:
        file.write("{not json\n")
    report = convert(start, tmp_path / "out.jsonl", to_layout="flagembedding", on_error="skip")
    assert (report.rows_in, report.rows_out) == (5, 2)
    assert report.left_out == {"rows skipped for a fault": 3}


def test_unknown_ids_are_told_or_skipped(tmp_path, collection):
    (tmp_path / "rows.tsv").write_text("0\t3\t4\n0\t3\t99\n")
    with pytest.raises(
        ValueError, match=r"rows.tsv: row 2, column `negative_id`: must be an id of .*corpus.jsonl, got '99'"
    ):
        convert(tmp_path / "rows.tsv", tmp_path / "out.jsonl", layout="msmarco-triples", **collection)
    report = convert(
        tmp_path / "rows.tsv", tmp_path / "out.jsonl", layout="msmarco-triples", on_error="skip", **collection
    )
    assert (report.rows_in, report.rows_out) == (2, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"query": 1}, {"a"', "row 2: must be an array of JSON objects, got EOF"),
        (b'[{"query": 1}', "row 2: must be an array of JSON objects, got the end of the file before that of"),
        (b'[{"query": 1}] []', "row 2: must be an array of JSON objects, got characters after its end"),
        (b'[{"query": "\xff"}]', "row 1: must be UTF-8, got byte 0xff at offset 12"),
        (b'{"query": "\xff"}\n', "row 1: must be UTF-8, got byte 0xff at offset 11"),
        (b'{"query": 1\n', "row 1: must be one JSON object, got EOF"),
        (b"\n", "must hold rows, got none"),
    ],
)
def test_broken_json_is_refused(tmp_path, content, message):
    (tmp_path / "rows.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        convert(tmp_path / "rows.json", tmp_path / "out.jsonl", layout="flagembedding")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.json"]


def test_keys_are_found_however_the_first_row_is_cut(tmp_path, monkeypatch):
    from foolsgold.data.layouts import texts

    rows = [{"ä": "é" * 60, "b": [{"c": 1}, {"d": {"e": 2}}], "f": {}, "g": []}, {"h": 1}]
    wanted = {"ä", "b.c", "b.d.e", "f", "g"}
    for block in (1, 7, 1 << 20):
        monkeypatch.setattr(texts, "_BLOCK_BYTES", block)
        for indent in (None, 1):
            array = json.dumps(rows, indent=indent, ensure_ascii=False)
            (tmp_path / "rows.json").write_text(f"\ufeff {array}", encoding="utf-8")
            assert first_keys(tmp_path / "rows.json") == wanted
        assert first_keys(write_lines(tmp_path / "rows.jsonl", rows)) == wanted
        for other in ("", "3", "[", "[3]", '{"a"'):
            (tmp_path / "none.json").write_text(other)
            assert first_keys(tmp_path / "none.json") == set()
    write_json(tmp_path / "out.json", iter(rows), is_array=True)
    assert json.loads((tmp_path / "out.json").read_text()) == rows


def test_layouts_are_named_where_they_are_not_sure(tmp_path):
    assert layout_of([str(write_lines(tmp_path / "a.jsonl", [{"anchor": "a", "positive": "b"}]))]) is None
    both = {"query": "q", "pos": ["p"], "qid": 1, "neg": {"bm25": [1]}}
    with pytest.raises(
        ValueError, match="must be of one layout, got what may be 'flagembedding', 'hard-negatives'"
    ):
        layout_of([str(write_lines(tmp_path / "b.jsonl", [both]))])
    with pytest.raises(ValueError, match=r"`layout` must be one of 'beir', 'dpr'.*, got 'colbert'"):
        convert(tmp_path / "a.jsonl", tmp_path / "out.jsonl", layout="colbert")
    with pytest.raises(
        ValueError, match="`queries` must be given with layout 'trec-run', whose rows are ids, got None"
    ):
        convert(tmp_path / "a.jsonl", tmp_path / "out.jsonl", layout="trec-run")
    assert {layout.SHAPE for layout in LAYOUTS.values()} == {
        "ragged",
        "graded",
        "triplet",
        "scored-pair",
        "labeled-list",
    }


@given(st.text(max_size=5), st.text(min_size=1, max_size=5))
def test_titles_come_off_again(title, text):
    both = joined(pa.array([title], pa.large_string()), pa.array([text], pa.large_string()))[0].as_py()
    assert parted(title, both) == text


def test_a_row_without_negatives_has_none(tmp_path):
    rows = [FLAG[0], {"query": "q2", "pos": ["p3"], "pos_scores": [1.0], "prompt": "find: "}]
    start = write_lines(tmp_path / "start.jsonl", rows)
    report = convert(start, tmp_path / "end.jsonl", to_layout="flagembedding")
    assert (report.rows_out, dict(report.left_out)) == (2, {})
    assert lines(tmp_path / "end.jsonl") == FLAG
    alone = [{"query": "q", "pos": ["p"], "neg": None}, {"query": "r", "pos": ["o"]}]
    convert(write_lines(tmp_path / "alone.jsonl", alone), tmp_path / "end.jsonl", to_layout="flagembedding")
    assert [row["neg"] for row in lines(tmp_path / "end.jsonl")] == [[], []]
    unscored = [FLAG[0], {"query": "q2", "pos": ["p"], "neg": ["n"]}]
    convert(write_lines(tmp_path / "some.jsonl", unscored), tmp_path / "end.jsonl", to_layout="flagembedding")
    assert lines(tmp_path / "end.jsonl") == unscored


@pytest.mark.parametrize(("layout", "name"), [("margin-mse", "end.tsv"), ("hard-negatives", "end.jsonl")])
def test_texts_without_ids_are_numbered(tmp_path, layout, name):
    rows = [
        {"anchor": "q", "positive": "p", "negative": "n", "scores": [2.0, 1.0]},
        {"anchor": "q", "positive": "p", "negative": "m", "scores": [2.0, 0.5]},
        {"anchor": "r", "positive": "n", "negative": "p", "scores": [1.5, 0.5]},
    ]
    start = write_lines(tmp_path / "rows.jsonl", rows)
    convert(start, tmp_path / name, to_layout=layout)
    if layout == "margin-mse":
        expected = "2.0\t1.0\t0\t0\t1\n2.0\t0.5\t0\t0\t2\n1.5\t0.5\t1\t1\t0\n"
        assert (tmp_path / name).read_text() == expected
    else:
        assert lines(tmp_path / name) == [
            {"qid": 0, "pos": [0], "neg": {"mined": [1, 2]}},
            {"qid": 1, "pos": [1], "neg": {"mined": [0]}},
        ]
    for stem, texts in [("queries", "qr"), ("corpus", "pnm")]:
        found = [{"_id": str(at), "text": text} for at, text in enumerate(texts)]
        write_lines(tmp_path / f"{stem}.jsonl", found)
    named = {"corpus": tmp_path / "corpus.jsonl", "queries": tmp_path / "queries.jsonl"}
    convert(tmp_path / name, tmp_path / "rows.parquet", layout=layout, **named)
    convert(tmp_path / "rows.parquet", tmp_path / "back.jsonl", to="triplet", numbers="none")
    wanted = [{side: row[side] for side in ("anchor", "positive", "negative")} for row in rows]
    assert lines(tmp_path / "back.jsonl") == wanted


def test_scores_are_needed_for_margins(tmp_path):
    start = write_lines(tmp_path / "rows.jsonl", [{"anchor": "q", "positive": "p", "negative": "n"}])
    with pytest.raises(ValueError, match="layout 'margin-mse' must have a column `scores`"):
        convert(start, tmp_path / "end.tsv", to_layout="margin-mse")


@pytest.fixture
def judged_folder(tmp_path, collection):
    folder = tmp_path / "folder"
    (folder / "qrels").mkdir(parents=True)
    for path in collection.values():
        path.rename(folder / path.name)
    header = "query-id\tcorpus-id\tscore\n"
    (folder / "qrels" / "train.tsv").write_text(f"{header}0\t3\t2\n2\t7\t1\n")
    (folder / "qrels" / "test.tsv").write_text(f"{header}1\t4\t1\n1\t5\t0\n0\t1\t1\n")
    return folder


def lines_of_qrels(folder, split):
    return (folder / "qrels" / f"{split}.tsv").read_text().splitlines()[1:]


def test_a_folder_of_judgments_stays_whole(tmp_path, judged_folder):
    report = convert(judged_folder, tmp_path / "end", to_layout="beir")
    assert (report.rows_out, dict(report.left_out)) == (5, {})
    for name in ("corpus.jsonl", "queries.jsonl"):
        assert lines(tmp_path / "end" / name) == lines(judged_folder / name)
    train = "qrels/train.tsv"
    for name in (train, "qrels/test.tsv"):
        assert (tmp_path / "end" / name).read_text() == (judged_folder / name).read_text()
    assert len([*(tmp_path / "end" / "qrels").iterdir()]) == 2
    report = convert(judged_folder, tmp_path / "judged", to_layout="beir", threshold=1)
    assert lines_of_qrels(tmp_path / "judged", "test") == ["1\t4\t1", "1\t5\t0", "0\t1\t1"]
    assert dict(convert(judged_folder, tmp_path / "test", to_layout="beir", split="test").left_out) == {}
    (judged_folder / train).unlink()
    report = convert(judged_folder, tmp_path / "only", to_layout="beir", threshold=1)
    assert [path.name for path in (tmp_path / "only" / "qrels").iterdir()] == ["test.tsv"]
    assert len(lines(tmp_path / "only" / "corpus.jsonl")) == 9


def test_splits_are_read_together_and_told_apart(tmp_path, judged_folder):
    header = "query-id\tcorpus-id\tscore\n"
    (judged_folder / "qrels" / "dev.tsv").write_text(f"{header}2\t6\t0.5\n")
    report = convert(judged_folder, tmp_path / "rows.jsonl", split=["train", "test"])
    assert "judgments of split dev" not in report.left_out
    rows = lines(tmp_path / "rows.jsonl")
    assert [row["split"] for row in rows] == ["train"] * 2 + ["test"] * 3
    assert [(row["query_id"], row["document_id"]) for row in rows][1:3] == [("2", "7"), ("1", "4")]
    report = convert(judged_folder, tmp_path / "all.parquet", split="all")
    assert report.rows_out == 6
    for source in (judged_folder, tmp_path / "all.parquet"):
        for layout, pattern in [("beir", "qrels/*.tsv"), ("msmarco", "qrels.*.tsv")]:
            end = tmp_path / f"{source.stem}-{layout}"
            convert(source, end, to_layout=layout, **({"split": "all"} if source == judged_folder else {}))
            counts = {path.name: len(path.read_text().splitlines()) for path in end.glob(pattern)}
            names = ["dev.tsv", "test.tsv", "train.tsv"]
            expected = [2, 4, 3] if layout == "beir" else [1, 3, 2]
            before = "" if layout == "beir" else "qrels."
            assert counts == {before + name: count for name, count in zip(names, expected, strict=True)}
    asked = (tmp_path / "folder-msmarco" / "queries.test.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in asked] == ["1", "0"]
    (judged_folder / "qrels" / "all.tsv").write_text(f"{header}2\t7\t1\n")
    assert convert(judged_folder, tmp_path / "rows.jsonl", split="all").rows_out == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": ["train", "no"]}, r"`split` must be one of \['test', 'train'\], got 'no'"),
        ({"split": []}, r"`split` must be a name, or a list of them, got \[\]"),
        ({"split": [1]}, r"`split` must be a name, or a list of them, got \[1\]"),
    ],
)
def test_splits_that_are_not_there_are_refused(tmp_path, judged_folder, options, message):
    with pytest.raises(ValueError, match=message):
        convert(judged_folder, tmp_path / "out.jsonl", **options)
    (judged_folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\t4\t1\n1\t99\t1\n")
    with pytest.raises(ValueError, match=r"test.tsv: row 3, column `document_id`: must be an id of .*'99'"):
        convert(judged_folder, tmp_path / "out.jsonl", split="all")
    assert convert(judged_folder, tmp_path / "out.jsonl", split="all", on_error="skip").rows_out == 3
    rows = {"query": ["a"], "document": ["b"], "score": [2], "split": ["a/b"]}
    with pytest.raises(ValueError, match="`split` must be left out for rows without judgments"):
        convert(rows, tmp_path / "out.jsonl", split="train")
    with pytest.raises(ValueError, match="`split` must be one name where no BEIR or MS MARCO folder is read"):
        convert(rows, tmp_path / "out", to_layout="beir", split=["train", "test"])
    with pytest.raises(ValueError, match="row 0, column `split`: must be the name of a split, got 'a/b'"):
        convert(rows, tmp_path / "out", to_layout="beir")
    assert not (tmp_path / "out").exists()


def test_other_outputs_tell_what_is_not_judged(tmp_path, judged_folder):
    report = convert(judged_folder, tmp_path / "rows.jsonl")
    unjudged = {"documents without a judgment": 7, "queries without a judgment": 1}
    assert dict(report.left_out) == unjudged | {"judgments of split test": 3}
    report = convert(judged_folder, tmp_path / "bare", to_layout="beir", keep_columns=False)
    assert report.left_out.items() >= unjudged.items()
    assert len(lines(tmp_path / "bare" / "corpus.jsonl")) == 2
