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
from foolsgold.data.layouts.ids import Ids, field, with_texts, word, write_lines, write_lines_by_split
from foolsgold.data.layouts.splits import UNJUDGED, splits_to_read, together
from foolsgold.data.layouts.texts import lines, written_folder
from foolsgold.data.layouts.trec_qrels import read_judgments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from foolsgold.data.layouts.collections import Collection
    from foolsgold.data.layouts.rows import Reading, Writing
    from foolsgold.data.reshaping.shapes import Shape
    from foolsgold.data.reshaping.sources import Source

SHAPE: Shape = "graded"
IS_FOLDER = True


def is_layout(names: set[str], keys: set[str]) -> bool:
    """Say whether the files of a folder are those of this layout."""
    return any(name.startswith("collection.tsv") for name in names)


def read(paths: Sequence[str], how: Reading) -> Source:
    """Read the judgments of splits: those that are named; else `train`, or the only one."""
    import pyarrow.compute as pc

    folder = Path(paths[0])
    corpus = read_collection(one_of(folder, "collection", "tsv"), how)
    files, asked = _by_split(folder, "qrels"), _by_split(folder, "queries")
    splits = splits_to_read(folder, files, replace(how, keeps_splits=False))
    queries = {file: read_collection(file, how) for file in {_of_split(folder, asked, one) for one in splits}}
    found = {}
    for split in splits:
        texts = queries[_of_split(folder, asked, split)]
        found[split] = _with_texts(files[split], texts, corpus, how)
    source = together(found)
    unused = len(corpus.ids) - pc.count_distinct(source.table.column("document_id")).as_py()
    without = sum(len(texts.ids) for texts in queries.values())
    for part in found.values() if len(queries) > 1 else [source]:
        without -= pc.count_distinct(part.table.column("query_id")).as_py()
    left_out = dict(zip(UNJUDGED, (unused, without), strict=True))
    for name in [name for name in files if not how.splits and name not in splits]:
        left_out[f"judgments of split {name}"] = sum(len(numbers) for numbers, _ in lines(files[name]))
    return replace(source, corpus=corpus.texts, shape=SHAPE, left_out=left_out)


def _with_texts(file: Path, queries: Collection, corpus: Collection, how: Reading) -> Source:
    """Read the judgments of a split, with their texts."""
    texts = {"query_id": ("query", "queries"), "document_id": ("document", "corpus")}
    return with_texts(read_judgments([str(file)], how), texts, {"queries": queries, "corpus": corpus}, how)


def write(path: Path, rows: Writing) -> None:
    """Write a folder; ids are those that the rows carry, else numbers."""
    queries, documents = Ids(""), Ids("")
    asked: dict[str, dict[str, None]] = {}

    def judgments() -> Iterator[tuple[str, str]]:
        for record in rows.records():
            split = rows.split_of(record)
            line = judgment(queries, documents, record, between="\t0\t", spelled=word)
            asked.setdefault(split, {})[line.partition("\t")[0]] = None
            yield split, line

    with written_folder(path) as folder:
        write_lines_by_split(lambda split: folder / f"qrels.{split}.tsv", judgments())
        for split, ids in asked.items():
            write_lines(folder / f"queries.{split}.tsv", _texts(queries, ids, "query"))
        write_lines(folder / "collection.tsv", _texts(documents, documents.texts, "document"))


def _texts(texts: Ids, ids: Iterable[str], column: str) -> Iterator[str]:
    for id in ids:
        _, text = texts.texts[id]
        yield f"{id}\t{field(column, text)}"


def _by_split(folder: Path, stem: str) -> dict[str, Path]:
    files = sorted(folder.glob(f"{stem}*.tsv*"))
    return {file.name.split(".tsv")[0].removeprefix(stem).lstrip("."): file for file in files}


def _of_split(folder: Path, files: dict[str, Path], split: str) -> Path:
    """Return the queries of a split: its own, or the only ones.

    Raises:
        ValueError: if there are none.
    """
    if split not in files and len(files) != 1:
        got = [file.name for file in files.values()]
        raise ValueError(f"{folder}: must hold queries.{split}.tsv, or one file of queries, got {got}")
    return files.get(split) or next(iter(files.values()))
