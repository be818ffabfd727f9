"""Names: a folder is never looked for elsewhere, and what is nowhere is one line."""

from __future__ import annotations

import huggingface_hub
import pytest

from foolsgold.models import SentenceTransformer
from foolsgold.models.hub import local_folder


@pytest.fixture
def asked(monkeypatch):
    """What the hub was asked for; it has `ours/model` only."""
    names = []

    def snapshot_download(name, **_):
        names.append(name)
        if name != "ours/model":
            raise FileNotFoundError(f"no {name}\nand more")
        return "/downloads/ours/model"

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return names


def test_a_folder_is_itself(tmp_path, asked):
    assert local_folder(tmp_path) == tmp_path
    assert local_folder(str(tmp_path)) == tmp_path
    assert asked == []


def test_a_name_is_looked_for_in_the_organization_first(asked):
    assert str(local_folder("model", organizations=("theirs", "ours"))) == "/downloads/ours/model"
    assert asked == ["theirs/model", "ours/model"]


def test_a_full_name_is_taken_as_it_is(asked):
    assert str(local_folder("ours/model", organizations=("theirs",))) == "/downloads/ours/model"
    assert asked == ["ours/model"]


@pytest.mark.parametrize("name", ["/no/such/folder", "./model", "../model", "~/model", "a/b/c", "a\\b"])
def test_a_path_is_not_a_name(name, asked):
    with pytest.raises(FileNotFoundError, match=r"is missing$"):
        local_folder(name)
    assert asked == []


def test_a_file_is_refused(tmp_path, asked):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(NotADirectoryError, match="`model_name_or_path` must be a folder, got the file"):
        local_folder(tmp_path / "model.safetensors")
    assert asked == []


def test_a_name_that_is_nowhere(asked):
    with pytest.raises(
        FileNotFoundError, match=r"`x` is neither a folder nor a model that can be fetched: no x$"
    ):
        local_folder("x")


def test_no_network_is_one_line():
    with pytest.raises(FileNotFoundError, match=r"^`no-such/model` is neither a folder nor [^\n]+$"):
        SentenceTransformer("no-such/model")
