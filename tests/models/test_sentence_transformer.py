"""SentenceTransformer: prompts, settings, similarities, copies; and what its construction refuses."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from foolsgold.models import Normalize, SentenceTransformer

PROMPTS = {"query": "what is ", "document": "the ", "stone": "a stone "}


@pytest.fixture
def prompted(tiny_bert):
    return SentenceTransformer(
        modules=list(tiny_bert), prompts=PROMPTS, default_prompt_name="stone", device="cpu"
    )


def test_prompts(prompted):
    def same(embedding, text):
        return np.array_equal(embedding, prompted.encode(text, prompt=""))

    assert same(prompted.encode("cat"), "a stone cat")
    assert same(prompted.encode("cat", prompt_name="document"), "the cat")
    assert same(prompted.encode("cat", prompt="of "), "of cat")
    assert same(prompted.encode("cat", prompt_name="document", prompt="of "), "of cat")
    assert same(prompted.encode_query("cat"), "what is cat")
    assert same(prompted.encode_document("cat"), "the cat")
    assert same(prompted.encode_query("cat", prompt_name="stone"), "a stone cat")
    assert same(prompted.encode_document("cat", prompt="of "), "of cat")


def test_no_prompts(tiny_bert):
    assert tiny_bert.prompts == {"query": "", "document": ""}
    assert np.array_equal(tiny_bert.encode_query("cat"), tiny_bert.encode("cat"))
    assert np.array_equal(tiny_bert.encode_document("cat"), tiny_bert.encode("cat"))


def test_the_prompt_is_kept_out_of_pooling(tiny_bert):
    tiny_bert[1].include_prompt = False
    tokens = tiny_bert.encode("cat", prompt="a dog of ", output_value="token_embeddings")
    assert len(tokens) == 6
    expected = tokens[4:].mean(dim=0).numpy()
    np.testing.assert_allclose(tiny_bert.encode("cat", prompt="a dog of "), expected, atol=1e-6)


def test_similarity(tiny_bert):
    a, b = tiny_bert.encode(["cat", "dog"]), tiny_bert.encode(["cat", "a river"])
    assert tiny_bert.similarity_fn_name == "cosine"
    matrix = tiny_bert.similarity(a, b)
    assert matrix.shape == (2, 2)
    assert matrix[0, 0].item() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(tiny_bert.similarity_pairwise(a, b), matrix.diagonal())
    tiny_bert.similarity_fn_name = "dot"
    np.testing.assert_allclose(tiny_bert.similarity(a, b), a @ b.T, rtol=1e-5)


def test_sequence_of_modules(tiny_bert):
    assert len(tiny_bert) == 2
    assert [type(module).__name__ for module in tiny_bert] == ["Transformer", "Pooling"]
    assert type(tiny_bert[-1]).__name__ == "Pooling"
    assert tiny_bert.transformers_model is tiny_bert[0].model
    assert tiny_bert.tokenizer is tiny_bert[0].tokenizer
    assert tiny_bert.get_embedding_dimension() == tiny_bert.get_sentence_embedding_dimension() == 32
    assert tiny_bert.device == torch.device("cpu")
    assert tiny_bert.dtype == torch.float32
    tiny_bert.max_seq_length = 5
    assert tiny_bert.tokenize(["a cat of the river"])["input_ids"].shape == (1, 5)


@pytest.mark.parametrize("name", ["tiny_bert", "tiny_static"])
def test_copies(name, request):
    model = request.getfixturevalue(name)
    expected = model.encode(["the cat"])
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.encode(["the cat"]), expected)
        with torch.no_grad():
            next(other.parameters()).zero_()
        np.testing.assert_array_equal(model.encode(["the cat"]), expected)


def test_bad_arguments(tiny_bert, tmp_path):
    with pytest.raises(ValueError, match="one of `model_name_or_path` and `modules` must be given"):
        SentenceTransformer()
    with pytest.raises(ValueError, match="one of `model_name_or_path` and `modules` must be given"):
        SentenceTransformer(tmp_path, modules=list(tiny_bert))
    with pytest.raises(ValueError, match="`modules` must name at least one module, got none"):
        SentenceTransformer(modules=[])
    with pytest.raises(
        ValueError, match=r"`prompt_name` must be one of \['query', 'document'\], got 'stone'"
    ):
        SentenceTransformer(modules=list(tiny_bert), default_prompt_name="stone")
    with pytest.raises(ValueError, match=r"`prompt_name` must be one of .* got 'stone'"):
        tiny_bert.encode("cat", prompt_name="stone")
    with pytest.raises(ValueError, match=r"`similarity_function` must be one of .* got 'jaccard'"):
        SentenceTransformer(modules=list(tiny_bert), similarity_fn_name="jaccard")
    with pytest.raises(TypeError, match="the first of `modules` must read texts, got Normalize"):
        SentenceTransformer(modules=[Normalize()])


def test_a_static_model_needs_no_transformers(tiny_static, tmp_path):
    tiny_static.save(tmp_path)
    code = (
        "import sys; from foolsgold.models import SentenceTransformer;"
        f"print(SentenceTransformer({str(tmp_path)!r}).encode('cat').shape, 'transformers' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "(16,) False"
