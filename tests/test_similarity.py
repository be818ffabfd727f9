"""Similarities against naive float64 loops, and their behaviour at the edges."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold import similarity
from foolsgold.similarity import SimilarityFunction


def cosine(a, b):
    norm = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm else 0.0


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def euclidean(a, b):
    return -math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def manhattan(a, b):
    return -sum(abs(x - y) for x, y in zip(a, b, strict=True))


def angle(a, b):
    """|cos + sin| by complex numbers."""
    half = len(a) // 2
    first = [complex(a[i], a[half + i]) for i in range(half)]
    second = [complex(b[i], b[half + i]) for i in range(half)]
    quotient = sum(x * y.conjugate() for x, y in zip(first, second, strict=True))
    norm = math.sqrt(sum(abs(x) ** 2 for x in first)) * math.sqrt(sum(abs(y) ** 2 for y in second))
    return abs(quotient.real + quotient.imag) / norm if norm else 0.0


MATRIX = {
    similarity.cos_sim: cosine,
    similarity.dot_score: dot,
    similarity.euclidean_sim: euclidean,
    similarity.manhattan_sim: manhattan,
}
PAIRWISE = {
    similarity.pairwise_cos_sim: cosine,
    similarity.pairwise_dot_score: dot,
    similarity.pairwise_euclidean_sim: euclidean,
    similarity.pairwise_manhattan_sim: manhattan,
    similarity.pairwise_angle_sim: angle,
}
ALL = [*MATRIX, *PAIRWISE]


def name(function):
    return function.__name__ if callable(function) else str(function)


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(("function", "oracle"), MATRIX.items(), ids=name)
@given(rows=st.integers(1, 6), columns=st.integers(1, 6), width=st.integers(1, 9), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_matrix_equals_a_double_loop(function, oracle, rows, columns, width, seed):
    a, b = drawn(rows, width, seed=seed), drawn(columns, width, seed=seed + 100)
    expected = torch.tensor([[oracle(x, y) for y in b.tolist()] for x in a.tolist()], dtype=torch.float64)
    torch.testing.assert_close(function(a, b), expected)


@pytest.mark.parametrize(("function", "oracle"), PAIRWISE.items(), ids=name)
@given(rows=st.integers(1, 6), half=st.integers(1, 5), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_pairwise_equals_a_loop(function, oracle, rows, half, seed):
    a, b = drawn(rows, 2 * half, seed=seed), drawn(rows, 2 * half, seed=seed + 100)
    expected = [oracle(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    torch.testing.assert_close(function(a, b), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("function", ALL, ids=name)
def test_gradients(function):
    a, b = drawn(3, 4).requires_grad_(), drawn(3, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(function, (a, b))


@pytest.mark.parametrize("kind", SimilarityFunction)
def test_pairwise_is_the_diagonal(kind):
    a, b = drawn(5, 4), drawn(5, 4, seed=1)
    matrix = SimilarityFunction.to_similarity_fn(kind)(a, b)
    torch.testing.assert_close(
        SimilarityFunction.to_similarity_pairwise_fn(kind.value)(a, b), matrix.diagonal()
    )


@pytest.mark.parametrize("function", ALL, ids=name)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(function, dtype):
    a, b = drawn(30, 8, dtype=dtype), drawn(30, 8, seed=1, dtype=dtype)
    torch.testing.assert_close(function(a, b), function(a.float(), b.float()), rtol=0, atol=0)
    assert function(a, b).dtype == torch.float32


@pytest.mark.parametrize("function", ALL, ids=name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_mixed_precision_changes_nothing(function, dtype):
    a, b = drawn(30, 8, dtype=dtype), drawn(30, 8, seed=1, dtype=dtype)
    expected = function(a, b)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(function(a, b), expected, rtol=0, atol=0)
        assert torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("function", ALL, ids=name)
@pytest.mark.parametrize("other", [0.0, 1.0, 1e-30])
def test_zero_vectors_are_finite(function, other):
    a, b = torch.zeros(3, 4, requires_grad=True), torch.full((3, 4), other, requires_grad=True)
    result = function(a, b)
    assert result.isfinite().all()
    result.sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert a.grad.abs().max() <= 100
    assert b.grad.abs().max() <= 100


@pytest.mark.parametrize("function", ALL, ids=name)
def test_large_half_values_are_finite(function):
    a = torch.full((3, 4), 60_000.0, dtype=torch.float16)
    assert function(a, -a).isfinite().all()


def test_equal_rows_are_closest():
    a = drawn(4, 6)
    for kind in (SimilarityFunction.COSINE, SimilarityFunction.EUCLIDEAN, SimilarityFunction.MANHATTAN):
        assert SimilarityFunction.to_similarity_fn(kind)(a, a).argmax(dim=1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("function", ALL, ids=name)
def test_array_likes(function):
    a, b = drawn(3, 4, dtype=torch.float32), drawn(3, 4, seed=1, dtype=torch.float32)
    expected = function(a, b)
    for other in (b.numpy(), list(b), list(b.numpy()), tuple(b)):
        torch.testing.assert_close(function(a, other), expected)
    torch.testing.assert_close(function(a.tolist(), b.tolist()), expected)


@pytest.mark.parametrize("function", MATRIX, ids=name)
def test_one_embedding_is_a_matrix_of_one_row(function):
    a, b = drawn(4), drawn(3, 4, seed=1)
    torch.testing.assert_close(function(a, b), function(a.unsqueeze(0), b))
    assert function(a, a).shape == (1, 1)


def test_integers_and_mixed_types():
    assert similarity.cos_sim(np.array([[1, 0]]), np.array([[1, 1]])).item() == pytest.approx(2**-0.5)
    assert (
        similarity.dot_score(torch.ones(1, 2), torch.ones(1, 2, dtype=torch.float64)).dtype == torch.float64
    )


def test_normalized_rows_have_length_one_or_are_zero():
    rows = torch.stack([drawn(5), torch.zeros(5, dtype=torch.float64), drawn(5, seed=1) * 1e-8])
    norms = similarity.normalize_embeddings(rows).norm(dim=1)
    torch.testing.assert_close(norms, torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64))


def test_names():
    assert SimilarityFunction.possible_values() == ["cosine", "dot", "euclidean", "manhattan"]
    assert SimilarityFunction.DOT is SimilarityFunction.DOT_PRODUCT
    assert SimilarityFunction.to_similarity_fn("dot") is similarity.dot_score
    with pytest.raises(ValueError, match=r"must be one of \['cosine', .*\], got 'jaccard'"):
        SimilarityFunction.to_similarity_fn("jaccard")


def test_pairwise_forms_of_matrix_forms():
    twins = [function for function in PAIRWISE if function is not similarity.pairwise_angle_sim]
    assert [similarity.pairwise_form(function) for function in MATRIX] == twins
    assert all(similarity.pairwise_form(function) is function for function in [*PAIRWISE, torch.dist])


def test_util_has_the_same_functions():
    from foolsgold import util

    names = [x for x in util.__all__ if x != "mine_hard_negatives"]
    assert len(names) == 11
    assert all(getattr(util, x) is getattr(similarity, x) for x in names)
    with pytest.raises(AttributeError, match="has no attribute `nothing`"):
        _ = util.nothing


def test_it_needs_torch_alone():
    code = "import sys, foolsgold.similarity; print({'transformers', 'datasets'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "set()"
