"""Candidates on disk: what is read is what was found, and what is wrong with a folder is said."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mining.killing import content

import foolsgold as fg
from foolsgold import _core
from foolsgold.mining import CandidateStore, parts
from foolsgold.mining.parts import part_rows, search_in_folder, search_in_parts
from foolsgold.mining.question import Question, fingerprint
from foolsgold.mining.tables import as_rules


def embeddings(rows, seed=0, dim=8):
    return np.random.default_rng(seed).standard_normal((rows, dim), dtype=np.float32)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "part_rows", lambda depth, documents: 7)


QUERIES, CORPUS = embeddings(30), embeddings(90, 1)
OPTIONS = {"positives": np.arange(30), "num_negatives": 4, "relative_margin": 0.05}


def test_the_packed_corpus_is_gone_when_the_candidates_are_there(tmp_path, small_parts):
    """A selection of many queries needs its memory."""
    question = Question(
        queries=QUERIES,
        corpus=CORPUS,
        exclusions=[],
        anchors=None,
        similarity="cosine",
        rules=as_rules("least", (None, None, None, None)),
        depth=4,
        threads=1,
    )
    store = search_in_folder(tmp_path, question)
    assert len(store) == 30
    assert "prepared" not in vars(question)


@pytest.mark.parametrize("range_min", [0, 3])
@pytest.mark.parametrize("bounds", [{}, {"max_score": 0.1}, {"min_score": 0.4}, {"min_score": 5.0}])
def test_a_folder_changes_no_answer(tmp_path, small_parts, bounds, range_min):
    options = {**OPTIONS, **bounds, "range_min": range_min}
    found = fg.mine(QUERIES, CORPUS, folder=tmp_path, **options)
    expected = fg.mine(QUERIES, CORPUS, **options)
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.scores.tolist() == expected.scores.tolist()
    assert found.ranks.tolist() == expected.ranks.tolist()
    assert found.report == expected.report
    assert len(list(tmp_path.glob("part-*.parquet"))) == 5


def test_queries_with_ragged_positives_are_cut_with_them(tmp_path, small_parts):
    positives = [list(range(query % 4)) for query in range(30)]
    found = fg.mine(QUERIES, CORPUS, positives=positives, num_negatives=3, folder=tmp_path)
    assert found.ids.tolist() == fg.mine(QUERIES, CORPUS, positives=positives, num_negatives=3).ids.tolist()


@pytest.mark.parametrize("offsets", [[1, 1, 2], [0, 2, 1], [0, 1, 3]])
def test_positives_that_are_cut_wrong_are_refused(tmp_path, offsets):
    lists = (np.array(offsets), np.array([4, 5]))
    for folder in (None, tmp_path):
        with pytest.raises(ValueError, match="`positives` must have offsets"):
            fg.mine(QUERIES[:2], CORPUS, positives=lists, folder=folder)


def test_no_query_is_a_folder_too(tmp_path):
    found = fg.mine(QUERIES[:0], CORPUS, num_negatives=2, folder=tmp_path)
    assert found.ids.shape == (0, 2)
    assert fg.Candidates.load(tmp_path).ids.shape == (0, 0)


def test_the_same_call_searches_once(tmp_path, small_parts, monkeypatch):
    first = fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS)
    before = content(tmp_path)
    search = _core.search

    def search_nobody(queries, *rest, **options):
        assert len(queries) == 0
        return search(queries, *rest, **options)

    monkeypatch.setattr(_core, "search", search_nobody)
    again = fg.mine(QUERIES, CORPUS, folder=tmp_path, threads=1, seed=9, **OPTIONS)
    assert again.ids.tolist() == first.ids.tolist()
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"queries": embeddings(30, 5)}, "`queries` was"),
        (
            {"queries": embeddings(31), "positives": np.arange(31)},
            "the number of queries was 30 and is 31 now",
        ),
        ({"corpus": embeddings(91, 1)}, "`corpus` was"),
        ({"positives": np.arange(30) + 1}, "`positives` was"),
        ({"positives": None, "relative_margin": None}, "`relative_margin` was 0.05 and is null now"),
        ({"relative_margin": 0.1}, "`relative_margin` was 0.05 and is 0.1 now"),
        ({"similarity": "dot"}, '`similarity` was "cosine" and is "dot" now'),
        ({"num_negatives": 5}, "`depth` was 4 and is 5 now"),
    ],
)
def test_another_call_is_told_apart(tmp_path, small_parts, change, said):
    given = {"queries": QUERIES, "corpus": CORPUS, **OPTIONS}
    fg.mine(folder=tmp_path, **given)
    before = content(tmp_path)
    with pytest.raises(ValueError, match=r"holds the candidates of another call: .*\nhint:") as raised:
        fg.mine(folder=tmp_path, **{**given, **change})
    assert said in str(raised.value)
    assert content(tmp_path) == before


def test_a_call_that_is_refused_is_no_other_call(tmp_path):
    bad = CORPUS.copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match="`corpus` must be finite, got NaN at row 3"):
        fg.mine(QUERIES, bad, folder=tmp_path, **OPTIONS)
    with pytest.raises(ValueError, match="`range_max` must be at least"):
        fg.mine(QUERIES, CORPUS, folder=tmp_path, range_max=2, **OPTIONS)
    assert fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS).ids.shape == (30, 4)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("depth", None, "`depth` must be an integer at least 1, got None"),
        ("depth", -1, "`depth` must be at least 1, got -1"),
        ("documents", "x", "`documents` must be an integer from 0"),
        ("margin_from", [1], "`margin_from` must be"),
        ("max_score", "x", "`max_score` must be a number, got 'x'"),
        ("exclusions", None, "'NoneType' object is not iterable"),
        ("exclusions", [[1, "a"]], "`exclusions` must have names"),
        ("exclusions", [], "`away_rules` must be below the 0 exclusions"),
        ("depth", ..., "no 'depth'"),
        ("min_score", ..., "no 'min_score'"),
    ],
)
def test_a_manifest_that_tells_no_search_is_named(tmp_path, name, value, said):
    fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS)
    manifest = tmp_path / "manifest.json"
    told = json.loads(manifest.read_text())
    del told["key"][name]
    if value is not ...:
        told["key"][name] = value
    manifest.write_text(json.dumps(told))
    with pytest.raises(ValueError, match="must tell the search that the candidates are of") as raised:
        CandidateStore(tmp_path).select(2)
    assert str(raised.value).startswith(f"{manifest}: ")
    assert said in str(raised.value)


def test_folders_that_are_none_of_ours_stay(tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match=r"must hold stored candidates or nothing, got `data.csv`\nhint"):
        fg.mine(QUERIES, CORPUS, folder=tmp_path)
    with pytest.raises(ValueError, match=r"data\.csv: must be a folder, got a file"):
        fg.mine(QUERIES, CORPUS, folder=tmp_path / "data.csv")
    with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
        CandidateStore(tmp_path)
    assert content(tmp_path) == {"data.csv": b"a,b\n"}


def test_another_writer_is_waited_for_by_nobody(tmp_path):
    fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS)
    lock = _core.FolderLock(str(tmp_path))
    with pytest.raises(ValueError, match=r"is being written by another call\nhint"):
        fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS)
    assert fg.Candidates.load(tmp_path).ids.shape == (30, 4)
    lock.close()
    fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS)


def test_an_interrupted_call_can_be_made_again_at_once(tmp_path, small_parts):
    parts = iter([True, True, False])

    def search_or_stop(start, stop, show):
        if not next(parts):
            raise KeyboardInterrupt
        return [("score", None, np.arange(start, stop, dtype=np.float32))]

    arguments = {"num_queries": 30, "part_rows": 7, "key": {}}
    with pytest.raises(KeyboardInterrupt) as kept:  # with its traceback, whose frames hold the store
        search_in_parts(tmp_path, search_or_stop, **arguments)
    assert kept is not None
    parts = iter([True] * 3)
    assert search_in_parts(tmp_path, search_or_stop, **arguments).is_finished


def test_a_changed_part_is_never_read_and_made_again(tmp_path, small_parts, caplog):
    fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS)
    before = content(tmp_path)
    part = sorted(tmp_path.glob("part-*"))[2]
    part.write_bytes(part.read_bytes()[:-9] + b"123456789")
    with pytest.raises(ValueError, match=f"{part.name}: must match the checksum in its name"):
        fg.Candidates.load(tmp_path)
    fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS)
    assert f"{part.name} was changed: it is made again" in caplog.text
    assert content(tmp_path) == before
    part.unlink()
    with pytest.raises(ValueError, match=r"must be finished, got 1 of 5 parts missing\nhint"):
        fg.Candidates.load(tmp_path)
    store = CandidateStore(tmp_path)
    assert not store.is_finished
    assert (len(store), store.num_parts, store.key["depth"]) == (30, 5, 4)


def test_progress_goes_from_part_to_part(tmp_path, small_parts, capsys):
    fg.mine(QUERIES, CORPUS, folder=tmp_path, progress=True, **OPTIONS)
    told = []

    def search_slowly(start, stop, show):
        show(1, 2)
        return [("score", None, np.zeros(stop - start, np.float32))]

    def show(done, total):
        told.append(done / total)

    for done in range(4):
        parts._share(show, done, 4)(1, 2)
    assert told == [0.125, 0.375, 0.625, 0.875]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.floats(-4, 4, width=32), max_size=9), max_size=30),
    st.integers(1, 12),
)
def test_statistics_are_those_of_numpy(tmp_path_factory, lists, rows):
    folder = tmp_path_factory.mktemp("statistics")

    def search_lists(start, stop, show):
        own = lists[start:stop]
        offsets = np.cumsum([0, *map(len, own)]).astype(np.uint64)
        values = np.array([x for row in own for x in row], np.float32)
        return [("document", offsets, np.zeros(len(values), np.uint32)), ("score", offsets, values)]

    store = search_in_parts(folder, search_lists, num_queries=len(lists), part_rows=rows, key={})
    scores = np.array([x for row in lists for x in row], np.float32).astype(np.float64)
    found = store.statistics("score")
    assert found.count == len(scores)
    assert store.num_short(3) == sum(len(row) < 3 for row in lists)
    if len(scores):
        expected = np.percentile(scores, [0, 25, 50, 75, 100])
        np.testing.assert_allclose([found.min, *found.quartiles, found.max], expected, rtol=1e-15, atol=1e-15)
        np.testing.assert_allclose(found.mean, scores.mean(), rtol=1e-12, atol=1e-12)
        std = scores.std(ddof=1) if len(scores) > 1 else 0.0
        np.testing.assert_allclose(found.std, std, rtol=1e-12, atol=1e-12)
    assert store.load().ids.shape == (len(lists), max(map(len, lists), default=0))


def test_others_read_the_parts(tmp_path, small_parts):
    pq = pytest.importorskip("pyarrow.parquet")
    found = fg.mine(QUERIES, CORPUS, folder=tmp_path, **{**OPTIONS, "max_score": 0.2})
    rows = [row for part in sorted(tmp_path.glob("part-*")) for row in pq.read_table(part).to_pylist()]
    assert [row["query"] for row in rows] == list(range(30))
    for row, ids, scores in zip(rows, found.ids, found.scores, strict=True):
        assert row["document"] == ids[ids >= 0].tolist()
        assert row["score"] == scores[ids >= 0].tolist()


def test_columns_of_any_kind_come_back(tmp_path):
    columns = [
        ("bytes", None, np.arange(3, dtype=np.uint8)),
        ("rule", np.array([0, 2, 2, 3], np.uint64), np.array([1, 2, 65535], np.uint16)),
        ("count", None, np.array([0, 1, 2**64 - 1], np.uint64)),
        ("margin", None, np.array([0.1, np.nan, np.inf])),
    ]
    store = search_in_parts(tmp_path, lambda *_: columns, num_queries=3, part_rows=5, key={})
    [(queries, found)] = store.parts()
    assert queries == range(3)
    for (name, offsets, values), given_column in zip(found, columns, strict=True):
        assert name == given_column[0]
        assert values.dtype == given_column[2].dtype
        np.testing.assert_array_equal(values, given_column[2])
        assert (offsets is None) == (given_column[1] is None)
    with pytest.raises(ValueError, match="`rule` must hold float32"):
        store.statistics("rule")
    with pytest.raises(ValueError, match="no column `document`"):
        store.load()
    with pytest.raises(ValueError, match="no column `ranks`"):
        next(store.parts(["ranks"]))


@pytest.mark.parametrize(
    ("column", "error", "said"),
    [
        (
            ("x", None, np.zeros(2, np.float32)),
            ValueError,
            "`x` must have one value for each of 3 queries, got 2",
        ),
        (("x", None, np.zeros(3, np.int64)), TypeError, "`x` must be an array of uint8, .* got int64"),
        (("x", None, [1, 2, 3]), TypeError, "`x` must be an array of .* got no array"),
        (
            ("x", np.zeros(4, np.int64), np.zeros(0, np.uint8)),
            TypeError,
            "`x` must be a NumPy array of uint64",
        ),
        (("query", None, np.zeros(3, np.uint8)), ValueError, "`query` must not be a column's name"),
    ],
)
def test_columns_that_do_not_fit_are_named(tmp_path, column, error, said):
    with pytest.raises(error, match=said):
        search_in_parts(tmp_path, lambda *_: [column], num_queries=3, part_rows=5, key={})
    assert not list(tmp_path.glob("part-*"))


def test_a_key_that_json_cannot_tell_is_refused(tmp_path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        search_in_parts(tmp_path / "new", None, num_queries=3, part_rows=5, key={"a": object()})
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match="`part_rows` must be at least 1, got 0"):
        search_in_parts(tmp_path / "new", None, num_queries=3, part_rows=0, key={})
    assert not (tmp_path / "new").exists()


FULL = """
import resource, sys
import numpy as np
from foolsgold.mining.parts import search_in_parts

