"""The folder of the BEIR benchmarks: `corpus.jsonl`, `queries.jsonl`, and judgments in `qrels/<split>.tsv`.

Described in https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset. A document is trained on as
title, space, text.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.layouts.collections import read_collection
from foolsgold.data.layouts.ids import Ids, field, with_texts, write_lines_by_split
from foolsgold.data.layouts.nested import write_json
from foolsgold.data.layouts.rows import renamed
from foolsgold.data.layouts.texts import written_folder
from foolsgold.data.reshaping.file_rows import FileRows
from foolsgold.data.streaming import stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "graded"
IS_FOLDER = True
UNJUDGED = ("documents without a judgment", "queries without a judgment")
"""What is left out of rows that a folder has, the corpus first."""

ALL_SPLITS = "all"
"""Stands for every split of a folder that has none of this name."""

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
    splits = _splits(files, how)
    source = _of_splits({name: files[name] for name in splits}, how)
    texts = {"query_id": ("query", "queries"), "document_id": ("document", "corpus")}
    source = with_texts(source, texts, collections, how)
    corpus = collections["corpus"]
    unused = len(corpus.ids) - pc.count_distinct(source.table.column("document_id")).as_py()
    without = len(collections["queries"].ids) - pc.count_distinct(source.table.column("query_id")).as_py()
    left_out = dict(zip(UNJUDGED, (unused, without), strict=True))
    for name in [name for name in files if not how.splits and name not in splits]:
        further = stream(files[name], columns=[*_IDS], types=_IDS, threads=how.threads)
        left_out[f"judgments of split {name}"] = sum(batch.num_rows for batch in further)
    split = splits[0] if len(splits) == 1 else None
    return replace(source, corpus=corpus.texts, collections=collections, split=split, left_out=left_out)


def _of_splits(files: dict[str, Path], how: Reading) -> Source:
    """Read the judgments of some files; of several, with the split of each as a column."""
    import pyarrow as pa

    found = []
    for file in files.values():
        opened = stream(
            file, columns=[*_IDS, "score"], types=_IDS, on_error=how.on_error, threads=how.threads
        )
        found.append(FileRows(opened, how.on_error, _judgments).to_source(how.scratch))
    if len(found) == 1:
        return found[0]
    tables = []
    for at, source in enumerate(found):
        places = pa.array(np.full(source.table.num_rows, at, np.int32))
        split = pa.DictionaryArray.from_arrays(places, pa.array(files, pa.large_string()))
        tables.append(source.table.append_column("split", split))
    ends = np.cumsum([source.table.num_rows for source in found])

    def place(row: int) -> str:
        at = int(np.searchsorted(ends, row, side="right"))
        return found[at].place(row - int(ends[at] - found[at].table.num_rows))

    table = pa.concat_tables(tables, promote_options="permissive")
    return replace(found[0], table=table, place=place, num_skipped=sum(one.num_skipped for one in found))


def _judgments(source: Source) -> Source:
    return renamed(source, {"query-id": "query_id", "corpus-id": "document_id"}, SHAPE)


def write(path: Path, rows: Writing) -> None:
    """Write a folder; ids are those that the rows carry, else numbers; unjudged texts of a folder stay."""
    queries, documents = Ids("q"), Ids("d")

    def judgments() -> Iterator[tuple[str, str]]:
        for row, record in enumerate(rows.records()):
            yield rows.split_of(record, row), judgment(queries, documents, record, row)

    with written_folder(path) as folder:
        qrels = folder / "qrels"
        qrels.mkdir()
        write_lines_by_split(lambda split: qrels / f"{split}.tsv", judgments(), header=_HEADER)
        write_json(folder / "queries.jsonl", queries.documents("_id", rows.collections.get("queries")))
        write_json(folder / "corpus.jsonl", documents.documents("_id", rows.collections.get("corpus")))


def judgment(queries: Ids, documents: Ids, record: dict[str, Any], row: int, between: str = "\t") -> str:
    """Return a line of judgments, and keep the texts."""
    query = queries.of(record["query"], record.get("query_id"))
    document = documents.of(record["document"], record.get("document_id"), record.get("document_title"))
    score = record["score"]
    number = int(score) if score == int(score) else score
    return f"{field('query_id', query, row)}{between}{field('document_id', document, row)}\t{number}"


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


def _splits(files: dict[str, Path], how: Reading) -> list[str]:
    """Return the splits that are read, each once."""
    wanted = how.splits or ((ALL_SPLITS,) if how.keeps_splits or len(files) == 1 else ("train",))
    if wanted == (ALL_SPLITS,) and ALL_SPLITS not in files and files:
        return [*files]
    for name in wanted:
        if name not in files:
            got = name if how.splits else None
            raise ValueError(f"`split` must be one of {sorted(files)}, got {got!r}")
    return [*dict.fromkeys(wanted)]
