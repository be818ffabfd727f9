from __future__ import annotations

from collections import Counter

import pytest
import torch
from tests import laws
from tests.losses.encoders import embeddings

from foolsgold.losses.parts import row_blocks
from foolsgold.losses.parts.score_divergence import (
    in_batch_divergence,
    num_copies,
    pair_scores,
    score_divergences,
)
from foolsgold.similarity import cos_sim, dot_score, pairwise_cos_sim, pairwise_dot_score

IDS = torch.tensor([7, 3, 7, 9, 3, 7])


def student():
    return embeddings(6, 4), embeddings(6, 4, seed=1)


def teacher():
    return embeddings(6, 5, seed=2), embeddings(6, 5, seed=3)


def in_batch(queries, documents, teacher=None, **options):
    options = {
        "similarity_fct": pairwise_dot_score,
        "student_temperature": 2.0,
        "teacher_temperature": 1.5,
        **options,
    }
    total, count = in_batch_divergence((queries, documents), teacher or globals()["teacher"](), **options)
    return total / count


def test_copies_are_counted():
    assert num_copies(IDS).tolist() == [Counter(IDS.tolist())[x] for x in IDS.tolist()]


@pytest.mark.parametrize("similarity_fct", [pairwise_dot_score, pairwise_cos_sim, cos_sim])
def test_pairs_are_scored_one_by_one(similarity_fct):
    queries, first, second = embeddings(3, 4), embeddings(3, 4, seed=1), embeddings(3, 4, seed=2)
    matrix = dot_score if similarity_fct is pairwise_dot_score else cos_sim
    scores = pair_scores([queries, first, second], similarity_fct)
    expected = torch.stack([matrix(queries, x).diagonal() for x in (first, second)], dim=1)
    torch.testing.assert_close(scores, expected)


@pytest.mark.parametrize("ids", [None, torch.arange(6), IDS])
def test_it_is_the_divergence_over_distinct_texts(ids):
    """Equal texts, that is equal embeddings under one id, are as one."""
    (queries, documents), (teacher_queries, teacher_documents) = student(), teacher()
    if ids is not None:
        first = torch.tensor([ids.tolist().index(x) for x in ids.tolist()])
        documents, teacher_documents = documents[first], teacher_documents[first]
        kept = first.unique()
    else:
        kept = torch.arange(6)
    total = 0.0
    for i in range(6):
        own = ((documents[kept] @ queries[i]) / 2).softmax(0)
        wanted = ((teacher_documents[kept] @ teacher_queries[i]) / 1.5).softmax(0)
        total += float((wanted * (wanted.log() - own.log())).sum()) * 4
    value = in_batch(queries, documents, (teacher_queries, teacher_documents), document_ids=ids)
    torch.testing.assert_close(value, torch.tensor(total / 6, dtype=torch.float64))


@pytest.mark.parametrize("ids", [None, IDS])
def test_keeps_the_laws(ids):
    def objective(queries, documents):
        return in_batch(queries, documents, document_ids=ids)

    laws.has_exact_gradient(objective, *student())
    laws.is_finite_for_extremes(objective, *student())
    laws.leaves_inputs_unchanged(objective, *student())


def test_the_order_of_rows_does_not_matter():
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    moved = in_batch(
        *(x[order] for x in student()), tuple(x[order] for x in teacher()), document_ids=IDS[order]
    )
    torch.testing.assert_close(moved, in_batch(*student(), document_ids=IDS))


def test_a_student_that_ranks_as_its_teacher_has_no_signal():
    laws.is_zero_without_signal(
        lambda *inputs: in_batch(*inputs, student(), teacher_temperature=2.0, document_ids=IDS), *student()
    )


def test_one_row_has_no_signal():
    one = tuple(x[:1] for x in teacher())
    laws.is_zero_without_signal(lambda *inputs: in_batch(*inputs, one), *(x[:1] for x in student()))


def test_minus_infinity_of_the_teacher_takes_the_share():
    scores = embeddings(4, 3)
    masked = embeddings(4, 3, seed=1)
    masked[1, 2] = -torch.inf

    def objective(scores):
        return score_divergences(scores, masked, 1.0, 1.0).mean()

    laws.has_exact_gradient(objective, scores)
    assert objective(scores).isfinite()


@pytest.mark.parametrize("similarity_fct", [pairwise_cos_sim, lambda a, b: pairwise_cos_sim(a, b)])
def test_blocks_of_rows_change_nothing(similarity_fct, monkeypatch):
    outcomes = []
    for _ in range(2):
        leaves = [x.clone().requires_grad_() for x in student()]
        weights = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.5, 3.0])
        value = in_batch(*leaves, similarity_fct=similarity_fct, document_ids=IDS, weights=weights)
        value.backward()
        outcomes.append([value.detach(), *(x.grad for x in leaves)])
        monkeypatch.setattr(row_blocks, "_ONE_BLOCK", 1)
        monkeypatch.setattr(row_blocks, "_BLOCK", 50)
    torch.testing.assert_close(*outcomes)


@pytest.mark.slow
def test_compiles_whole():
    given = teacher()
    laws.compiles_whole(lambda *inputs: in_batch(*inputs, given, document_ids=IDS), *student())
