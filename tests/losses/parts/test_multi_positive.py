from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import embeddings

from foolsgold.losses.parts import row_blocks
from foolsgold.losses.parts.identity import Identity
from foolsgold.losses.parts.multi_positive import sum_row_losses
from foolsgold.similarity import cos_sim, dot_score, euclidean_sim

IDS = torch.tensor([[1, 2, 1, 3, 4], [11, 12, 13, 12, 3], [21, 22, 11, 24, 25]])
CLASSES = torch.tensor([0, 1, 0, 2, 1])


def row_losses(similarities, positives, compared, weight):
    """Sum of the positives less the sum of the negatives, and only rows with a positive count."""
    signed = torch.where(positives, similarities * weight, -similarities) * compared
    return signed.square().sum(1), positives.any(1)


def batch():
    return embeddings(5, 4), torch.stack([embeddings(5, 4, seed=seed) for seed in (1, 2)])


@pytest.mark.parametrize("similarity_fct", [cos_sim, dot_score, euclidean_sim])
def test_matches_are_positives_of_their_rows(similarity_fct):
    anchors, documents = batch()
    identity = Identity(query_ids=IDS[0], document_ids=IDS[1:], classes=CLASSES)
    total = 0.0
    for i in range(5):
        for k in range(5):
            for c in range(2):
                related = (
                    CLASSES[i] == CLASSES[k] or IDS[0][i] == IDS[0][k] or IDS[1][i] == IDS[1][k]
                ) and c == 0
                matches = i == k and c == 0
                matches |= bool(related) or int(IDS[1 + c][k]) in (int(IDS[0][i]), int(IDS[1][i]))
                score = similarity_fct(anchors[i], documents[c, k]).item()
                total += (score * 3 if matches else -score) ** 2
    value, count = sum_row_losses(
        row_losses, anchors, documents, (3.0,), similarity_fct=similarity_fct, identity=identity
    )
    assert value.item() == pytest.approx(total, rel=1e-5)
    assert count == 5


def test_without_knowledge_a_rows_own_document_is_its_positive():
    anchors, documents = batch()
    scores = cos_sim(anchors, documents.flatten(0, 1))
    scores[torch.arange(5), torch.arange(5)] *= 3
    value, count = sum_row_losses(row_losses, anchors, documents, (3.0,))
    torch.testing.assert_close(value, scores.square().sum())
    assert count == 5


def test_a_single_column_is_compared_with_itself():
    anchors, _ = batch()
    scores = cos_sim(anchors, anchors)
    total = sum(
        (scores[i, k] * (3 if CLASSES[i] == CLASSES[k] else -1)) ** 2
        for i in (0, 1, 2, 4)
        for k in range(5)
        if i != k
    )
    value, count = sum_row_losses(row_losses, anchors, None, (3.0,), identity=Identity(classes=CLASSES))
    torch.testing.assert_close(value, total)
    assert count == 4
    weights = torch.tensor([1.0, 0.0, 0.0, 9.0, 0.0])
    value, count = sum_row_losses(
        row_losses, anchors, None, (3.0,), identity=Identity(classes=CLASSES), weights=weights
    )
    torch.testing.assert_close(count, torch.ones((), dtype=torch.float64))
    nothing = sum_row_losses(row_losses, anchors, None, (3.0,))
    assert [float(x) for x in nothing] == [0.0, 0.0]


@pytest.mark.parametrize("similarity_fct", [cos_sim, euclidean_sim])
@pytest.mark.parametrize("single", [True, False])
def test_blocks_give_the_same(monkeypatch, single, similarity_fct):
    outcomes = []
    for largest in (2**25, 1):
        monkeypatch.setattr(row_blocks, "_ONE_BLOCK", largest)
        monkeypatch.setattr(row_blocks, "_BLOCK", 21)
        anchors, documents = (x.requires_grad_() for x in batch())
        weight = torch.tensor([2.0], requires_grad=True)
        value, count = sum_row_losses(
            row_losses,
            anchors,
            None if single else documents,
            (weight,),
            similarity_fct=similarity_fct,
            identity=Identity(classes=CLASSES),
            rows=slice(1, 5),
        )
        value.backward()
        outcomes.append([value.detach(), count, anchors.grad, documents.grad, weight.grad])
    torch.testing.assert_close(*outcomes)
