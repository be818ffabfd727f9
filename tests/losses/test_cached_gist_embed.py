from __future__ import annotations

import inspect

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns

from foolsgold.losses import CachedGISTEmbedLoss, GISTEmbedLoss

OPTIONS = [
    {},
    {"temperature": 0.2, "margin_strategy": "relative", "margin": 0.1, "contrast_anchors": False},
    {"temperature": 0.5, "learnable_temperature": True, "contrast_positives": False},
    {"mask_by_identity": False, "cache_embeddings": False},
]


def guide():
    """Another width than the encoder's."""
    return TokenEncoder(dropout=0.5, dimension=8)


def outcome(loss, *max_lengths):
    """Value and gradients of 7 rows, two of which are one text; the guide has none."""
    ids = torch.arange(7) % 6
    features = [{**column, "text_ids": ids + 6 * i} for i, column in enumerate(columns(7, *max_lengths))]
    value = loss(features)
    value.backward()
    assert not any(parameter.requires_grad for parameter in loss.guide.parameters())
    return [value.detach(), *(parameter.grad for parameter in loss.parameters() if parameter.requires_grad)]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("size", [{"mini_batch_size": 3}, {"mini_batch_num_tokens": 20}])
def test_is_the_loss_it_names(options, size):
    model, other = (TokenEncoder().double() for _ in range(2))
    found = outcome(CachedGISTEmbedLoss(model, guide(), **options, **size).double(), 5, 9, 7)
    expected = outcome(GISTEmbedLoss(other, guide(), **options).double(), 5, 9, 7)
    assert len(found) > 1
    torch.testing.assert_close(found, expected)
    assert len(model.calls) > len(other.calls)


def test_a_batch_that_fits_is_embedded_once():
    loss = CachedGISTEmbedLoss(TokenEncoder(), guide(), mini_batch_size=7)
    direct = GISTEmbedLoss(TokenEncoder(), guide())
    assert all(map(torch.equal, outcome(loss, 5, 9), outcome(direct, 5, 9)))
    assert len(loss.model.calls) == len(direct.model.calls) == 2


def test_the_guide_is_asked_once_a_batch():
    """The replay of the encoder's chunks in the backward is not one of the guide's."""
    loss = CachedGISTEmbedLoss(TokenEncoder(), guide(), mini_batch_size=2, cache_embeddings=False).train()
    outcome(loss, 5, 9)
    assert len(loss.guide.calls) == 2
    assert not loss.guide.training


def test_takes_what_the_loss_it_names_takes():
    own, named = (inspect.signature(loss).parameters for loss in (CachedGISTEmbedLoss, GISTEmbedLoss))
    assert own.keys() - named.keys() == {"mini_batch_size", "mini_batch_num_tokens", "show_progress_bar"}
    assert all(own[name].default == parameter.default for name, parameter in named.items())


def test_stores_its_arguments():
    laws.stores_its_arguments(
        CachedGISTEmbedLoss(TokenEncoder(), guide(), mini_batch_size=4),
        {
            "guide": "tests.losses.encoders.TokenEncoder",
            "temperature": 0.01,
            "mini_batch_size": 4,
            "mini_batch_num_tokens": None,
            "show_progress_bar": False,
            "margin_strategy": "absolute",
            "margin": 0.0,
            "contrast_anchors": True,
            "contrast_positives": True,
            "gather_across_devices": False,
            "mask_by_identity": True,
            "cache_embeddings": True,
            "learnable_temperature": False,
        },
    )
