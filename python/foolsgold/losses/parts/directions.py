"""What an in-batch loss compares with what: queries and documents, across or among themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

Direction: TypeAlias = Literal["query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc"]
PartitionMode: TypeAlias = Literal["joint", "per_direction"]
HardnessMode: TypeAlias = Literal["in_batch_negatives", "hard_negatives", "all_negatives"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
POSITIVE_TO_POSITIVE = "doc_to_positive"
"""As `doc_to_doc`, with the positives of other rows as the only candidates."""
_AMONG_THEMSELVES = ("query_to_query", "doc_to_doc", POSITIVE_TO_POSITIVE)


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """Which candidates compete with the positive of a row, and how.

    Attributes:
        directions: what is compared; `query_to_doc` must be there.
        partition_mode: `joint`, one softmax for all directions, or `per_direction`, one for each.
        hardness_mode: which negatives get weight by their similarity; None for none.
        hardness_strength: how much of it, at least 0.
    """

    directions: tuple[str, ...] = ("query_to_doc",)
    partition_mode: PartitionMode = "joint"
    hardness_mode: HardnessMode | None = None
    hardness_strength: float = 0.0

    def __post_init__(self) -> None:
        directions, known = set(self.directions), {*DIRECTIONS, POSITIVE_TO_POSITIVE}
        if "query_to_doc" not in directions or not directions <= known:
            raise ValueError(
                f"`directions` must have `query_to_doc` and only others of {list(DIRECTIONS)}, "
                f"got {list(self.directions)}"
            )
        if self.partition_mode not in get_args(PartitionMode):
            raise ValueError(
                f"`partition_mode` must be one of {list(get_args(PartitionMode))}, "
                f"got {self.partition_mode!r}"
            )
        if self.partition_mode == "per_direction" and directions & set(_AMONG_THEMSELVES):
            raise ValueError(
                "`partition_mode` must be 'joint' with `query_to_query` or `doc_to_doc`, "
                "got 'per_direction'\n"
                "hint: these directions hold no positive, so a softmax of their own pulls nothing together"
            )
        if self.hardness_mode is not None and self.hardness_mode not in get_args(HardnessMode):
            raise ValueError(
                f"`hardness_mode` must be None or one of {list(get_args(HardnessMode))}, "
                f"got {self.hardness_mode!r}"
            )
        if not self.hardness_strength >= 0:
            raise ValueError(f"`hardness_strength` must be at least 0, got {self.hardness_strength}")

    @property
    def names(self) -> list[str]:
        """The directions, in their usual order."""
        return [name for name in (*DIRECTIONS, POSITIVE_TO_POSITIVE) if name in self.directions]

    def num_candidates(self, num_rows: int, num_columns: int) -> int:
        """Count the candidates of a row in all directions, for `num_columns` documents a row."""
        return sum(num_rows * (num_columns if name.endswith("doc") else 1) for name in self.names)


def left_out(direction: str, own: Tensor, num_candidates: int, matches: Tensor | None) -> Tensor | None:
    """Tell which candidates of a direction are no part of its softmax.

    Among themselves, texts of one row are never compared. Between the kinds, a row's own partner always
    stays.

    Shape:
        own (B, G), matches (B, N); returns (B, N) bool, or None for none.

    Args:
        direction: whose candidates.
        own: whether row and candidate row are the same.
        num_candidates: N, a multiple of G.
        matches: candidates that are no negatives for the row, if any are known.
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


def _partner(own: Tensor, num_candidates: int) -> Tensor:
    """Widen (B, G) to all candidates: a row's own query or positive, and none of its hard negatives."""
    return F.pad(own, (0, num_candidates - own.shape[1]))
