"""What layouts refuse, where they say it stands, and what of a folder is told or kept."""

import json

import pyarrow as pa
import pytest

from foolsgold.data import convert, read
from foolsgold.data.layouts import LAYOUTS

CORPUS = [
    {"_id": "d1", "title": "t", "text": "x", "url": "u", "metadata": {"a": [1, None]}},
    {"_id": "d2", "title": "", "text": "y", "url": "v", "metadata": {}},
]
QUERIES = [{"_id": "q1", "text": "qq", "type": "k"}, {"_id": "q2", "text": "zz", "type": "k2"}]
HEADER = "query-id\tcorpus-id\tscore\n"


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def folder(tmp_path):
    """A BEIR folder."""
    found = tmp_path / "b"
    (found / "qrels").mkdir(parents=True)
    write_lines(found / "corpus.jsonl", CORPUS)
    write_lines(found / "queries.jsonl", QUERIES)
    (found / "qrels" / "train.tsv").write_text(f"{HEADER}q1\td1\t1\nq1\td2\t0\nq2\td2\t2\n")
    return found


@pytest.fixture
def texts(folder):
    return {"queries": folder / "queries.jsonl", "corpus": folder / "corpus.jsonl"}


@pytest.fixture
def passages(tmp_path):
    """A folder of MS MARCO with one split."""
    found = tmp_path / "ms"
    found.mkdir()
    (found / "collection.tsv").write_text("1\tone\n2\ttwo\n3\tthree\n")
    (found / "queries.train.tsv").write_text("7\tseven\n8\teight\n")
    (found / "qrels.train.tsv").write_text("7\t0\t1\t1\n7\t0\t2\t0\n")
    return found


@pytest.mark.parametrize("wanted", ["nonsense", "dev"])
def test_a_split_that_is_not_there_is_refused_by_msmarco(tmp_path, passages, wanted):
    with pytest.raises(ValueError, match=rf"`split` must be one of \['train'\], got '{wanted}'"):
        convert(passages, tmp_path / "out", to_layout="beir", split=wanted)
    assert not (tmp_path / "out").exists()


def test_all_of_one_split_is_that_split(tmp_path, passages):
    convert(passages, tmp_path / "out", to_layout="beir", split="all")
    assert [path.name for path in (tmp_path / "out" / "qrels").iterdir()] == ["train.tsv"]


def test_splits_of_msmarco_are_read_together_or_told(tmp_path, passages):
    (passages / "queries.dev.tsv").write_text("7\tseven\n9\tnine\n")
    (passages / "qrels.dev.tsv").write_text("9\t0\t3\t1\n\n7\t0\t3\t1\n")
    report = convert(passages, tmp_path / "rows.jsonl")
    assert (report.rows_out, report.left_out) == (
        2,
        {"documents without a judgment": 1, "queries without a judgment": 1, "judgments of split dev": 2},
    )
    report = convert(passages, tmp_path / "rows.jsonl", split="all")
    assert report.left_out == {"queries without a judgment": 1}
    expected = [("dev", "nine"), ("dev", "seven"), ("train", "seven"), ("train", "seven")]
    assert [(row["split"], row["query"]) for row in rows_of(tmp_path / "rows.jsonl")] == expected
    for options in ({"split": "all"}, {"split": ["train", "dev"]}):
        end = tmp_path / f"end{len(options['split'])}"
        convert(passages, end, to_layout="msmarco", **options)
        for name in ("qrels.dev.tsv", "qrels.train.tsv"):
            assert (end / name).read_text().split() == (passages / name).read_text().split()
    (passages / "queries.dev.tsv").unlink()
    (passages / "queries.train.tsv").rename(passages / "queries.tsv")
    assert convert(passages, tmp_path / "rows.jsonl", split="train").rows_out == 2
    with pytest.raises(ValueError, match=r"qrels.dev.tsv: row 1, column `query_id`: must be an id of .*'9'"):
        convert(passages, tmp_path / "rows.jsonl", split="all")
    report = convert(passages, tmp_path / "rows.jsonl", split="all", on_error="skip")
    assert (report.rows_in, report.rows_out) == (4, 3)


