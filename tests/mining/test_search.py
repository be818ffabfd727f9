"""The miner equals brute force, and says what is wrong with its arguments."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import foolsgold as fg
from foolsgold import _core, progress
from foolsgold.mining.strategies import as_selection


def unit(generator, rows, dim):
    values = generator.normal(size=(rows, dim))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def brute_force(queries, corpus, positives, num_negatives, *, dot=False, rank=(0, None), **bounds):
    """Ids and scores by the documented arithmetic, one pair at a time."""
    ids = np.full((len(queries), num_negatives), -1)
    scores = np.full((len(queries), num_negatives), -np.inf, np.float32)
    wide = queries.astype(np.float64), corpus.astype(np.float64)
    table = wide[0] @ wide[1].T
    if not dot:
        norms = [np.linalg.norm(side, axis=1) for side in wide]
        table = table / np.maximum(np.outer(*norms), 1e-300)
    table = table.astype(np.float32)
    for query, row in enumerate(table):
        known = list(positives[query])
        least = min((float(row[document]) for document in known), default=None)
        caps = [bounds.get("max_score")]
        if least is not None and "absolute_margin" in bounds:
            caps.append(least - bounds["absolute_margin"])
        if least is not None and "relative_margin" in bounds:
            caps.append(least - abs(least) * bounds["relative_margin"])
        allowed = [
            (-float(score), document)
            for document, score in enumerate(row)
            if document not in known
            and all(cap is None or float(score) <= cap for cap in caps)
            and float(score) >= bounds.get("min_score", -np.inf)
        ]
        best = sorted(allowed)[rank[0] : rank[1]][:num_negatives]
        for place, (score, document) in enumerate(best):
            ids[query, place], scores[query, place] = document, -score
    return ids, scores


def check(queries, corpus, positives, num_negatives, *, similarity="cosine", rank=(0, None), **bounds):
    ids, scores = brute_force(
        queries, corpus, positives, num_negatives, dot=similarity == "dot", rank=rank, **bounds
    )
    found = fg.mine(
        queries,
        corpus,
        positives=positives,
        num_negatives=num_negatives,
        similarity=similarity,
        range_min=rank[0],
        range_max=rank[1],
        **bounds,
    )
    assert found.ids.dtype == np.int64
    assert found.scores.dtype == np.float32
    assert found.ids.tolist() == ids.tolist()
    np.testing.assert_allclose(found.scores, scores, rtol=1e-6)
    return found


@pytest.mark.parametrize(
    "bounds",
    [
        {},
        {"absolute_margin": 0.1},
        {"relative_margin": 0.05},
        {"relative_margin": 0.5, "min_score": -0.2},
        {"max_score": 0.1, "absolute_margin": 0.0},
        {"min_score": 0.3, "rank": (2, 9)},
    ],
)
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_negatives_are_those_of_brute_force(similarity, bounds):
    generator = np.random.default_rng(0)
    queries, corpus = unit(generator, 60, 24) * 3, unit(generator, 500, 24)
    positives = [generator.choice(500, size, replace=False).tolist() for size in generator.integers(0, 4, 60)]
    check(queries, corpus, positives, 6, similarity=similarity, **bounds)


def test_equal_scores_go_to_the_lower_row():
    generator = np.random.default_rng(1)
    queries = generator.integers(-1, 2, (40, 4)).astype(np.float32)
    corpus = generator.integers(-1, 2, (700, 4)).astype(np.float32)
    found = check(queries, corpus, generator.integers(0, 700, (40, 1)).tolist(), 9, similarity="dot")
    assert len(np.unique(found.scores)) < 10


def test_a_margin_below_a_negative_positive_lowers_the_cap():
    corpus = np.array([[1, 0], [-0.5, 3**0.5 / 2], [-0.6, 0.8], [-0.8, 0.6]], np.float32)
    query = corpus[:1]
    found = fg.mine(query, corpus[1:], positives=[0], num_negatives=2, relative_margin=0.5)
    assert found.ids.tolist() == [[2, -1]]
    assert np.isneginf(found.scores[0, 1])
    assert found.report == {
        "queries": 1,
        "documents": 3,
        "rejected_positive": 1,
        "rejected_absolute_margin": 0,
        "rejected_relative_margin": 1,
        "rejected_max_score": 0,
        "rejected_min_score": 0,
        "short_queries": 1,
        "missing": 1,
        "widened": 0,
        "filled": 0,
        "starved_queries": 0,
    }


def test_more_negatives_than_documents_leaves_places():
    generator = np.random.default_rng(2)
    queries, corpus = unit(generator, 3, 5), unit(generator, 4, 5)
    found = check(queries, corpus, [[0], [], [1, 2]], 6)
    assert (found.ids == -1).sum() == found.report["missing"] == 3 * 6 - (3 + 4 + 2)


def test_random_negatives_come_from_the_window_and_from_the_seed():
    generator = np.random.default_rng(3)
    queries, corpus = unit(generator, 50, 8), unit(generator, 300, 8)
    window = fg.mine(queries, corpus, num_negatives=20, range_min=10)
    options = {"num_negatives": 4, "range_min": 10, "range_max": 30, "sampling_strategy": "random"}
    drawn = [fg.mine(queries, corpus, seed=seed, **options) for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0].ids, drawn[1].ids)
    assert not np.array_equal(drawn[0].ids, drawn[2].ids)
    for row, allowed in zip(drawn[0].ids, window.ids, strict=True):
        assert set(row) <= set(allowed)
    assert (np.diff(drawn[0].scores) <= 0).all()
    by_default = fg.mine(queries, corpus, num_negatives=2, range_min=10, sampling_strategy="random")
    assert all(set(row) <= set(allowed) for row, allowed in zip(by_default.ids, window.ids, strict=True))


def test_threads_do_not_change_a_bit():
    generator = np.random.default_rng(4)
    queries, corpus = unit(generator, 200, 33), unit(generator, 900, 33)
    found = [fg.mine(queries, corpus, num_negatives=7, threads=threads) for threads in (1, 2, 7)]
    for other in found[1:]:
        assert np.array_equal(found[0].ids, other.ids)
        assert np.array_equal(found[0].scores, other.scores)


def test_no_queries_give_an_empty_table():
    found = fg.mine(np.empty((0, 3), np.float32), np.ones((2, 3), np.float32))
    assert found.ids.shape == found.scores.shape == (0, 3)


GOOD = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": np.array([[1.0, np.nan]], np.float32)}, "`queries` must be finite, got NaN at row 0"),
        ({"corpus": np.array([[1.0, 0.0], [np.inf, 0.0]])}, "`corpus` must be finite, got inf at row 1"),
        ({"corpus": np.array([[1e300, 0.0]])}, "`corpus` must be finite, got inf at row 0"),
        ({"corpus": np.ones((2, 3))}, "`corpus` must be of 2 columns like `queries`, got 3"),
        ({"corpus": np.ones((0, 2))}, "`corpus` must have at least one row, got 0"),
        ({"queries": np.ones((2, 0))}, "`queries` must be a matrix with at least one column"),
        ({"positives": [0, 5]}, "`positives` must hold rows of the corpus, below 2, got 5"),
        ({"positives": [0, 1, 1]}, "`positives` must have one entry a query, 2, got 3"),
        ({"positives": (np.array([0, 2, 1]), np.array([0]))}, "`positives` must have offsets"),
        ({"num_negatives": 0}, r"`num_negatives` must be from 1 to 2\^32 - 1, got 0"),
        ({"num_negatives": 2**32}, r"`num_negatives` must be from 1 to 2\^32 - 1, got 4294967296"),
        ({"num_negatives": 1.5}, "`num_negatives` must be an integer from 1 to .*, got 1.5"),
        ({"num_negatives": "3"}, "`num_negatives` must be an integer from 1 to .*, got '3'"),
        ({"range_min": -1}, r"`range_min` must be from 0 to 2\^32 - 1, got -1"),
        ({"range_min": 2**63}, r"`range_min` must be from 0 to 2\^32 - 1, got 9223372036854775808"),
        ({"range_min": "a"}, "`range_min` must be an integer from 0 to .*, got 'a'"),
        ({"range_max": 2.5}, "`range_max` must be an integer from 0 to .*, got 2.5"),
        ({"max_memory": "2GiB"}, "`max_memory` must be an integer from 0 to .*, got '2GiB'"),
        ({"threads": 1.5}, "`threads` must be an integer from 1"),
        ({"seed": None}, "`seed` must be an integer from 0 to .*, got None"),
        ({"folder": "unmade", "depth": 0}, r"`depth` must be from 1 to 2\^32 - 1, got 0"),
        ({"folder": "unmade", "depth": -3}, r"`depth` must be from 1 to 2\^32 - 1, got -3"),
        ({"folder": "unmade", "depth": "a"}, "`depth` must be an integer from 1 to .*, got 'a'"),
        ({"range_max": 2}, "`range_max` must be at least `range_min` . `num_negatives` = 3, got 2"),
        ({"max_score": float("nan")}, "`max_score` must be finite, got NaN"),
        ({"absolute_margin": 0.1}, "`absolute_margin` must come with `positives`, got 0.1"),
        ({"similarity": "angle"}, "`similarity` must be .cosine. or .dot. or .euclidean., got .angle."),
        ({"sampling_strategy": "hard"}, "`sampling_strategy` must be .top. or .random. or .*, got .hard."),
        ({"threads": 0}, "`threads` must be from 1"),
        ({"seed": -1}, r"`seed` must be from 0 to 2\^64 - 1, got -1"),
    ],
)
def test_bad_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        fg.mine(**{"queries": GOOD, "corpus": GOOD, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": GOOD.astype(int)}, "`queries` must hold floats, got int64"),
        ({"max_score": "high"}, "`max_score` must be a number, got 'high'"),
        ({"min_score": "low"}, "`min_score` must be a number, got 'low'"),
        ({"positives": [0, 1], "relative_margin": "5 %"}, "`relative_margin` must be a number, got '5 %'"),
        ({"positives": [0, 1], "absolute_margin": [1]}, r"`absolute_margin` must be a number, got \[1\]"),
        (
            {"sampling_strategy": "softmax", "temperature": "cold"},
            "`temperature` must be a number, got 'cold'",
        ),
        (
            {"sampling_strategy": "simans", "positives": [0, 1], "simans_a": "x"},
            "`simans_a` must be a number, got 'x'",
        ),
        ({"sampling_strategy": 3}, "`sampling_strategy` must be a name, got 3"),
        ({"on_short": 3}, "`on_short` must be a name, got 3"),
        ({"folder": 3}, "`folder` must be a path, got 3"),
    ],
)
def test_wrong_types_are_type_errors(change, message):
    with pytest.raises(TypeError, match=message):
        fg.mine(**{"queries": GOOD, "corpus": GOOD, **change})


def test_the_binding_converts_nothing():
    options = {
        "similarity": "dot",
        "rules": ("least", None, None, None, None),
        "selection": as_selection(num_negatives=1, num_documents=2),
        "threads": 1,
    }
    assert _core.mine(GOOD, GOOD, [], None, **options)[0].tolist() == [[0], [1]]
    with pytest.raises(TypeError, match="`queries` must be a NumPy array of float32, got float64"):
        _core.mine(GOOD.astype(np.float64), GOOD, [], None, **options)
    with pytest.raises(ValueError, match="`corpus` must be C-contiguous"):
        _core.mine(GOOD, np.asfortranarray(np.ones((3, 2), np.float32)), [], None, **options)
    lists = np.zeros(3, np.int32), np.zeros(0, np.uint32)
    with pytest.raises(TypeError, match="`positives` must be a NumPy array of int64"):
        _core.mine(GOOD, GOOD, [], lists, **options)
    with pytest.raises(TypeError, match="`positive` must be a NumPy array of int64"):
        _core.mine(GOOD, GOOD, [("positive", None, *lists)], None, **options)
    with pytest.raises(TypeError, match="`anchors` must be a NumPy array of float32"):
        _core.mine(GOOD, GOOD, [], np.zeros(2), **options)
    with pytest.raises(ValueError, match="`anchors` must have one list for each of 2 queries, got 3"):
        _core.mine(GOOD, GOOD, [], np.zeros(3, np.float32), **options)


def test_pair_scores_are_the_miners():
    generator = np.random.default_rng(5)
    queries, corpus = unit(generator, 9, 50), unit(generator, 40, 50)
    found = fg.mine(queries, corpus, num_negatives=4)
    pairs = np.repeat(np.arange(9, dtype=np.uint32), 4), found.ids.ravel().astype(np.uint32)
    scores = _core.pair_scores(queries, corpus, *pairs, similarity="cosine", threads=2)
    assert np.array_equal(scores, found.scores.ravel())


def test_the_peak_counts_its_operations():
    one, two = (_core.multiply_add_peak(1000, threads=threads) for threads in (1, 2))
    assert two == 2 * one > 0


NUMPY_ALONE = """
import sys
import numpy as np
import foolsgold as fg
assert fg.mine(np.eye(3), np.eye(3), positives=[0, 1, 2], num_negatives=1).ids.tolist() == [[1], [0], [0]]
heavy = {"torch", "datasets", "pyarrow", "transformers", "tqdm"} & set(sys.modules)
assert not heavy, heavy
"""


def test_arrays_need_numpy_alone():
    subprocess.run([sys.executable, "-c", NUMPY_ALONE], check=True, timeout=60)


BUSY = """
import numpy as np
import foolsgold as fg
generator = np.random.default_rng(0)
rows = generator.normal(size=(60_000, 384)).astype(np.float32)
print("ready", flush=True)
try:
    fg.mine(rows, rows, threads=2)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one child alone")
def test_ctrl_c_stops_the_search():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(1.5)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        assert time.monotonic() - sent < 0.5  # two busy threads, and a block of their work each
        assert child.wait(timeout=10) == 0


def test_progress_is_shown_and_ends_at_the_whole(capsys, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(progress, "_DELAY", 0)
    fg.mine(GOOD, GOOD, progress=True)
    assert "2/2" in capsys.readouterr().err
