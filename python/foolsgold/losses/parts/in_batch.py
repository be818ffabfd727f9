"""The softmax over a batch: each row picks its positive out of all candidates that are no known match."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from foolsgold.losses.parts import triton_softmax
from foolsgold.losses.parts.directions import is_weighted, left_out
from foolsgold.losses.parts.row_blocks import blocks_of, sum_over_rows, with_gradients
from foolsgold.similarity import cos_sim, dot_score, normalize_embeddings

if TYPE_CHECKING:
    from collections.abc import Callable

    from foolsgold.losses.parts.directions import Comparisons
    from foolsgold.losses.parts.identity import Identity

    MatrixSimilarity = Callable[[Tensor, Tensor], Tensor]


class Guide(Protocol):
    """Another view of the batch that tells which candidates look like positives."""

    def rejects(self, direction: str, rows: slice) -> Tensor:
        """Tell for each of some rows which candidates of a direction are no negatives, (B, N) bool."""


def in_batch_cross_entropy(
    queries: Tensor,
    documents: Tensor,
    comparisons: Comparisons,
    *,
    scale: float | Tensor,
    similarity_fct: MatrixSimilarity = cos_sim,
    identity: Identity | None = None,
    margin: float | None = None,
    guide: Guide | None = None,
    weights: Tensor | None = None,
    rows: slice = slice(None),
) -> tuple[Tensor, Tensor]:
    """Sum the cross-entropies of some rows of a batch; the maths is at `MultipleNegativesRankingLoss`.

    Cosines and dot products go by blocks of rows whose gradient is formed with their loss, in place; other
    similarities by autograd.

    Shape:
        queries (G, D), documents (C, G, D) with the positives first, weights (G,); returns (), ().

    Args:
        queries: one for each row of the batch.
        documents: a positive and C - 1 hard negatives for each row.
        comparisons: what competes with the positive.
        scale: factor of the similarities, a number or (1,).
        similarity_fct: (N, D), (M, D) to (N, M), higher is closer.
        identity: what is known of the rows; known matches are no negatives.
        margin: candidates that are closer than the positive by more than this are no negatives; None for any.
        guide: what else tells that a candidate is no negative.
        weights: how much each row counts; None for all the same.
        rows: the B rows whose loss it is; candidates are taken from all.

    Returns:
        The sum of the rows' losses, and their number, or the sum of their weights.
    """
    given = torch.promote_types(queries.dtype, documents.dtype)
    dtype = torch.promote_types(queries.dtype, torch.float32)
    queries, documents = queries.to(dtype), documents.to(dtype)
    weights = queries.new_ones(len(queries)) if weights is None else weights.to(dtype)
    if similarity_fct is cos_sim:
        queries, documents = normalize_embeddings(queries), normalize_embeddings(documents)
    factor = torch.as_tensor(scale, dtype=dtype, device=queries.device).reshape(())
    first, last, _ = rows.indices(len(queries))
    rows = slice(first, last)
    softmax = _Softmax(comparisons, identity, margin, guide, weights)
    with torch.autocast(queries.device.type, enabled=False):
        if similarity_fct in (cos_sim, dot_score) and not torch.compiler.is_compiling():
            if triton_softmax.serves(queries, comparisons, identity, margin, guide):
                tiled = triton_softmax.loss_of_products
                loss = tiled(queries, documents, factor, weights, identity, rows, given)
            else:
                loss = _loss_of_products(queries, documents, factor, softmax, rows)
        else:
            similarity_fct = dot_score if similarity_fct is cos_sim else similarity_fct
            loss = _loss_by_autograd(queries, documents, factor, softmax, rows, similarity_fct)
    return loss, weights[rows].sum()


class Block:
    """Some rows of a batch, and what they are compared with.

    Args:
        queries: of all rows, (G, D).
        documents: of all rows, (C, G, D), positives first.
        rows: the B rows.
        similarity_fct: (N, D), (M, D) to (N, M).
    """

    def __init__(
        self, queries: Tensor, documents: Tensor, rows: slice, similarity_fct: MatrixSimilarity
    ) -> None:
        self.queries, self.documents = queries, documents
        self.rows, self.similarity_fct = rows, similarity_fct

    def similarities(self, direction: str) -> Tensor:
        """Compare the rows with all candidates of a direction, (B, N)."""
        source, target = direction.split("_to_")
        candidates = self.candidates(target)
        if source == "query":
            return self.similarity_fct(self.queries[self.rows], candidates)
        # The query, or the other document, stays the left one.
        return self.similarity_fct(candidates, self.documents[0, self.rows]).T

    def candidates(self, target: str) -> Tensor:
        """All that the rows of a direction are compared with, (N, D)."""
        if target == "query":
            return self.queries
        return self.documents[0] if target == "positive" else self.documents.flatten(0, 1)


@dataclass(frozen=True, eq=False)
class _Softmax:
    """Which candidates take part in a row's softmax, with which logits."""

    comparisons: Comparisons
    identity: Identity | None
    margin: float | None
    guide: Guide | None
    weights: Tensor

    @property
    def groups(self) -> list[list[str]]:
        """Directions that share a softmax."""
        names = self.comparisons.names
        return [names] if self.comparisons.partition_mode == "joint" else [[name] for name in names]

    def left_out(
        self, name: str, similarities: Tensor, positives: Tensor, rows: slice, factor: Tensor | float = 1.0
    ) -> Tensor | None:
        """Tell which candidates (B, N) take no part.

        Args:
            name: of the direction.
            similarities: of the candidates, (B, N).
            positives: the rows' own, (B,).
            rows: the B rows.
            factor: of these similarities.
        """
        found = [
            None if self.identity is None else self.identity.matches(name.split("_to_")[1], rows),
            None if self.guide is None else self.guide.rejects(name, rows),
            None if self.margin is None else similarities > positives[:, None] + self.margin * factor,
        ]
        own, width = self.own(rows), similarities.shape[1]
        # Classes say nothing of stated negatives, which come last.
        known = [F.pad(mask, (0, width - mask.shape[1])) for mask in found if mask is not None]
        return left_out(name, own, width, reduce(torch.logical_or, known) if known else None)

    def hardness(self, rows: slice, num_candidates: int) -> Tensor | None:
        """How much the similarities of the documents add to their logits, (B, N); None for nothing."""
        if self.comparisons.hardness_mode is None:
            return None
        weighted = is_weighted(self.comparisons.hardness_mode, self.own(rows), num_candidates)
        return weighted.to(self.weights.dtype) * self.comparisons.hardness_strength

    def own(self, rows: slice) -> Tensor:
        """Whether row and candidate row are the same, (B, G)."""
        places = torch.arange(len(self.weights), device=self.weights.device)
        return places[rows, None] == places


