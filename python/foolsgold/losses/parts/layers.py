"""The embeddings of a model's earlier layers: one forward, with the further modules once for each layer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PRIOR = "prior_layer_embeddings"


def modules_with_layers(model: nn.Module) -> tuple[nn.Module, list[nn.Module]]:
    """Return the module of a model that has layers, and those behind it.

    Args:
        model: modules one after the other, the first around a model of `transformers`, its `auto_model`; bare
            or in a wrapper of DDP or `torch.compile`.

    Raises:
        TypeError: the first module has no layers, or none follows it.
    """
    while inner := getattr(model, "_orig_mod", None) or getattr(model, "module", None):
        model = inner
    modules = list(model.children())
    has_layers = [hasattr(getattr(module, "auto_model", None), "config") for module in modules]
    if len(modules) < 2 or not has_layers[0]:
        raise TypeError(
            "`model` must be a model of `transformers` and then modules such as a pooling, "
            f"got {type(model).__name__} of {[type(module).__name__ for module in modules]}"
        )
    return modules[0], modules[1:]


def embed_layers(
    model: nn.Module, features: dict[str, Any], choose: Callable[[int], Sequence[int]]
) -> Tensor:
    """Embed by the last layer and by some prior ones.

    The further modules run on the prior layers within the model's forward, and their embeddings are among its
    outputs, as wrappers for several devices want it.

    Shape:
        returns (rows, 1 + N, D), the last layer first.

    Args:
        model: as `modules_with_layers` takes it.
        features: left as they are.
        choose: maps the number of prior layers to the N layers that are embedded; 0 is what comes before the
            first layer, the embeddings of tokens.

    Raises:
        ValueError: the model does not give its hidden states.
    """
    first, others = modules_with_layers(model)

    def add_prior_layers(_module: nn.Module, _arguments: Any, output: dict[str, Any]) -> dict[str, Any]:
        output = dict(output)
        states = output.pop("all_layer_embeddings", None)
        if states is None:
            raise ValueError(f"`model` must give its layers' states, got none by {type(first).__name__}")
        embeddings = []
        for layer in choose(len(states) - 1):
            made = {**output, "token_embeddings": states[layer]}
            for module in others:
                made = module(made)
            embeddings.append(made["sentence_embedding"])
        return {**output, _PRIOR: embeddings}

    # A compiled forward does not see hooks that come later.
    model = getattr(model, "_orig_mod", model)
    hook = first.register_forward_hook(add_prior_layers)
    try:
        with _hidden_states(cast("Any", first).auto_model.config):
            output = model(dict(features))
    finally:
        hook.remove()
    return torch.stack([output["sentence_embedding"], *output[_PRIOR]], dim=1)


@contextmanager
def _hidden_states(config: Any) -> Iterator[None]:
    before = config.output_hidden_states
    config.output_hidden_states = True
    try:
        yield
    finally:
        config.output_hidden_states = before
