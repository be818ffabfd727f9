"""MS MARCO's triples: query, positive and negative between tabs, without a header; as texts, or as ids.

Described in https://github.com/microsoft/MSMARCO-Passage-Ranking/blob/master/README.md,
`triples.train.small.tsv` and `qidpidtriples.train.full.tsv`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from foolsgold.data.layouts.ids import field, named_collections, with_texts, write_lines
from foolsgold.data.layouts.separated import separated_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.file_rows import FileRows
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "triplet"
IS_FOLDER = False
IS_JSON = False
_TEXTS = ("anchor", "positive", "negative")
_IDS = ("anchor_id", "positive_id", "negative_id")


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say no: lines without names are of any layout."""
    return False


def read(paths: Sequence[str], how: Reading) -> FileRows | Source:
    """Read texts; or ids, where `queries` and `corpus` name their texts."""
    if how.corpus is None and how.queries is None:
        return separated_rows(paths, _TEXTS, how, _triplets, separator="\t")
    queries, corpus = named_collections(how, "msmarco-triples")
    source = separated_rows(paths, _IDS, how, separator="\t").to_source(how.scratch)
    kinds = zip(_IDS, zip(_TEXTS, ("queries", "corpus", "corpus"), strict=True), strict=True)
    found = with_texts(source, dict(kinds), {"queries": queries, "corpus": corpus}, how)
    return replace(found, shape=SHAPE)


def _triplets(source: Source) -> Source:
    return replace(source, shape=SHAPE)


def write(path: Path, rows: Writing) -> None:
    """Write ids where the rows carry all three, else texts."""
    names = _IDS if {*_IDS} <= {*rows.schema.names} else _TEXTS

    def triples() -> Iterator[str]:
        for record in rows.records():
            yield "\t".join(field(name, record[name]) for name in names)

    write_lines(path, triples())
