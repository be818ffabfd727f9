"""Metrics by hand, by a plain oracle, and as the mean over all orders of tied documents."""

import itertools
import json
import logging
import math
import re

import numpy as np
import pytest

from foolsgold.evaluation import retrieval_metrics

CUTOFFS = (1, 2, 3, 5, 8)
EVERY = dict.fromkeys(
    ("mrr_at_k", "ndcg_at_k", "accuracy_at_k", "precision_at_k", "recall_at_k", "map_at_k"), CUTOFFS
)


def plain(order, gains, k):
    """The metrics of one order of documents; `gains` by document."""
    top = [gains.get(document, 0.0) for document in order[:k]]
    hits = [gain > 0 for gain in top]
    num_relevant = sum(gain > 0 for gain in gains.values())
    discounted = lambda values: sum(gain / math.log2(rank + 2) for rank, gain in enumerate(values))  # noqa: E731
    precisions = [sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit]
    return {
        f"accuracy@{k}": float(any(hits)),
        f"precision@{k}": sum(hits) / k,
        f"recall@{k}": sum(hits) / num_relevant,
        f"mrr@{k}": 1 / (hits.index(True) + 1) if any(hits) else 0.0,
        f"map@{k}": sum(precisions) / min(k, num_relevant),
        f"ndcg@{k}": discounted(top) / discounted(sorted(gains.values(), reverse=True)[:k]),
    }


def expected(ids, scores, gains, k):
    """The mean over all orders in which the scores do not rise."""
    score = dict(zip(ids, scores, strict=True))
    orders = [
        order
        for order in itertools.permutations(ids)
        if all(score[above] >= score[below] for above, below in itertools.pairwise(order))
    ]
    found = [plain(order, gains, k) for order in orders]
    return {name: np.mean([metrics[name] for metrics in found]) for name in found[0]}


@pytest.mark.parametrize("num_scores", [1, 2, 3, 100])
def test_tied_scores_are_the_mean_over_all_orders(num_scores):
    generator = np.random.default_rng(num_scores)
    ids = np.stack([generator.permutation(7)[:6] for _ in range(12)])
    scores = generator.integers(0, num_scores, ids.shape).astype(np.float32)
    relevant = [
        {int(document): float(gain) for document, gain in enumerate(generator.integers(0, 3, 8))} | {7: 1.0}
        for _ in ids
    ]
    metrics = retrieval_metrics(ids, scores, relevant, **EVERY, threads=2)
    for k in CUTOFFS:
        rows = [expected(*row, k) for row in zip(ids.tolist(), scores.tolist(), relevant, strict=True)]
        for name in rows[0]:
            np.testing.assert_allclose(metrics.per_query[name], [row[name] for row in rows], atol=1e-12)
            assert metrics[name] == pytest.approx(np.mean([row[name] for row in rows]), abs=1e-12)


def test_a_small_case_by_hand():
    metrics = retrieval_metrics(
        [[4, 2, -1], [9, 8, 7]],
        [[0.5, 0.9, np.nan], [3.0, 2.0, 1.0]],
        [{4}, {7: 2.0, 8: 1.0, 9: 0.0}],
        mrr_at_k=[1, 3],
        ndcg_at_k=[3],
        recall_at_k=[2],
    )
    assert metrics["mrr@1"] == 0
    assert metrics["mrr@3"] == 0.5
    assert metrics["recall@2"] == 0.75
    ideal = 2 + 1 / math.log2(3)
    assert metrics["ndcg@3"] == pytest.approx((1 / math.log2(3) + (1 / math.log2(3) + 2 / 2) / ideal) / 2)
    assert json.loads(json.dumps(metrics)) == dict(metrics)


def test_every_form_of_relevant_says_the_same():
    ids = np.array([[1, 2], [3, 4], [5, 6]], np.int32)
    wanted = np.array([2, 3, 7])
    forms = [
        [{2}, [3], (7,)],
        [{2: 1.0}, {3: 1.0}, {7: 1.0}],
        wanted,
        (np.arange(4), wanted.astype(np.uint32)),
        (np.arange(4), wanted, np.ones(3, np.float32)),
    ]
    results = [retrieval_metrics(ids, None, form) for form in forms]
    assert all(result == results[0] for result in results)
    assert results[0]["mrr@10"] == 0.5


def test_queries_without_relevant_documents_are_left_out(caplog):
    with caplog.at_level(logging.INFO, "foolsgold"):
        metrics = retrieval_metrics([[1], [2], [3]], None, [{1}, set(), {3: 0.0}], mrr_at_k=[1])
    assert metrics["mrr@1"] == 1
    assert metrics.num_left_out == 2
    assert np.isnan(metrics.per_query["mrr@1"]).tolist() == [False, True, True]
    assert "2 of 3 queries" in caplog.text


def test_order_of_columns_and_of_tied_documents_does_not_matter():
    generator = np.random.default_rng(0)
    ids = np.stack([generator.permutation(50)[:20] for _ in range(30)])
    scores = generator.integers(0, 5, ids.shape).astype(np.float32)
    relevant = [generator.permutation(50)[:4].tolist() for _ in ids]
    turned = generator.permutation(20)
    first, other = (retrieval_metrics(ids[:, p], scores[:, p], relevant) for p in (np.arange(20), turned))
    assert dict(first) == pytest.approx(dict(other), abs=1e-12)
    assert 0 < first["ndcg@10"] < 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0]], None, [{1}]), TypeError, "`ids` must hold integers, got float64"),
        (([1], None, [{1}]), ValueError, "`ids` must have 2 dimensions, got 1"),
        (([[1, 2]], [[1.0]], [{1}]), ValueError, "`scores` must have the shape of `ids`, (1, 2), got (1, 1)"),
        (([[1, 2]], [[1.0, np.nan]], [{1}]), ValueError, "`scores` must not be NaN, got NaN at row 0"),
        (
            ([[1], [2]], None, [{1}]),
            ValueError,
            "`relevant` must have one list for each of the 2 rows of `ids`, got 1",
        ),
        (
            ([[2, 1], [3, 3]], None, [{1}, {1}]),
            ValueError,
            "`ids` must hold no document twice in a row, got 3 at row 1",
        ),
        (
            ([[1]], None, [[1, 1]]),
            ValueError,
            "`relevant` must hold no document twice for a query, got 1 at row 0",
        ),
        (([[1]], None, [{1: -1.0}]), ValueError, "`gains` must be finite and not negative, got -1 at row 0"),
        (([[1]], None, [{-1}]), ValueError, "`relevant` must hold ids from 0 to 4294967295, got -1"),
        (([[1]], None, [{"a"}]), TypeError, "`relevant` must hold integers, got <U1"),
        (
            ([[1]], None, [set()]),
            ValueError,
            "`relevant` must hold a relevant document, got none for 1 queries",
        ),
        (
            ([[-5]], None, [{1}]),
            ValueError,
            "`ids` must hold row numbers, or -1 for an empty place, got -5 at row 0",
        ),
    ],
)
def test_bad_input_is_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        retrieval_metrics(*arguments)


def test_cutoffs_below_one_are_refused():
    with pytest.raises(ValueError, match="cutoffs must be at least 1, got recall@0"):
        retrieval_metrics([[1]], None, [{1}], recall_at_k=[0])
