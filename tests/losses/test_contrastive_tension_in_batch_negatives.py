from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.contrastive_tension_in_batch_negatives import (
    ContrastiveTensionLossInBatchNegatives,
    contrastive_tension_in_batch_negatives_loss,
)
from foolsgold.losses.parts.identity import Identity
from foolsgold.similarity import dot_score


def oracle(first, second, *, scale=20.0, ids=None):
    def cosine(u, v):
        product = sum(x * y for x, y in zip(u, v, strict=True))
        return product / math.sqrt(sum(x * x for x in u) * sum(y * y for y in v))

    scores = [[math.exp(scale * cosine(u, v)) for v in second.tolist()] for u in first.tolist()]
    num_rows, total = len(scores), 0.0
    for i in range(num_rows):
        others = [j for j in range(num_rows) if j == i or ids is None or ids[i] != ids[j]]
        total -= math.log(scores[i][i] / sum(scores[i][j] for j in others))
        total -= math.log(scores[i][i] / sum(scores[j][i] for j in others))
    return total / (2 * num_rows)


def objective(**options):
    return lambda *inputs: contrastive_tension_in_batch_negatives_loss(*inputs, **options)


def batch():
    return [embeddings(7, 4, seed=seed) for seed in range(2)]


def test_keeps_the_laws():
    laws.equals_oracle(objective(), oracle, *batch())
    laws.has_exact_gradient(objective(scale=3.0), *batch())
    laws.is_finite_for_extremes(objective(), *batch())
    laws.ignores_row_order(objective(), *batch())
    laws.leaves_inputs_unchanged(objective(), *batch())
    laws.ignores_lengths(objective(), *batch())
    laws.halves_make_the_whole(lambda rows: objective(rows=rows)(*batch()), 7)


def test_one_row_has_no_signal():
    laws.is_zero_without_signal(objective(), *(x[:1] for x in batch()))


def test_equal_texts_are_no_negatives():
    ids = torch.tensor([1, 2, 1, 3, 2, 4, 1])
    identity = Identity(query_ids=ids, document_ids=ids[None])
    laws.equals_oracle(objective(identity=identity), lambda *x: oracle(*x, ids=ids.tolist()), *batch())
    loss, features = ContrastiveTensionLossInBatchNegatives(TokenEncoder()), columns(7, 5)
    views = [encoder(dict(features[0]))["sentence_embedding"] for encoder in (loss.model1, loss.model)]
    features[0]["text_ids"] = ids
    torch.testing.assert_close(loss(features), objective(identity=identity)(*views))
    loss.mask_by_identity = False
    torch.testing.assert_close(loss(features), objective()(*views))


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(objective(), *batch())


@pytest.mark.parametrize("num_columns", [1, 2])
def test_module_is_the_function(num_columns):
    loss = ContrastiveTensionLossInBatchNegatives(TokenEncoder(), 7.0, dot_score)
    features = columns(5, *[3, 6][:num_columns])
    first = loss.model1(dict(features[0]))["sentence_embedding"]
    second = loss.model(dict(features[-1]))["sentence_embedding"]
    expected = objective(scale=7.0, similarity_fct=dot_score)(first, second)
    torch.testing.assert_close(loss(features), expected)


def test_rows_may_count_differently():
    loss, features = ContrastiveTensionLossInBatchNegatives(TokenEncoder()), columns(4, 5)
    features[0]["row_weights"] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    views = [encoder(dict(features[0]))["sentence_embedding"] for encoder in (loss.model1, loss.model)]
    torch.testing.assert_close(loss(features), objective(rows=slice(0, 1))(*views))


def test_the_scale_is_trained():
    loss = ContrastiveTensionLossInBatchNegatives(TokenEncoder(), scale=5.0)
    assert loss.logit_scale.shape == (1,)
    assert loss.scale == pytest.approx(5.0)
    loss(columns(5, 4)).backward()
    assert loss.logit_scale.grad.abs() > 0


@pytest.mark.parametrize("num_columns", [1, 2])
def test_cached_equals_direct(num_columns):
    loss = ContrastiveTensionLossInBatchNegatives(TokenEncoder().double())
    laws.cached_equals_direct(loss.double(), columns(5, *[6] * num_columns), None)


def test_stores_its_arguments():
    loss = ContrastiveTensionLossInBatchNegatives(TokenEncoder())
    laws.stores_its_arguments(
        loss,
        {
            "scale": loss.scale,
            "similarity_fct": "cos_sim",
            "gather_across_devices": False,
            "mask_by_identity": True,
        },
    )


def test_refuses_what_it_does_not_take():
    with pytest.raises(ValueError, match=r"`ContrastiveTensionLossInBatchNegatives` takes .*, got 3 columns"):
        ContrastiveTensionLossInBatchNegatives(TokenEncoder())(columns(3, 4, 4, 4))
    with pytest.raises(ValueError, match="`scale` must be above 0, got -1"):
        ContrastiveTensionLossInBatchNegatives(TokenEncoder(), scale=-1)