def search(start, stop, show):
    if start >= 200:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # as a disk that has no more room
    numbers = np.random.default_rng(start).integers(0, 1 << 32, 10 * (stop - start), dtype=np.uint32)
    return [("document", np.arange(0, len(numbers) + 1, 10, dtype=np.uint64), numbers)]

try:
    search_in_parts(sys.argv[1], search, num_queries=500, part_rows=100, key={})
except OSError as error:
    print(error)
"""


def test_a_full_disk_loses_nothing(tmp_path):
    folder = tmp_path / "store"
    done = subprocess.run(
        [sys.executable, "-c", FULL, folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(folder) in done.stdout
    assert "hint: what is finished stays" in done.stdout
    assert sorted(name[:10] for name in content(folder)) == [
        ".lock",
        "manifest.j",
        "part-00000",
        "part-00001",
    ]
    assert _core.CandidateStore.open(str(folder)).missing == [2, 3, 4]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom a mode can refuse")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=str(tmp_path)):
        fg.mine(QUERIES, CORPUS, folder=tmp_path)


def test_part_rows_bound_work_and_memory():
    for depth in (1, 100, 10**6):
        for documents in (1, 10**6, 10**9):
            rows = part_rows(depth, documents)
            assert 1 << 10 <= rows <= 1 << 16
    assert part_rows(100, 10**6) == 34359


def test_fingerprints_tell_arrays_apart():
    base = np.arange(12, dtype=np.float32)
    different = [
        fingerprint(),
        fingerprint(None),
        fingerprint(base),
        fingerprint(base, None),
        fingerprint(base[:11]),
        fingerprint(base[::-1]),
        fingerprint(base.reshape(3, 4)),
        fingerprint(base.astype(np.float64)),
        fingerprint(base.view(np.uint32)),
    ]
    assert len(set(different)) == len(different)
    assert fingerprint(base.reshape(3, 4).T) == fingerprint(np.ascontiguousarray(base.reshape(3, 4).T))


def test_the_manifest_is_plain(tmp_path):
    fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS)
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert (told["format"], told["version"], told["queries"]) == ("foolsgold candidates", 1, 30)
    assert told["key"]["relative_margin"] == 0.05
