"""Selecting anew from stored candidates is mining anew, but for the queries that are counted as starved."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mining.test_store import CORPUS, OPTIONS, QUERIES, embeddings

import foolsgold as fg
from foolsgold.mining import CandidateStore, parts

FEW = np.minimum(np.arange(90), 3)  # classes, of which the last has nearly all


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "part_rows", lambda depth, documents: 7)


@pytest.mark.parametrize(
    "asked",
    [
        {"sampling_strategy": "random"},
        {"sampling_strategy": "softmax", "temperature": 0.1, "range_max": 9},
        {"on_short": "widen", "min_score": 0.5},
        {
            "on_short": "widen",
            "min_score": -0.5,
            "sampling_strategy": "diverse",
            "diverse_by": FEW,
            "range_max": 9,
        },
        {"on_short": "drop", "min_score": 0.5},
        {"relative_margin": 0.3, "range_min": 2},
        {"absolute_margin": 0.2, "max_score": 0.3, "num_negatives": 7},
    ],
)
def test_selecting_anew_is_mining_anew(tmp_path, small_parts, asked):
    fg.mine(QUERIES, CORPUS, folder=tmp_path, depth=40, **OPTIONS)
    wanted = {"num_negatives": 4, **asked, "seed": 5}
    found = CandidateStore(tmp_path).select(**wanted)
    expected = fg.mine(QUERIES, CORPUS, **{**OPTIONS, **wanted})
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.ranks.tolist() == expected.ranks.tolist()
    assert found.report == expected.report
    within = fg.mine(QUERIES, CORPUS, folder=tmp_path / "own", **{**OPTIONS, **wanted})
    assert within.ids.tolist() == expected.ids.tolist()
    assert within.report == expected.report


BOUNDS = st.fixed_dictionaries(
    {},
    optional={
        "relative_margin": st.sampled_from([0.1, 0.5]),
        "max_score": st.sampled_from([0.0, 0.3, 0.8]),
        "min_score": st.sampled_from([-0.2, 0.3]),
    },
)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    depth=st.sampled_from([3, 6, 40, 90]),
    bounds=BOUNDS,
    strategy=st.sampled_from(["top", "random", "stratified"]),
)
def test_starved_queries_are_counted_and_all_others_are_as_mined(
    tmp_path_factory, seed, depth, bounds, strategy
):
    folder = tmp_path_factory.mktemp("starved")
    queries, corpus = embeddings(30, seed), embeddings(90, seed + 1)
    kept = {"positives": np.arange(30), "num_negatives": 2, "folder": folder}
    assert fg.mine(queries, corpus, depth=depth, **kept).report["starved_queries"] == 0
    asked = {"num_negatives": 2, "range_max": 3, "sampling_strategy": strategy, **bounds}
    found = CandidateStore(folder).select(**asked)
    wanted = fg.mine(queries, corpus, positives=np.arange(30), **asked)
    differs = (found.ids != wanted.ids).any(axis=1).sum()
    assert differs <= found.report["starved_queries"]
    assert wanted.report["starved_queries"] == 0
    if depth == 90:
        assert found.report == wanted.report
    within = fg.mine(queries, corpus, positives=np.arange(30), folder=folder / "own", **asked)
    assert within.report == wanted.report


def test_a_store_that_is_not_deep_enough_says_so(tmp_path, caplog):
    fg.mine(QUERIES, CORPUS, positives=np.arange(30), num_negatives=3, folder=tmp_path / "shallow")
    found = CandidateStore(tmp_path / "shallow").select(3, max_score=0.3)
    starved = found.report["starved_queries"]
    assert starved == found.report["short_queries"] > 0
    assert f"{starved} of 30 queries may lack candidates: bounds turned away some of the 3" in caplog.text
    assert "hint: search again with a greater `depth=`" in caplog.text
    caplog.clear()
    fg.mine(QUERIES, CORPUS, positives=np.arange(30), num_negatives=3, folder=tmp_path / "deep", depth=89)
    found = CandidateStore(tmp_path / "deep").select(3, max_score=0.3)
    assert found.report["starved_queries"] == found.report["short_queries"] == 0
    assert not caplog.text


def test_what_scores_less_than_the_search_allowed_is_not_widened_to(tmp_path):
    fg.mine(QUERIES, CORPUS, min_score=0.2, folder=tmp_path / "bounded", **OPTIONS)
    said = '`on_short` must not be "widen" for candidates that were searched with `min_score`, got 0.2\nhint'
    with pytest.raises(ValueError, match=said):
        CandidateStore(tmp_path / "bounded").select(3, on_short="widen")
    options = {"min_score": 0.2, "on_short": "widen", **OPTIONS}
    found = fg.mine(QUERIES, CORPUS, folder=tmp_path / "widened", **options)
    again = CandidateStore(tmp_path / "widened").select(4, min_score=0.2, on_short="widen")
    assert again.ids.tolist() == found.ids.tolist()


def test_what_was_not_kept_cannot_be_selected(tmp_path):
    fg.mine(QUERIES, CORPUS, folder=tmp_path, **OPTIONS)
    store = CandidateStore(tmp_path)
    with pytest.raises(ValueError, match="at most the 4 candidates that are kept of a query, got 5"):
        store.select(5)
    with pytest.raises(ValueError, match="relative_margin"):
        store.select(2, relative_margin=0.01)
    with pytest.raises(ValueError, match='`on_short` must not be "random" with `folder`'):
        fg.mine(QUERIES, CORPUS, folder=tmp_path, on_short="random", **OPTIONS)
    with pytest.raises(ValueError, match="`depth` must come with `folder`, got 9"):
        fg.mine(QUERIES, CORPUS, depth=9)
