"""TREC's judgments: `query iteration document relevance`, between white space.

Described in https://trec.nist.gov/data/qrels_eng/.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from foolsgold.data.layouts.beir import judgment
from foolsgold.data.layouts.ids import (
    Ids,
    as_numbers,
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

SHAPE: Shape = "graded"
IS_FOLDER = False


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say no: lines without names are of any layout."""
    return False


def read(paths: Sequence[str], how: Reading) -> Source:
    """Read judgments, with the texts of `queries` and `corpus`."""
    queries, corpus = named_collections(how, "trec-qrels")
    texts = {"query_id": ("query", "queries"), "document_id": ("document", "corpus")}
    source = with_texts(read_judgments(paths, how), texts, {"queries": queries, "corpus": corpus}, how)
    return replace(source, corpus=corpus.texts, shape=SHAPE)


def read_judgments(paths: Sequence[str], how: Reading) -> Source:
    """Read judgments as ids and scores."""
    names = ("query_id", "iteration", "document_id", "score")
    return separated_rows(paths, names, how, _judgments).to_source(how.scratch)


def _judgments(source: Source) -> Source:
    source = as_numbers(source, ("score",), whole=True)
    return replace(source, table=source.table.drop_columns(["iteration"]))


def write(path: Path, rows: Writing) -> None:
    """Write judgments; ids are those that the rows carry, else numbers."""
    queries, documents = Ids("q"), Ids("d")

    def judgments() -> Iterator[str]:
        for row, record in enumerate(rows.records()):
            line = judgment(queries, documents, record, row, between="\t0\t")
            if len(line.split()) != 4:
                raise ValueError(f"ids and scores must be without white space, got {line!r} at row {row}")
            yield line

    write_lines(path, judgments())
