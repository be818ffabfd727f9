"""Distilled rankings: a student's softmax over candidates meets that of a teacher."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns, check_finite, described
from foolsgold.losses.parts.frozen_model import FrozenModel
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.row_weights import weighted_mean
from foolsgold.losses.parts.score_divergence import in_batch_divergence, pair_scores, score_divergences
from foolsgold.similarity import pairwise_dot_score

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn
    from typing_extensions import Self

    from foolsgold.losses.parts.batch import BatchInfo


def distill_kl_div_loss(
    student_scores: Tensor,
    teacher_scores: Tensor,
    *,
    student_temperature: float = 1.0,
    teacher_temperature: float = 1.0,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean divergence of rows of scores; the maths is at `DistillKLDivLoss`.

    Shape:
        student_scores (B, N), teacher_scores (B, N), weights (B,); returns ().

    Args:
        student_scores: of N candidates for each row, higher is closer.
        teacher_scores: of the same candidates; without gradient. Minus infinity gives a candidate no share.
        student_temperature: divides the student's scores; above 0.
        teacher_temperature: divides the teacher's scores; above 0.
        weights: how much each row counts, at least 0; None for all the same.
    """
    losses = score_divergences(student_scores, teacher_scores, student_temperature, teacher_temperature)
    return weighted_mean(losses, weights)


