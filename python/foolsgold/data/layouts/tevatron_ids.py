"""Tevatron's rows of ids in a folder: `train.jsonl` with lists of ids, and `corpus.jsonl`.

Described in https://github.com/texttron/tevatron/blob/main/src/tevatron/retriever/dataset.py, "new format":
the corpus has `docid` and `text`; training reads no title, so that a text that has one is written with it in
front.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foolsgold.data.layouts.beir import one_of
from foolsgold.data.layouts.collections import read_collection
from foolsgold.data.layouts.ids import Ids, ids_of, with_texts
from foolsgold.data.layouts.nested import nested_rows, write_json
from foolsgold.data.layouts.rows import check_lists, renamed
from foolsgold.data.layouts.texts import written_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "ragged"
IS_FOLDER = True
_NAMES = {
    "query_id": "anchor_id",
    "query_text": "anchor",
    "positive_document_ids": "positive_ids",
    "negative_document_ids": "negative_ids",
}


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say whether the files of a folder, or the keys of the first row, are those of this layout."""
    is_folder = any(name.startswith("train.jsonl") for name in names) and any(
        name.startswith("corpus.jsonl") for name in names
    )
    return is_folder or {"query_text", "positive_document_ids"} <= keys


def read(paths: Sequence[str], how: Reading) -> Source:
    """Read a folder, or files with the texts of `corpus`."""
    path = Path(paths[0])
    files: Sequence[str] = paths
    corpus_file = how.corpus
    if path.is_dir():
        files, corpus_file = [str(one_of(path, "train"))], one_of(path, "corpus")
    if corpus_file is None:
        raise ValueError("`corpus` must be given with layout 'tevatron-ids', whose rows are ids, got None")
    source = nested_rows(files, how, _of_ids).to_source(how.scratch)
    corpus = read_collection(corpus_file, how)
    columns = {"positive_ids": ("positives", "corpus"), "negative_ids": ("negatives", "corpus")}
    found = with_texts(source, columns, {"corpus": corpus}, how)
    return replace(found, corpus=corpus.texts)


def _of_ids(source: Source) -> Source:
    check_lists(source, {"positive_document_ids": True, "negative_document_ids": True})
    return renamed(source, _NAMES, SHAPE)


def write(path: Path, rows: Writing) -> None:
    """Write a folder; ids are those that the rows carry, else numbers."""
    queries, documents = Ids("q"), Ids("d")

    def lists() -> Iterator[dict[str, Any]]:
        for row in rows.records():
            found = {"query_id": queries.of(row["anchor"], row.get("anchor_id")), "query_text": row["anchor"]}
            for side in ("positive", "negative"):
                found[f"{side}_document_ids"] = ids_of(documents, row, side)
            yield found

    with written_folder(path) as folder:
        write_json(folder / "train.jsonl", lists())
        write_json(folder / "corpus.jsonl", documents.documents("docid"))
