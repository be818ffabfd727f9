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
from foolsgold.data.layouts.ids import Ids, field, with_texts, write_lines, write_lines_by_split
from foolsgold.data.layouts.texts import written_folder
from foolsgold.data.layouts.trec_qrels import read_judgments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
    asked: dict[str, dict[str, None]] = {}

    def judgments() -> Iterator[tuple[str, str]]:
        for row, record in enumerate(rows.records()):
            split, line = (
                rows.split_of(record, row),
                judgment(queries, documents, record, row, between="\t0\t"),
            )
            asked.setdefault(split, {})[line.partition("\t")[0]] = None
            yield split, line

    with written_folder(path) as folder:
        write_lines_by_split(lambda split: folder / f"qrels.{split}.tsv", judgments())
        for split, ids in asked.items():
            write_lines(folder / f"queries.{split}.tsv", _texts(queries, ids))
        write_lines(folder / "collection.tsv", _texts(documents, documents.texts))


def _texts(texts: Ids, ids: Iterable[str]) -> Iterator[str]:
    for row, id in enumerate(ids):
        _, text = texts.texts[id]
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
