"""A model's folder: there and back, of any release, and every way of being broken."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from foolsgold.models import Normalize, Pooling, SentenceTransformer, Transformer

TEXTS = ["the cat", "", "a dog in the river and a bird", "zebra"]


@pytest.fixture(params=["tiny_bert", "tiny_static"])
def model(request):
    return request.getfixturevalue(request.param)


def names(folder):
    return [path.name for path in folder.iterdir()]


def load(folder):
    return SentenceTransformer(folder, device="cpu")


def test_round_trip(model, tmp_path):
    made = SentenceTransformer(
        modules=[*model, Normalize()],
        prompts={"query": "what is ", "größer": "ja "},
        default_prompt_name="query",
        similarity_fn_name="euclidean",
        truncate_dim=5,
        device="cpu",
    )
    made.save(tmp_path / "first")
    loaded = load(tmp_path / "first")
    np.testing.assert_array_equal(loaded.encode(TEXTS), made.encode(TEXTS))
    for setting in ("prompts", "default_prompt_name", "similarity_fn_name", "truncate_dim", "max_seq_length"):
        assert getattr(loaded, setting) == getattr(made, setting)
    assert list(loaded.state_dict()) == list(made.state_dict())
    loaded.save_pretrained(str(tmp_path / "second"))
    for path in (tmp_path / "first").rglob("*"):
        # `transformers` keeps the last call's truncation in the tokenizer's files.
        if path.is_file() and not path.name.startswith("tokenizer"):
            other = tmp_path / "second" / path.relative_to(tmp_path / "first")
            assert other.read_bytes() == path.read_bytes(), path.name


def test_arguments_come_before_what_is_saved(tiny_bert, tmp_path):
    tiny_bert.prompts |= {"query": "what is ", "stone": "a stone "}
    tiny_bert.save(tmp_path)
    loaded = SentenceTransformer(
        tmp_path, prompts={"query": "is "}, similarity_fn_name="dot", truncate_dim=3, device="cpu"
    )
    assert loaded.prompts == {"query": "is ", "document": "", "stone": "a stone "}
    assert loaded.similarity_fn_name == "dot"
    assert loaded.truncate_dim == 3


def test_files(tiny_bert, tmp_path):
    tiny_bert.save(tmp_path)
    files = {"README.md", "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"}
    files |= {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "1_Pooling"}
    assert set(names(tmp_path)) == files
    entries = json.loads((tmp_path / "modules.json").read_text())
    assert [(entry["idx"], entry["name"], entry["path"]) for entry in entries] == [
        (0, "0", ""),
        (1, "1", "1_Pooling"),
    ]
    tiny_bert.save(tmp_path / "other", create_model_card=False)
    assert not (tmp_path / "other" / "README.md").exists()


def test_card(tiny_bert, tmp_path):
    tiny_bert.prompts["query"] = "what is "
    tiny_bert.save(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: sentence-transformers\n")
    for line in (
        "| Modules | Transformer, Pooling |",
        "| Dimensions | 32 |",
        "| Prompts | query: `what is ` |",
    ):
        assert line in card
    assert "at most | 64 |" in card


def test_module_types_of_older_releases(tiny_bert, tmp_path):
    SentenceTransformer(modules=[*tiny_bert, Normalize()]).save(tmp_path)
    path = tmp_path / "modules.json"
    entries = json.loads(path.read_text())
    for entry in entries:
        entry["type"] = "sentence_transformers.models." + entry["type"].rpartition(".")[2]
    path.write_text(json.dumps(entries))
    shutil.rmtree(tmp_path / "2_Normalize")
    np.testing.assert_allclose(np.linalg.norm(load(tmp_path).encode(TEXTS), axis=1), 1, atol=1e-6)


def test_a_plain_folder_of_transformers_gets_mean_pooling(tiny_transformers_folder, tiny_bert):
    np.testing.assert_array_equal(load(tiny_transformers_folder).encode(TEXTS), tiny_bert.encode(TEXTS))


def test_saving_into_a_checkpoint_keeps_the_rest(model, tmp_path):
    (tmp_path / "optimizer.pt").write_text("state")
    (tmp_path / "checkpoint-1").mkdir()
    model.save(tmp_path)
    model.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).encode(TEXTS), model.encode(TEXTS))
    assert (tmp_path / "optimizer.pt").read_text() == "state"
    assert (tmp_path / "checkpoint-1").is_dir()
    assert not [name for name in names(tmp_path) if name.endswith(".saving")]


def test_another_kind_of_model_replaces_the_first(tiny_bert, tiny_static, tmp_path):
    for model in (tiny_bert, tiny_static, tiny_bert):
        model.save(tmp_path)
        np.testing.assert_array_equal(load(tmp_path).encode(TEXTS), model.encode(TEXTS))


@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_costs_nothing(model, tmp_path, monkeypatch, exists):
    target = tmp_path / "model"
    if exists:
        model.save(target)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    expected = model.encode(TEXTS)
    with torch.no_grad():
        next(model.parameters()).zero_()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        "foolsgold.models.model_folder.model_card", full
    )  # all other files are written by then
    with pytest.raises(OSError, match="No space left"):
        model.save(target)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    if exists:
        np.testing.assert_array_equal(load(target).encode(TEXTS), expected)
    else:
        assert names(tmp_path) == []


def test_a_foreign_module_is_refused_before_anything_is_written(model, tmp_path):
    with pytest.raises(
        TypeError, match=r"module `1` must be of `foolsgold.models` to be saved, got Identity"
    ):
        SentenceTransformer(modules=[model[0], nn.Identity()]).save(tmp_path / "model")
    assert names(tmp_path) == []


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edit(file, **changes):
    entries = json.loads(file.read_text())
    entries[-1] |= changes
    file.write_text(json.dumps(entries))


def lose_a_tensor(path):
    weights = load_file(path)
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, path, metadata={"format": "pt"})


BROKEN = {
    "modules.json cut": (lambda f: cut(f / "modules.json"), "modules.json` cannot be read: "),
    "modules.json no list": (
        lambda f: (f / "modules.json").write_text("3"),
        "modules.json` cannot be read: ",
    ),
    "modules.json lost": (lambda f: (f / "modules.json").unlink(), "modules.json` is missing"),
    "unknown module": (
        lambda f: edit(f / "modules.json", type="sentence_transformers.models.CNN"),
        r"modules.json` must name modules among .* got 'sentence_transformers.models.CNN'",
    ),
    "foreign module": (
        lambda f: edit(f / "modules.json", type="os.Pooling"),
        "modules.json` must name modules among .* got 'os.Pooling'",
    ),
    "path outside": (
        lambda f: edit(f / "modules.json", path="../1_Pooling"),
        "modules.json` must name folders inside its own, got '../1_Pooling'",
    ),
    "settings cut": (
        lambda f: cut(f / "config_sentence_transformers.json"),
        "config_sentence_transformers.json` cannot be read: ",
    ),
    "pooling lost": (lambda f: shutil.rmtree(f / "1_Pooling"), "1_Pooling/config.json` is missing"),
    "pooling cut": (lambda f: cut(f / "1_Pooling/config.json"), "1_Pooling/config.json` cannot be read: "),
    "config cut": (lambda f: cut(f / "config.json"), "/config.json` cannot be read: "),
    "config lost": (lambda f: (f / "config.json").unlink(), "/config.json` is missing"),
    "weights cut": (lambda f: cut(f / "model.safetensors"), "model.safetensors` cannot be read: "),
    "weights lost": (lambda f: (f / "model.safetensors").unlink(), "no file named model.safetensors"),
    "tensor lost": (
        lambda f: lose_a_tensor(f / "model.safetensors"),
        "has no weights for 1 tensors, among them `encoder.layer.1.output.dense.weight`",
    ),
    "tokenizer cut": (lambda f: cut(f / "tokenizer.json"), "tokenizer.json` cannot be read: "),
    "tokenizer lost": (
        lambda f: (f / "tokenizer.json").unlink(),
        "tokenizer.json` is missing",
    ),
    "tokenizer settings cut": (
        lambda f: cut(f / "tokenizer_config.json"),
        "tokenizer_config.json` cannot be read: ",
    ),
    "empty": (
        lambda f: [shutil.rmtree(f), f.mkdir()],
        "is no model: it has neither modules.json nor config.json",
    ),
}


@pytest.mark.parametrize(("break_it", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_folders_of_a_transformer(tiny_bert_folder, tmp_path, break_it, message):
    folder = shutil.copytree(tiny_bert_folder, tmp_path / "model")
    break_it(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        load(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "modules.json"])
@pytest.mark.parametrize(("break_it", "message"), [(cut, "cannot be read: "), (os.remove, "is missing")])
def test_broken_folders_of_a_static_model(tiny_static, tmp_path, name, break_it, message):
    tiny_static.save(tmp_path)
    break_it(tmp_path / name)
    with pytest.raises((ValueError, FileNotFoundError), match=f"{name}` {message}") as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_static_table_without_its_tensor(tiny_static, tmp_path):
    tiny_static.save(tmp_path)
    save_file({"other": torch.ones(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"model.safetensors` cannot be read: .*embeddings"):
        load(tmp_path)


def test_no_file_is_left_open_or_shared(tiny_static, tmp_path):
    tiny_static.save(tmp_path)
    loaded = load(tmp_path)
    expected = loaded.encode(TEXTS)
    with torch.no_grad():
        tiny_static[0].embedding.weight.zero_()
    tiny_static.save(tmp_path)
    np.testing.assert_array_equal(loaded.encode(TEXTS), expected)
    assert not load(tmp_path).encode(TEXTS).any()


def test_a_transformer_and_pooling_made_by_hand(tiny_transformers_folder, tmp_path):
    transformer = Transformer(tiny_transformers_folder, max_seq_length=10)
    made = SentenceTransformer(
        modules=[transformer, Pooling(transformer.get_word_embedding_dimension(), "cls")]
    )
    made.save(tmp_path)
    loaded = SentenceTransformer(tmp_path)
    assert loaded.max_seq_length == 10
    np.testing.assert_array_equal(loaded.encode(TEXTS), made.encode(TEXTS))
    assert safetensors.torch.load_file(tmp_path / "model.safetensors")
