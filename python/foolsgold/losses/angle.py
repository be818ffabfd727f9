"""Graded pairs, ranked by an angle in complex space, whose gradient stays where a cosine's vanishes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import torch

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.cosent import cosent_loss
from foolsgold.losses.parts.checks import check_columns, check_scores
from foolsgold.losses.parts.directions import Comparisons
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.identity import gathered_identity
from foolsgold.losses.parts.in_batch import in_batch_cross_entropy
from foolsgold.similarity import pairwise_angle_sim, pairwise_cos_sim

if TYPE_CHECKING:
    from torch import Tensor, nn

    from foolsgold.losses.parts.batch import BatchInfo
    from foolsgold.losses.parts.identity import Identity

_SCALE = 20.0


@dataclass(frozen=True, kw_only=True)
class AnglEObjectives:
    """Weights (`_w`, at least 0) and temperatures (`_tau`, above 0) of the three objectives of AnglE."""

    angle_w: float = 1.0
    angle_tau: float = 1.0
    cosine_w: float = 1.0
    cosine_tau: float = 1.0
    ibn_w: float = 1.0
    ibn_tau: float = 1.0

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value, is_weight = getattr(self, name), name.endswith("_w")
            if not (value >= 0 if is_weight else value > 0):
                raise ValueError(f"`{name}` must be {'at least' if is_weight else 'above'} 0, got {value}")
        if not (self.angle_w or self.cosine_w or self.ibn_w):
            raise ValueError("`angle_w`, `cosine_w` or `ibn_w` must be above 0, got 0 for all")


def angle_loss(
    anchors: Tensor,
    others: Tensor,
    scores: Tensor,
    *,
    objectives: AnglEObjectives,
    identity: Identity | None = None,
    ranks: RankRows | None = None,
) -> Tensor:
    """Weighted sum of AnglE's objectives; the maths is at `AnglELoss`.

    Shape:
        anchors (G, D), others (C, G, D), scores (G,); returns ().

    Args:
        anchors: one for each row.
        others: what each is compared with; of C > 1, those after the first are negatives.
        scores: of the anchors with the first of the others, in [0, 1]; negatives have one minus the score.
        objectives: weights and temperatures.
        identity: what is known of the rows' texts; known matches are no in-batch negatives.
        ranks: whose rows they are, where they were gathered; None for this rank's alone.
    """
    scores = scores.int() if scores.dtype == torch.bool else scores
    left, right = anchors.repeat(len(others), 1), others.flatten(0, 1)
    pair_scores = torch.cat([scores, (1 - scores).repeat(len(others) - 1)])
    angle = objectives.angle_w, objectives.angle_tau, pairwise_angle_sim
    cosine = objectives.cosine_w, objectives.cosine_tau, pairwise_cos_sim
    parts = [
        weight * cosent_loss(left, right, pair_scores, scale=1 / tau, similarity_fct=similarity_fct)
        for weight, tau, similarity_fct in (angle, cosine)
        if weight
    ]
    if objectives.ibn_w:
        ranks = ranks or RankRows(len(anchors), anchors.device, gather=False)
        is_positive = scores >= 1
        # A pair that is scored low is a negative, though it shares its anchor with a positive.
        identity = None if identity is None else replace(identity, is_positive=is_positive)
        total, count = in_batch_cross_entropy(
            anchors,
            others,
            Comparisons(),
            scale=1 / objectives.ibn_tau,
            identity=identity,
            weights=is_positive.to(torch.promote_types(anchors.dtype, torch.float32)),
            rows=ranks.own,
        )
        parts.append(objectives.ibn_w * ranks.mean(total, count))
    return torch.stack(parts).sum()


class AnglELoss(EmbeddingLoss):
    r"""Rank pairs by their scores, with an angle in complex space as the similarity.

    The gradient of a cosine vanishes where it is close to 1 or -1, that of the angle does not. For graded
    pairs, or for anchors with a positive (score 1) and negatives (score 0). Any batch sampler will do; with
    in-batch negatives, one without duplicates, though equal texts are no negatives where text ids are there.

    With `scale` alone it is $R(a, s)$, the objective of angles. Once any weight or temperature is given it is
    the paper's sum of three objectives, and whatever weight or temperature is left out is 1.

    Math:
        $$ L = w_a R(a, 1/\tau_a) + w_c R(\cos, 1/\tau_c) + w_i N, \quad
        R(f, s) = \log\Big(1 + \sum_{y_i > y_j} e^{s (f(u_j, v_j) - f(u_i, v_i))}\Big) $$
        $$ N = -\frac{1}{|P|} \sum_{i \in P} \log
        \frac{e^{\cos(u_i, v_i) / \tau_i}}{\sum_k e^{\cos(u_i, v_k) / \tau_i}} $$
        $a$ is `pairwise_angle_sim`; $P$ has the rows with a score of 1, $k$ goes over all second texts and
        negatives of the batch. The paper sums over $P$; a mean weighs alike at any batch size.

    Shape:
        columns (sentence_A, sentence_B) with labels (B,) or (B, 1), or (anchor, positive, negative_1, ...)
        with none, each (B, D); returns (). Labels beside negatives are the positives' scores.

    Args:
        model: the encoder.
        scale: $s > 0$ of the angle objective alone, the inverse of the temperature.
        angle_w: $w_a$, at least 0.
        angle_tau: $\tau_a > 0$; 0.05 is in use.
        cosine_w: $w_c$, at least 0.
        cosine_tau: $\tau_c > 0$; 0.05 is in use.
        ibn_w: $w_i$, at least 0.
        ibn_tau: $\tau_i > 0$; 0.05 is in use.
        pooling_strategy: how the model must pool tokens, such as `cls`; None, the default, for any.
        gather_across_devices: compare the rows of all ranks; two ranks of B rows then equal one of 2 B.

    Raises:
        ValueError: an option outside its range, or against another or the model; not one label per row.

    Reference:
        Li and Li 2023, "AnglE-optimized Text Embeddings", https://arxiv.org/abs/2309.12871, section 3.

    See Also:
        `CoSENTLoss` is the cosine objective; `MultipleNegativesRankingLoss` is that of in-batch negatives.
    """

    inputs = "(sentence_A, sentence_B) pairs, triplets or (anchor, positive, negative_1, ..., negative_n)"
    labels = "float similarity score between 0 and 1, or none with negatives"

    def __init__(
        self,
        model: nn.Module,
        scale: float = _SCALE,
        *,
        angle_w: float | None = None,
        angle_tau: float | None = None,
        cosine_w: float | None = None,
        cosine_tau: float | None = None,
        ibn_w: float | None = None,
        ibn_tau: float | None = None,
        pooling_strategy: str | None = None,
        gather_across_devices: bool = False,
    ) -> None:
        super().__init__(model)
        self.scale = scale
        self.angle_w, self.angle_tau = angle_w, angle_tau
        self.cosine_w, self.cosine_tau = cosine_w, cosine_tau
        self.ibn_w, self.ibn_tau = ibn_w, ibn_tau
        self.pooling_strategy = pooling_strategy
        self.gather_across_devices = gather_across_devices
        self.objectives = self._chosen()
        self.mask_by_identity = self.objectives.ibn_w > 0
        _check_pooling(model, pooling_strategy)

    def _chosen(self) -> AnglEObjectives:
        options = {field.name: getattr(self, field.name) for field in fields(AnglEObjectives)}
        given = {name: value for name, value in options.items() if value is not None}
        if not self.scale > 0 or (given and self.scale != _SCALE):
            raise ValueError(
                f"`scale` must be above 0, and left out beside weights and temperatures, got {self.scale}\n"
                "hint: `angle_tau` is the inverse of the scale"
            )
        return AnglEObjectives(**(given or {"angle_tau": 1 / self.scale, "cosine_w": 0.0, "ibn_w": 0.0}))

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss, of all ranks' rows if asked to."""
        check_columns(self, embeddings, minimum=2)
        num_rows, device = len(embeddings[0]), embeddings[0].device
        if labels is None and len(embeddings) > 2:
            labels = torch.ones(num_rows, device=device)
        scores = check_scores(self, labels, num_rows)
        ranks = RankRows(num_rows, device, gather=self.gather_across_devices)
        columns, scores = ranks.gather_columns(embeddings), ranks.gather(scores)
        return angle_loss(
            columns[0],
            torch.stack(columns[1:]),
            scores,
            objectives=self.objectives,
            identity=gathered_identity(batch if self.mask_by_identity else None, None, ranks),
            ranks=ranks,
        )

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@inproceedings{li2024aoe,
    title={{AoE}: Angle-optimized Embeddings for Semantic Textual Similarity},
    author={Xianming Li and Jing Li},
    booktitle={Proceedings of the 62nd Annual Meeting of the Association for Computational Linguistics},
    year={2024}, eprint={2309.12871}, archivePrefix={arXiv}, doi={10.18653/v1/2024.acl-long.101}
}"""


def _check_pooling(model: nn.Module, strategy: str | None) -> None:
    modes = [getattr(x, "pooling_modes", getattr(x, "pooling_mode", None)) for x in model.modules()]
    found = [mode for mode in modes if mode is not None]
    if strategy is not None and (not found or {*found} - {strategy, (strategy,)}):
        raise ValueError(f"`pooling_strategy` must be that of `model`, {found or 'none'}, got {strategy!r}")
