"""Queries that are the corpus: compared once, answered as any others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.mining import mine
from foolsgold.mining.arrays import widened


def clustered(rows, dim, seed):
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(max(1, rows // 20), dim))
    noise = 0.7 * generator.normal(size=(rows, dim))
    return (centres[generator.integers(len(centres), size=rows)] + noise).astype(np.float32)


def brute_force(rows, similarity, depth, excluded):
    """The scores of the best `depth` of each row, in float64."""
    wide = rows.astype(np.float64)
    products = wide @ wide.T
    if similarity == "cosine":
        norms = np.sqrt(np.diag(products))
        products = products / norms[:, None] / norms
    elif similarity == "euclidean":
        squares = np.diag(products)
        products = -np.sqrt(np.maximum(0, squares[:, None] + squares - 2 * products))
    products[np.arange(len(rows)), excluded] = -np.inf
    return -np.sort(-products, axis=1)[:, :depth]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 700),
    st.sampled_from([3, 16, 65]),
    st.sampled_from(["cosine", "dot", "euclidean"]),
    st.integers(1, 60),
    st.sampled_from([np.float32, np.float16]),
    st.integers(0, 99),
)
def test_the_answer_is_that_of_other_queries(rows, dim, similarity, num_negatives, dtype, seed):
    own = clustered(rows, dim, seed).astype(dtype)
    positives = np.arange(rows)
    asked = {"num_negatives": num_negatives, "similarity": similarity}
    found = [mine(own, own, positives=positives, threads=threads, **asked) for threads in (1, 2, 7)]
    found.append(mine(own, own.copy(), positives=positives, **asked))
    found.append(mine(own, own, positives=positives, max_memory=0, **asked))
    more = np.concatenate([own, own[:1]])  # one query more: not the corpus
    other = mine(more, own, positives=[*positives, 0], **asked)
    for one in found:
        np.testing.assert_array_equal(one.ids, other.ids[:-1])
        np.testing.assert_array_equal(one.scores.view(np.uint32), other.scores[:-1].view(np.uint32))
    expected = brute_force(widened(own), similarity, num_negatives, positives)
    width = expected.shape[1]
    np.testing.assert_allclose(found[0].scores[:, :width], expected, rtol=1e-5, atol=2e-6 * dim)


@pytest.mark.parametrize("is_folder", [False, True])
def test_margins_and_groups_hold_for_both_rows_of_a_pair(is_folder, tmp_path):
    rows = clustered(900, 24, 1)
    positives = np.stack([np.arange(900), (np.arange(900) + 1) % 900], axis=1)
    groups = np.arange(900) // 4
    asked = {"positives": positives, "relative_margin": 0.05, "classes": {"group": (groups, groups)}}
    where = {"folder": tmp_path / "found"} if is_folder else {}
    found = mine(rows, rows, num_negatives=20, **asked, **where)
    asked["positives"] = np.concatenate([positives, positives[:1]])
    asked["classes"] = {"group": (groups, np.append(groups, groups[0]))}
    other = mine(np.concatenate([rows, rows[:1]]), rows, num_negatives=20, **asked)
    np.testing.assert_array_equal(found.ids, other.ids[:-1])
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    caps = (unit[:, None] * unit[positives]).sum(axis=2).min(axis=1)
    assert (found.scores <= (caps - 0.05 * np.abs(caps))[:, None] + 1e-5).all()
    taken = found.ids >= 0
    assert taken.any()
    assert (groups[found.ids] != groups[:, None])[taken].all()
