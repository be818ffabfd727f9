"""MS MARCO's passage files in a folder: `collection.tsv`, `queries*.tsv` and `qrels*.tsv`, without headers.

Described in https://github.com/microsoft/MSMARCO-Passage-Ranking/blob/master/README.md: ids and texts between
tabs, judgments as TREC has them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from foolsgold.data.layouts.beir import judgment, one_of
from foolsgold.data.layouts.collections import read_collection
from foolsgold.data.layouts.ids import Ids, field, with_texts, write_lines
from foolsgold.data.layouts.texts import written_folder
from foolsgold.data.layouts.trec_qrels import read_judgments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "graded"
IS_FOLDER = True


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say whether the files of a folder are those of this layout."""
    return any(name.startswith("collection.tsv") for name in names)


def read(paths: Sequence[str], how: Reading) -> Source:
    """Read the judgments of a split: the one that is named, `train`, or the only one."""
    folder = Path(paths[0])
    collection = read_collection(one_of(folder, "collection", "tsv"), how)
    queries = read_collection(_of_split(folder, "queries", how.split), how)
    source = read_judgments([str(_of_split(folder, "qrels", how.split))], how)
    texts = {"query_id": ("query", "queries"), "document_id": ("document", "corpus")}
    found = with_texts(source, texts, {"queries": queries, "corpus": collection}, how)
    return replace(found, corpus=collection.texts, shape=SHAPE)


def write(path: Path, rows: Writing) -> None:
    """Write a folder; ids are those that the rows carry, else numbers."""
    queries, documents = Ids(""), Ids("")

    def judgments() -> Iterator[str]:
        for row, record in enumerate(rows.records()):
            yield judgment(queries, documents, record, row, between="\t0\t")

    with written_folder(path) as folder:
        write_lines(folder / f"qrels.{rows.split}.tsv", judgments())
        write_lines(folder / f"queries.{rows.split}.tsv", _texts(queries))
        write_lines(folder / "collection.tsv", _texts(documents))


def _texts(ids: Ids) -> Iterator[str]:
    for row, (id, (_, text)) in enumerate(ids.texts.items()):
        yield f"{id}\t{field('text', text, row)}"


def _of_split(folder: Path, stem: str, split: str | None) -> Path:
    files = {
        file.name.split(".tsv")[0].removeprefix(stem).lstrip("."): file
        for file in folder.glob(f"{stem}*.tsv*")
    }
    wanted = (
        split or ("train" if "train" in files else next(iter(files), ""))
        if len(files) != 1
        else next(iter(files))
    )
    if wanted not in files:
        raise ValueError(f"`split` must be one of {sorted(files)} for {stem} in {folder}, got {split!r}")
    return files[wanted]