class DistillKLDivLoss(EmbeddingLoss):
    r"""Rank candidates as a teacher does, by the divergence of the two softmaxes over them.

    The teacher's scores are labels, or `teacher_model` scores the texts in every step. Then pairs will do,
    too: the candidates of a query are all positives of the batch, and none is taken for a negative; a text
    that comes c times has 1/c of its weight each time, so it counts once for both models. With pairs, large
    batches help; else any batch sampler will do.

    Math:
        $$ L = \frac{\tau_s^2}{B} \sum_i \sum_c p_{ic} (\log p_{ic} - \log r_{ic}), \quad
           p_i = \operatorname{softmax}(t_i / \tau_t), \;
           r_i = \operatorname{softmax}(f(q_i, d_{i \cdot}) / \tau_s) $$

        $t$ are labels, or $f$ of the teacher's embeddings. The factor keeps gradients alike for any shared
        temperature from 1 up; below, they fall with it.

    Shape:
        columns (query, positive, negative_1, ..., negative_n), each (B, D), or (query, positive) with a
        teacher; labels (B, N) for N = n + 1 documents, or none with a teacher; returns ().

    Args:
        model: the encoder, the student.
        similarity_fct: $f$, (N, D), (N, D) to (N,), higher is closer; the teacher's embeddings are compared
            by it, too. One that is not of `foolsgold.similarity` makes a copy of each pair in a batch of
            pairs.
        temperature: $\tau > 0$ of both, where they have none of their own.
        student_temperature: $\tau_s > 0$; None for `temperature`.
        teacher_temperature: $\tau_t > 0$; None for `temperature`. Where scores spread over more than 100
            times as much, float32 leaves the lowest no share.
        teacher_model: scores the texts where there are no labels; any dimension. It is frozen here
            (`foolsgold.losses.parts.frozen_model`).
        gather_across_devices: with pairs, take candidates from all ranks; two ranks of B rows then equal one
            of 2 B.
        mask_by_identity: with pairs, count equal texts once, where text ids are there.
        cache_embeddings: keep the teacher's embeddings over steps, by text id, on the CPU; the host then
            waits for the device once a batch. A resumed run embeds texts in other company, so its last bits
            may differ; without, they do not.

    Raises:
        ValueError: a temperature that is not finite and above 0; labels of another shape; neither labels nor
            a teacher, or pairs without one; a teacher that shares parameters with the student.

    Reference:
        Hinton et al. 2015, "Distilling the Knowledge in a Neural Network",
        https://arxiv.org/abs/1503.02531, section 2; rankings, also over a batch: Lin et al. 2020,
        "Distilling Dense Representations for Ranking using Tightly-Coupled Teachers",
        https://arxiv.org/abs/2010.11386.

    See Also:
        `MarginMSELoss` takes the same scores and fits their differences; `EmbedDistillLoss` fits embeddings.
    """

    inputs = "(query, positive, negative_1, ..., negative_n)"
    labels = "[gold_sim(query, positive), gold_sim(query, negative_i)...]"
    weighs_rows = True
    frozen_models = ("teacher_model",)

    def __init__(
        self,
        model: nn.Module,
        similarity_fct: Callable[[Tensor, Tensor], Tensor] = pairwise_dot_score,
        temperature: float = 1.0,
        student_temperature: float | None = None,
        teacher_temperature: float | None = None,
        *,
        teacher_model: nn.Module | None = None,
        gather_across_devices: bool = False,
        mask_by_identity: bool = True,
        cache_embeddings: bool = True,
    ) -> None:
        super().__init__(model)
        self.similarity_fct = similarity_fct
        self.temperature = temperature
        self.student_temperature = temperature if student_temperature is None else student_temperature
        self.teacher_temperature = temperature if teacher_temperature is None else teacher_temperature
        for name in ("temperature", "student_temperature", "teacher_temperature"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"`{name}` must be finite and above 0, got {getattr(self, name)}")
        self.teacher_model = teacher_model
        self.gather_across_devices = gather_across_devices
        self.mask_by_identity = mask_by_identity
        self.cache_embeddings = cache_embeddings
        self._teacher: FrozenModel | None = None
        if teacher_model is not None:
            self._teacher = FrozenModel(
                "teacher_model", teacher_model, model, cache_embeddings=cache_embeddings
            )
            self.inputs = f"(query, positive) pairs or {type(self).inputs}"
            self.labels = f"none` or `{type(self).labels}"

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all but the teacher, which stays in evaluation mode."""
        super().train(mode)
        if self.teacher_model is not None:
            self.teacher_model.eval()
        return self

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Compute the loss against the labels, or against the teacher's view of the texts."""
        check_columns(self, embeddings, minimum=3 if self._teacher is None else 2)
        if labels is not None:
            rows, documents = len(embeddings[0]), len(embeddings) - 1
            if documents < 2 or tuple(labels.shape) != (rows, documents):
                hint = "\nhint: without labels, `teacher_model` scores the texts" if self._teacher else ""
                expected = (rows, max(documents, 2))
                raise ValueError(f"{described(self)}, of shape {expected}, got {tuple(labels.shape)}{hint}")
            check_finite(self, labels)
            return self._of_scores(embeddings, labels, batch)
        if self._teacher is None:
            raise ValueError(
                f"{described(self)}, got no labels\nhint: `teacher_model` scores the texts in their place"
            )
        teacher_embeddings = self._teacher.embed(batch, training=self.training)
        if len(embeddings) == 2:
            return self._of_pairs(embeddings, teacher_embeddings, batch)
        return self._of_scores(embeddings, pair_scores(teacher_embeddings, self.similarity_fct), batch)

    def _of_scores(self, embeddings: list[Tensor], teacher_scores: Tensor, batch: BatchInfo) -> Tensor:
        return distill_kl_div_loss(
            pair_scores(embeddings, self.similarity_fct),
            teacher_scores,
            student_temperature=self.student_temperature,
            teacher_temperature=self.teacher_temperature,
            weights=batch.row_weights,
        )

    def _of_pairs(self, student: list[Tensor], teacher: list[Tensor], batch: BatchInfo) -> Tensor:
        ranks = RankRows(len(student[0]), student[0].device, gather=self.gather_across_devices)
        ids = batch.text_ids[1] if self.mask_by_identity and batch.text_ids else None
        total, count = in_batch_divergence(
            (student[0], ranks.gather(student[1])),
            (teacher[0], ranks.gather(teacher[1])),
            similarity_fct=self.similarity_fct,
            student_temperature=self.student_temperature,
            teacher_temperature=self.teacher_temperature,
            document_ids=None if ids is None else ranks.gather(ids),
            weights=batch.row_weights,
        )
        return ranks.mean(total, count)

    @property
    def citation(self) -> str:
        """BibTeX of the papers behind the loss."""
        return """@misc{hinton2015distilling,
    title={Distilling the Knowledge in a Neural Network},
    author={Geoffrey Hinton and Oriol Vinyals and Jeff Dean},
    year={2015}, eprint={1503.02531}, archivePrefix={arXiv}, primaryClass={stat.ML}
}
@misc{lin2020distilling,
    title={Distilling Dense Representations for Ranking using Tightly-Coupled Teachers},
    author={Sheng-Chieh Lin and Jheng-Hong Yang and Jimmy Lin},
    year={2020}, eprint={2010.11386}, archivePrefix={arXiv}, primaryClass={cs.IR}
}"""
