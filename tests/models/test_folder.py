"""Files that name themselves when they are broken, and folders written whole or not at all."""

from __future__ import annotations

import os

import pytest
import torch
from safetensors.torch import save_file

from foolsgold.models.folder import read_json, read_weights, write_json, written_aside


def names(folder):
    return [path.name for path in folder.iterdir()]


def content(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write_model(folder, text):
    (folder / "1_Pooling").mkdir()
    for name in ("model.safetensors", "modules.json", "1_Pooling/config.json"):
        (folder / name).write_text(text)


MODEL = ("model.safetensors", "modules.json", "1_Pooling/config.json")


def test_a_new_folder_appears_with_all_its_files(tmp_path):
    target = tmp_path / "deep" / "model"
    with written_aside(target) as folder:
        write_model(folder, "new")
        assert not target.exists()
    assert content(target) == dict.fromkeys(MODEL, "new")
    assert names(target.parent) == ["model"]


def test_an_earlier_model_is_replaced_and_the_rest_stays(tmp_path):
    write_model(tmp_path, "old")
    for name in ("optimizer.pt", "metrics.json", "vocab.txt", "model-00001-of-00002.safetensors"):
        (tmp_path / name).write_text("old")
    with written_aside(tmp_path) as folder:
        write_model(folder, "new")
    kept = {"optimizer.pt": "old", "metrics.json": "old"}
    assert content(tmp_path) == dict.fromkeys(MODEL, "new") | kept


@pytest.mark.parametrize("exists", [True, False])
def test_a_failure_leaves_everything_as_it_was(tmp_path, exists):
    target = tmp_path / "model"
    if exists:
        target.mkdir()
        write_model(target, "old")

    def fill_the_disk():
        with written_aside(target) as folder:
            write_model(folder, "new")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fill_the_disk()
    assert names(tmp_path) == (["model"] if exists else [])
    assert content(tmp_path) == ({f"model/{name}": "old" for name in MODEL} if exists else {})


def test_what_a_killed_process_left_is_no_obstacle(tmp_path):
    (tmp_path / f".model.{os.getpid()}.saving").mkdir()
    with written_aside(tmp_path / "model") as folder:
        write_model(folder, "new")
    assert names(tmp_path) == ["model"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "model").write_text("old")
    with (
        pytest.raises(NotADirectoryError, match="`path` must be a folder, got the file"),
        written_aside(tmp_path / "model"),
    ):
        pass


def test_json(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(FileNotFoundError, match=r"config.json` is missing"):
        read_json(path)
    for broken in ("", '{"a": ', "[1]", "\x00\xff"):
        path.write_text(broken, encoding="latin-1")
        with pytest.raises(ValueError, match=r"^`.*config.json` cannot be read: [^\n]+$"):
            read_json(path)
    write_json(path, {"text": "größer"})
    assert read_json(path) == {"text": "größer"}


def test_weights(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(FileNotFoundError, match=r"model.safetensors` is missing"):
        read_weights(path)
    save_file({"weight": torch.ones(100)}, path)
    assert read_weights(path)["weight"].sum() == 100
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"^`.*model.safetensors` cannot be read: [^\n]+$"):
        read_weights(path)
