"""The module that is trained: a loss around an encoder, or one loss for each of several data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPTIONS = ("activation_checkpointing_enable", "gradient_checkpointing_enable", "get_input_embeddings")


class LossByDataset(nn.Module):
    """A loss for each data set, in one module, so that all parameters are trained and saved together.

    A parameter of the loss of data set `nli` is named `nli_loss.`, then as in the loss.

    Args:
        losses: by name of the data set; a dot in a name becomes an underscore in the names of parameters.
        encoder: the model in all of them.

    Raises:
        ValueError: if two names differ in dots and underscores alone.
    """

    def __init__(self, losses: Mapping[str, nn.Module], encoder: nn.Module) -> None:
        super().__init__()
        self.model = encoder
        # A name of its own for each: `training` or `model` would hide what a module has.
        self._names = {name: f"{name.replace('.', '_')}_loss" for name in losses}
        if len(set(self._names.values())) < len(losses):
            raise ValueError(f"`loss` must have names that differ in more than dots, got {list(losses)}")
        for name, loss in losses.items():
            self.add_module(self._names[name], loss)

    def of(self, dataset_name: str) -> nn.Module:
        """Return the loss of a data set."""
        loss: nn.Module = getattr(self, self._names[dataset_name])
        return loss

    def forward(self, sentence_features: Any, labels: Any, dataset_name: str) -> Any:
        """Compute the loss of a batch of the data set `dataset_name`."""
        return self.of(dataset_name)(sentence_features, labels)


def bound_loss(loss: Any, model: nn.Module | None) -> tuple[nn.Module, Any]:
    """Make the trained module.

    Args:
        loss: a module or a function that makes one of the encoder, or such by name of the data set.
        model: the encoder; None to take that of the loss, which is a module then.

    Returns:
        The module, and the encoder inside it.

    Raises:
        TypeError: if `loss` is neither.
        ValueError: if there is no encoder, or it is not inside the loss.
    """
    if not isinstance(loss, dict):
        bound = _bound("loss", loss, model)
        return bound, _encoder("loss", bound, model)
    losses = {name: _bound(f"loss[{name!r}]", own, model) for name, own in loss.items()}
    for name, own in losses.items():
        model = _encoder(f"loss[{name!r}]", own, model)
    if model is None:
        raise ValueError("one of `model` and `model_init` must be given, got neither")
    return LossByDataset(losses, model), model


def delegate_options(loss: nn.Module, encoder: Any) -> None:
    """Give `loss` what Trainer looks for on the trained module and finds on a model of transformers."""
    transformer = getattr(encoder, "transformers_model", None)
    for name in _OPTIONS:
        if hasattr(transformer, name) and not hasattr(loss, name):
            setattr(loss, name, getattr(transformer, name))


def check_losses(loss: Any, train_dataset: Any, eval_dataset: Any) -> None:
    """Raise ValueError unless each data set has a loss, and each loss a data set, where losses are a dict."""
    if not isinstance(loss, dict):
        return
    if not loss:
        raise ValueError("`loss` must be for at least one data set, got an empty dict")
    names: set[str] = set()
    for argument, dataset in (("train_dataset", train_dataset), ("eval_dataset", eval_dataset)):
        if dataset is None:
            continue
        if not isinstance(dataset, dict):
            raise ValueError(
                f"`{argument}` must be a dict with the names of `loss`, {', '.join(loss)}, "
                f"got {type(dataset).__name__}"
            )
        missing = [name for name in dataset if name not in loss]
        if missing:
            wanted = f"a loss for every data set of `{argument}`"
            raise ValueError(f"`loss` must have {wanted}, got none for {', '.join(missing)}")
        names |= set(dataset)
    unused = [name for name in loss if name not in names]
    if names and unused:
        raise ValueError(f"`loss` must be for data sets that are given, got {', '.join(unused)}")


def _bound(name: str, loss: Any, model: nn.Module | None) -> nn.Module:
    if not callable(loss):
        raise TypeError(f"`{name}` must be a module or a function of the model, got {type(loss).__name__}")
    if isinstance(loss, nn.Module):
        return loss
    if model is None:
        raise ValueError("one of `model` and `model_init` must be given, got neither")
    bound: nn.Module = loss(model)
    return bound


def _encoder(name: str, loss: nn.Module, model: nn.Module | None) -> Any:
    encoder = getattr(loss, "model", None) if model is None else model
    if encoder is None or all(encoder is not module for module in loss.modules()):
        raise ValueError(
            f"`{name}` must have the `model` that is trained among its modules, got one without it"
        )
    return encoder
