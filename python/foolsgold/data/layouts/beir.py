"""The folder of the BEIR benchmarks: `corpus.jsonl`, `queries.jsonl`, and judgments in `qrels/<split>.tsv`.

Described in https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset. A document is trained on as
title, space, text.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold.data.layouts.collections import read_collection
from foolsgold.data.layouts.ids import Ids, as_numbers, field, finite, with_texts, write_lines_by_split
from foolsgold.data.layouts.nested import write_json
from foolsgold.data.layouts.rows import renamed
from foolsgold.data.layouts.splits import UNJUDGED, splits_to_read, together
from foolsgold.data.layouts.texts import written_folder
from foolsgold.data.reshaping.file_rows import FileRows
from foolsgold.data.streaming import stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source
    from foolsgold.data.streaming import Stream

SHAPE: Shape = "graded"
IS_FOLDER = True
_HEADER = "query-id\tcorpus-id\tscore"
_IDS = {"query-id": "text", "corpus-id": "text"}
_ENDINGS = ("", ".gz", ".zst")


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say whether the files of a folder are those of this layout."""
    has = [any(f"{stem}.jsonl{end}" in names for end in _ENDINGS) for stem in ("corpus", "queries")]
    return all(has) and any(name.startswith(("qrels/", "qrels_")) for name in names)


def read(paths: Sequence[str], how: Reading) -> Source:
    """Read the judgments of splits: those that are named; else all where they stay apart; else `train`."""
    import pyarrow.compute as pc

    folder = Path(paths[0])
    collections = {stem: read_collection(one_of(folder, stem), how) for stem in ("corpus", "queries")}
    files = qrels_of(folder)
    splits = splits_to_read(folder, files, how)
    source = together({name: _judgments(files[name], how) for name in splits})
    texts = {"query_id": ("query", "queries"), "document_id": ("document", "corpus")}
    source = with_texts(source, texts, collections, how)
    corpus = collections["corpus"]
    unused = len(corpus.ids) - pc.count_distinct(source.table.column("document_id")).as_py()
    without = len(collections["queries"].ids) - pc.count_distinct(source.table.column("query_id")).as_py()
    left_out = dict(zip(UNJUDGED, (unused, without), strict=True))
    for name in [name for name in files if not how.splits and name not in splits]:
        further = stream(files[name], columns=[*_IDS], types=_IDS, threads=how.threads)
        left_out[f"judgments of split {name}"] = sum(batch.num_rows for batch in further)
    return replace(source, corpus=corpus.texts, collections=collections, left_out=left_out)


def _judgments(file: Path, how: Reading) -> Source:
    """Read the judgments of a split as ids and scores."""

    def opened(types: dict[str, str]) -> Stream:
        columns = [*_IDS, "score"]
        return stream(file, columns=columns, types=types, on_error=how.on_error, threads=how.threads)

    rows = opened(_IDS)
    if ("score", "text") not in rows.kinds:
        return FileRows(rows, how.on_error, _named).to_source(how.scratch)
    rows = opened({**_IDS, "score": "text"})  # no row of another kind is left out before it is looked at
    source = FileRows(rows, how.on_error, _named).to_source(how.scratch)
    return as_numbers(source, ("score",), how.on_error, whole=None)


def _named(source: Source) -> Source:
    return renamed(source, {"query-id": "query_id", "corpus-id": "document_id"}, SHAPE)


def write(path: Path, rows: Writing) -> None:
    """Write a folder; ids are those that the rows carry, else numbers; unjudged texts of a folder stay."""
    queries, documents = Ids("q"), Ids("d")

    def judgments() -> Iterator[tuple[str, str]]:
        for record in rows.records():
            yield rows.split_of(record), judgment(queries, documents, record)

    with written_folder(path) as folder:
        qrels = folder / "qrels"
        qrels.mkdir()
        write_lines_by_split(lambda split: qrels / f"{split}.tsv", judgments(), header=_HEADER)
        write_json(folder / "queries.jsonl", queries.documents("_id", rows.collections.get("queries")))
        write_json(folder / "corpus.jsonl", documents.documents("_id", rows.collections.get("corpus")))


def judgment(
    queries: Ids,
    documents: Ids,
    record: dict[str, Any],
    between: str = "\t",
    spelled: Callable[[str, Any], str] = field,
) -> str:
    """Return a line of judgments, and keep the texts."""
    query = queries.of(record["query"], record.get("query_id"))
    document = documents.of(record["document"], record.get("document_id"), record.get("document_title"))
    score = finite("score", record["score"])
    number = int(score) if score == int(score) else score
    return f"{spelled('query_id', query)}{between}{spelled('document_id', document)}\t{number}"


def one_of(folder: Path, stem: str, ending: str = "jsonl") -> Path:
    """Return the one file of a folder that is called so, packed or not.

    Raises:
        ValueError: if there is none, or several.
    """
    files = [folder / f"{stem}.{ending}{end}" for end in _ENDINGS]
    files = [file for file in files if file.is_file()]
    if len(files) != 1:
        raise ValueError(f"{folder}: must hold one {stem}.{ending} (also .gz or .zst), got {len(files)}")
    return files[0]


def qrels_of(folder: Path) -> dict[str, Path]:
    """Return the files of judgments by split."""
    found = {}
    for file in sorted([*folder.glob("qrels/*.tsv*"), *folder.glob("qrels_*.tsv*")]):
        name = file.name.split(".tsv")[0]
        found[name if file.parent.name == "qrels" else name.removeprefix("qrels_")] = file
    return found
