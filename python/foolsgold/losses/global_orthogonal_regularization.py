"""Spread embeddings out: unrelated texts of a batch are to be as close as random directions are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import torch

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.row_blocks import sum_over_rows
from foolsgold.similarity import cos_sim, dot_score, normalize_embeddings

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from foolsgold.losses.parts.batch import BatchInfo

Aggregation: TypeAlias = Literal["mean", "sum"]


def global_orthogonal_regularization_loss(
    embeddings: Tensor, *, similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim
) -> tuple[Tensor, Tensor]:
    """Square of the mean similarity, and excess of the second moment; the maths is at the module.

    With `cos_sim` and `dot_score` the larger of B x B and D x D matrices is never formed; with others, rows
    go by blocks.

    Shape:
        embeddings (B, D); returns (), (); both 0 for one row.

    Args:
        embeddings: of texts that have nothing to do with each other.
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
    """
    embeddings = embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))
    num_rows, dimension = embeddings.shape
    num_pairs = max(num_rows * (num_rows - 1), 1)
    if similarity_fct in (cos_sim, dot_score) and num_rows > dimension:
        first, second = (x / num_pairs for x in _sums_by_gram_matrix(embeddings, similarity_fct is cos_sim))
    else:
        places = torch.arange(num_rows, device=embeddings.device)

        def block_sums(rows: slice, embeddings: Tensor) -> tuple[Tensor, Tensor]:
            similarities = similarity_fct(embeddings[rows], embeddings)
            similarities = similarities.masked_fill(places[rows, None] == places, 0.0)
            # Divided before they are summed, because a sum of squared distances may be past float32.
            return (similarities / num_pairs).sum(), (similarities.square() / num_pairs).sum()

        first, second = sum_over_rows(block_sums, (embeddings,), slice(0, num_rows), num_rows, closed=False)
    return first.square(), (second - 1 / dimension).relu()


def _sums_by_gram_matrix(embeddings: Tensor, normalize: bool) -> tuple[Tensor, Tensor]:
    """Sum the dot products of all ordered pairs of two rows, and their squares.

    Over all pairs they are the squared length of the sum of the rows and the squared Frobenius norm of the
    Gram matrix of the columns; what each row has with itself is taken off.
    """
    rows = normalize_embeddings(embeddings) if normalize else embeddings
    with_itself = rows.square().sum(dim=1)
    gram = dot_score(rows.T, rows.T)
    total = rows.sum(dim=0).square().sum() - with_itself.sum()
    return total, gram.square().sum() - with_itself.square().sum()


class GlobalOrthogonalRegularizationLoss(EmbeddingLoss):
    r"""Keep unrelated texts as far apart as random directions are, in each column for itself.

    A regulariser, for use beside another loss on any columns: it teaches no similarity of its own. Wants a
    batch sampler without duplicates, because all rows of a column count as unrelated.

    Math:
        $$ M_1 = \operatorname{mean}_{i \ne j} f(x_i, x_j), \quad
        M_2 = \operatorname{mean}_{i \ne j} f(x_i, x_j)^2, \quad
        L = w_1 M_1^2 + w_2 \max(0, M_2 - 1/D) $$
        averaged or summed over columns; random directions have $M_1 = 0$ and $M_2 = 1/D$.

    Shape:
        any columns, each (B, D); labels unused; returns `gor_mean` () and `gor_second_moment` (), of which
        one without weight is left out.

    Args:
        model: the encoder.
        similarity_fct: $f$, (B, D), (B, D) to (B, B).
        mean_weight: $w_1$; None or 0 leaves the term out.
        second_moment_weight: $w_2$; None or 0 leaves the term out.
        aggregation: `mean` or `sum` over the columns.
        gather_across_devices: compare the rows of all ranks; two ranks of B rows then equal one of 2 B.

    Raises:
        ValueError: no term left; an unknown `aggregation`.

    Reference:
        Zhang et al. 2017, "Learning Spread-out Local Feature Descriptors", https://arxiv.org/abs/1708.06320,
        section 3; Vera et al. 2025, "EmbeddingGemma", https://arxiv.org/abs/2509.20354, has $w_1 = 0$ and the
        sum.
    """

    inputs = "any text columns"
    labels = "none"

    def __init__(
        self,
        model: nn.Module,
        similarity_fct: Callable[[Tensor, Tensor], Tensor] = cos_sim,
        mean_weight: float | None = 1.0,
        second_moment_weight: float | None = 1.0,
        aggregation: Aggregation = "mean",
        *,
        gather_across_devices: bool = False,
    ) -> None:
        super().__init__(model)
        if not mean_weight and not second_moment_weight:
            raise ValueError(
                "`mean_weight` or `second_moment_weight` must be other than 0, "
                f"got {mean_weight} and {second_moment_weight}"
            )
        if aggregation not in get_args(Aggregation):
            raise ValueError(
                f"`aggregation` must be one of {list(get_args(Aggregation))}, got {aggregation!r}"
            )
        self.similarity_fct = similarity_fct
        self.mean_weight = mean_weight
        self.second_moment_weight = second_moment_weight
        self.aggregation = aggregation
        self.gather_across_devices = gather_across_devices

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> dict[str, Tensor]:
        """Compute the terms of each column and put the columns together."""
        check_columns(self, embeddings, minimum=1)
        ranks = RankRows(len(embeddings[0]), embeddings[0].device, gather=self.gather_across_devices)
        terms = [
            global_orthogonal_regularization_loss(column, similarity_fct=self.similarity_fct)
            for column in ranks.gather_columns(embeddings)
        ]
        weights = {"gor_mean": self.mean_weight, "gor_second_moment": self.second_moment_weight}
        combined = {}
        for (name, weight), of_columns in zip(weights.items(), zip(*terms, strict=True), strict=True):
            if weight:
                stacked = torch.stack(of_columns)
                combined[name] = weight * (stacked.sum() if self.aggregation == "sum" else stacked.mean())
        return combined

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{zhang2017spreadout,
    title={Learning Spread-out Local Feature Descriptors},
    author={Xu Zhang and Felix X. Yu and Sanjiv Kumar and Shih-Fu Chang},
    year={2017}, eprint={1708.06320}, archivePrefix={arXiv}, primaryClass={cs.CV}
}"""
