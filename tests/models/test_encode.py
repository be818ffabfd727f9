"""encode: the same embeddings in the same order, however they are batched."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from foolsgold.models import encode

TEXTS = [" ".join(["cat", "dog", "of", "gold", "zebra"][: n % 6] * (1 + n % 4)) for n in range(20)]


@pytest.fixture(params=["tiny_bert", "tiny_static"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("window", [7, 1000])
def test_order_and_values_do_not_depend_on_batches(model, batch_size, window, monkeypatch):
    one_by_one = np.stack([model.encode(text) for text in TEXTS])
    monkeypatch.setattr(encode, "_WINDOW", window)
    np.testing.assert_allclose(model.encode(TEXTS, batch_size=batch_size), one_by_one, atol=1e-6)


def test_equals_the_forward(model):
    model.eval()
    with torch.no_grad():
        expected = model(model.preprocess(TEXTS))["sentence_embedding"]
    np.testing.assert_allclose(model.encode(TEXTS), expected.numpy(), atol=1e-6)


def test_batches_are_sorted_by_tokens_longest_first(tiny_bert):
    widths = []
    tiny_bert[0].register_forward_pre_hook(lambda _, inputs: widths.append(inputs[0]["input_ids"].shape[1]))
    tiny_bert.encode(["dog " * 3, "zzzzzzzz", "of " * 9, "cat"], batch_size=1)
    assert widths == [11, 10, 5, 3]


def test_shapes_and_types(model):
    dimension = model.get_embedding_dimension()
    assert model.encode("the cat").shape == (dimension,)
    assert model.encode(["the cat"]).shape == (1, dimension)
    assert isinstance(model.encode(TEXTS), np.ndarray)
    tensor = model.encode(TEXTS, convert_to_tensor=True)
    assert isinstance(tensor, torch.Tensor)
    assert not tensor.requires_grad
    assert not tensor.is_inference()
    listed = model.encode(TEXTS, convert_to_numpy=False)
    assert isinstance(listed, list)
    assert torch.equal(torch.stack(listed), tensor)
    np.testing.assert_array_equal(model.encode(TEXTS), tensor.numpy())


def test_nothing_to_encode(model):
    dimension = model.get_embedding_dimension()
    assert model.encode([]).shape == (0, dimension)
    assert model.encode([], convert_to_tensor=True, truncate_dim=5).shape == (0, 5)
    assert model.encode([], convert_to_numpy=False) == []


def test_truncation_comes_before_normalisation(model):
    full = model.encode(TEXTS[1:6])
    np.testing.assert_allclose(model.encode(TEXTS[1:6], truncate_dim=4), full[:, :4], atol=1e-6)
    short = model.encode(TEXTS[1:6], truncate_dim=4, normalize_embeddings=True)
    np.testing.assert_allclose(
        short, full[:, :4] / np.linalg.norm(full[:, :4], axis=1, keepdims=True), atol=1e-6
    )
    model.truncate_dim = 6
    assert model.encode(TEXTS).shape[1] == model.get_embedding_dimension() == 6


def test_inputs_of_other_kinds(model):
    expected = model.encode(TEXTS)
    for inputs in (tuple(TEXTS), iter(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object)):
        np.testing.assert_array_equal(model.encode(inputs), expected)


def test_texts_are_not_compared(model):
    class Text(str):
        __slots__ = ()

        def __eq__(self, other):
            raise AssertionError

        def __hash__(self):
            raise AssertionError

    np.testing.assert_array_equal(model.encode([Text(text) for text in TEXTS]), model.encode(TEXTS))


def test_token_rows_are_encoded_like_their_texts(model, monkeypatch):
    monkeypatch.setattr(encode, "_WINDOW", 7)
    rows = model.token_rows(TEXTS)
    np.testing.assert_allclose(model.encode(rows, batch_size=4), model.encode(TEXTS), atol=1e-6)
    with pytest.raises(ValueError, match="`inputs` must be texts for a prompt to go before them"):
        model.encode(rows, prompt="the ")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["cat", None], "`inputs` must be strings, got NoneType in row 1"),
        (["cat", "dog", 3.5], "`inputs` must be strings, got float in row 2"),
        ([("cat", "dog")], "`inputs` must be strings, got tuple in row 0"),
        (np.array(["cat", None]), "`inputs` must be strings, got NoneType in row 1"),
    ],
)
def test_what_is_no_text_is_named(model, inputs, message):
    with pytest.raises(TypeError, match=message):
        model.encode(inputs)
    with pytest.raises(TypeError, match=message):
        model.preprocess(inputs)


def test_bad_arguments(model):
    with pytest.raises(ValueError, match="`batch_size` must be at least 1, got 0"):
        model.encode("cat", batch_size=0)
    with pytest.raises(ValueError, match=r"`output_value` must be .* got 'all'"):
        model.encode("cat", output_value="all")


@pytest.mark.parametrize("side", ["left", "right"])
def test_token_embeddings_are_without_padding(tiny_bert, side):
    tiny_bert.tokenizer.padding_side = side
    lengths = tiny_bert.token_rows(TEXTS).lengths.tolist()
    tokens = tiny_bert.encode(TEXTS, output_value="token_embeddings", batch_size=3)
    assert [tuple(x.shape) for x in tokens] == [(length, 32) for length in lengths]
    assert tiny_bert.encode("the cat", output_value="token_embeddings").shape == (4, 32)
    if side == "right":
        np.testing.assert_allclose(
            torch.stack([x.mean(0) for x in tokens]), tiny_bert.encode(TEXTS), atol=1e-6
        )


def test_no_token_embeddings(tiny_static):
    with pytest.raises(ValueError, match="`output_value` must be 'sentence_embedding'"):
        tiny_static.encode(["cat"], output_value="token_embeddings")
    assert torch.is_grad_enabled()


def test_the_mode_comes_back(tiny_bert):
    tiny_bert.train()
    tiny_bert[1].eval()
    first = tiny_bert.encode(TEXTS)
    np.testing.assert_array_equal(first, tiny_bert.encode(TEXTS))  # no dropout
    assert tiny_bert[0].training
    assert not tiny_bert[1].training
    assert torch.is_grad_enabled()


def test_half_precision(tiny_bert):
    tiny_bert.bfloat16()
    assert tiny_bert.encode(TEXTS).dtype == np.float32
    assert tiny_bert.encode(TEXTS, convert_to_tensor=True, normalize_embeddings=True).dtype == torch.bfloat16


def test_progress_bar(model, capsys):
    model.encode(TEXTS)
    model.encode(TEXTS, show_progress_bar=False)
    assert capsys.readouterr().err == ""
    model.encode(TEXTS, show_progress_bar=True)
    assert "20/20" in capsys.readouterr().err
