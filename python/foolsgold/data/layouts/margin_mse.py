"""Margins of a teacher as ids: two scores, query, positive and negative between tabs, without a header.

The rows of Hofstätter et al. 2020 (https://arxiv.org/abs/2010.02666), described in
https://github.com/sebastian-hofstaetter/neural-ranking-kd/blob/main/README.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.layouts.ids import (
    Ids,
    as_numbers,
    field,
    finite,
    named_collections,
    with_texts,
    write_lines,
)
from foolsgold.data.layouts.separated import separated_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "triplet"
IS_FOLDER = False
IS_JSON = False
_IDS = ("anchor_id", "positive_id", "negative_id")
_SCORES = ("positive_score", "negative_score")


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say no: lines without names are of any layout."""
    return False


def read(paths: Sequence[str], how: Reading) -> Source:
    """Read rows, with the texts of `queries` and `corpus`; both scores are in a column `scores`."""
    queries, corpus = named_collections(how, "margin-mse")
    rows = separated_rows(paths, (*_SCORES, *_IDS), how, separator="\t")
    kinds = zip(_IDS, [("anchor", "queries"), ("positive", "corpus"), ("negative", "corpus")], strict=True)
    source = _with_scores(as_numbers(rows.to_source(how.scratch), _SCORES, how.on_error))
    found = with_texts(source, dict(kinds), {"queries": queries, "corpus": corpus}, how)
    return replace(found, shape=SHAPE)


def _with_scores(source: Source) -> Source:
    import pyarrow as pa

    pairs = np.stack([np.asarray(source.table.column(name)) for name in _SCORES], axis=1)
    offsets: Any = pa.array(np.arange(len(pairs) + 1) * 2)
    scores = pa.LargeListArray.from_arrays(offsets, pa.array(pairs.reshape(-1)))
    return replace(source, table=source.table.drop_columns([*_SCORES]).append_column("scores", scores))


def write(path: Path, rows: Writing) -> None:
    """Write rows that carry scores; ids are those that they carry, else numbers.

    Raises:
        ValueError: if they carry no scores.
    """
    if "scores" not in rows.schema.names:
        raise ValueError(
            "rows of layout 'margin-mse' must have a column `scores`, of the positive and of the negative, "
            f"got {rows.schema.names}"
        )
    queries, documents = Ids(""), Ids("")
    kept = (queries, documents, documents)

    def margins() -> Iterator[str]:
        for record in rows.records():
            numbers = [repr(finite("scores", score)) for score in record["scores"]]
            texts = (record[name.removesuffix("_id")] for name in _IDS)
            ids = [ids.of(text, record.get(name)) for ids, text, name in zip(kept, texts, _IDS, strict=True)]
            yield "\t".join([*numbers, *map(field, _IDS, ids)])

    write_lines(path, margins())
