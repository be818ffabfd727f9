"""What decides a model's embeddings, as a few digits."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from foolsgold import _core

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


def model_fingerprint(model: Any) -> str:
    """Return 64 bits of a torch model, as hexadecimal digits: of its weights, modules and tokenizer.

    Every name, type, shape and byte of `state_dict()` counts, as do the modules with the settings that they
    show (`repr`), the plain settings of the outermost ones (how tokens are pooled), and the content of a fast
    tokenizer; where the model stands does not. Settings of `encode` (prompts, lengths, dimensions) are no
    part of it.

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


def _settings(model: Any) -> list[dict[str, str]]:
    """Return the public attributes of the outermost modules that are numbers, texts or tuples of them."""
    return [
        {name: repr(value) for name, value in sorted(vars(module).items()) if _is_setting(name, value)}
        for module in getattr(model, "children", list)()
    ]


def _is_setting(name: str, value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_is_setting(name, item) for item in value)
    is_plain = value is None or isinstance(value, (str, int, float))
    return is_plain and not name.startswith("_") and name not in ("training", "max_seq_length")


def _tokenizer(model: Any) -> Any:
    tokenizer = getattr(model, "tokenizer", None)
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    to_str = getattr(backend, "to_str", None)
    if to_str is None:
        return None
    content = json.loads(to_str())
    # These follow the last call; where texts are cut is a setting of its own.
    return {name: value for name, value in content.items() if name not in ("truncation", "padding")}
