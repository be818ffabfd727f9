from __future__ import annotations

import logging

import pytest
import torch
from tests.losses.encoders import TokenEncoder, columns
from torch import nn

from foolsgold.losses import EmbeddingLoss, MultipleNegativesRankingLoss, TripletLoss


class Recorder(EmbeddingLoss):
    """Sums the embeddings and keeps what `compute` was given."""

    def __init__(self, model: nn.Module, weight: float = 2.0, inner: nn.Module | None = None) -> None:
        super().__init__(model)
        self.weight, self.inner = weight, inner

    def compute(self, embeddings, labels, batch):
        self.given = embeddings, labels, batch
        return {"sum": self.weight * sum(x.sum() for x in embeddings)}


def with_ids(features):
    return [{**column, "text_ids": torch.arange(3) + 3 * i} for i, column in enumerate(features)]


def test_the_encoder_never_sees_text_ids():
    class Strict(TokenEncoder):
        def forward(self, features):
            assert features.keys() == {"input_ids", "attention_mask"}
            return super().forward(features)

    loss, features = Recorder(Strict()), with_ids(columns(3, 4, 5))
    labels = torch.ones(3)
    loss(features, labels)
    embeddings, given_labels, batch = loss.given
    assert [x.shape for x in embeddings] == [(3, 6), (3, 6)]
    assert given_labels is labels
    assert [ids.tolist() for ids in batch.text_ids] == [[0, 1, 2], [3, 4, 5]]
    assert (batch.rank, batch.world_size) == (0, 1)
    assert all(column.keys() == {"input_ids", "attention_mask"} for column in batch.features)


def test_features_stay_as_they_were():
    features = with_ids(columns(3, 4, 5, 5))
    keys = [set(column) for column in features]
    Recorder(TokenEncoder())(features)
    assert [set(column) for column in features] == keys


def test_takes_an_iterator_and_no_labels():
    loss = Recorder(TokenEncoder())
    components = loss(iter(columns(3, 4, 5)))
    assert components["sum"].requires_grad
    assert loss.given[2].text_ids == (None, None)


def test_embed_may_return_further_tensors():
    class Both(Recorder):
        def embed(self, features):
            embeddings = super().embed(features)
            return [*embeddings, *(2 * x for x in embeddings)]

    loss = Both(TokenEncoder())
    loss(columns(3, 4, 5))
    assert len(loss.given[0]) == 4


def test_a_loss_without_an_objective_is_refused():
    with pytest.raises(NotImplementedError, match="`EmbeddingLoss` must define `compute`"):
        EmbeddingLoss(TokenEncoder())(columns(3, 4))


def test_config_names_functions_and_modules():
    inner = TripletLoss(TokenEncoder())
    assert Recorder(TokenEncoder(), inner=inner).get_config_dict() == {"weight": 2.0, "inner": "TripletLoss"}
    assert Recorder(TokenEncoder()).citation == ""


def test_missing_text_ids_are_told_once(caplog):
    caplog.set_level(logging.INFO)
    loss = MultipleNegativesRankingLoss(TokenEncoder())
    loss(with_ids(columns(3, 4, 5)))
    assert not caplog.records
    for _ in range(3):
        loss(columns(3, 4, 5))
    assert len(caplog.records) == 1
    assert "`MultipleNegativesRankingLoss` got no `text_ids`" in caplog.text


def test_losses_that_need_no_text_ids_are_silent(caplog):
    caplog.set_level(logging.INFO)
    TripletLoss(TokenEncoder())(columns(3, 4, 5, 6))
    MultipleNegativesRankingLoss(TokenEncoder(), mask_by_identity=False)(columns(3, 4, 5))
    assert not caplog.records


def test_no_columns_at_all():
    with pytest.raises(ValueError, match="got 0 columns"):
        TripletLoss(TokenEncoder())([])
