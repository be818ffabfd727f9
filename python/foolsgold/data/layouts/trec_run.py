"""TREC's runs: `query Q0 document rank score tag`, between white space.

Described in https://trec.nist.gov/pubs/trec30/instructions or `trec_eval`'s README: the order is that of the
scores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from foolsgold.data.layouts.ids import (
    Ids,
    as_numbers,
    finite,
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

SHAPE: Shape = "scored-pair"
IS_FOLDER = False
IS_JSON = False
_FIELDS = ("query_id", "q0", "document_id", "rank", "score", "tag")


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say no: lines without names are of any layout."""
    return False


def read(paths: Sequence[str], how: Reading) -> Source:
    """Read hits, with the texts of `queries` and `corpus`."""
    queries, corpus = named_collections(how, "trec-run")
    source = separated_rows(paths, _FIELDS, how).to_source(how.scratch)
    source = as_numbers(source, ("score",), how.on_error)
    source = as_numbers(source, ("rank",), how.on_error, whole=True)
    source = replace(source, table=source.table.drop_columns(["q0"]))
    texts = {"query_id": ("query", "queries"), "document_id": ("document", "corpus")}
    found = with_texts(source, texts, {"queries": queries, "corpus": corpus}, how)
    return replace(found, shape=SHAPE)


def write(path: Path, rows: Writing) -> None:
    """Write hits by query, the best first; ids are those that the rows carry, else numbers."""
    queries, documents = Ids("q"), Ids("d")

    def hits() -> Iterator[str]:
        by_query: dict[str, list[tuple[float, str, str]]] = {}
        for record in rows.records():
            query = word("query_id", queries.of(record["query"], record.get("query_id")))
            document = word("document_id", documents.of(record["document"], record.get("document_id")))
            tag = word("tag", record.get("tag") or "foolsgold")
            by_query.setdefault(query, []).append((finite("score", record["score"]), document, tag))
        for query, found in by_query.items():
            for rank, (score, document, tag) in enumerate(sorted(found, key=lambda hit: -hit[0]), start=1):
                yield f"{query} Q0 {document} {rank} {score!r} {tag}"

    write_lines(path, hits())
