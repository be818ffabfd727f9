"""Matryoshka: leading parts of an embedding are embeddings, too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from foolsgold.losses.modifier import LossModifier, embeds_as_base, weighted_sum
from foolsgold.losses.parts.draws import Draws
from foolsgold.similarity import normalize_embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from foolsgold.losses.base import EmbeddingLoss
    from foolsgold.losses.modifier import Objective, Outcome
    from foolsgold.losses.parts.batch import BatchInfo

logger = logging.getLogger(__name__)


def matryoshka_loss(
    objective: Objective,
    embeddings: Sequence[Tensor],
    *,
    matryoshka_dims: Sequence[int],
    matryoshka_weights: Sequence[float] | None = None,
    normalize: bool = True,
) -> Outcome:
    """Sum of an objective over leading dimensions; the maths is at `MatryoshkaLoss`.

    Shape:
        embeddings C x (..., D); returns what `objective` does: (), or named components, each ().

    Args:
        objective: maps C tensors (..., d) to a loss, or to named components.
        embeddings: all that is cut, embeddings of a teacher included.
        matryoshka_dims: each $d$, from 1 to D.
        matryoshka_weights: one for each of them; None for 1.
        normalize: scale what is cut to length 1.
    """
    width = min(column.shape[-1] for column in embeddings)
    if max(matryoshka_dims) > width:
        raise ValueError(
            f"`matryoshka_dims` must be at most {width}, the embeddings' width, got {max(matryoshka_dims)}"
        )
    outcomes = [
        objective([_leading(column, dim, normalize) for column in embeddings]) for dim in matryoshka_dims
    ]
    return weighted_sum(outcomes, matryoshka_weights or [1.0] * len(outcomes))


def _leading(embeddings: Tensor, dim: int, normalize: bool) -> Tensor:
    leading = embeddings[..., :dim]
    return normalize_embeddings(leading) if normalize else leading


class MatryoshkaLoss(LossModifier):
    r"""Apply a loss to leading dimensions of the embeddings, so that users may cut embeddings there.

    Columns, labels and batch sampler are those of the loss it applies, which may have a gradient cache, named
    components, or be a modifier itself. The texts are embedded once.

    Math:
        $$ L = \sum_d w_d \, \ell(n(x_{1..d}), n(y_{1..d}), \ldots), \quad n(x) = x / \lVert x \rVert $$

        over the columns $x, y, \ldots$, and over the embeddings of a teacher where these are the labels.
        In training, over `n_dims_per_step` drawn $d$; in evaluation over all, scaled to the mean over draws.

    Shape:
        columns as `loss` takes them, each (B, D); labels as `loss` takes them; returns what `loss` does.

    Args:
        model: the encoder; the one of `loss`.
        loss: $\ell$.
        matryoshka_dims: each $d$, from 1 to D, in any order. D should be among them: else nothing trains the
            uncut embedding.
        matryoshka_weights: $w_d$, in the order of `matryoshka_dims`; None for 1.
        n_dims_per_step: how many are drawn anew for each training forward, at least 1; -1 for all.
        normalize: scale what is cut to length 1; False keeps the lengths, for a loss of dot products that are
            not to be cosines.
        seed: of the draws, which are the same on all ranks and after a resume.

    Raises:
        TypeError: `loss` is no `EmbeddingLoss`.
        ValueError: an option outside its range, or a `loss` with parameters as wide as the embeddings.

    Reference:
        Kusupati et al. 2022, "Matryoshka Representation Learning", https://arxiv.org/abs/2205.13147, eq. 1.

    See Also:
        `Matryoshka2dLoss` cuts layers, too.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: EmbeddingLoss,
        matryoshka_dims: Sequence[int],
        matryoshka_weights: Sequence[float] | None = None,
        n_dims_per_step: int = -1,
        *,
        normalize: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(model, loss)
        if not matryoshka_dims or min(matryoshka_dims) < 1:
            raise ValueError(f"`matryoshka_dims` must be whole numbers from 1, got {list(matryoshka_dims)}")
        weights = [1] * len(matryoshka_dims) if matryoshka_weights is None else list(matryoshka_weights)
        if len(weights) != len(matryoshka_dims):
            raise ValueError(
                f"`matryoshka_weights` must be {len(matryoshka_dims)}, one per dimension, got {len(weights)}"
            )
        if n_dims_per_step != -1 and n_dims_per_step < 1:
            raise ValueError(f"`n_dims_per_step` must be -1 or at least 1, got {n_dims_per_step}")
        _check_model(model, matryoshka_dims)
        _check_parameters(loss, matryoshka_dims)
        by_dim = sorted(zip(matryoshka_dims, weights, strict=True), key=lambda pair: pair[0], reverse=True)
        self.matryoshka_dims = tuple(dim for dim, _ in by_dim)
        self.matryoshka_weights = tuple(weight for _, weight in by_dim)
        self.n_dims_per_step = n_dims_per_step
        self.normalize = normalize
        self.seed = seed
        self._draws = Draws("dims", seed)

    def set_training_step(self, step: int) -> None:
        """Say the number of the training forward that comes; it decides the draws."""
        self._draws.set_step(step)

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Outcome:
        """Compute the loss of each dimension of this step."""
        num_dims, share = len(self.matryoshka_dims), 1.0
        chosen: Sequence[int] = range(num_dims)
        if 0 < self.n_dims_per_step < num_dims:
            if self.training:
                chosen = self._draws.draw().sample(num_dims, self.n_dims_per_step)
            else:
                share = self.n_dims_per_step / num_dims
        width = embeddings[0].shape[-1]
        cut = [labels] if self.labels_are_embeddings and labels is not None else []
        cut = [teacher for teacher in cut if teacher.ndim > 1 and teacher.shape[-1] == width]

        def objective(tensors: list[Tensor]) -> Outcome:
            columns, teachers = tensors[: len(embeddings)], tensors[len(embeddings) :]
            return self.loss.compute(columns, teachers[0] if teachers else labels, batch)

        return matryoshka_loss(
            objective,
            [*embeddings, *cut],
            matryoshka_dims=[self.matryoshka_dims[index] for index in chosen],
            matryoshka_weights=[share * self.matryoshka_weights[index] for index in chosen],
            normalize=self.normalize,
        )

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{kusupati2022matryoshka,
    title={{Matryoshka} Representation Learning},
    author={Aditya Kusupati and Gantavya Bhatt and Aniket Rege and Matthew Wallingford and Aditya Sinha and
        Vivek Ramanujan and William Howard-Snyder and Kaifeng Chen and Sham Kakade and Prateek Jain and Ali
        Farhadi},
    year={2022}, eprint={2205.13147}, archivePrefix={arXiv}, primaryClass={cs.LG}
}"""


def _check_model(model: nn.Module, dims: Sequence[int]) -> None:
    """Refuse what the model says is too wide; with `truncate_dim` it does not speak of what it trains."""
    if not hasattr(model, "get_embedding_dimension") or getattr(model, "truncate_dim", None) is not None:
        return
    width = model.get_embedding_dimension()  # type: ignore[operator]
    if width is None:
        return
    if max(dims) > width:
        raise ValueError(f"`matryoshka_dims` must be at most {width}, the model's dimension, got {max(dims)}")
    if width not in dims:
        logger.warning(
            "`matryoshka_dims` lacks %d, the model's dimension: nothing trains the uncut embedding", width
        )


def _check_parameters(loss: EmbeddingLoss, dims: Sequence[int]) -> None:
    """Refuse a loss with a head, which takes embeddings of one dimension."""
    if len(dims) == 1 or not embeds_as_base(loss):
        return
    others = [loss.model, *(getattr(part, name) for part in loss.modules() for name in _frozen_in(part))]
    known = {id(parameter) for other in others for parameter in other.parameters()}
    for name, parameter in loss.named_parameters():
        if id(parameter) not in known and parameter.ndim > 1 and max(parameter.shape) >= max(dims):
            raise ValueError(
                f"`loss` must take embeddings of any dimension, got {type(loss).__name__} with `{name}` "
                f"{tuple(parameter.shape)}"
            )


def _frozen_in(module: nn.Module) -> Sequence[str]:
    return getattr(module, "frozen_models", ())
