from __future__ import annotations

import copy

import pytest
import torch
from tests.losses.encoders import TokenEncoder, columns

from foolsgold.losses.parts.two_encoders import TwoEncoderLoss


class Products(TwoEncoderLoss):
    """The sum of the products of the two views."""

    inputs = "one or two columns"

    def compute(self, embeddings, labels, batch):
        return (embeddings[0] * embeddings[1]).sum()


def test_the_copy_embeds_the_first_column_and_the_model_the_last():
    model = TokenEncoder()
    loss = Products(model)
    with torch.no_grad():
        loss.model1.layer.bias += 1
    features = columns(4, 3, 5)
    for given in (features, features[:1]):
        first, second = loss.embed(given)
        torch.testing.assert_close(first, loss.model1(dict(given[0]))["sentence_embedding"])
        torch.testing.assert_close(second, model(dict(given[-1]))["sentence_embedding"])


def test_each_encoder_is_called_once_and_registered_once():
    model = TokenEncoder()
    loss = Products(model)
    assert loss.model2 is loss.model is model
    assert loss.model1 is not model
    loss(columns(4, 3))
    assert [len(encoder.calls) for encoder in (loss.model1, loss.model2)] == [1, 1]
    names = [name for name, _ in loss.named_parameters(remove_duplicate=False)]
    assert len(names) == len(set(names)) == 2 * len(list(model.parameters()))
    assert loss.state_dict().keys() == set(names)


def test_both_encoders_go_by_chunks():
    direct = Products(TokenEncoder().double())
    cached = copy.deepcopy(direct).cached(2)
    for loss in (direct, cached):
        loss(columns(5, 3, 6)).backward()
    for x, y in zip(direct.parameters(), cached.parameters(), strict=True):
        torch.testing.assert_close(x.grad, y.grad)
    assert max(shape[0] for shape in cached.model1.calls + cached.model2.calls) == 2


def test_refuses_other_numbers_of_columns():
    with pytest.raises(ValueError, match=r"`Products` takes one or two columns with .*, got 3 columns"):
        Products(TokenEncoder())(columns(3, 4, 4, 4))
