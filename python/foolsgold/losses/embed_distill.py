"""Embedding distillation: a text's embedding meets the one that a teacher gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns, check_finite, described
from foolsgold.losses.parts.row_weights import weighted_mean
from foolsgold.losses.parts.seeded_linear import seeded_linear
from foolsgold.similarity import pairwise_cos_sim, pairwise_euclidean_sim

if TYPE_CHECKING:
    import os

    from foolsgold.losses.parts.batch import BatchInfo

DistanceMetric = Literal["mse", "l2", "cosine"]
_METRICS = ("mse", "l2", "cosine")


def embed_distill_loss(
    embeddings: Tensor,
    targets: Tensor,
    *,
    distance_metric: DistanceMetric = "cosine",
    weights: Tensor | None = None,
) -> Tensor:
    """Mean distance of embeddings to their targets; the maths is at `EmbedDistillLoss`.

    Shape:
        embeddings (B, C, D), targets (B, C, D), or (B, D) for one target of all columns, weights (B,);
        returns ().

    Args:
        embeddings: the student's, C texts for each row.
        targets: the teacher's, in the same space; without gradient.
        distance_metric: `mse`, `l2` or `cosine`.
        weights: how much each row counts, at least 0; None for all the same.
    """
    dtype = torch.promote_types(embeddings.dtype, torch.float32)
    embeddings, targets = embeddings.to(dtype), targets.detach().to(dtype)
    targets = (targets.unsqueeze(1) if targets.ndim == 2 else targets).expand_as(embeddings)
    if distance_metric == "mse" and weights is None:
        return F.mse_loss(embeddings, targets)
    if distance_metric == "mse":
        distances = (embeddings - targets).square().mean(dim=-1)
    elif distance_metric == "l2":
        distances = -pairwise_euclidean_sim(embeddings, targets)
    else:
        distances = 1 - pairwise_cos_sim(embeddings, targets)
    return weighted_mean(distances.mean(dim=1), weights)


class EmbedDistillLoss(EmbeddingLoss):
    r"""Move the embedding of each text to the one that a teacher gave it.

    The teacher's embeddings are labels, made once beforehand, so any teacher will do. One target for all
    columns suits translations: each language goes where the teacher puts the source. Any batch sampler will
    do.

    Math:
        $$ L = \frac{1}{B C} \sum_{i, c} d(W e_{ic} + b, t_{ic}) $$

        $d$ is by metric: `mse` $\frac{1}{D} \lVert x - y \rVert^2$, `l2` $\lVert x - y \rVert$, `cosine`
        $1 - \cos(x, y)$; without a projection, $W$ is the identity and $b$ is 0.

    Shape:
        columns (sentence_1, ..., sentence_C), each (B, D); labels (B, Dt) or (B, C, Dt); returns ().

    Args:
        model: the encoder, the student.
        distance_metric: $d$, one of `mse`, `l2` and `cosine`; the latter does not see lengths.
        projection_dim: Dt, where it is not D: trains a linear layer from D to Dt with the student. It is part
            of checkpoints, not of the exported encoder; `save_projection` keeps it. None for no layer.
        seed: of the layer's start.

    Raises:
        ValueError: an unknown metric, a dimension below 1, or labels of another shape.
        TypeError: a projection for an encoder that does not tell its dimension.

    Reference:
        Kim et al. 2023, "EmbedDistill", https://arxiv.org/abs/2301.12005, eq. 7 and 8; one target for
        several languages: Reimers and Gurevych 2020, https://arxiv.org/abs/2004.09813, section 2.

    See Also:
        `MSELoss` is this with `mse`; `MarginMSELoss` and `DistillKLDivLoss` distil scores.
    """

    inputs = "(sentence_1, sentence_2, ..., sentence_N)"
    labels = "model sentence embeddings"
    labels_are_embeddings = True
    weighs_rows = True

    def __init__(
        self,
        model: nn.Module,
        distance_metric: DistanceMetric = "cosine",
        projection_dim: int | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__(model)
        if distance_metric not in _METRICS:
            raise ValueError(f"`distance_metric` must be one of {_METRICS}, got {distance_metric!r}")
        if projection_dim is not None and projection_dim < 1:
            raise ValueError(f"`projection_dim` must be at least 1, got {projection_dim}")
        self.distance_metric: DistanceMetric = distance_metric
        self.projection_dim = projection_dim
        self.seed = seed
        self.projection: nn.Linear | None = None
        if projection_dim is not None:
            self.projection = seeded_linear(model, _dimension(model), projection_dim, seed)

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss of all columns against the teacher's embeddings."""
        check_columns(self, embeddings, minimum=1)
        students = torch.stack(embeddings, dim=1) if len(embeddings) > 1 else embeddings[0].unsqueeze(1)
        if self.projection is not None:
            with torch.autocast(students.device.type, enabled=False):
                students = self.projection(students.to(self.projection.weight.dtype))
        return embed_distill_loss(
            students,
            self._targets(labels, students),
            distance_metric=self.distance_metric,
            weights=batch.row_weights,
        )

    def _targets(self, labels: Tensor | list[Tensor] | None, students: Tensor) -> Tensor:
        """Return labels that fit the students' embeddings, or raise ValueError."""
        rows, columns, dimension = students.shape
        if isinstance(labels, list):  # of one tensor per column
            labels = torch.stack(labels, dim=1)
        shapes = (rows, dimension), (rows, columns, dimension)
        if labels is None:
            raise ValueError(f"{described(self)}, got no labels")
        if tuple(labels.shape) not in shapes:
            message = f"{described(self)}, of shape {shapes[0]} or {shapes[1]}, got {tuple(labels.shape)}"
            width = labels.shape[-1] if labels.ndim > 1 else dimension
            if width != dimension:
                message += f"\nhint: `projection_dim={width}` maps the student's embeddings to that size"
            raise ValueError(message)
        check_finite(self, labels)
        return labels

    def save_projection(self, path: str | os.PathLike[str]) -> None:
        """Write the projection into a safetensors file; raises ValueError where there is none."""
        from safetensors.torch import save_file

        if self.projection is None:
            raise ValueError("`projection_dim` must be given for a projection to save, got None")
        tensors = {name: x.detach().cpu().contiguous() for name, x in self.projection.state_dict().items()}
        save_file(tensors, str(path))

    def load_projection(self, path: str | os.PathLike[str]) -> None:
        """Read what `save_projection` wrote; a loss without a projection gets one.

        Raises:
            ValueError: the file holds no projection, or one of other dimensions.
        """
        from safetensors.torch import load_file

        saved: dict[str, Any] = load_file(str(path))
        if saved.keys() != {"weight", "bias"}:
            raise ValueError(f"`{path}` must hold `weight` and `bias`, got {sorted(saved)}")
        target, source = saved["weight"].shape
        own = (source, target) if self.projection is None else tuple(reversed(self.projection.weight.shape))
        dimension = _dimension(self.model) if self.projection is None else own[0]
        if (dimension, own[1]) != (source, target):
            raise ValueError(
                f"`{path}` must map {dimension} to {own[1]} dimensions, got {source} to {target}"
            )
        if self.projection is None:
            self.projection = seeded_linear(self.model, source, target, self.seed)
            self.projection_dim = target
        self.projection.load_state_dict(saved)

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{kim2023embeddistill,
    title={{EmbedDistill}: A Geometric Knowledge Distillation for Information Retrieval},
    author={Seungyeon Kim and Ankit Singh Rawat and Manzil Zaheer and Sadeep Jayasumana and Veeranjaneyulu
        Sadhanala and Wittawat Jitkrittum and Aditya Krishna Menon and Rob Fergus and Sanjiv Kumar},
    year={2023}, eprint={2301.12005}, archivePrefix={arXiv}, primaryClass={cs.IR}
}"""


def _dimension(model: nn.Module) -> int:
    if not hasattr(model, "get_embedding_dimension"):
        raise TypeError(
            f"`model` must have `get_embedding_dimension` for a projection, got {type(model).__name__}"
        )
    dimension: Any = model.get_embedding_dimension  # a method
    return int(dimension())
