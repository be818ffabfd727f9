"""Files read with errors that name them, and folders that are written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

# What an earlier model may have left in a folder, and a reader would take for the new one's.
_MODEL_FILES = (
    "added_tokens.json",
    "chat_template.jinja",
    "merges.txt",
    "model*.safetensors",
    "model.safetensors.index.json",
    "pytorch_model*.bin",
    "sentence_bert_config.json",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a reader raises on a missing or broken file into one line that names the file.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"`{path}` is missing")
    try:
        yield
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"`{path}` cannot be read: {reason or type(error).__name__}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a JSON object.
    """
    with reading(path):
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise TypeError(f"an object is expected, got {type(value).__name__}")
    return value


def write_json(path: Path, value: Any) -> None:
    """Write JSON, indented."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a whole safetensors file.
    """
    with reading(path):
        weights: dict[str, Tensor] = load_file(path)
    return weights


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Yield an empty folder whose content becomes that of `path` if all goes well, and vanishes if not.

    A new folder appears by one rename. In a folder that exists each file is replaced by one rename, what an
    earlier model left is taken away, and all other files stay.

    Raises:
        NotADirectoryError: `path` is a file.
    """
    path = path.resolve()
    if path.is_file():
        raise NotADirectoryError(f"`path` must be a folder, got the file {path}")
    # Inside a folder that exists, since a mount point's sibling is on another file system.
    parent = path if path.exists() else path.parent
    parent.mkdir(parents=True, exist_ok=True)
    aside = parent / f".{path.name}.{os.getpid()}.saving"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        if path.exists():
            _replace_files(aside, path)
        else:
            aside.rename(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _replace_files(source: Path, target: Path) -> None:
    """Move all files of `source` into `target`, and drop the model files there that `source` has none of."""
    files = [file.relative_to(source) for file in source.rglob("*") if file.is_file()]
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).replace(target / file)
    written = {file.name for file in files if len(file.parts) == 1}
    for pattern in _MODEL_FILES:
        for stale in target.glob(pattern):
            if stale.name not in written:
                stale.unlink()
