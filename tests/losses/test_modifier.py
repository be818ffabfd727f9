from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import TokenEncoder, columns

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.cosine_similarity import CosineSimilarityLoss
from foolsgold.losses.modifier import LossModifier, embeds_as_base, weighted_sum
from foolsgold.losses.multiple_negatives_ranking import MultipleNegativesRankingLoss
from foolsgold.losses.parts.gradient_cache import ChunkSize
from foolsgold.losses.triplet import TripletLoss


class Plain(LossModifier):
    """Changes nothing."""

    def compute(self, embeddings, labels, batch):
        return self.loss.compute(embeddings, labels, batch)


class OwnEmbed(EmbeddingLoss):
    def embed(self, features):
        return super().embed(features)


class OwnEncode(EmbeddingLoss):
    def encode(self, features):
        return super().encode(features)


class OwnForward(EmbeddingLoss):
    def forward(self, sentence_features, labels=None):
        return super().forward(sentence_features, labels)


@pytest.mark.parametrize("kind", [MultipleNegativesRankingLoss, CosineSimilarityLoss, TripletLoss])
def test_takes_what_its_loss_takes(kind):
    model = TokenEncoder()
    loss = kind(model)
    modifier = Plain(model, loss)
    for name in ("inputs", "labels", "weighs_rows", "mask_by_identity", "chunk_size"):
        assert getattr(modifier, name) == getattr(loss, name)


def test_its_gradient_cache_is_that_of_the_loss():
    model, features = TokenEncoder(), columns(7, 5, 6)
    loss = MultipleNegativesRankingLoss(model).cached(3)
    modifier = Plain(model, Plain(model, loss))
    assert modifier.chunk_size == ChunkSize(3)
    expected = modifier(features)
    assert [len(call) for call in model.calls]
    assert max(shape[0] for shape in model.calls) == 3
    modifier.chunk_size = None
    assert loss.chunk_size is None
    model.calls.clear()
    torch.testing.assert_close(modifier(features), expected)
    assert {shape[0] for shape in model.calls} == {7}
    assert modifier.cached(2) is modifier
    assert loss.chunk_size == ChunkSize(2)


def test_refuses_what_is_not_applied_by_embed_and_compute():
    model = TokenEncoder()
    with pytest.raises(TypeError, match=r"`loss` must be an EmbeddingLoss of foolsgold, got Linear\nhint: "):
        Plain(model, torch.nn.Linear(2, 2))
    with pytest.raises(TypeError, match="got OwnForward with its own `forward`"):
        Plain(model, OwnForward(model))
    with pytest.raises(ValueError, match="`loss` must have the same `model` as its modifier"):
        Plain(model, TripletLoss(TokenEncoder()))


def test_tells_who_embeds_in_its_own_way():
    model = TokenEncoder()
    assert embeds_as_base(TripletLoss(model))
    assert embeds_as_base(Plain(model, Plain(model, TripletLoss(model))))
    for loss in (OwnEmbed(model), OwnEncode(model), Plain(model, OwnEmbed(model))):
        assert not embeds_as_base(loss)


def test_weighted_sum_adds_components_by_name():
    one, two = torch.tensor(1.0), torch.tensor(2.0)
    assert weighted_sum([one, two], [3.0, 0.5]) == 4
    assert weighted_sum([{"a": one, "b": two}, {"a": two, "b": two}], [1.0, 10.0]) == {"a": 21, "b": 22}
