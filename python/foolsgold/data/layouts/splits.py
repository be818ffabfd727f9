"""Judgments of splits, each in a file of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from foolsgold.data.layouts.rows import Reading
    from foolsgold.data.reshaping.sources import Source

UNJUDGED = ("documents without a judgment", "queries without a judgment")
"""What is left out of rows that a folder has, the corpus first."""

ALL_SPLITS = "all"
"""Stands for every split of a folder that has none of this name."""


def splits_to_read(folder: Path, there: Collection[str], how: Reading) -> list[str]:
    """Return the splits that are read, each once: those named; else all to keep apart; else `train`.

    Raises:
        ValueError: if a split is not there, or none is.
    """
    if not there:
        raise ValueError(f"{folder}: must hold files of judgments, got none")
    wanted = how.splits or ((ALL_SPLITS,) if how.keeps_splits or len(there) == 1 else ("train",))
    if wanted == (ALL_SPLITS,) and ALL_SPLITS not in there:
        return [*there]
    for name in wanted:
        if name not in there:
            got = name if how.splits else None
            raise ValueError(f"`split` must be one of {sorted(there)}, got {got!r}")
    return [*dict.fromkeys(wanted)]


def together(found: Mapping[str, Source]) -> Source:
    """Return the judgments of splits as one; of several, with the split of each as a column."""
    import pyarrow as pa

    sources = [*found.values()]
    if len(sources) == 1:
        return replace(sources[0], split=next(iter(found)))
    tables = []
    for at, source in enumerate(sources):
        places = pa.array(np.full(source.table.num_rows, at, np.int32))
        split = pa.DictionaryArray.from_arrays(places, pa.array([*found], pa.large_string()))
        tables.append(source.table.append_column("split", split))
    ends = np.cumsum([source.table.num_rows for source in sources])

    def place(row: int) -> str:
        at = int(np.searchsorted(ends, row, side="right"))
        return sources[at].place(row - int(ends[at] - sources[at].table.num_rows))

    table = pa.concat_tables(tables, promote_options="permissive")
    num_skipped = sum(source.num_skipped for source in sources)
    return replace(sources[0], table=table, place=place, num_skipped=num_skipped, split="")
