from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import FlatEncoder, TokenEncoder, columns, embeddings, flat, padded, token_rows

from foolsgold.losses import EmbeddingLoss
from foolsgold.losses.parts import gradient_cache
from foolsgold.losses.parts.gradient_cache import ChunkSize, embed_in_chunks


def encode_with(model):
    return lambda features: model(dict(features))["sentence_embedding"]


class Gate:
    """Stands in for the checkpoint: keeps the graph of every chunk."""

    def __call__(self, function, *arguments, use_reentrant):
        return function(*arguments)


SIZES = [ChunkSize(1), ChunkSize(3), ChunkSize(6), ChunkSize(tokens=20), ChunkSize(tokens=1)]


@pytest.mark.parametrize("size", SIZES)  # 3 and 6 leave an uneven last chunk of 7 rows
def test_equal_to_chunks_with_graph_under_dropout(size, monkeypatch):
    """Bit for bit: the replay draws the masks of the forward."""
    model, weights = TokenEncoder(dropout=0.5).double(), embeddings(7, 6)
    (features,) = columns(7, 9)
    outcomes = []
    for gate in (gradient_cache._checkpoint, Gate()):
        monkeypatch.setattr(gradient_cache, "_checkpoint", gate)
        model.zero_grad()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(11)
            output = embed_in_chunks(encode_with(model), features, size)
            torch.rand(100)  # what others draw before the backward must not matter
            (output * weights).sum().backward()
            after = torch.rand(3)
        outcomes.append([output.detach(), after, *(p.grad.clone() for p in model.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*outcomes, strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_equal_to_all_at_once_without_dropout(size):
    model, weights = TokenEncoder().double(), embeddings(7, 6)
    (features,) = columns(7, 9)
    outcomes = []
    for embed in (encode_with(model), lambda x: embed_in_chunks(encode_with(model), x, size)):
        model.zero_grad()
        output = embed(features)
        (output * weights).sum().backward()
        outcomes.append([output.detach(), *(p.grad.clone() for p in model.parameters())])
    torch.testing.assert_close(*outcomes)


def test_rows_of_like_lengths_go_together():
    """A chunk is as wide as its longest row, and a budget of tokens counts padding."""
    rows = [[1] * length for length in (2, 9, 1, 5, 4, 2, 3)]
    model = TokenEncoder()
    embed_in_chunks(encode_with(model), padded(rows), ChunkSize(3))
    assert model.calls == [(3, 9), (3, 3), (1, 1)]
    model.calls.clear()
    embed_in_chunks(encode_with(model), padded(rows), ChunkSize(tokens=10))
    assert model.calls == [(1, 9), (2, 5), (3, 3), (1, 1)]


def test_padding_on_the_left_is_kept():
    rows = padded([[1] * length for length in (2, 5, 1)])
    turned = {key: value.flip(1) for key, value in rows.items()}
    model = TokenEncoder()
    torch.testing.assert_close(
        embed_in_chunks(encode_with(model), turned, ChunkSize(2)), encode_with(model)(rows)
    )
    assert model.calls[:2] == [(2, 5), (1, 5)]


def test_a_chunk_is_run_once_and_replayed_once():
    model = TokenEncoder()
    embed_in_chunks(encode_with(model), columns(7, 9)[0], ChunkSize(3)).sum().backward()
    assert [rows for rows, _ in model.calls] == [3, 3, 1, 1, 3, 3]


@pytest.mark.parametrize("size", [7, 100])
def test_a_batch_of_one_chunk_costs_one_forward(size):
    model = TokenEncoder()
    embed_in_chunks(encode_with(model), columns(7, 9)[0], ChunkSize(size)).sum().backward()
    assert len(model.calls) == 1


def test_no_activations_are_kept():
    def largest_kept(size):
        model, kept = TokenEncoder(), [0]
        with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
            embed_in_chunks(encode_with(model), columns(7, 9)[0], ChunkSize(size))
        return max(kept)

    assert largest_kept(7) >= 7 * 9
    assert largest_kept(3) <= 7  # the order of the rows


def test_metadata_goes_to_every_chunk():
    seen = []

    def encode(features):
        seen.append((features["task"], features["prompt_length"].tolist(), len(features["weights"])))
        return features["input_ids"].sum(1)

    (features,) = columns(5, 4)
    features |= {"task": "query", "prompt_length": torch.tensor(2), "weights": torch.ones(5)}
    assert torch.equal(embed_in_chunks(encode, features, ChunkSize(2)), features["input_ids"].sum(1))
    assert seen == [("query", 2, 2), ("query", 2, 2), ("query", 2, 1)]


def test_flat_features_are_embedded_at_once():
    model = FlatEncoder()
    features = flat(token_rows(7, 5, seed=0))
    expected = encode_with(model)(features)
    model.calls = 0
    assert torch.equal(embed_in_chunks(encode_with(model), features, ChunkSize(2)), expected)
    assert model.calls == 1


def test_works_without_gradient():
    model = TokenEncoder()
    with torch.no_grad():
        output = embed_in_chunks(encode_with(model), columns(7, 9)[0], ChunkSize(3))
    assert not output.requires_grad
    assert output.shape == (7, 6)


def test_refuses_empty_chunks():
    with pytest.raises(ValueError, match="`mini_batch_size` must be at least 1, got 0"):
        ChunkSize(0)
    with pytest.raises(ValueError, match="`mini_batch_num_tokens` must be at least 1, got -1"):
        ChunkSize(tokens=-1)


def test_a_bar_shows_the_chunks(capsys):
    embed_in_chunks(encode_with(TokenEncoder()), columns(7, 9)[0], ChunkSize(3, show_progress_bar=True))
    assert "Embed mini-batches" in capsys.readouterr().err


def test_a_loss_embeds_each_group_in_chunks():
    class Sum(EmbeddingLoss):
        def compute(self, embeddings, labels, batch):
            return sum(x.sum() for x in embeddings)

    loss = Sum(TokenEncoder())
    assert loss.cached(4) is loss
    loss(columns(5, 3, 9, 7))
    assert [rows for rows, _ in loss.model.calls] == [4, 1, 4, 4, 2]
