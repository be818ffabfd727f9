"""One way to build a loss, and a batch for it; what the tests that walk the catalogue are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
from tests.losses.encoders import TokenEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Enum:
    """The value of an option that each package has under the same name, such as an enum's member."""

    path: str

    def of(self, module: ModuleType) -> Any:
        return reduce(getattr, self.path.split("."), module)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A loss with some options, and the batches it takes.

    Attributes:
        name: of the class, in ours and in the peer.
        options: constructor arguments that both packages know, by name. An `Enum` is looked up in the
            package's `losses`; a function of no arguments marked by `made` is called for each loss.
        own_options: constructor arguments that ours alone knows.
        num_columns: number of text columns.
        labels: makes the labels of some rows, or None for no labels.
        has_peer: whether the peer's value and gradients are equal on batches without duplicates.
        gathers: whether `gather_across_devices=True` may be added, and two ranks equal one then.
        fewest_rows: the smallest batch on which the peer is right too.
        largest: size of embeddings up to which the value has a place in float32.
        ignores_order: whether the rows of a batch may come in any order.
        encoder: makes the encoder; gives embeddings of 6 dimensions to features of `columns`.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    own_options: Mapping[str, Any] = field(default_factory=dict)
    num_columns: int = 2
    labels: Callable[[int, torch.Generator], Tensor] | None = None
    has_peer: bool = True
    gathers: bool = False
    fewest_rows: int = 2
    largest: float = 1e18
    ignores_order: bool = True
    encoder: Callable[[], nn.Module] = TokenEncoder

    def build(self, package: ModuleType, model: nn.Module, **more: Any) -> nn.Module:
        """Make the loss of `package` (ours or the peer's `losses`) around `model`."""
        ours = package.__name__.startswith("foolsgold")
        options = {**self.options, **(self.own_options if ours else {}), **more}
        return getattr(package, self.name)(
            model, **{name: _valued(value, package) for name, value in options.items()}
        )

    def labels_of(self, num_rows: int, seed: int = 0) -> Tensor | None:
        generator = torch.Generator().manual_seed(seed)
        return None if self.labels is None else self.labels(num_rows, generator)

    def __str__(self) -> str:
        """Name the case in test reports."""
        options = {**self.options, **self.own_options}
        shown = [f"{name}={_named(value)}" for name, value in options.items()]
        labels = [] if self.labels is None else [self.labels.__name__]
        return " ".join([self.name, *shown, f"columns={self.num_columns}", *labels])[:160]


@dataclass(frozen=True)
class Made:
    """The value of an option that every loss gets anew, such as a module."""

    make: Callable[[], Any]


def _named(value: Any) -> str:
    value = getattr(value, "path", getattr(value, "make", value))
    return getattr(value, "__name__", str(value)).translate(str.maketrans("[]", "()"))


def _valued(value: Any, package: ModuleType) -> Any:
    if isinstance(value, Enum):
        return value.of(package)
    return value.make() if isinstance(value, Made) else value


def scores(num_rows: int, generator: torch.Generator) -> Tensor:
    """Random numbers in [0, 1)."""
    return torch.rand(num_rows, generator=generator)


def binary(num_rows: int, generator: torch.Generator) -> Tensor:
    """0 and 1, alternating in random order."""
    return (torch.arange(num_rows) % 2)[torch.randperm(num_rows, generator=generator)]


def classes(num_rows: int, generator: torch.Generator) -> Tensor:
    """Whole numbers from 0 to 2, each about equally often."""
    return (torch.arange(num_rows) % 3)[torch.randperm(num_rows, generator=generator)]
