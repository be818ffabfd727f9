"""In-batch negatives that a guide model has looked over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import torch

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_columns
from foolsgold.losses.parts.directions import POSITIVE_TO_POSITIVE, Comparisons
from foolsgold.losses.parts.frozen_model import FrozenModel
from foolsgold.losses.parts.gather import RankRows
from foolsgold.losses.parts.identity import Identity, gathered_identity
from foolsgold.losses.parts.in_batch import Block, in_batch_cross_entropy
from foolsgold.losses.parts.scale import Scale
from foolsgold.similarity import dot_score, normalize_embeddings, pairwise_dot_score

if TYPE_CHECKING:
    from torch import Tensor, nn
    from typing_extensions import Self

    from foolsgold.losses.parts.batch import BatchInfo

MarginStrategy: TypeAlias = Literal["absolute", "relative"]


def gist_embed_loss(
    queries: Tensor,
    documents: Tensor,
    guide_queries: Tensor,
    guide_documents: Tensor,
    *,
    temperature: float = 0.01,
    margin_strategy: MarginStrategy = "absolute",
    margin: float = 0.0,
    contrast_anchors: bool = True,
    contrast_positives: bool = True,
    identity: Identity | None = None,
    weights: Tensor | None = None,
    rows: slice = slice(None),
) -> Tensor:
    """Cross-entropy of each query's positive against what a guide leaves; maths at `GISTEmbedLoss`.

    Shape:
        queries (G, D), documents (C, G, D) with the positives first, guide_queries (G, E), guide_documents
        (C, G, E), weights (G,); returns () in at least float32.

    Args:
        queries: one for each row of the batch.
        documents: a positive and C - 1 hard negatives for each row.
        guide_queries: what the guide makes of the queries.
        guide_documents: what the guide makes of the documents.
        temperature: divides the cosines, above 0.
        margin_strategy: whether `margin` is a difference of cosines or a share of the positive's.
        margin: how far below the positive a candidate must be for the guide.
        contrast_anchors: compare queries with queries too.
        contrast_positives: compare positives with positives too.
        identity: what is known of the rows; known matches are no negatives.
        weights: how much each row counts, at least 0; None for all the same.
        rows: the B rows whose loss it is; candidates are taken from all.
    """
    total, count = in_batch_cross_entropy(
        queries,
        documents,
        Comparisons(directions=_directions(contrast_anchors, contrast_positives)),
        scale=1 / temperature,
        guide=CosineGuide(guide_queries, guide_documents, margin_strategy, margin),
        identity=identity,
        weights=weights,
        rows=rows,
    )
    return total / torch.where(count > 0, count, 1.0)


class CosineGuide:
    """Rejects candidates whose cosine, to a guide, comes near that of the row's positive.

    Args:
        queries: the guide's embeddings, (G, E).
        documents: the guide's embeddings, (C, G, E), positives first.
        margin_strategy: `absolute` or `relative`.
        margin: with the positive's cosine $g$, what reaches $g - m$, or $g - |g| m$, is rejected.

    Raises:
        ValueError: another `margin_strategy`.
    """

    def __init__(
        self, queries: Tensor, documents: Tensor, margin_strategy: MarginStrategy, margin: float
    ) -> None:
        check_margin_strategy(margin_strategy)
        self._queries = normalize_embeddings(queries.detach())
        self._documents = normalize_embeddings(documents.detach())
        positives = pairwise_dot_score(self._queries, self._documents[0])
        limits = positives - margin * (positives.abs() if margin_strategy == "relative" else 1.0)
        # What ties with the positive, such as its own text again, is rejected however sums are rounded.
        self._limits = limits - 16 * torch.finfo(limits.dtype).eps

    def rejects(self, direction: str, rows: slice) -> Tensor:
        """Tell for each of some rows which candidates of a direction are no negatives, (B, N) bool."""
        block = Block(self._queries, self._documents, rows, dot_score)
        return block.similarities(direction) > self._limits[rows, None]


class GISTEmbedLoss(EmbeddingLoss):
    r"""Pull a query to its positive, push it from those texts of the batch that a guide finds further away.

    For (anchor, positive) pairs with or without hard negatives, in data where some other row's text may well
    answer a query: what the guide, a good frozen model, finds as close to a row's anchor (or positive) as its
    own positive is no negative. Wants a batch sampler without duplicates.

    Math:
        $$ L = \frac{1}{B} \sum_i \log \sum_{c \in A_i} e^{f_{ic} / \tau} - f(q_i, d_i) / \tau, \quad
           A_i = \{i\} \cup \{c : g_{ic} < g(q_i, d_i) - m_i\} $$

        over the cosines $f$ of the model and $g$ of the guide between $q_i$ and all documents, $q_i$ and
        other queries (`contrast_anchors`), $d_i$ and other positives (`contrast_positives`); $m_i$ is
        `margin`, or `margin` times $|g(q_i, d_i)|$.

    Shape:
        columns (anchor, positive[, negative_1, ..., negative_n]), each (B, D); labels unused; returns ().

    Args:
        model: the encoder.
        guide: a model as `model` is, frozen; its embeddings may be of another width, and it may have another
            tokenizer (`foolsgold.losses.parts.frozen_model` says how it gets the texts).
        temperature: $\tau > 0$.
        margin_strategy: `absolute` or `relative`.
        margin: how far below the positive a negative must be for the guide; 0.05 of a relative one is in use.
        contrast_anchors: take other rows' anchors as candidates.
        contrast_positives: compare positives with each other.
        gather_across_devices: take candidates from all ranks; two ranks of B rows then equal one of 2 B.
        mask_by_identity: leave known matches out of the negatives, where text ids are there.
        cache_embeddings: keep the guide's embeddings by text id, so that it sees every text once.
        learnable_temperature: train $\tau$, from `temperature` on; it stays above 0.001.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Solatorio 2024, "GISTEmbed", https://arxiv.org/abs/2402.16829, eq. 2; margins: Moreira et al. 2024,
        https://arxiv.org/abs/2407.15831, section 3.1.

    See Also:
        `MultipleNegativesRankingLoss` with `false_negative_margin`, a rule without a guide.
    """

    inputs = "(anchor, positive) pairs, triplets or (anchor, positive, negative_1, ..., negative_n)"
    labels = "none"
    weighs_rows = True
    frozen_models = ("guide",)

    def __init__(
        self,
        model: nn.Module,
        guide: nn.Module,
        temperature: float = 0.01,
        margin_strategy: MarginStrategy = "absolute",
        margin: float = 0.0,
        contrast_anchors: bool = True,
        contrast_positives: bool = True,
        gather_across_devices: bool = False,
        *,
        mask_by_identity: bool = True,
        cache_embeddings: bool = True,
        learnable_temperature: bool = False,
    ) -> None:
        super().__init__(model)
        check_margin_strategy(margin_strategy)
        if not temperature > 0:
            raise ValueError(f"`temperature` must be above 0, got {temperature}")
        self.scaling = Scale(
            1 / temperature, learnable=learnable_temperature, name="1 / temperature", largest=1000.0
        )
        self.guide = guide
        self.margin_strategy = margin_strategy
        self.margin = margin
        self.contrast_anchors = contrast_anchors
        self.contrast_positives = contrast_positives
        self.gather_across_devices = gather_across_devices
        self.mask_by_identity = mask_by_identity
        self.cache_embeddings = cache_embeddings
        self.learnable_temperature = learnable_temperature
        self.comparisons = Comparisons(directions=_directions(contrast_anchors, contrast_positives))
        self._guide = FrozenModel("guide", guide, model, cache_embeddings=cache_embeddings)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all but the guide, which stays in evaluation mode."""
        super().train(mode)
        self.guide.eval()
        return self

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> Tensor:
        """Ask the guide, gather if asked to, and compute the loss of this rank's rows."""
        check_columns(self, embeddings, minimum=2)
        ranks = RankRows(len(embeddings[0]), embeddings[0].device, gather=self.gather_across_devices)
        columns = ranks.gather_columns(embeddings)
        guided = ranks.gather_columns(self._guide.embed(batch, training=self.training))
        total, count = in_batch_cross_entropy(
            columns[0],
            torch.stack(columns[1:]),
            self.comparisons,
            scale=self.scaling(),
            guide=CosineGuide(guided[0], torch.stack(guided[1:]), self.margin_strategy, self.margin),
            identity=gathered_identity(batch if self.mask_by_identity else None, None, ranks),
            weights=None if batch.row_weights is None else ranks.gather(batch.row_weights),
            rows=ranks.own,
        )
        return ranks.mean(total, count)

    @property
    def temperature(self) -> float:
        """What the cosines are divided by."""
        return 1 / self.scaling.value

    @property
    def citation(self) -> str:
        """BibTeX of the paper behind the loss."""
        return """@misc{solatorio2024gistembed,
    title={{GISTEmbed}: Guided In-sample Selection of Training Negatives for Text Embedding Fine-tuning},
    author={Aivin V. Solatorio},
    year={2024}, eprint={2402.16829}, archivePrefix={arXiv}, primaryClass={cs.LG}
}"""


def check_margin_strategy(margin_strategy: MarginStrategy) -> None:
    """Raise ValueError unless the strategy is known."""
    if margin_strategy not in get_args(MarginStrategy):
        raise ValueError(
            f"`margin_strategy` must be one of {list(get_args(MarginStrategy))}, got {margin_strategy!r}"
        )


def _directions(contrast_anchors: bool, contrast_positives: bool) -> tuple[str, ...]:
    return (
        "query_to_doc",
        *(["query_to_query"] if contrast_anchors else []),
        *([POSITIVE_TO_POSITIVE] if contrast_positives else []),
    )