def _loss_by_autograd(
    queries: Tensor,
    documents: Tensor,
    factor: Tensor,
    softmax: _Softmax,
    rows: slice,
    similarity_fct: MatrixSimilarity,
) -> Tensor:
    """Of any similarity; the plain form of the same maths."""

    def block_loss(rows: slice, queries: Tensor, documents: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
        block = Block(queries, documents, rows, similarity_fct)
        targets = torch.arange(len(queries), device=queries.device)[rows]
        raw = {name: block.similarities(name) for name in softmax.comparisons.names}
        positives = raw["query_to_doc"].gather(1, targets[:, None]).squeeze(1).detach()
        logits = {}
        for name, similarities in raw.items():
            logits[name] = similarities * factor
            hardness = softmax.hardness(rows, similarities.shape[1]) if name == "query_to_doc" else None
            if hardness is not None:
                logits[name] = logits[name] + similarities.detach() * hardness
            masked = softmax.left_out(name, similarities.detach(), positives, rows)
            if masked is not None:
                logits[name] = logits[name].masked_fill(masked, -torch.inf)
        losses = [
            F.cross_entropy(torch.cat([logits[name] for name in group], dim=1), targets, reduction="none")
            for group in softmax.groups
        ]
        weights = softmax.weights[rows]
        return (torch.stack(losses).mean(dim=0) * weights).sum(), weights.sum()

    entries = softmax.comparisons.num_candidates(len(queries), len(documents))
    # A similarity may have parameters of its own.
    return sum_over_rows(block_loss, (queries, documents, factor), rows, entries, closed=False)[0]


def _loss_of_products(
    queries: Tensor, documents: Tensor, factor: Tensor, softmax: _Softmax, rows: slice
) -> Tensor:
    """Of dot products: the gradient of a block of logits is formed in its own memory, and multiplied back."""
    sides = [name.split("_to_") for name in softmax.comparisons.names]
    lefts = {"query": queries[rows] * factor}
    if any(source == "doc" for source, _ in sides):
        lefts["doc"] = documents[0, rows] * factor
    rights = {"doc": documents}
    if any(target == "query" for _, target in sides):
        rights["query"] = queries
    operands = [*lefts.values(), *rights.values()]
    wants = torch.is_grad_enabled() and any(x.requires_grad for x in operands)
    with torch.no_grad():
        gradients = [x.new_zeros(x.shape) for x in operands] if wants else []  # contiguous, to be viewed
        formed = _Products(
            {name: x.detach() for name, x in lefts.items()},
            {name: x.detach() for name, x in rights.items()},
            dict(zip(lefts, gradients, strict=False)),
            dict(zip(rights, gradients[len(lefts) :], strict=False)),
        )
        loss = formed.sum_over_rows(factor.detach(), softmax, rows)
    return with_gradients(loss, operands, gradients) if wants else loss


@dataclass(frozen=True, eq=False)
class _Products:
    """What is multiplied, and where its gradients go.

    Attributes:
        lefts: the rows' own queries and positives, with the scale, (B, D) each.
        rights: the candidates, queries (G, D) and documents (C, G, D).
        left_gradients: like `lefts`; empty where none are wanted.
        right_gradients: like `rights`.
    """

    lefts: dict[str, Tensor]
    rights: dict[str, Tensor]
    left_gradients: dict[str, Tensor]
    right_gradients: dict[str, Tensor]

    def sum_over_rows(self, factor: Tensor, softmax: _Softmax, rows: slice) -> Tensor:
        """Sum the losses of the rows, and add up the gradients of that sum."""
        names, (num_columns, num_rows, _) = softmax.comparisons.names, self.rights["doc"].shape
        loss = factor.new_zeros(())
        # With all rows at once, what documents make of queries is part of what queries make of documents.
        whole = {"query_to_doc", "doc_to_query"} <= {*names} and rows == slice(0, num_rows)
        entries = softmax.comparisons.num_candidates(num_rows, num_columns)
        for block in blocks_of(rows, entries, whole=whole):
            own = slice(block.start - rows.start, block.stop - rows.start)
            shared = "doc_to_query" in names and block == slice(0, num_rows)
            logits: dict[str, Tensor] = {}
            for name in names:
                source, target = name.split("_to_")
                if name == "doc_to_query" and shared:
                    logits[name] = logits["query_to_doc"][:, :num_rows].T.clone()
                else:
                    logits[name] = self.lefts[source][own] @ _candidates(self.rights, target).T
            loss += _cross_entropy_(logits, factor, softmax, block).sum()
            if self.left_gradients:
                if shared:
                    logits["query_to_doc"][:, :num_rows] += logits.pop("doc_to_query").T
                self._multiply_back(logits, own)
        return loss

    def _multiply_back(self, logits: dict[str, Tensor], own: slice) -> None:
        for name, gradient in logits.items():
            source, target = name.split("_to_")
            self.left_gradients[source][own].addmm_(gradient, _candidates(self.rights, target))
            _candidates(self.right_gradients, target).addmm_(gradient.T, self.lefts[source][own])


def _candidates(rights: dict[str, Tensor], target: str) -> Tensor:
    """A view of all that the rows of a direction are compared with, (N, D)."""
    if target == "query":
        return rights["query"]
    return rights["doc"][0] if target == "positive" else rights["doc"].flatten(0, 1)


def _cross_entropy_(logits: dict[str, Tensor], factor: Tensor, softmax: _Softmax, rows: slice) -> Tensor:
    """Return the rows' losses (B,), and turn scaled similarities into the gradient of their weighted sum."""
    targets = torch.arange(rows.start, rows.stop, device=factor.device)[:, None]
    weights = softmax.weights[rows, None]
    positives = logits["query_to_doc"].gather(1, targets)
    for name, values in logits.items():
        masked = softmax.left_out(name, values, positives.squeeze(1), rows, factor)
        hardness = softmax.hardness(rows, values.shape[1]) if name == "query_to_doc" else None
        if hardness is not None:
            values += values * (hardness / factor)
        if masked is not None:
            values.masked_fill_(masked, -torch.inf)
    losses = torch.zeros_like(positives)
    for group in softmax.groups:
        top = reduce(torch.maximum, [logits[name].amax(dim=1, keepdim=True) for name in group])
        for name in group:
            logits[name].sub_(top).exp_()
        sums = reduce(torch.add, [logits[name].sum(dim=1, keepdim=True) for name in group])
        losses += sums.log() + top - positives
        share = weights / len(softmax.groups)
        for name in group:
            logits[name].mul_(share / sums)
        holder = group[0]  # it holds the positives: queries to documents, or documents to queries alone
        logits[holder].scatter_add_(1, targets, -share.expand_as(targets))
    return losses * weights / len(softmax.groups)
