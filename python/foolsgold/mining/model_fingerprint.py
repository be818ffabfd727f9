"""What decides a model's embeddings, as a few digits."""

from __future__ import annotations

import json
import re
from numbers import Number
from typing import Any

import numpy as np

from foolsgold import _core

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")

_NO_SETTINGS = (
    "training", "gradient_checkpointing", "warnings_issued", "name_or_path", "_model_card_text",
)  # fmt: skip
"""Attributes of torch, transformers and sentence-transformers: how a module is used, or where it is from."""


def model_fingerprint(model: Any) -> str:
    """Return 64 bits of a torch model, as hexadecimal digits: of its weights, modules and tokenizer.

    Every name, type, shape and byte of `state_dict()` counts, as do the modules with the settings that they
    show (`repr`), the content of a fast tokenizer, and of every module the attributes that are plain: texts,
    numbers, None, and lists, tuples and dicts of these (how tokens are pooled, a prefix, a scale). Of private
    ones, `_name`, texts and fractions count; whole numbers, truth values and containers do not, being what
    counts calls, notes a first use or keeps what was computed. Where the model stands does not count, nor
    does whether it trains. What else decides embeddings, say an object that a module asks, is not seen.

    Args:
        model: has `state_dict()`; parameters on any device.

    Raises:
        TypeError: there is no `state_dict()`.
    """
    if not hasattr(model, "state_dict"):
        raise TypeError(
            f"`model` must have `state_dict()`, got {type(model).__name__}\n"
            "hint: give `model_fingerprint=`, a text that is another one whenever the model is"
        )
    told = [[name, *_told(value)] for name, value in sorted(model.state_dict().items())]
    return digits([told, _ADDRESS.sub("", repr(model)), _settings(model), _tokenizer(model)])


def digits(told: Any) -> str:
    """Return 64 bits of what JSON can tell, as hexadecimal digits."""
    text = json.dumps(told, sort_keys=True).encode()
    return f"{_core.checksum(np.frombuffer(text, np.uint8)):016x}"


def _told(value: Any) -> list[Any]:
    """Return type, shape and the digits of a tensor's bytes; another value's text."""
    if not hasattr(value, "detach"):
        return [_ADDRESS.sub("", repr(value))]
    import torch

    flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return [str(value.dtype), list(value.shape), f"{_core.checksum(flat.numpy()):016x}"]


def _settings(model: Any) -> list[list[str]]:
    """Return the plain attributes of all modules, by their places; of what is no module, its own."""
    modules = model.named_modules() if hasattr(model, "named_modules") else [("", model)]
    return [
        [place, name, repr(value)]
        for place, module in modules
        for name, value in sorted(getattr(module, "__dict__", {}).items())
        if _is_setting(name, value)
    ]


def _is_setting(name: str, value: Any) -> bool:
    if name in _NO_SETTINGS:
        return False
    return isinstance(value, (str, float)) if name.startswith("_") else _is_plain(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return value is None or isinstance(value, (str, bytes, Number))


def _tokenizer(model: Any) -> Any:
    tokenizer = getattr(model, "tokenizer", None)
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    to_str = getattr(backend, "to_str", None)
    if to_str is None:
        return None
    content = json.loads(to_str())
    # These follow the last call; where texts are cut is a setting of its own.
    return {name: value for name, value in content.items() if name not in ("truncation", "padding")}
