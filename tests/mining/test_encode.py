"""Whatever embeds serves: methods by name, options by signature."""

import numpy as np
import pytest
import torch

from foolsgold.mining.encode import encode, similarity_of
from foolsgold.similarity import SimilarityFunction

VECTORS = {"a": [3.0, 4.0], "b": [0.0, 2.0]}
EXPECTED = np.array([[3, 4], [0, 2]], np.float32)


def vectors(texts):
    return [VECTORS[text] for text in texts]


class Both:
    def encode_query(self, texts):
        return np.array(vectors(texts)) + 100

    def encode_document(self, texts, prompt=None, batch_size=1):
        self.got = prompt, batch_size
        return np.array(vectors(texts))

    def encode(self, texts):
        raise AssertionError("the role decides")


class Plain:
    def __init__(self, convert):
        self.convert = convert

    def encode(self, sentences):
        return self.convert(vectors(sentences))


@pytest.mark.parametrize(
    "convert",
    [
        list,
        np.array,
        torch.tensor,
        lambda rows: torch.tensor(rows, dtype=torch.bfloat16),
        lambda rows: torch.tensor(rows, requires_grad=True),
        lambda rows: [torch.tensor(row) for row in rows],
        lambda rows: [np.array(row, np.float16) for row in rows],
    ],
)
def test_any_kind_of_vectors(convert):
    found = encode(Plain(convert), "query", ["a", "b"], batch_size=7, progress=True)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, EXPECTED)


def test_roles_options_and_functions():
    model = Both()
    np.testing.assert_array_equal(encode(model, "document", ["a", "b"], prompt="p", batch_size=3), EXPECTED)
    assert model.got == ("p", 3)
    np.testing.assert_array_equal(encode(model, "query", ["a", "b"]), EXPECTED + 100)
    np.testing.assert_array_equal(encode(vectors, "query", ["b"]), EXPECTED[1:])


def test_our_model_and_its_prompts(tiny_static):
    texts = ["gold", "iron stone"]
    tiny_static.prompts = {"query": "a ", "document": "the "}
    found = encode(tiny_static, "query", texts, batch_size=1)
    np.testing.assert_array_equal(found, tiny_static.encode(["a gold", "a iron stone"]))
    found = encode(tiny_static, "document", texts, prompt_name="query")
    np.testing.assert_array_equal(found, tiny_static.encode(["a gold", "a iron stone"]))


def test_a_pool_of_processes_is_made_and_ended():
    class Pooled:
        calls = ()

        def start_multi_process_pool(self, target_devices=None):
            self.calls += (("start", target_devices),)
            return "pool"

        def stop_multi_process_pool(self, pool):
            self.calls += (("stop", pool),)

        def encode(self, texts, pool=None):
            self.calls += (("encode", pool),)
            return vectors(texts)

    for devices, told in [(True, None), (["cpu", "cpu"], ["cpu", "cpu"])]:
        model = Pooled()
        encode(model, "query", ["a"], use_multi_process=devices)
        assert model.calls == (("start", told), ("encode", "pool"), ("stop", "pool"))
    model = Pooled()
    with pytest.raises(KeyError):
        encode(model, "query", ["z"], use_multi_process=True)
    assert model.calls[-1] == ("stop", "pool")


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (3, {}, TypeError, "`model` must have `encode_query` and `encode_document`, or `encode`, .* got int"),
        (
            "all-MiniLM",
            {},
            TypeError,
            r"got the name 'all-MiniLM'\nhint: load it: `foolsgold.SentenceTransformer\('all-MiniLM'\)`",
        ),
        (
            Both(),
            {"prompt": "x"},
            ValueError,
            "`query_prompt` must be left out .* parameter `prompt`, got 'x'",
        ),
        (Both(), {"prompt_name": "x"}, ValueError, "`query_prompt_name` must be left out"),
        (Both(), {"use_multi_process": True}, ValueError, "`use_multi_process` must be False"),
        (lambda texts: np.ones((3, 2)), {}, ValueError, "`model` must give one embedding a text, 2, got 3"),
        (lambda texts: np.ones(2), {}, ValueError, "`model` must have 2 dimensions, got 1"),
        (lambda texts: texts, {}, TypeError, "`model` must hold floats"),
        (
            lambda texts: np.array([[1.0], [np.nan]]),
            {},
            ValueError,
            "`model` must give finite numbers, got nan for the query 'b'",
        ),
    ],
)
def test_what_cannot_serve_is_told(model, options, error, message):
    with pytest.raises(error, match=message):
        encode(model, "query", ["a", "b"], **options)


def test_the_similarity_may_be_the_models():
    class Named:
        similarity_fn_name = SimilarityFunction.DOT_PRODUCT

    assert similarity_of(Named(), "model") == "dot"
    assert similarity_of(Named(), "euclidean") == "euclidean"
    Named.similarity_fn_name = SimilarityFunction.EUCLIDEAN
    assert similarity_of(Named(), "model") == "euclidean"
    Named.similarity_fn_name = "manhattan"
    with pytest.raises(ValueError, match=r"`similarity` must be one of .* names 'manhattan'"):
        similarity_of(Named(), "model")
    with pytest.raises(ValueError, match=r"`similarity` must be one of .*'model'.*, got 'cos'"):
        similarity_of(Named(), "cos")
    with pytest.raises(ValueError, match="which names None"):
        similarity_of(vectors, "model")
