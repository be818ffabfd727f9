"""How close two embeddings are: cosine, dot, euclidean, manhattan and angle, in matrix and in pairwise form.

Higher is closer throughout, so distances come back negated. Arithmetic is in at least float32, also where the
inputs are half precision or automatic mixed precision is on: a bfloat16 logit has three significant digits.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    ArrayLike: TypeAlias = Tensor | np.ndarray[Any, Any] | Sequence["ArrayLike"] | Sequence[float]
    Similarity: TypeAlias = Callable[[ArrayLike, ArrayLike], Tensor]

# Below this norm a vector has no direction; the bound is the one `torch.nn.functional.normalize` clamps at.
_MIN_NORM = 1e-12


def normalize_embeddings(embeddings: ArrayLike) -> Tensor:
    """Scale each embedding to length 1.

    A zero vector stays zero and hands its gradient on unscaled; a clamped norm would multiply it by 1e12.

    Args:
        embeddings: (..., D).

    Returns:
        (..., D), at least float32.
    """
    embeddings = _as_float(embeddings)
    norms = torch.linalg.vector_norm(embeddings, dim=-1, keepdim=True)
    return embeddings / torch.where(norms > _MIN_NORM, norms, 1.0)


def cos_sim(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Cosine of every row of `a` with every row of `b`; 0 where either is a zero vector.

    Args:
        a: (N, D), or (D,) for one row.
        b: (M, D), or (D,) for one row.

    Returns:
        (N, M), in [-1, 1].
    """
    return dot_score(normalize_embeddings(a), normalize_embeddings(b))


