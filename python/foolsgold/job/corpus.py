"""What a job trains on and what it is measured by: pairs, with a part held out that shares no text with the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from datasets import Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Queries with the documents that answer them, among all documents to search.

    Attributes:
        queries: Distinct texts.
        documents: Distinct texts.
        relevant: For query i, `values[offsets[i]:offsets[i + 1]]` are the places of its documents.
    """

    queries: list[str]
    documents: list[str]
    relevant: tuple[NDArray[np.int64], NDArray[np.uint32]]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Pairs to train on, and queries held out.

    Attributes:
        name: What it is, for a heading.
        train: Columns `anchor` and `positive`.
        held_out: What the job is measured by.
        counts: How many rows went where, by name.
    """

    name: str
    train: Dataset
    held_out: HeldOut
    counts: dict[str, int] = field(default_factory=dict)
