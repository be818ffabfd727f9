"""Losses on top of losses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.losses.cases.case import Case, scores
from tests.losses.encoders import TokenEncoder
from tests.losses.layered import LayeredEncoder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from torch import nn


@dataclass(frozen=True, kw_only=True, repr=False)
class Inner:
    """A loss of the same package around the same model, as the value of an option."""

    path: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.path

    def of(self, package: ModuleType, model: nn.Module, **more: Any) -> nn.Module:
        return Case(name=self.path, options=self.options).build(package, model, **more)


@dataclass(frozen=True, kw_only=True)
class ModifierCase(Case):
    """A loss on top of others; `gather_across_devices` goes to these."""

    encoder: type[nn.Module] = TokenEncoder

    def build(self, package: ModuleType, model: nn.Module, **more: Any) -> nn.Module:
        inner_names = [name for name in more if name == "gather_across_devices"]
        inner_more = {name: more.pop(name) for name in inner_names}

        def made(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: made(part) for name, part in value.items()}
            return value.of(package, model, **inner_more) if isinstance(value, Inner) else value

        options = {name: made(value) for name, value in [*self.options.items(), *self.own_options.items()]}
        if not package.__name__.startswith("foolsgold"):
            options = {name: value for name, value in options.items() if name in self.options}
        return Case(name=self.name, options=options).build(package, model, **more)


RANKING = Inner(path="MultipleNegativesRankingLoss")
SCALED_RANKING = Inner(path="MultipleNegativesRankingLoss", options={"scale": 7.0})
COSINE = Inner(path="CosineSimilarityLoss")
TRIPLET = Inner(path="TripletLoss", options={"triplet_margin": 0.5})
# The peer's need its own model of `transformers`; tests/parity/test_modifiers.py compares them.
LAYERED = {"has_peer": False, "encoder": LayeredEncoder}
LAYER_OPTIONS = {
    "n_layers_per_step": -1,
    "last_layer_weight": 0.5,
    "prior_layers_weight": 2.0,
    "kl_div_weight": 0.25,
    "kl_temperature": 0.7,
    "layer_weighting": "log",
}

CASES: list[Case] = [
    ModifierCase(name="MatryoshkaLoss", options={"loss": RANKING, "matryoshka_dims": [6, 3]}, gathers=True),
    ModifierCase(
        name="MatryoshkaLoss",
        options={
            "loss": TRIPLET,
            "matryoshka_dims": [2, 6, 4],
            "matryoshka_weights": [0.5, 1, 2.0],
            "n_dims_per_step": 3,
        },
        num_columns=3,
    ),
    ModifierCase(name="MatryoshkaLoss", options={"loss": COSINE, "matryoshka_dims": [6, 1]}, labels=scores),
    ModifierCase(
        name="MatryoshkaLoss",
        options={"loss": SCALED_RANKING, "matryoshka_dims": [6, 4, 2], "n_dims_per_step": 1},
        own_options={"normalize": False, "seed": 3},
        has_peer=False,
        gathers=True,
    ),
    ModifierCase(name="AdaptiveLayerLoss", options={"loss": RANKING}, gathers=True, **LAYERED),
    ModifierCase(
        name="AdaptiveLayerLoss",
        options={"loss": COSINE, **LAYER_OPTIONS},
        own_options={"seed": 2},
        labels=scores,
        **LAYERED,
    ),
    ModifierCase(
        name="Matryoshka2dLoss", options={"loss": RANKING, "matryoshka_dims": [6, 3]}, gathers=True, **LAYERED
    ),
    ModifierCase(
        name="Matryoshka2dLoss",
        options={
            "loss": TRIPLET,
            "matryoshka_dims": [6, 3],
            "matryoshka_weights": [1.0, 0.5],
            "n_dims_per_step": -1,
            **LAYER_OPTIONS,
        },
        own_options={"normalize": False, "seed": 2},
        num_columns=3,
        **LAYERED,
    ),
    ModifierCase(
        name="WeightedSumLoss",
        own_options={
            "losses": {"ranking": RANKING, "scores": COSINE},
            "weights": {"ranking": 1.0, "scores": 0.5},
        },
        labels=scores,
        has_peer=False,
    ),
    ModifierCase(
        name="WeightedSumLoss",
        own_options={"losses": {"ranking": RANKING, "sharp": SCALED_RANKING}},
        has_peer=False,
        gathers=True,
    ),
]
