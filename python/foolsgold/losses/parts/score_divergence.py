"""How far a student's softmax over candidates is from a teacher's: of given scores, and over a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from foolsgold.losses.parts.row_blocks import sum_over_rows
from foolsgold.similarity import SimilarityFunction, pairwise_form

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    Similarity = Callable[[Tensor, Tensor], Tensor]

_MATRIX_FORMS = {
    SimilarityFunction.to_similarity_pairwise_fn(known): SimilarityFunction.to_similarity_fn(known)
    for known in SimilarityFunction
}


def score_divergences(
    student_scores: Tensor,
    teacher_scores: Tensor,
    student_temperature: float,
    teacher_temperature: float,
    copies: Tensor | None = None,
) -> Tensor:
    """Kullback-Leibler divergence of each row, times the student's squared temperature.

    Shape:
        student_scores (B, N), teacher_scores (B, N), copies (N,); returns (B,) in at least float32.

    Args:
        student_scores: of N candidates for each row.
        teacher_scores: of the same candidates; without gradient.
        student_temperature: divides the student's scores.
        teacher_temperature: divides the teacher's scores.
        copies: how often the text of each candidate is among the candidates; each copy has that share of its
            weight. None for once.
    """
    dtype = torch.promote_types(student_scores.dtype, torch.float32)
    student = student_scores.to(dtype) / student_temperature
    teacher = teacher_scores.detach().to(dtype) / teacher_temperature
    if copies is not None:
        student, teacher = student - copies.to(dtype).log(), teacher - copies.to(dtype).log()
    log_student, log_teacher = student.log_softmax(dim=1), teacher.log_softmax(dim=1)
    shares = log_teacher.exp()
    # A candidate without a share adds nothing, also where its logarithm is minus infinity.
    terms = shares * (torch.where(shares == 0, 0.0, log_teacher) - log_student)
    return terms.sum(dim=1) * student_temperature**2


def in_batch_divergence(
    student: tuple[Tensor, Tensor],
    teacher: tuple[Tensor, Tensor],
    *,
    similarity_fct: Similarity,
    student_temperature: float,
    teacher_temperature: float,
    document_ids: Tensor | None = None,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Sum the divergences of queries over all documents of a batch, by blocks of rows.

    Shape:
        student (B, D) and (G, D), teacher (B, Dt) and (G, Dt), document_ids (G,), weights (B,);
        returns (), ().

    Args:
        student: embeddings of the queries and of the documents.
        teacher: its embeddings of the same texts.
        similarity_fct: (N, D), (N, D) to (N,), higher is closer.
        student_temperature: divides the student's similarities.
        teacher_temperature: divides the teacher's similarities.
        document_ids: text ids; equal texts count once. None to count each.
        weights: how much each query counts; None for all the same.

    Returns:
        The sum over the queries, and their number, or the sum of their weights.
    """
    copies = None if document_ids is None else num_copies(document_ids)
    known = pairwise_form(similarity_fct) in _MATRIX_FORMS

    def block(rows: slice, queries: Tensor, documents: Tensor) -> tuple[Tensor, Tensor]:
        losses = score_divergences(
            _matrix(similarity_fct, queries[rows], documents),
            _matrix(similarity_fct, teacher[0][rows], teacher[1]),
            student_temperature,
            teacher_temperature,
            copies,
        )
        if weights is None:
            return losses.sum(), losses.new_tensor(float(len(losses)))
        own = weights[rows].to(losses.dtype)
        return (losses * own).sum(), own.sum()

    queries, documents = student
    entries = len(documents) if known else len(documents) * queries.shape[1]
    return sum_over_rows(block, (queries, documents), slice(0, len(queries)), entries, closed=known)


def num_copies(ids: Tensor) -> Tensor:
    """Count how often each id is among all, (N,)."""
    ordered = ids.sort().values
    return torch.searchsorted(ordered, ids, right=True) - torch.searchsorted(ordered, ids)


def pair_scores(embeddings: Sequence[Tensor], similarity_fct: Similarity) -> Tensor:
    """Compare each query with its own documents.

    Shape:
        1 + N columns (B, D), the first of queries; returns (B, N) in at least float32.

    Args:
        embeddings: of queries, and of N documents for each.
        similarity_fct: (N, D), (N, D) to (N,), higher is closer.
    """
    queries, *documents = embeddings
    pairwise = pairwise_form(similarity_fct)
    scores = torch.stack([pairwise(queries, document) for document in documents], dim=1)
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def _matrix(similarity_fct: Similarity, rows: Tensor, columns: Tensor) -> Tensor:
    """Compare all rows with all columns by a function of pairs, (B, D), (G, D) to (B, G)."""
    pairwise = pairwise_form(similarity_fct)
    if pairwise in _MATRIX_FORMS:
        return _MATRIX_FORMS[pairwise](rows, columns)
    left = rows.repeat_interleave(len(columns), dim=0)
    return similarity_fct(left, columns.repeat(len(rows), 1)).view(len(rows), len(columns))
