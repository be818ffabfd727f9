"""Matryoshka in depth and width: earlier layers, and leading parts of what they give, are embeddings, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foolsgold.losses.adaptive_layer import AdaptiveLayerLoss, adaptive_layer_loss
from foolsgold.losses.matryoshka import MatryoshkaLoss, matryoshka_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from foolsgold.losses.adaptive_layer import LayerWeighting
    from foolsgold.losses.base import EmbeddingLoss
    from foolsgold.losses.modifier import Objective, Outcome


def matryoshka2d_loss(
    objective: Objective,
    embeddings: Sequence[Tensor],
    *,
    matryoshka_dims: Sequence[int],
    matryoshka_weights: Sequence[float] | None = None,
    layer_weights: Sequence[float] | None = None,
    last_layer_weight: float = 1.0,
    prior_layers_weight: float = 1.0,
    kl_div_weight: float = 1.0,
    kl_temperature: float = 0.3,
    normalize: bool = True,
) -> Outcome:
    """Sum of an objective over layers and leading dimensions; the maths is at `Matryoshka2dLoss`.

    Shape:
        embeddings C x (B, 1 + N, D), the last layer first; returns what `objective` does: (), or named
        components, each ().

    Args:
        objective: maps C tensors (B, d) to a loss, or to named components.
        embeddings: of the last layer and of N prior ones.
        matryoshka_dims: each $d$, from 1 to D.
        matryoshka_weights: one for each of them; None for 1.
        layer_weights: one for each prior layer; None for 1.
        last_layer_weight: of the last layer's objective.
        prior_layers_weight: of the mean over prior layers.
        kl_div_weight: of the divergence of prior layers from the last one, uncut.
        kl_temperature: of the divergence; 0 for none.
        normalize: scale what is cut to length 1.
    """

    def of_dims(columns: list[Tensor]) -> Outcome:
        return matryoshka_loss(
            objective,
            columns,
            matryoshka_dims=matryoshka_dims,
            matryoshka_weights=matryoshka_weights,
            normalize=normalize,
        )

    return adaptive_layer_loss(
        of_dims,
        embeddings,
        layer_weights=layer_weights,
        last_layer_weight=last_layer_weight,
        prior_layers_weight=prior_layers_weight,
        kl_div_weight=kl_div_weight,
        kl_temperature=kl_temperature,
    )


class Matryoshka2dLoss(AdaptiveLayerLoss):
    r"""Apply a loss to leading dimensions of the embeddings of the last and of earlier layers.

    For models that users may cut in depth and in width. It is `AdaptiveLayerLoss` over `MatryoshkaLoss`;
    columns, labels and batch sampler are those of the loss it applies.

    Math:
        $$ L = \lambda_N M(x^N) + \frac{\lambda}{|S|} \sum_{i \in S} w_i M(x^i)
           + \kappa T \sum_{i \in S} \mathrm{KL}_i, \quad M(x) = \sum_d w_d \, \ell(n(x_{1..d})) $$

        with the signs of `AdaptiveLayerLoss` and `MatryoshkaLoss`. $d$ is drawn anew for each layer; the
        divergence is that of uncut embeddings.

    Shape:
        columns as `loss` takes them, each (B, D); labels as `loss` takes them; returns what `loss` does.

    Args:
        model: the encoder; the one of `loss`.
        loss: $\ell$.
        matryoshka_dims: each $d$, from 1 to D.
        matryoshka_weights: $w_d$, in the order of `matryoshka_dims`; None for 1.
        n_layers_per_step: prior layers that are drawn for each training forward, at least 1; -1 for all.
        n_dims_per_step: dimensions that are drawn for each layer of it, at least 1; -1 for all.
        last_layer_weight: $\lambda_N$.
        prior_layers_weight: $\lambda$.
        kl_div_weight: $\kappa$.
        kl_temperature: $T$, at least 0; 0 for no divergence.
        layer_weighting: $w_i$, as `AdaptiveLayerLoss` takes it.
        normalize: scale what is cut to length 1.
        seed: of the draws, which are the same on all ranks and after a resume.

    Raises:
        TypeError: as `AdaptiveLayerLoss` and `MatryoshkaLoss`.
        ValueError: as `AdaptiveLayerLoss` and `MatryoshkaLoss`.

    Reference:
        Li et al. 2024, "2D Matryoshka Sentence Embeddings", https://arxiv.org/abs/2402.14776, section 3.

    See Also:
        `AdaptiveLayerLoss` and `MatryoshkaLoss` for one of the two.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: EmbeddingLoss,
        matryoshka_dims: Sequence[int],
        matryoshka_weights: Sequence[float] | None = None,
        n_layers_per_step: int = 1,
        n_dims_per_step: int = 1,
        last_layer_weight: float = 1.0,
        prior_layers_weight: float = 1.0,
        kl_div_weight: float = 1.0,
        kl_temperature: float = 0.3,
        layer_weighting: LayerWeighting | Callable[[int], float] = "uniform",
        *,
        normalize: bool = True,
        seed: int = 0,
    ) -> None:
        of_dims = MatryoshkaLoss(
            model,
            loss,
            matryoshka_dims,
            matryoshka_weights,
            n_dims_per_step,
            normalize=normalize,
            seed=seed,
        )
        super().__init__(
            model,
            of_dims,
            n_layers_per_step,
            last_layer_weight,
            prior_layers_weight,
            kl_div_weight,
            kl_temperature,
            layer_weighting,
            seed=seed,
        )
        self.matryoshka_dims = of_dims.matryoshka_dims
        self.matryoshka_weights = of_dims.matryoshka_weights
        self.n_dims_per_step = n_dims_per_step
        self.normalize = normalize

    def get_config_dict(self) -> dict[str, Any]:
        """Map the name of each constructor argument to its stored value, functions and modules by name."""
        config = super().get_config_dict()
        return {**config, "loss": self.loss.get_config_dict()["loss"]}