@pytest.mark.parametrize(
    ("layout", "line", "message"),
    [
        (
            "trec-qrels",
            "q1 0 d1 99999999999999999999999",
            "`score`: must be a whole number of 64 bits, got '9",
        ),
        ("trec-qrels", "q1 0 d1 x", "`score`: must be a whole number, got 'x'"),
        ("trec-run", "q1 Q0 d1 99999999999999999999 1 tag", "`rank`: must be a whole number of 64 bits"),
        ("trec-run", "q1 Q0 d1 1 inf tag", "`score`: must be a number, got 'inf'"),
        ("margin-mse", "1\tnan\tq1\td1\td2", "`negative_score`: must be a number, got 'nan'"),
    ],
)
def test_what_is_no_number_is_told_or_skipped(tmp_path, texts, layout, line, message):
    good = {"trec-qrels": "q2 0 d1 1", "trec-run": "q2 Q0 d1 1 0.5 t", "margin-mse": "1\t0\tq2\td1\td2"}
    (tmp_path / "rows.txt").write_text(f"{good[layout]}\n{line}\n")
    with pytest.raises(ValueError, match=rf"rows.txt: row 2, column {message}"):
        convert(tmp_path / "rows.txt", tmp_path / "out.jsonl", layout=layout, **texts)
    report = convert(tmp_path / "rows.txt", tmp_path / "out.jsonl", layout=layout, on_error="skip", **texts)
    assert (report.rows_in, report.rows_out) == (2, 1)


@pytest.mark.parametrize("options", [{}, {"to_layout": "beir"}, {"to_layout": "msmarco"}])
def test_a_score_of_beir_that_is_no_number_is_told_or_skipped(tmp_path, folder, options):
    (folder / "qrels" / "train.tsv").write_text(f"{HEADER}q1\td1\t1\nq1\td2\tx\nq2\td2\t2\n")
    output = tmp_path / ("out" if options else "out.jsonl")
    with pytest.raises(ValueError, match=r"train.tsv: row 3, column `score`: must be a number, got 'x'"):
        convert(folder, output, **options)
    report = convert(folder, output, on_error="skip", **options)
    assert (report.rows_in, report.rows_out) == (3, 2)
    assert report.left_out["rows skipped for a fault"] == 1
    if not options:
        assert [row["score"] for row in rows_of(output)] == [1, 2]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [(["1", "0", "2"], [1, 0, 2]), (["1", "0.5", "+2"], [1, 0.5, 2]), (["1", "9" * 20, "2"], [1, 1e20, 2])],
)
def test_scores_of_beir_are_numbers(tmp_path, folder, cells, expected):
    pairs = ("q1\td1", "q1\td2", "q2\td2")
    judged = "".join(f"{pair}\t{cell}\n" for pair, cell in zip(pairs, cells, strict=True))
    (folder / "qrels" / "train.tsv").write_text(HEADER + judged)
    convert(folder, tmp_path / "out.parquet")
    found = pa.table(read(tmp_path / "out.parquet")).column("score")
    assert found.to_pylist() == expected
    assert str(found.type) == ("int64" if cells == ["1", "0", "2"] else "double")


def test_a_beir_folder_keeps_all_fields(tmp_path, folder):
    report = convert(folder, tmp_path / "end", to_layout="beir")
    assert rows_of(tmp_path / "end" / "corpus.jsonl") == CORPUS
    assert rows_of(tmp_path / "end" / "queries.jsonl") == QUERIES
    assert report.dropped_columns == ()
    for options in ({}, {"to_layout": "trec-qrels"}, {"to_layout": "beir", "keep_columns": False}):
        name = "rows.jsonl" if not options else options["to_layout"]
        report = convert(folder, tmp_path / name, **options)
        assert {"url", "metadata", "type"} <= {*report.dropped_columns}


def test_ids_and_texts_of_other_names_get_those_of_beir(tmp_path, folder):
    rows = [{"n": 1, "docid": "d1", "contents": "x"}, {"docid": "d2", "contents": "y"}]
    write_lines(folder / "corpus.jsonl", rows)
    convert(folder, tmp_path / "end", to_layout="beir")
    expected = [{"_id": "d1", "text": "x", "n": 1}, {"_id": "d2", "text": "y"}]
    assert rows_of(tmp_path / "end" / "corpus.jsonl") == expected


ROWS = {
    "ragged": {"anchor": "a", "positives": ["p"], "negatives": ["n", "m"]},
    "triplet": {"anchor": "a", "positive": "p", "negative": "n", "scores": [2.0, 1.0]},
    "graded": {"query": "a", "document": "p", "score": 1},
    "scored-pair": {"query": "a", "document": "p", "score": 0.5},
}
FILES = sorted(name for name, layout in LAYOUTS.items() if not layout.IS_FOLDER)


