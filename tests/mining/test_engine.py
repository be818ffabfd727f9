"""The engine behind `mine`: every kind of input, variant and budget gives the same answer."""

import numpy as np
import pytest

import foolsgold as fg
from foolsgold import _core

SELECTION = {
    "num_negatives": 6,
    "range_min": 0,
    "range_max": None,
    "min_score": None,
    "sampling_strategy": "top",
    "temperature": 1.0,
    "simans_a": 1.0,
    "simans_b": 0.0,
    "diverse_by": None,
    "on_short": "keep",
    "first_query": 0,
    "seed": 0,
}
RULES = ("least", None, None, None, None)


def embeddings(seed, rows, dim=40):
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((8, dim))
    return (centres[np.arange(rows) % 8] + 0.5 * generator.standard_normal((rows, dim))).astype(np.float32)


def brute_force(queries, corpus, num, similarity):
    wide = queries.astype(np.float64), corpus.astype(np.float64)
    if similarity == "euclidean":
        table = -np.linalg.norm(wide[0][:, None] - wide[1][None], axis=2)
    else:
        table = wide[0] @ wide[1].T
    if similarity == "cosine":
        table /= np.outer(*(np.linalg.norm(side, axis=1) for side in wide))
    return np.argsort(-table.astype(np.float32), axis=1, kind="stable")[:, :num]


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
def test_every_type_answers_as_its_float32(similarity):
    import torch

    queries, corpus = embeddings(0, 20), embeddings(1, 500)
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        small = [torch.tensor(side).to(dtype) for side in (queries, corpus)]
        wide = [side.float().numpy() for side in small]
        found = fg.mine(*small, num_negatives=6, similarity=similarity)
        expected = fg.mine(*wide, num_negatives=6, similarity=similarity)
        assert found.ids.tolist() == expected.ids.tolist()
        assert np.array_equal(found.scores, expected.scores)
        assert found.ids.tolist() == brute_force(*wide, 6, similarity).tolist()


def test_a_euclidean_score_is_minus_the_distance():
    found = fg.mine(
        [[3.0, 4.0]], [[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]], num_negatives=3, similarity="euclidean"
    )
    assert found.ids.tolist() == [[1, 2, 0]]
    assert found.scores.tolist() == [[0.0, -1.0, -5.0]]


def test_memory_maps_and_arrow_lists_are_read(tmp_path):
    import pyarrow as pa

    queries, corpus = embeddings(2, 10), embeddings(3, 300)
    expected = fg.mine(queries, corpus, num_negatives=6).ids
    np.save(tmp_path / "corpus.npy", corpus)
    mapped = np.load(tmp_path / "corpus.npy", mmap_mode="r")
    lists = pa.FixedSizeListArray.from_arrays(pa.array(corpus.ravel()), 40)
    halves = pa.FixedSizeListArray.from_arrays(pa.array(corpus.astype(np.float16).ravel()), 40)
    for rows in (mapped, lists, pa.chunked_array([lists[:100], lists[100:]])):
        assert np.array_equal(fg.mine(queries, rows, num_negatives=6).ids, expected)
    found = fg.mine(queries, halves, num_negatives=6)
    assert np.array_equal(found.ids, fg.mine(queries, corpus.astype(np.float16), num_negatives=6).ids)


def test_variants_and_budgets_do_not_change_a_bit():
    queries, corpus = embeddings(4, 70), embeddings(5, 9000)
    anchors = (np.arange(71, dtype=np.int64), np.arange(70, dtype=np.uint32))
    rules = ("least", None, 0.05, None, None)
    options = {"similarity": "cosine", "rules": rules, "selection": SELECTION}
    expected = _core.mine(queries, corpus, [], anchors, threads=1, **options)
    assert {"portable"} <= set(_core.tiles())
    for tile in (*_core.tiles(), None):
        for max_memory in (0, 1 << 20, 1 << 30):
            for threads in (1, 3):
                found = _core.mine(
                    queries, corpus, [], anchors, threads=threads, tile=tile, max_memory=max_memory, **options
                )
                assert np.array_equal(found[0], expected[0])
                assert np.array_equal(found[1], expected[1])
                assert found[3] == expected[3]


def test_a_prepared_corpus_serves_every_part_of_the_queries():
    queries, corpus = embeddings(6, 60), embeddings(7, 900)
    options = {"similarity": "dot", "rules": RULES, "depth": 7, "threads": 2}
    whole = _core.search(queries, corpus, [], None, **options).columns()
    ready = _core.Corpus(corpus, queries[:5], similarity="dot", depth=7, threads=2)
    assert len(ready) == 900
    parts = [
        _core.search(queries[start : start + 25], corpus, [], None, prepared=ready, **options)
        for start in (0, 25, 50)
    ]
    joined = _core.CandidateTable.concat(parts).columns()
    assert all(
        np.array_equal(joined[name], whole[name], equal_nan=True) for name in ("ids", "scores", "bars")
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tile": "abacus"}, '`tile` must be "portable"'),
        (
            {"similarity": "manhattan"},
            '`similarity` must be "cosine" or "dot" or "euclidean", got "manhattan"',
        ),
    ],
)
def test_bad_names_are_told(change, message):
    rows = embeddings(0, 4)
    options = {"similarity": "dot", "rules": RULES, "depth": 2, "threads": 1, **change}
    with pytest.raises(ValueError, match=message):
        _core.search(rows, rows, [], None, **options)


def test_a_prepared_corpus_is_for_its_own_rows():
    rows = embeddings(0, 9)
    ready = _core.Corpus(rows, rows, similarity="dot", depth=2, threads=1)
    options = {"rules": RULES, "depth": 2, "threads": 1, "prepared": ready}
    with pytest.raises(
        ValueError, match="`corpus` must be of 9 rows of 40 as it was made ready, got 8 rows of 40"
    ):
        _core.search(rows, rows[:8], [], None, similarity="dot", **options)
    with pytest.raises(
        ValueError, match="`similarity` must be dot as the corpus was made ready for, got cosine"
    ):
        _core.search(rows, rows, [], None, similarity="cosine", **options)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_values_that_are_not_finite_are_named(dtype):
    corpus = embeddings(0, 9).astype(dtype)
    corpus[7, 3] = np.inf
    with pytest.raises(ValueError, match="`corpus` must be finite, got inf at row 7"):
        fg.mine(corpus[:2], corpus)


def test_max_memory_is_checked():
    with pytest.raises(ValueError, match=r"`max_memory` must be from 0 to 2\^63 - 1, got -1"):
        fg.mine(np.eye(3), np.eye(3), max_memory=-1)


def test_the_peak_of_each_variant_counts_its_operations():
    for tile in _core.tiles():
        one, two = (_core.code_peak(100, threads=threads, tile=tile) for threads in (1, 2))
        assert two == 2 * one > 0
