"""Texts by their ids: the corpora and queries that layouts of ids refer to."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.chunks import taken
from foolsgold.data.layouts.texts import lines
from foolsgold.data.reshaping.file_rows import FileRows
from foolsgold.data.streaming import stream

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from foolsgold.data.layouts.rows import Reading
    from foolsgold.data.reshaping.sources import Source

_IDS = ("_id", "docid", "document_id", "query_id", "corpus_id", "pid", "qid", "id")
_TEXTS = ("text", "query_text", "query", "contents", "document", "passage")


@dataclass(frozen=True, kw_only=True, eq=False)
class Collection:
    """Texts by id, as Arrow columns.

    Attributes:
        file: where they are from.
        ids: distinct, in memory.
        texts: over a mapped file; a document with a title is the title, a space and its text.
        titles: None where there are none.
        names: of the columns of ids and of texts in the file.
        further: those of the columns that are none of these.
    """

    file: Path
    ids: Any
    texts: Any
    titles: Any = None
    names: tuple[str, str] = ("_id", "text")
    further: tuple[str, ...] = ()

    def find(self, ids: Any) -> NDArray[np.int64]:
        """Return the rows of ids, a column of texts; -1 for an id that is not there."""
        import pyarrow.compute as pc

        return np.asarray(pc.fill_null(pc.index_in(ids, value_set=self.ids), -1)).astype(np.int64)

    def documents(self, id_field: str) -> Iterator[dict[str, Any]]:
        """Yield the objects of a file of JSON Lines, with ids and texts under the names of a layout."""
        columns = [self.ids, self.texts, *([] if self.titles is None else [self.titles])]
        first = 0
        for _, found in lines(self.file):
            cells = [column.slice(first, len(found)).to_pylist() for column in columns]
            for line, id, text, *titles in zip(found.to_pylist(), *cells, strict=True):
                made = document(id_field, id, titles[0] if titles else None, text)
                rest = json.loads(line).items()
                yield made | {name: cell for name, cell in rest if name not in (*self.names, *made)}
            first += len(found)


def document(id_field: str, id: str, title: str | None, text: str) -> dict[str, Any]:
    """Return a text with its id, and its title where it has one, as JSON has them."""
    if title is None:
        return {id_field: id, "text": text}
    return {id_field: id, "title": title, "text": parted(title, text)}


def read_collection(path: str | os.PathLike[str], how: Reading) -> Collection:
    """Read a corpus or queries.

    Args:
        path: columns of ids (`_id`, `docid`, `document_id`, `query_id`, ...), texts and perhaps titles in any
            file that `stream` reads; or, where a `.tsv` has no such names in its first line, ids and texts
            without a header.
        how: to read; the texts go to its scratch.

    Raises:
        ValueError: if a column is missing, or an id comes twice.
        OSError: if the file cannot be opened.
    """
    import pyarrow.compute as pc

    path = Path(path)
    if ".tsv" in path.suffixes and not _has_header(path):
        names = ("id", "text")
        types = dict.fromkeys(names, "text")
        opened = stream(path, columns=names, types=types, names=names, quoting=False, threads=how.threads)
    else:
        opened = stream(path, threads=how.threads)
    rows = FileRows(opened, "raise", _by_id)
    table = how.scratch.table(rows.schema, rows.batches())
    ids = table.column("id").combine_chunks()
    counts = pc.value_counts(ids)
    if len(counts) < len(ids):
        twice = counts.field("values")[int(np.asarray(counts.field("counts")).argmax())]
        raise ValueError(f"{path}: ids must not come twice, got {twice.as_py()!r}")
    titles = table.column("title") if "title" in table.schema.names else None
    there = [name for name, _ in [*opened.kinds, *opened.unreadable]]
    names = (_first_of(_IDS, there), _first_of(_TEXTS, there))
    known = {*names, *(() if titles is None else ("title",))}
    return Collection(
        file=path,
        ids=ids,
        texts=table.column("text"),
        titles=titles,
        names=names,
        further=tuple(name for name in there if name not in known),
    )


def joined(titles: Any, texts: Any) -> Any:
    """Return title, space and text; the one that is there where the other is null or empty.

    Example:
        >>> import pyarrow
        >>> strings = [pyarrow.array(cells, pyarrow.large_string()) for cells in (["a", ""], ["b", "c"])]
        >>> joined(*strings).to_pylist()
        ['a b', 'c']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    titles, texts = pc.fill_null(titles, ""), pc.fill_null(texts, "")
    nothing = pa.scalar("", texts.type)
    both = pc.binary_join_element_wise(titles, texts, pa.scalar(" ", texts.type))
    found = pc.if_else(pc.equal(titles, nothing), texts, both)
    return pc.if_else(pc.equal(texts, nothing), titles, found)


def parted(title: str | None, text: str) -> str:
    """Return the text that `joined` put behind a title.

    Example:
        >>> parted("a", "a b"), parted("", "c"), parted("a", "a")
        ('b', 'c', '')
    """
    if not title:
        return text
    if text == title:
        return ""
    return text.removeprefix(f"{title} ")


def looked_up(collection: Collection, rows: NDArray[np.int64]) -> tuple[Any, Any]:
    """Return the texts and the titles (None without) of some rows; null for -1."""
    titles = None if collection.titles is None else taken(collection.titles, rows)
    return taken(collection.texts, rows), titles


def _has_header(path: Path) -> bool:
    _, first = next(lines(path), (0, [""]))
    return any(name in _IDS for name in str(first[0]).split("\t"))


def _by_id(source: Source) -> Source:
    """Return rows as ids, texts and perhaps titles."""
    import pyarrow as pa

    def column(name: str) -> Any:
        return source.table.column(name).cast(pa.large_string()).combine_chunks()

    ids = column(_column(source, "ids", _IDS))
    texts = column(_column(source, "texts", _TEXTS))
    if "title" not in source.table.schema.names:
        return replace(source, table=pa.table({"id": ids, "text": texts}))
    titles = column("title")
    return replace(source, table=pa.table({"id": ids, "text": joined(titles, texts), "title": titles}))


def _column(source: Source, kind: str, names: tuple[str, ...]) -> str:
    got = source.table.schema.names
    found = _first_of(names, got)
    if not found:
        raise ValueError(f"{source.place(0)}: must have a column of {kind}, one of {names}, got {got}")
    return found


def _first_of(names: tuple[str, ...], there: Sequence[str]) -> str:
    return next((name for name in names if name in there), "")