@pytest.mark.parametrize("layout", FILES)
@pytest.mark.parametrize(
    "ending", ["", ".txt", ".tsv", ".csv", ".json", ".jsonl", ".jsonl.gz", ".json.zst", ".parquet", ".ARROW"]
)
def test_a_layout_is_written_where_it_can_be_read(tmp_path, layout, ending):
    row = ROWS[LAYOUTS[layout].SHAPE]
    output = tmp_path / f"out{ending}"
    is_sound = ".json" in ending if LAYOUTS[layout].IS_JSON else ending in ("", ".txt", ".tsv")
    start = write_lines(tmp_path / "start.jsonl", [row])
    options = {"from_": LAYOUTS[layout].SHAPE}
    if not is_sound:
        told = "must end in .jsonl" if LAYOUTS[layout].IS_JSON else "must not end in"
        with pytest.raises(ValueError, match=rf"`output` {told}.* for layout '{layout}'"):
            convert(start, output, to_layout=layout, **options)
        assert not output.exists()
        return
    convert(start, output, to_layout=layout, **options)
    named = {}
    if layout in ("hard-negatives", "margin-mse", "trec-qrels", "trec-run"):
        before = "q" if layout.startswith("trec") else ""
        corpus = [{"_id": f"{before and 'd'}{at}", "text": text} for at, text in enumerate("pnm")]
        named = {
            "queries": write_lines(tmp_path / "queries.jsonl", [{"_id": f"{before}0", "text": "a"}]),
            "corpus": write_lines(tmp_path / "corpus.jsonl", corpus),
        }
    assert convert(output, tmp_path / "back.jsonl", layout=layout, **named).rows_out == 1


def test_columns_that_cannot_be_read_are_told(tmp_path):
    rows = [{"anchor": "a", "positive": "b", "o": {"z": 1}, "m": 1}]
    rows += [{"anchor": "c", "positive": "d", "o": None, "m": "x"}]
    start = write_lines(tmp_path / "rows.jsonl", rows)
    for options in ({}, {"num_negatives": 1, "to": "triplet"}):
        report = convert(start, tmp_path / "out.jsonl", **options)
        assert {*report.dropped_columns} == {"o", "m"}


@pytest.mark.parametrize(
    ("row", "layout", "message"),
    [
        ({"anchor": "a\tb"}, "msmarco-triples", "`anchor`: must be without tabs and line breaks, got 'a"),
        ({"anchor": "a\tb"}, "msmarco", "`anchor`: must be without tabs and line breaks, got 'a"),
        ({"positive": "a\nb"}, "msmarco", "`positive`: must be without tabs and line breaks, got 'a"),
        ({"positive_id": "a b"}, "msmarco", "`positive_id`: must be one word without white space, got 'a b'"),
        ({"anchor_id": "a b"}, "trec-qrels", "`anchor_id`: must be one word without white space, got 'a b'"),
        ({"anchor_id": ""}, "trec-qrels", "`anchor_id`: must be one word without white space, got ''"),
        ({"positive_id": "a\tb"}, "beir", "`positive_id`: must be without tabs and line breaks, got 'a"),
    ],
)
def test_what_a_layout_cannot_hold_is_told_by_its_row(tmp_path, row, layout, message):
    rows = [{"anchor": f"q{at}", "positive": f"p{at}", "negative": f"n{at}"} for at in range(3)]
    if any(name.endswith("_id") for name in row):
        rows = [one | {f"{side}_id": text for side, text in one.items()} for one in rows]
    rows[2] |= row
    start = write_lines(tmp_path / "rows.jsonl", rows)
    name = "out" if LAYOUTS[layout].IS_FOLDER else "out.tsv"
    with pytest.raises(ValueError, match=rf"rows.jsonl: row 3, column {message}"):
        convert(start, tmp_path / name, to_layout=layout)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_scores_that_are_not_finite_are_told_by_their_row(tmp_path):
    rows = {"query": ["a", "b"], "document": ["p", "r"], "score": [0.5, float("inf")]}
    for layout in ("trec-run", "trec-qrels", "beir"):
        with pytest.raises(ValueError, match="row 1, column `score`: must be a number, got inf"):
            convert(
                rows, tmp_path / "out", to_layout=layout, from_="graded" if layout != "trec-run" else None
            )


def test_a_tag_with_white_space_is_told_by_its_row(tmp_path):
    rows = [{"query": "a", "document": "p", "score": 0.5, "tag": "t"}]
    start = write_lines(tmp_path / "rows.jsonl", [*rows, {**rows[0], "document": "r", "tag": "t u"}])
    with pytest.raises(ValueError, match=r"rows.jsonl: row 2, column `tag`: must be one word .*, got 't u'"):
        convert(start, tmp_path / "out.run", to_layout="trec-run", from_="scored-pair")
