"""What an in-batch loss compares with what: queries and documents, across or among themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import torch.nn.functional as F

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

Direction: TypeAlias = Literal["query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc"]
PartitionMode: TypeAlias = Literal["joint", "per_direction"]
HardnessMode: TypeAlias = Literal["in_batch_negatives", "hard_negatives", "all_negatives"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
_AMONG_THEMSELVES = ("query_to_query", "doc_to_doc")


def similarities(
    direction: Direction,
    queries: Tensor,
    documents: Tensor,
    rows: slice,
    similarity_fct: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Compare the queries (or positives) of B rows with all candidates of one direction.

    Shape:
        queries (G, D), documents (C, G, D); returns (B, C * G) for documents as candidates, (B, G) for
        queries.
    """
    source, target = direction.split("_to_")
    candidates = documents.flatten(0, 1) if target == "doc" else queries
    if source == "query":
        return similarity_fct(queries[rows], candidates)
    return similarity_fct(candidates, documents[0, rows]).T


def left_out(direction: Direction, own: Tensor, num_candidates: int, matches: Tensor | None) -> Tensor | None:
    """Tell which candidates of a direction are no part of its softmax.

    Among themselves, texts of one row are never compared. Between the kinds, a row's own partner always
    stays.

    Shape:
        own (B, G), matches (B, N); returns (B, N) bool, or None for none.

    Args:
        direction: whose candidates.
        own: whether row and candidate row are the same.
        num_candidates: N, a multiple of G.
        matches: candidates known to match the row, if any are known.
    """
    if direction not in _AMONG_THEMSELVES:
        return None if matches is None else matches & ~_partner(own, num_candidates)
    same_row = own.repeat(1, num_candidates // own.shape[1])
    return same_row if matches is None else same_row | matches


def is_weighted(mode: HardnessMode, own: Tensor, num_candidates: int) -> Tensor:
    """Tell which documents `mode` weighs up for the query of each row, (B, N) bool."""
    partner = _partner(own, num_candidates)
    if mode == "all_negatives":
        return ~partner
    same_row = own.repeat(1, num_candidates // own.shape[1])
    return ~same_row if mode == "in_batch_negatives" else same_row & ~partner


def check_directions(directions: Sequence[Direction], partition_mode: PartitionMode) -> None:
    """Raise ValueError unless the softmax that these two describe has the positive in every sum."""
    if "query_to_doc" not in directions or not set(directions) <= set(DIRECTIONS):
        raise ValueError(
            f"`directions` must have `query_to_doc` and only others of {list(DIRECTIONS)}, "
            f"got {list(directions)}"
        )
    if partition_mode not in get_args(PartitionMode):
        raise ValueError(
            f"`partition_mode` must be one of {list(get_args(PartitionMode))}, got {partition_mode!r}"
        )
    if partition_mode == "per_direction" and set(directions) & set(_AMONG_THEMSELVES):
        raise ValueError(
            "`partition_mode` must be 'joint' with `query_to_query` or `doc_to_doc`, got 'per_direction'\n"
            "hint: these directions hold no positive, so a softmax of their own has nothing to pull together"
        )


def check_hardness(mode: HardnessMode | None, strength: float) -> None:
    """Raise ValueError unless `mode` is known and `strength` at least 0."""
    if mode is not None and mode not in get_args(HardnessMode):
        raise ValueError(
            f"`hardness_mode` must be None or one of {list(get_args(HardnessMode))}, got {mode!r}"
        )
    if not strength >= 0:
        raise ValueError(f"`hardness_strength` must be at least 0, got {strength}")


def _partner(own: Tensor, num_candidates: int) -> Tensor:
    """Widen (B, G) to all candidates: a row's own query or positive, and none of its hard negatives."""
    return F.pad(own, (0, num_candidates - own.shape[1]))
