"""TREC runs: what is written is read, and a fault names file, row and column."""

import gzip

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.mining.candidates import Candidates
from foolsgold.mining.runs import read_run, write_run

QUERIES = ["q1", "2", "π"]
DOCUMENTS = ["d0", "d1", "7", "ü", "d4"]


@st.composite
def candidates(draw):
    ids = np.full((3, 5), -1)
    scores = np.full((3, 5), -np.inf, np.float32)
    for query in range(3):
        documents = draw(st.lists(st.integers(0, 4), unique=True))
        given = [draw(st.floats(-(2.0**99), 2.0**99, width=32)) + 0.0 for _ in documents]
        pairs = sorted(zip(given, documents, strict=True), key=lambda pair: (-pair[0], pair[1]))
        for place, (score, document) in enumerate(pairs):
            ids[query, place], scores[query, place] = document, score
    return Candidates(ids, scores)


@settings(max_examples=100, deadline=None)
@given(found=candidates(), depth=st.sampled_from([None, 1, 3, 9]))
def test_what_is_written_is_read(found, depth, tmp_path_factory):
    file = tmp_path_factory.mktemp("run") / "a.run"
    write_run(file, found, QUERIES, DOCUMENTS)
    read = read_run(file, QUERIES, pa.array(DOCUMENTS), depth=depth)
    width = read.ids.shape[1]
    assert width == (depth or max(1, int((found.ids >= 0).sum(axis=1).max())))
    there = min(width, 5)
    assert (read.ids[:, :there] == found.ids[:, :there]).all()
    assert (read.scores[:, :there] == found.scores[:, :there]).all()
    assert (read.ids[:, there:] == -1).all()
    assert read.report["num_found"] == (read.ids >= 0).sum()
    assert list(file.parent.iterdir()) == [file]


def test_the_columns_are_those_of_trec(tmp_path):
    found = Candidates(np.array([[4, 0, -1]]), np.array([[1.5, -0.25, -np.inf]], np.float32))
    write_run(tmp_path / "a.run", found, ["q"], DOCUMENTS, tag="me")
    assert (tmp_path / "a.run").read_text() == "q Q0 d4 1 1.5 me\nq Q0 d0 2 -0.25 me\n"


def test_order_is_by_score_and_equal_scores_go_to_the_lower_document(tmp_path):
    lines = ["q1 Q0 7 1 0.5 a", "q1\tQ0\td4\t2\t3e0\ta", "", "2 Q0 d0 9 -1 a", "q1 Q0 d1 3 .5 a"]
    (tmp_path / "a.run.gz").write_bytes(gzip.compress("\r\n".join(lines).encode()))
    read = read_run(tmp_path / "a.run.gz", QUERIES, DOCUMENTS)
    assert read.ids.tolist() == [[4, 1, 2], [0, -1, -1], [-1, -1, -1]]
    assert read.scores[0].tolist() == [3.0, 0.5, 0.5]
    assert read.report == {"num_queries": 3, "num_found": 4, "queries_without": 1}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("q1 Q0 d0 1 0.5", "a.run, row 1: must have 6 columns, got 5"),
        (
            "q1 Q0 d0 1 1 a\nq9 Q0 d0 1 1 a",
            "a.run, row 2, column `query`: must be an id that is there, got `q9`",
        ),
        ("q1 Q0 d9 1 1 a", "a.run, row 1, column `document`: must be an id that is there, got `d9`"),
        ("q1 Q0 d0 one 1 a", "a.run, row 1, column `rank`: must be a whole number, got `one`"),
        ("q1 Q0 d0 1 inf a", "a.run, row 1, column `score`: must be a number, got `inf`"),
        (
            "q1 Q0 d0 1 2 a\nq1 Q0 d0 2 1 a",
            "a.run, row 2, column `document`: must come once for a query, got it at row 1 too",
        ),
    ],
)
def test_faults_name_file_row_and_column(tmp_path, lines, said):
    (tmp_path / "a.run").write_text(lines)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read_run(tmp_path / "a.run", QUERIES, DOCUMENTS)
    assert str(caught.value) == f"{tmp_path}/{said}"


def test_bad_arguments_are_refused_by_name(tmp_path):
    found = Candidates(np.array([[4]]), np.array([[1.0]], np.float32))
    file = tmp_path / "a.run"
    cases = [
        (lambda: write_run(file, found, QUERIES, DOCUMENTS), "`query_ids` must be one a query, 1, got 3"),
        (lambda: write_run(file, found, ["q"], ["d"]), "`document_ids` must have more than 4 ids, got 1"),
        (
            lambda: write_run(file, found, ["a b"], DOCUMENTS),
            "`query_ids` must be without white space and not empty, got 'a b'",
        ),
        (
            lambda: write_run(file, found, ["q"], ["", *DOCUMENTS]),
            "`document_ids` must be without white space and not empty, got ''",
        ),
        (
            lambda: write_run(file, found, ["q"], DOCUMENTS, tag="a "),
            "`tag` must be without white space and not empty, got 'a '",
        ),
        (
            lambda: read_run(file, QUERIES, DOCUMENTS, depth=1.5),
            "`depth` must be an integer at least 1, got 1.5",
        ),
        (lambda: read_run(file, QUERIES, DOCUMENTS, depth=0), "`depth` must be at least 1, got 0"),
    ]
    for call, said in cases:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            call()
        assert str(caught.value) == said
    assert not file.exists()
    one = Candidates(np.array([[0]]), np.array([[1.0]], np.float32))
    with pytest.raises(FileNotFoundError, match=r"must be in a folder that exists, got .*nowhere$"):
        write_run(file.parent / "nowhere" / "a.run", one, ["q"], ["d"])
    with pytest.raises(FileNotFoundError):
        read_run(file, QUERIES, DOCUMENTS)
    file.write_text("")
    with pytest.raises(ValueError, match="`document_ids` must not come twice, as at row 0, got `a` at row 1"):
        read_run(file, QUERIES, ["a", "a"])
