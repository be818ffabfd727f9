from __future__ import annotations

import copy

import pytest
import torch
from tests.losses.encoders import FlatEncoder, columns
from tests.losses.layered import LayeredEncoder
from torch import nn

from foolsgold.losses.parts.layers import embed_layers, modules_with_layers


class Wrapper(nn.Module):
    """Wraps as DDP and `torch.compile` do."""

    def __init__(self, name, model):
        super().__init__()
        setattr(self, name, model)
        self.name = name

    def forward(self, features):
        return getattr(self, self.name)(features)


def expected_layers(model, features):
    """What the model gives where it has only the first so many layers."""
    embeddings = []
    for num_layers in range(4):
        cut = copy.deepcopy(model)
        cut[0].auto_model.layers = cut[0].auto_model.layers[:num_layers]
        embeddings.append(cut(dict(features))["sentence_embedding"])
    return embeddings


@pytest.mark.parametrize("wrapped", [None, "module", "_orig_mod"])
def test_a_layer_embeds_as_a_model_that_ends_there(wrapped):
    model, (features,) = LayeredEncoder(), columns(4, 5)
    expected = expected_layers(model, features)
    outer = model if wrapped is None else Wrapper(wrapped, model)
    value = embed_layers(outer, features, lambda count: range(count))
    torch.testing.assert_close(value, torch.stack([expected[3], *expected[:3]], dim=1))
    some = embed_layers(outer, features, lambda count: [count - 1])
    torch.testing.assert_close(some, torch.stack([expected[3], expected[2]], dim=1))


def test_one_forward_and_nothing_is_left_behind():
    model, (features,) = LayeredEncoder(), columns(4, 5)
    stack = model[0].auto_model
    keys = set(features)
    embed_layers(model, features, lambda count: range(count))
    assert stack.num_calls == 1
    assert set(features) == keys
    assert stack.config.output_hidden_states is False
    assert not model[0]._forward_hooks

    def fails(count):
        raise RuntimeError("a layer fails")

    with pytest.raises(RuntimeError, match="a layer fails"):
        embed_layers(model, features, fails)
    assert stack.config.output_hidden_states is False
    assert not model[0]._forward_hooks


def test_models_without_layers_are_refused(tiny_static, tiny_bert):
    for model in (FlatEncoder(), tiny_static, nn.Sequential(), nn.Sequential(tiny_bert[0])):
        with pytest.raises(TypeError, match="`model` must be a model of `transformers` and then modules"):
            modules_with_layers(model)
    assert modules_with_layers(tiny_bert) == (tiny_bert[0], [tiny_bert[1]])


def test_a_model_that_keeps_its_states_is_refused():
    model, (features,) = LayeredEncoder(), columns(4, 5)
    first = model[0].forward

    def without_states(features):
        return {key: value for key, value in first(features).items() if key != "all_layer_embeddings"}

    model[0].forward = without_states
    with pytest.raises(ValueError, match="must give its layers' states, got none by TokenLayers"):
        embed_layers(model, features, lambda count: range(count))
