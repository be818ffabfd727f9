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
    word,
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
IS_JSON = False


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
    source = separated_rows(paths, names, how).to_source(how.scratch)
    source = as_numbers(source, ("score",), how.on_error, whole=True)
    return replace(source, table=source.table.drop_columns(["iteration"]))


def write(path: Path, rows: Writing) -> None:
    """Write judgments; ids are those that the rows carry, else numbers."""
    queries, documents = Ids("q"), Ids("d")

    def judgments() -> Iterator[str]:
        for record in rows.records():
            yield judgment(queries, documents, record, between="\t0\t", spelled=word)

    write_lines(path, judgments())
