"""A model's fingerprint changes with all that changes its embeddings, and with nothing else."""

import copy

import numpy as np
import pytest

from foolsgold.mining import EmbeddingStore
from foolsgold.mining.model_fingerprint import model_fingerprint
from foolsgold.models import Pooling, SentenceTransformer

torch = pytest.importorskip("torch")


def test_the_same_model_has_the_same(tiny_bert, tiny_bert_folder):
    before = model_fingerprint(tiny_bert)
    assert model_fingerprint(copy.deepcopy(tiny_bert)) == before
    assert model_fingerprint(SentenceTransformer(tiny_bert_folder, device="cpu")) == before
    tiny_bert.encode(["a cat", "the dog and the bird"])
    assert model_fingerprint(tiny_bert) == before
    tiny_bert.train()
    assert model_fingerprint(tiny_bert.requires_grad_(False)) == before


def one_bit(model):
    weight = next(model.parameters())
    with torch.no_grad():
        weight.view(-1)[7] = torch.nextafter(weight.view(-1)[7], torch.tensor(9.0))


def other_pooling(model):
    model[1] = Pooling(32, "cls")


def other_vocabulary(model):
    model.tokenizer.add_tokens(["feldspar"])


@pytest.mark.parametrize("change", [one_bit, other_pooling, other_vocabulary, torch.nn.Module.half])
def test_another_model_has_another(tiny_bert, change):
    before = model_fingerprint(tiny_bert)
    change(tiny_bert)
    assert model_fingerprint(tiny_bert) != before


def test_any_state_counts():
    class Odd(torch.nn.Module):
        def __init__(self, extra):
            super().__init__()
            self.extra = extra
            self.register_buffer("empty", torch.empty(0, 3))
            self.register_buffer("flags", torch.tensor([True, False]))
            self.register_buffer("wide", torch.tensor(1.5, dtype=torch.bfloat16))

        def get_extra_state(self):
            return self.extra

        def set_extra_state(self, state):
            self.extra = state

    assert model_fingerprint(Odd({"a": 1})) == model_fingerprint(Odd({"a": 1}))
    assert model_fingerprint(Odd({"a": 1})) != model_fingerprint(Odd({"a": 2}))


class Scaled(torch.nn.Module):
    """A model that is more than its weights."""

    def __init__(self, **settings):
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Linear(2, 2))
        torch.nn.init.zeros_(self.inner[0].weight)
        torch.nn.init.zeros_(self.inner[0].bias)
        self.prefix, self.scale, self.names, self.steps = "", 1.0, ["a"], {"a": (1, None)}
        self._prefix, self._factor = "", 1.0
        self._calls, self._seen, self._kept = 0, False, {}
        for name, value in settings.items():
            setattr(self, name, value)


@pytest.mark.parametrize(
    "settings",
    [
        {"prefix": "query: "},
        {"scale": 2.0},
        {"scale": 1},
        {"names": ["a", "b"]},
        {"steps": {"a": (1, 2)}},
        {"normalize": True},
        {"_prefix": "query: "},
        {"_factor": 2.0},
    ],
    ids=str,
)
def test_plain_attributes_of_any_module_count(settings):
    before = model_fingerprint(Scaled())
    assert model_fingerprint(Scaled()) == before
    assert model_fingerprint(Scaled(**settings)) != before
    deep = Scaled()
    for name, value in settings.items():
        setattr(deep.inner[0], name, value)
    assert model_fingerprint(deep) != before


@pytest.mark.parametrize(
    "settings",
    [
        {"_calls": 3},
        {"_seen": True},
        {"_kept": {"a": 1}},
        {"training": False},
        {"gradient_checkpointing": True},
        {"name_or_path": "/elsewhere"},
        {"helper": object()},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_use_leaves_behind_does_not_count(settings):
    assert model_fingerprint(Scaled(**settings)) == model_fingerprint(Scaled())


def test_a_model_is_embedded_once_for_each_setting(tmp_path, tiny_bert):
    store = EmbeddingStore(tmp_path)
    texts = ["a cat", "the dog and the bird", "gold is a stone"]
    first = store.encode(tiny_bert, texts, role="document")
    np.testing.assert_allclose(first, tiny_bert.encode_document(texts, normalize_embeddings=True), atol=1e-6)
    folders = len(list(tmp_path.iterdir()))
    assert (store.encode(tiny_bert, texts, role="document", batch_size=1) == first).all()
    assert len(list(tmp_path.iterdir())) == folders == 1
    for options in [
        {"role": "query"},
        {"role": "document", "prompt": "text: "},
        {"role": "document", "normalize_embeddings": False},
        {"role": "document", "truncate_dim": 8},
        {"role": "document", "dtype": "float16"},
    ]:
        found = store.encode(tiny_bert, texts, **options)
        assert found.shape == (3, options.get("truncate_dim", 32))
        folders += 1
        assert len(list(tmp_path.iterdir())) == folders
    for change in [
        lambda: setattr(tiny_bert, "max_seq_length", 4),
        lambda: tiny_bert.prompts.update(document="text: "),
        lambda: one_bit(tiny_bert),
    ]:
        change()
        store.encode(tiny_bert, texts, role="document")
        folders += 1
        assert len(list(tmp_path.iterdir())) == folders


def test_a_model_without_weights_must_be_named(tmp_path):
    class Remote:
        def encode(self, texts, *, batch_size, show_progress_bar, normalize_embeddings):
            return np.array([[len(text), 1.0] for text in texts])

    store = EmbeddingStore(tmp_path)
    with pytest.raises(TypeError, match=r"`model` must have `state_dict\(\)`, got Remote\nhint"):
        store.encode(Remote(), ["a"], role="query")
    found = store.encode(Remote(), ["a", "bc"], role="query", model_fingerprint="remote-1")
    assert found.tolist() == [[1, 1], [2, 1]]
    store.encode(Remote(), ["a", "bc"], role="query", model_fingerprint="remote-2")
    assert len(list(tmp_path.iterdir())) == 2
