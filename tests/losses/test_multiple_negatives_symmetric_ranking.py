from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F
from tests import laws
from tests.losses.encoders import Given, TokenEncoder, columns, embeddings

from foolsgold.losses import MultipleNegativesRankingLoss, MultipleNegativesSymmetricRankingLoss
from foolsgold.similarity import dot_score

BOTH = {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}
OPTIONS = [
    {},
    {"scale": 2.0, "similarity_fct": dot_score, "mask_by_identity": False},
    {"mask_by_label": True, "false_negative_margin": 0.1, "learnable_scale": True},
]


def outcome(loss, *max_lengths):
    """Value and gradients of 7 rows, two of which are one text."""
    ids = torch.arange(7) % 6
    features = [{**column, "text_ids": ids + 6 * i} for i, column in enumerate(columns(7, *max_lengths))]
    value = loss(features, torch.arange(7) % 4)
    value.backward()
    return [value.detach(), *(parameter.grad for parameter in loss.parameters())]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("max_lengths", [(5, 9), (5, 9, 7)])
def test_is_the_loss_it_names(options, max_lengths):
    loss = MultipleNegativesSymmetricRankingLoss(TokenEncoder(), **options)
    named = MultipleNegativesRankingLoss(TokenEncoder(), **options, **BOTH)
    found, expected = outcome(loss, *max_lengths), outcome(named, *max_lengths)
    assert len(found) == len(expected) > 1
    assert all(map(torch.equal, found, expected))
    assert len(loss.model.calls) == len(named.model.calls) == 2


def test_is_the_mean_of_two_softmaxes():
    pairs = [embeddings(6, 4, seed=seed) for seed in range(2)]
    value = MultipleNegativesSymmetricRankingLoss(Given()).compute_loss_from_embeddings(pairs)
    logits = 20 * F.cosine_similarity(pairs[0][:, None], pairs[1][None], dim=-1)
    own = torch.arange(6)
    torch.testing.assert_close(value, (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2)


def test_pairs_may_be_given_either_way_round():
    first, second = (embeddings(6, 4, seed=seed) for seed in range(2))
    loss = MultipleNegativesSymmetricRankingLoss(Given())
    torch.testing.assert_close(
        loss.compute_loss_from_embeddings([first, second]), loss.compute_loss_from_embeddings([second, first])
    )


def test_takes_what_the_loss_it_names_takes():
    own, named = (
        inspect.signature(loss).parameters
        for loss in (MultipleNegativesSymmetricRankingLoss, MultipleNegativesRankingLoss)
    )
    assert named.keys() - own.keys() == {*BOTH, "hardness_mode", "hardness_strength"}
    assert all(named[name].default == parameter.default for name, parameter in own.items())


def test_stores_its_arguments():
    loss = MultipleNegativesSymmetricRankingLoss(TokenEncoder(), scale=10.0)
    laws.stores_its_arguments(
        loss,
        {
            "scale": 10.0,
            "similarity_fct": "cos_sim",
            "gather_across_devices": False,
            "mask_by_identity": True,
            "mask_by_label": False,
            "false_negative_margin": None,
            "learnable_scale": False,
        },
    )
    assert loss.temperature == pytest.approx(0.1)


def test_refuses_a_single_column():
    with pytest.raises(ValueError, match=r"`MultipleNegativesSymmetricRankingLoss` takes .*got 1 columns"):
        MultipleNegativesSymmetricRankingLoss(TokenEncoder())(columns(3, 4))
