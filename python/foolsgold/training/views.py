"""What reads the texts of a batch for models that a loss holds and does not train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold.losses.parts.reading import reads_alike
from foolsgold.training.rows import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn


def views_of(loss: nn.Module, encoder: Any) -> dict[str, Callable[..., Mapping[str, Any]]]:
    """Map names of frozen models to what reads texts for them, where the encoder's features will not do.

    A name that stands for several models, in a container of losses, is left out: these read the encoder's.

    Args:
        loss: the trained module; `frozen_models` of it, or of a module in it, names its frozen models.
        encoder: the model that is trained.
    """
    found: dict[str, set[Any]] = {}
    for module in loss.modules():
        for name in getattr(module, "frozen_models", ()):
            found.setdefault(name, set()).add(getattr(module, name))
    views = {}
    for name, models in found.items():
        models.discard(None)
        if len(models) == 1 and not reads_alike(encoder, frozen := models.pop()):
            views[name] = (reader_of(frozen) or frozen).preprocess
    return views