def dot_score(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Dot product of every row of `a` with every row of `b`.

    Args:
        a: (N, D), or (D,) for one row.
        b: (M, D), or (D,) for one row.

    Returns:
        (N, M).
    """
    a, b = _as_matrices(a, b)
    with _full_precision(a):
        return torch.mm(a, b.T)


def euclidean_sim(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Negative euclidean distance of every row of `a` to every row of `b`.

    Args:
        a: (N, D), or (D,) for one row.
        b: (M, D), or (D,) for one row.

    Returns:
        (N, M), at most 0. Past 25 rows the distance is formed from dot products: in float32 it is good to
        about 5e-4 of the vectors' length, coarser than `pairwise_euclidean_sim` for near duplicates.
    """
    a, b = _as_matrices(a, b)
    with _full_precision(a):
        return -torch.cdist(a, b, p=2.0)


def manhattan_sim(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Negative manhattan distance of every row of `a` to every row of `b`.

    Args:
        a: (N, D), or (D,) for one row.
        b: (M, D), or (D,) for one row.

    Returns:
        (N, M), at most 0.
    """
    a, b = _as_matrices(a, b)
    with _full_precision(a):
        return -torch.cdist(a, b, p=1.0)


def pairwise_cos_sim(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Cosine of each row of `a` with the same row of `b`; 0 where either is a zero vector.

    Args:
        a: (..., D).
        b: (..., D).

    Returns:
        (...), in [-1, 1].
    """
    return pairwise_dot_score(normalize_embeddings(a), normalize_embeddings(b))


def pairwise_dot_score(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Dot product of each row of `a` with the same row of `b`.

    Args:
        a: (..., D).
        b: (..., D).

    Returns:
        (...).
    """
    return (_as_float(a) * _as_float(b)).sum(dim=-1)


def pairwise_euclidean_sim(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Negative euclidean distance of each row of `a` to the same row of `b`.

    Args:
        a: (..., D).
        b: (..., D).

    Returns:
        (...), at most 0; the gradient of equal rows is 0.
    """
    distances: Tensor = torch.linalg.vector_norm(_as_float(a) - _as_float(b), dim=-1)
    return -distances


def pairwise_manhattan_sim(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Negative manhattan distance of each row of `a` to the same row of `b`.

    Args:
        a: (..., D).
        b: (..., D).

    Returns:
        (...), at most 0.
    """
    return -(_as_float(a) - _as_float(b)).abs().sum(dim=-1)


def pairwise_angle_sim(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Absolute angle similarity |cos + sin| of each row of `a` and the same row of `b`.

    An embedding is read as D/2 complex numbers, its first half the real and its second half the imaginary
    parts; the cosine and sine are the parts of the complex quotient. An odd D is filled up with one zero.

    Args:
        a: (..., D).
        b: (..., D).

    Returns:
        (...), in [0, sqrt(2)].

    Reference:
        Li and Li 2023, "AnglE-optimized Text Embeddings", https://arxiv.org/abs/2309.12871, section 3.4.
    """
    a, b = normalize_embeddings(a), normalize_embeddings(b)
    if a.shape[-1] % 2:
        a, b = F.pad(a, (0, 1)), F.pad(b, (0, 1))
    real_b, imaginary_b = b.chunk(2, dim=-1)
    # The sine is the product with b turned by a right angle, so one product gives both.
    return (a * (b + torch.cat([-imaginary_b, real_b], dim=-1))).sum(dim=-1).abs()


class SimilarityFunction(Enum):
    """The similarities a model can name as its own; `similarity_fn_name` takes and stores the values."""

    COSINE = "cosine"
    DOT_PRODUCT = "dot"
    DOT = DOT_PRODUCT
    EUCLIDEAN = "euclidean"
    MANHATTAN = "manhattan"

    @classmethod
    def _missing_(cls, value: object) -> SimilarityFunction:
        raise ValueError(f"`similarity_function` must be one of {cls.possible_values()}, got {value!r}")

    @staticmethod
    def to_similarity_fn(similarity_function: str | SimilarityFunction) -> Similarity:
        """Return the matrix form: (N, D), (M, D) to (N, M).

        Args:
            similarity_function: a member, or its value.

        Raises:
            ValueError: no such similarity.
        """
        return _FORMS[SimilarityFunction(similarity_function)][0]

    @staticmethod
    def to_similarity_pairwise_fn(similarity_function: str | SimilarityFunction) -> Similarity:
        """Return the pairwise form: (N, D), (N, D) to (N,).

        Args:
            similarity_function: a member, or its value.

        Raises:
            ValueError: no such similarity.
        """
        return _FORMS[SimilarityFunction(similarity_function)][1]

    @staticmethod
    def possible_values() -> list[str]:
        """Return the values a similarity may be named by."""
        return [member.value for member in SimilarityFunction]


_FORMS: dict[SimilarityFunction, tuple[Similarity, Similarity]] = {
    SimilarityFunction.COSINE: (cos_sim, pairwise_cos_sim),
    SimilarityFunction.DOT_PRODUCT: (dot_score, pairwise_dot_score),
    SimilarityFunction.EUCLIDEAN: (euclidean_sim, pairwise_euclidean_sim),
    SimilarityFunction.MANHATTAN: (manhattan_sim, pairwise_manhattan_sim),
}


def pairwise_form(similarity_fct: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the pairwise twin of one of the matrix forms here, and any other function as it is.

    Args:
        similarity_fct: `cos_sim`, `dot_score`, `euclidean_sim`, `manhattan_sim`, or a pairwise function.

    Returns:
        (..., D), (..., D) to (...), where the function is one of the four.
    """
    for matrix_form, twin in _FORMS.values():
        if similarity_fct is matrix_form:
            return twin
    return similarity_fct


def _as_float(embeddings: ArrayLike) -> Tensor:
    """Make a tensor of at least float32; a list is stacked row by row."""
    if isinstance(embeddings, (list, tuple)) and embeddings and not isinstance(embeddings[0], (int, float)):
        tensor = torch.stack([torch.as_tensor(row) for row in embeddings])
    else:
        tensor = torch.as_tensor(embeddings)
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _as_matrices(a: ArrayLike, b: ArrayLike) -> tuple[Tensor, Tensor]:
    """Make two matrices of one dtype; a single embedding becomes a matrix of one row."""
    a, b = _as_float(a), _as_float(b)
    a, b = (x.unsqueeze(0) if x.dim() == 1 else x for x in (a, b))
    dtype = torch.promote_types(a.dtype, b.dtype)
    return a.to(dtype), b.to(dtype)


def _full_precision(tensor: Tensor) -> AbstractContextManager[None]:
    """Switch automatic mixed precision off, where it is on."""
    device_type = tensor.device.type
    if torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()
