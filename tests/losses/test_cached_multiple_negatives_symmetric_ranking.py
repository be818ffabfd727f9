from __future__ import annotations

import inspect

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns

from foolsgold.losses import (
    CachedMultipleNegativesSymmetricRankingLoss,
    MultipleNegativesSymmetricRankingLoss,
)

OPTIONS = [{}, {"scale": 5.0, "mask_by_label": True, "false_negative_margin": 0.1, "learnable_scale": True}]


def outcome(loss, *max_lengths):
    """Value and gradients of 7 rows, two of which are one text."""
    ids = torch.arange(7) % 6
    features = [{**column, "text_ids": ids + 6 * i} for i, column in enumerate(columns(7, *max_lengths))]
    value = loss(features, torch.arange(7) % 4)
    value.backward()
    return [value.detach(), *(parameter.grad for parameter in loss.parameters())]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("size", [{"mini_batch_size": 3}, {"mini_batch_num_tokens": 20}])
def test_is_the_loss_it_names(options, size):
    model, other = (TokenEncoder().double() for _ in range(2))
    found = outcome(CachedMultipleNegativesSymmetricRankingLoss(model, **options, **size).double(), 5, 9, 7)
    expected = outcome(MultipleNegativesSymmetricRankingLoss(other, **options).double(), 5, 9, 7)
    torch.testing.assert_close(found, expected)
    assert len(model.calls) > len(other.calls)


def test_a_batch_that_fits_is_embedded_once():
    for size in ({"mini_batch_size": 14}, {"mini_batch_num_tokens": 14 * 9}):
        loss, direct = (
            CachedMultipleNegativesSymmetricRankingLoss(TokenEncoder(), **size),
            MultipleNegativesSymmetricRankingLoss(TokenEncoder()),
        )
        assert all(map(torch.equal, outcome(loss, 5, 9, 7), outcome(direct, 5, 9, 7)))
        assert len(loss.model.calls) == len(direct.model.calls) == 2


def test_takes_what_the_loss_it_names_takes():
    own, named = (
        inspect.signature(loss).parameters
        for loss in (CachedMultipleNegativesSymmetricRankingLoss, MultipleNegativesSymmetricRankingLoss)
    )
    assert own.keys() - named.keys() == {"mini_batch_size", "mini_batch_num_tokens", "show_progress_bar"}
    assert all(own[name].default == parameter.default for name, parameter in named.items())


def test_stores_its_arguments():
    laws.stores_its_arguments(
        CachedMultipleNegativesSymmetricRankingLoss(TokenEncoder(), mini_batch_num_tokens=64),
        {
            "scale": 20.0,
            "similarity_fct": "cos_sim",
            "mini_batch_size": 32,
            "mini_batch_num_tokens": 64,
            "gather_across_devices": False,
            "show_progress_bar": False,
            "mask_by_identity": True,
            "mask_by_label": False,
            "false_negative_margin": None,
            "learnable_scale": False,
        },
    )
