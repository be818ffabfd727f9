"""Adaptive layers: what earlier layers give is an embedding, too."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
import torch.nn.functional as F

from foolsgold.losses.modifier import LossModifier, check_embeds_as_base, weighted_sum
from foolsgold.losses.parts.draws import Draws
from foolsgold.losses.parts.gradient_cache import embed_in_chunks
from foolsgold.losses.parts.layers import embed_layers, modules_with_layers
from foolsgold.losses.parts.merging import embed_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from foolsgold.losses.base import EmbeddingLoss
    from foolsgold.losses.modifier import Objective, Outcome
    from foolsgold.losses.parts.batch import BatchInfo

LayerWeighting = Literal["uniform", "log", "linear"]


def adaptive_layer_loss(
    objective: Objective,
    embeddings: Sequence[Tensor],
    *,
    layer_weights: Sequence[float] | None = None,
    last_layer_weight: float = 1.0,
    prior_layers_weight: float = 1.0,
    kl_div_weight: float = 1.0,
    kl_temperature: float = 0.3,
) -> Outcome:
    """Sum of an objective over layers, and their divergence from the last; the maths is at the module.

    Shape:
        embeddings C x (B, 1 + N, D), the last layer first; returns what `objective` does: (), or named
        components, each (), to which it adds `layer_kl`.

    Args:
        objective: maps C tensors (B, D) to a loss, or to named components.
        embeddings: of the last layer and of N prior ones.
        layer_weights: one for each prior layer; None for 1.
        last_layer_weight: of the last layer's objective.
        prior_layers_weight: of the mean over prior layers.
        kl_div_weight: of the divergence.
        kl_temperature: of the divergence; 0 for none.
    """
    num_prior = embeddings[0].shape[1] - 1
    layer_weights = [1.0] * num_prior if layer_weights is None else layer_weights
    outcome = weighted_sum(
        [objective([column[:, layer] for column in embeddings]) for layer in range(1 + num_prior)],
        [last_layer_weight, *(prior_layers_weight * weight / num_prior for weight in layer_weights)],
    )
    if num_prior == 0 or kl_temperature <= 0:
        return outcome
    divergence = kl_div_weight * kl_temperature * _divergence(torch.cat(list(embeddings)), kl_temperature)
    return {**outcome, "layer_kl": divergence} if isinstance(outcome, dict) else outcome + divergence


def _divergence(embeddings: Tensor, temperature: float) -> Tensor:
    """Mean over rows, sum over prior layers, of what each is from the last; (rows, 1 + N, D) to ().

    The last layer is the teacher and gets no gradient of it.
    """
    logits = embeddings.to(torch.promote_types(embeddings.dtype, torch.float32)) / temperature
    teacher = logits[:, :1].detach().softmax(dim=-1).expand_as(logits[:, 1:])
    return F.kl_div(logits[:, 1:].log_softmax(dim=-1), teacher, reduction="sum") / len(logits)


class AdaptiveLayerLoss(LossModifier):
    r"""Apply a loss to the embeddings of the last and of earlier layers, so that users may cut layers.

    Columns, labels and batch sampler are those of the loss it applies, which may have a gradient cache, named
    components, or be `MatryoshkaLoss`. The texts are embedded once.

    Math:
        $$ L = \lambda_N \ell(x^N) + \frac{\lambda}{|S|} \sum_{i \in S} w_i \ell(x^i)
           + \kappa T \sum_{i \in S} \mathrm{KL}(\sigma(\operatorname{sg}(x^N) / T) \,\|\, \sigma(x^i / T)) $$

        over the embeddings $x^0, \ldots, x^N$ of a text, $x^0$ that of its tokens before the first layer;
        $\sigma$ is the softmax over dimensions, $\operatorname{sg}$ stops the gradient, KL is a mean over all
        texts. $S$ has `n_layers_per_step` drawn layers in training; in evaluation all prior ones, scaled to
        the mean over draws.

    Shape:
        columns as `loss` takes them, each (B, D); labels as `loss` takes them; returns what `loss` does, with
        a component `layer_kl` where it has components.

    Args:
        model: the encoder; the one of `loss`. A model of `transformers`, then modules such as a pooling.
        loss: $\ell$; takes one embedding per text.
        n_layers_per_step: how many prior layers are drawn for each training forward, at least 1; -1 for all.
        last_layer_weight: $\lambda_N$.
        prior_layers_weight: $\lambda$.
        kl_div_weight: $\kappa$.
        kl_temperature: $T$, at least 0; 0 for no divergence.
        layer_weighting: $w_i$: `uniform` for 1, `log` for $1 / (1 + \ln(1 + i))$, `linear` for $1 / (1 + i)$,
            or a function of $i$.
        seed: of the draws, which are the same on all ranks and after a resume.

    Raises:
        TypeError: `model` has no layers, or `loss` embeds in its own way.
        ValueError: an option outside its range.

    Reference:
        Li et al. 2024, "2D Matryoshka Sentence Embeddings", https://arxiv.org/abs/2402.14776, section 3;
        `log`: Li et al. 2024, "ESE", version 2 of the same.

    See Also:
        `Matryoshka2dLoss` cuts dimensions, too.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: EmbeddingLoss,
        n_layers_per_step: int = 1,
        last_layer_weight: float = 1.0,
        prior_layers_weight: float = 1.0,
        kl_div_weight: float = 1.0,
        kl_temperature: float = 0.3,
        layer_weighting: LayerWeighting | Callable[[int], float] = "uniform",
        *,
        seed: int = 0,
    ) -> None:
        super().__init__(model, loss)
        check_embeds_as_base(loss, "loss")
        modules_with_layers(model)
        if n_layers_per_step != -1 and n_layers_per_step < 1:
            raise ValueError(f"`n_layers_per_step` must be -1 or at least 1, got {n_layers_per_step}")
        if not kl_temperature >= 0:
            raise ValueError(f"`kl_temperature` must be at least 0, got {kl_temperature}")
        if not callable(layer_weighting) and layer_weighting not in get_args(LayerWeighting):
            raise ValueError(
                f"`layer_weighting` must be one of {list(get_args(LayerWeighting))} or a function, "
                f"got {layer_weighting!r}"
            )
        self.n_layers_per_step = n_layers_per_step
        self.last_layer_weight = last_layer_weight
        self.prior_layers_weight = prior_layers_weight
        self.kl_div_weight = kl_div_weight
        self.kl_temperature = kl_temperature
        self.layer_weighting = layer_weighting
        self.seed = seed
        self._draws = Draws("layers", seed)
        self._layers: Sequence[int] | None = None

    def set_training_step(self, step: int) -> None:
        """Say the number of the training forward that comes; it decides the draws."""
        self._draws.set_step(step)

    def get_layer_weight(self, layer_idx: int) -> float:
        """Return the weight of a prior layer, 0 for the embeddings of tokens before the first."""
        if callable(self.layer_weighting):
            return self.layer_weighting(layer_idx)
        if self.layer_weighting == "log":
            return 1.0 / (1.0 + math.log(1 + layer_idx))
        return 1.0 / (1 + layer_idx) if self.layer_weighting == "linear" else 1.0

    def embed(self, features: Sequence[dict[str, Any]]) -> list[Tensor]:
        """Embed every column by the last layer and the prior ones of this step, (B, 1 + N, D) each."""
        # Drawn before any column is embedded: a gradient cache's replay must choose the same layers.
        draw = self._draws.draw() if self.training and self.n_layers_per_step > 0 else None

        def choose(num_prior: int) -> Sequence[int]:
            self._layers = draw.sample(num_prior, self.n_layers_per_step) if draw else range(num_prior)
            return self._layers

        encode = partial(embed_layers, self.model, choose=choose)
        size = self.chunk_size
        return embed_columns(partial(embed_in_chunks, encode, size=size) if size else encode, features)

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Outcome:
        """Compute the loss of each layer of this step, and the divergence."""
        num_prior = embeddings[0].shape[1] - 1
        layers = range(num_prior) if self._layers is None else self._layers
        if embeddings[0].ndim != 3 or len(layers) != num_prior:
            raise ValueError(
                f"`{type(self).__name__}` takes embeddings (B, 1 + N, D) of the last and N prior layers, "
                f"got {tuple(embeddings[0].shape)}"
            )
        # The divergence is a sum over layers, the objective a mean.
        drawn = num_prior if self.training or self.n_layers_per_step < 0 else self.n_layers_per_step
        share = min(1.0, drawn / max(1, num_prior))
        return adaptive_layer_loss(
            lambda columns: self.loss.compute(columns, labels, batch),
            embeddings,
            layer_weights=[self.get_layer_weight(layer) for layer in layers],
            last_layer_weight=self.last_layer_weight,
            prior_layers_weight=self.prior_layers_weight,
            kl_div_weight=self.kl_div_weight * share,
            kl_temperature=self.kl_temperature,
        )

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{li20242dmatryoshka,
    title={{2D} {Matryoshka} Sentence Embeddings},
    author={Xianming Li and Zongxi Li and Jing Li and Haoran Xie and Qing Li},
    year={2024}, eprint={2402.14776}, archivePrefix={arXiv}, primaryClass={cs.CL}
}"""
