"""A whole model as a folder: `modules.json`, one folder per module, the model's own settings and a card.

The first module lies at the root. Module types are written as the peer's dotted names, so it loads there too.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import torch

from foolsgold.models.card import model_card
from foolsgold.models.folder import read_json, reading, write_json, written_aside
from foolsgold.models.normalize import Normalize
from foolsgold.models.pooling import Pooling
from foolsgold.models.static_embedding import StaticEmbedding
from foolsgold.models.transformer import Transformer, TransformerOptions

if TYPE_CHECKING:
    from torch import nn

    from foolsgold.models.sentence_transformer import SentenceTransformer

_TYPES: dict[type[Transformer | Pooling | Normalize | StaticEmbedding], str] = {
    Transformer: "sentence_transformers.base.modules.transformer.Transformer",
    Pooling: "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    Normalize: "sentence_transformers.base.modules.normalize.Normalize",
    StaticEmbedding: "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding",
}
_SETTINGS = "config_sentence_transformers.json"


def save_model(model: SentenceTransformer, path: str | Path, *, create_model_card: bool) -> None:
    """Write a model's folder, whole or not at all.

    Args:
        model: what to write.
        path: the folder; model files in it are replaced, others stay.
        create_model_card: write a README.md too.

    Raises:
        NotADirectoryError: `path` is a file.
        OSError: it cannot be written; what was there before still is.
        TypeError: a module is none of those in `foolsgold.models`.
    """
    modules: list[tuple[str, Any]] = list(model.named_children())
    for name, module in modules:
        if type(module) not in _TYPES:
            raise TypeError(
                f"module `{name}` must be of `foolsgold.models` to be saved, got {type(module).__name__}"
            )
    with written_aside(Path(path)) as folder:
        entries = []
        for index, (name, module) in enumerate(modules):
            place = f"{index}_{type(module).__name__}" if index else ""
            (folder / place).mkdir(exist_ok=True)
            module.save(folder / place)
            entries.append({"idx": index, "name": name, "path": place, "type": _TYPES[type(module)]})
        write_json(folder / _SETTINGS, _settings(model))
        if create_model_card:
            (folder / "README.md").write_text(model_card(model), encoding="utf-8")
        write_json(folder / "modules.json", entries)


def load_model(
    folder: Path, options: TransformerOptions
) -> tuple[OrderedDict[str, nn.Module], dict[str, Any]]:
    """Read a model's folder.

    Args:
        folder: with `modules.json`, or that of a plain `transformers` model, which gets mean pooling.
        options: for the `transformers` model.

    Returns:
        The modules by name, and the model's own settings.

    Raises:
        FileNotFoundError: a file is missing; it is named.
        ValueError: a file is broken or holds what this package has no module for; it is named.
    """
    path = folder / "modules.json"
    if not path.exists():
        if (folder / _SETTINGS).exists():
            raise FileNotFoundError(f"`{path}` is missing")
        if not (folder / "config.json").exists():
            raise FileNotFoundError(f"`{folder}` is no model: it has neither modules.json nor config.json")
        transformer = Transformer.load(folder, options)
        pooling = Pooling(transformer.get_embedding_dimension())
        return OrderedDict([("0", transformer), ("1", pooling)]), {}
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for name, kind, place in _entries(path):
        if kind is Transformer:
            modules[name] = Transformer.load(place, options)
        else:
            modules[name] = kind.load(place)
    settings = folder / _SETTINGS
    return modules, read_json(settings) if settings.exists() else {}


def _entries(path: Path) -> list[tuple[str, Any, Path]]:
    """Read `modules.json`: name, class and folder of each module."""
    kinds = {kind.__name__: kind for kind in _TYPES}
    with reading(path):
        listed = json.loads(path.read_text(encoding="utf-8"))
        entries = [(str(entry["name"]), str(entry["type"]), PurePosixPath(entry["path"])) for entry in listed]
    for _, kind, place in entries:
        package, _, class_name = kind.rpartition(".")
        if class_name not in kinds or not package.startswith(("sentence_transformers.", "foolsgold.")):
            raise ValueError(f"`{path}` must name modules among {sorted(kinds)}, got {kind!r}")
        if place.is_absolute() or ".." in place.parts:
            raise ValueError(f"`{path}` must name folders inside its own, got {str(place)!r}")
    return [(name, kinds[kind.rpartition(".")[2]], path.parent / place) for name, kind, place in entries]


def _settings(model: SentenceTransformer) -> dict[str, Any]:
    """Return what `config_sentence_transformers.json` says."""
    settings = {
        "model_type": "SentenceTransformer",
        "__version__": {"pytorch": torch.__version__},
        "prompts": model.prompts,
        "default_prompt_name": model.default_prompt_name,
        "similarity_fn_name": model.similarity_fn_name,
    }
    return settings if model.truncate_dim is None else settings | {"truncate_dim": model.truncate_dim}
