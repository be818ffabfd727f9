"""Embeddings from whatever embeds: its methods are found by name, its options by its signature."""

from __future__ import annotations

import inspect
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foolsgold.mining.arrays import as_float32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Role = Literal["query", "document"]
Similarity = Literal["cosine", "dot", "euclidean"]
_ROWS = 1 << 16  # embeddings that are checked together
_PIECE = 1 << 14  # texts that are read together where they are on disk
_SHOWN = 80  # characters of a text in a message
_SIMILARITIES = ("cosine", "dot", "euclidean")


def encode(
    model: Any,
    role: Role,
    texts: Sequence[str],
    *,
    prompt_name: str | None = None,
    prompt: str | None = None,
    batch_size: int = 32,
    use_multi_process: bool | list[str] = False,
    folder: Path | None = None,
    fingerprint: str | None = None,
    progress: bool = False,
) -> NDArray[np.float32]:
    """Embed texts with what `model` has for them: `encode_query` or `encode_document`, `encode`, or a call.

    Of the options below the model gets those that its function has a parameter for; lengths are left as the
    model gives them.

    Args:
        model: as above.
        role: what the texts are.
        texts: N of them; those that are no list are read piece by piece.
        prompt_name: the model's prompt.
        prompt: a text put before each.
        batch_size: texts of a forward pass.
        use_multi_process: embed in a pool of processes, on all devices or on those named.
        folder: where embeddings are kept, to be read by another call with the same model, prompt and texts.
        fingerprint: tells a model without weights (`state_dict`) from others there.
        progress: show a progress bar.

    Returns:
        (N, D).

    Raises:
        TypeError: if the model cannot embed, or gives no floats, or there is a folder but no fingerprint.
        ValueError: if it has no parameter for a prompt that is given, no pool, or gives another number of
            embeddings than there are texts, or a number that is not finite.
    """
    function = _function(model, role)
    accepted = parameters_of(function)
    names = {"prompt_name": f"{_ARGUMENT[role]}_prompt_name", "prompt": f"{_ARGUMENT[role]}_prompt"}
    options: dict[str, Any] = {
        "batch_size": batch_size,
        "show_progress_bar": progress and folder is None,
        "convert_to_numpy": True,
    }
    options = {name: value for name, value in options.items() if accepted is None or name in accepted}
    for name, value in [("prompt_name", prompt_name), ("prompt", prompt)]:
        if value is None:
            continue
        if accepted is not None and name not in accepted:
            raise ValueError(
                f"`{names[name]}` must be left out for a model without a parameter `{name}`, got {value!r}"
            )
        options[name] = value
    logger.info("Embedding %d texts, each a %s", len(texts), role)
    with _pool(model, use_multi_process) as pool:

        def embed(some: list[str]) -> NDArray[np.float32]:
            return _checked(_stacked(function(some, **options, **pool)), role, some)

        if folder is None:
            embeddings = embed(texts) if isinstance(texts, list) else _in_pieces(embed, texts)
        else:
            from foolsgold.mining.embeddings import EmbeddingStore, model_key

            key = model_key(model, fingerprint)
            key |= {"role": role, "prompt_name": prompt_name, "prompt": prompt}
            embeddings = EmbeddingStore(folder).embed(embed, texts, key=key, name=role, progress=progress)
    return embeddings


def _in_pieces(
    embed: Callable[[list[str]], NDArray[np.float32]], texts: Sequence[str]
) -> NDArray[np.float32]:
    """Embed texts that lie on the disk, a piece of them in memory at a time."""
    found = embed(list(texts[:_PIECE]))
    embeddings = np.empty((len(texts), found.shape[1]), np.float32)
    embeddings[: len(found)] = found
    for start in range(_PIECE, len(texts), _PIECE):
        embeddings[start : start + _PIECE] = embed(list(texts[start : start + _PIECE]))
    return embeddings


def check_model(model: Any) -> None:
    """Refuse what cannot embed.

    Raises:
        TypeError: if it has none of the methods of `encode`, and is no function.
    """
    _function(model, "query")
    _function(model, "document")


def similarity_of(model: Any, similarity: str) -> Similarity:
    """Return the similarity to score by; for "model" the one that the model names.

    Raises:
        ValueError: if there is no such similarity, or the model names none that mining has.
    """
    if similarity == "model":
        named = getattr(model, "similarity_fn_name", None)
        found = str(getattr(named, "value", named))
        if found not in _SIMILARITIES:
            raise ValueError(
                f"`similarity` must be one of {_SIMILARITIES} for this model, which names {named!r}"
            )
        return found  # type: ignore[return-value]
    if similarity not in _SIMILARITIES:
        raise ValueError(f"`similarity` must be one of {(*_SIMILARITIES, 'model')}, got {similarity!r}")
    return similarity  # type: ignore[return-value]


_ARGUMENT = {"query": "query", "document": "corpus"}


def _function(model: Any, role: Role) -> Callable[..., Any]:
    if isinstance(model, str):  # which has an `encode` of its own
        raise TypeError(
            f"`model` must embed texts, got the name {model!r}\n"
            f"hint: load it: `foolsgold.SentenceTransformer({model!r})`"
        )
    for name in (f"encode_{role}", "encode"):
        function = getattr(model, name, None)
        if callable(function):
            return function  # type: ignore[no-any-return]
    if callable(model):
        return model  # type: ignore[no-any-return]
    raise TypeError(
        "`model` must have `encode_query` and `encode_document`, or `encode`, or be a function of texts, "
        f"got {type(model).__name__}"
    )


def _checked(found: Any, role: Role, texts: list[str]) -> NDArray[np.float32]:
    """Return one finite embedding a text."""
    embeddings = as_float32("model", found)
    if len(embeddings) != len(texts):
        raise ValueError(f"`model` must give one embedding a text, {len(texts)}, got {len(embeddings)}")
    for start in range(0, len(texts), _ROWS):
        is_finite = np.isfinite(embeddings[start : start + _ROWS]).all(axis=1)
        if not is_finite.all():
            row = start + int(is_finite.argmin())
            value = embeddings[row][~np.isfinite(embeddings[row])][0]
            text = texts[row] if len(texts[row]) <= _SHOWN else texts[row][:_SHOWN] + "..."
            raise ValueError(f"`model` must give finite numbers, got {value} for the {role} {text!r}")
    return embeddings


def parameters_of(function: Callable[..., Any]) -> Mapping[str, Any] | None:
    """Return the names of the parameters of `function`; None where it takes any."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # compiled, and does not say
        return {}
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return None if takes_any else parameters


@contextmanager
def _pool(model: Any, use_multi_process: bool | list[str]) -> Iterator[dict[str, Any]]:
    if not use_multi_process:
        yield {}
        return
    start = getattr(model, "start_multi_process_pool", None)
    if start is None:
        raise ValueError(
            "`use_multi_process` must be False for a model without `start_multi_process_pool`, "
            f"got {use_multi_process!r}"
        )
    pool = start(target_devices=None if use_multi_process is True else use_multi_process)
    try:
        yield {"pool": pool}
    finally:
        model.stop_multi_process_pool(pool)


def _stacked(found: Any) -> Any:
    """Return a list of tensors as one."""
    if isinstance(found, (list, tuple)) and found and hasattr(found[0], "detach"):
        import torch

        return torch.stack(list(found))
    return found
