from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import FlatEncoder, TokenEncoder, columns, embeddings, flat, token_rows

from foolsgold.losses import EmbeddingLoss
from foolsgold.losses.gradient_cache import embed_in_chunks


def encode_with(model):
    return lambda features: model(dict(features))["sentence_embedding"]


def in_plain_chunks(encode, features, size):
    """The same chunks, with their graphs kept."""
    parts = [{key: value[i : i + size] for key, value in features.items()} for i in range(0, 7, size)]
    return torch.cat([encode(part) for part in parts])


@pytest.mark.parametrize("size", [1, 3, 6])  # 3 and 6 leave an uneven last chunk of 7 rows
def test_equal_to_chunks_with_graph_under_dropout(size):
    """Bit for bit: the replay draws the masks of the forward."""
    model, weights = TokenEncoder(dropout=0.5).double(), embeddings(7, 6)
    (features,) = columns(7, 9)
    outcomes = []
    for embed in (in_plain_chunks, embed_in_chunks):
        model.zero_grad()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(11)
            output = embed(encode_with(model), features, size)
            torch.rand(100)  # what others draw before the backward must not matter
            (output * weights).sum().backward()
            after = torch.rand(3)
        outcomes.append([output.detach(), after, *(p.grad.clone() for p in model.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*outcomes, strict=True))


def test_a_chunk_is_run_once_and_replayed_once():
    model = TokenEncoder()
    embed_in_chunks(encode_with(model), columns(7, 9)[0], 3).sum().backward()
    assert [rows for rows, _ in model.calls] == [3, 3, 1, 1, 3, 3]


@pytest.mark.parametrize("size", [7, 100])
def test_a_batch_of_one_chunk_costs_one_forward(size):
    model = TokenEncoder()
    embed_in_chunks(encode_with(model), columns(7, 9)[0], size).sum().backward()
    assert len(model.calls) == 1


def test_no_activations_are_kept():
    def largest_kept(size):
        model, kept = TokenEncoder(), [0]
        with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
            embed_in_chunks(encode_with(model), columns(7, 9)[0], size)
        return max(kept)

    assert largest_kept(7) >= 7 * 9
    assert largest_kept(3) == 0


def test_metadata_goes_to_every_chunk():
    seen = []

    def encode(features):
        seen.append((features["task"], features["prompt_length"].tolist(), len(features["weights"])))
        return features["input_ids"].double()

    (features,) = columns(5, 4)
    features |= {"task": "query", "prompt_length": torch.tensor(2), "weights": torch.ones(5)}
    assert embed_in_chunks(encode, features, 2).shape == (5, 4)
    assert seen == [("query", 2, 2), ("query", 2, 2), ("query", 2, 1)]


def test_flat_features_are_embedded_at_once():
    model = FlatEncoder()
    features = flat(token_rows(7, 5, seed=0))
    expected = encode_with(model)(features)
    model.calls = 0
    assert torch.equal(embed_in_chunks(encode_with(model), features, 2), expected)
    assert model.calls == 1


def test_works_without_gradient():
    model = TokenEncoder()
    with torch.no_grad():
        output = embed_in_chunks(encode_with(model), columns(7, 9)[0], 3)
    assert not output.requires_grad
    assert output.shape == (7, 6)


@pytest.mark.parametrize("size", [0, -1])
def test_refuses_empty_chunks(size):
    with pytest.raises(ValueError, match=f"`mini_batch_size` must be at least 1, got {size}"):
        embed_in_chunks(encode_with(TokenEncoder()), columns(7, 9)[0], size)


def test_a_loss_embeds_each_group_in_chunks():
    class Sum(EmbeddingLoss):
        def compute(self, embeddings, labels, batch):
            return sum(x.sum() for x in embeddings)

    loss = Sum(TokenEncoder())
    loss.mini_batch_size = 4
    loss(columns(5, 3, 9, 7))
    assert loss.model.calls == [(4, 3), (1, 3), (4, 9), (4, 9), (2, 9)]
