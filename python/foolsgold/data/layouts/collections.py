"""Texts by their ids: the corpora and queries that layouts of ids refer to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.files import read
from foolsgold.data.layouts.texts import lines

if TYPE_CHECKING:
    import os

_IDS = ("_id", "docid", "document_id", "query_id", "corpus_id", "pid", "qid", "id")
_TEXTS = ("text", "query_text", "query", "contents", "document", "passage")


@dataclass(frozen=True, kw_only=True, eq=False)
class Collection:
    """Texts by id, as Arrow arrays.

    Attributes:
        file: where they are from.
        ids: distinct.
        texts: a document with a title is the title, a space and its text.
        titles: None where there are none.
    """

    file: Path
    ids: Any
    texts: Any
    titles: Any = None

    def find(self, ids: Any) -> Any:
        """Return the rows of ids, an Arrow array; null for an id that is not there."""
        import pyarrow.compute as pc

        return pc.index_in(ids, value_set=self.ids)


def read_collection(path: str | os.PathLike[str], *, threads: int | None = None) -> Collection:
    """Read a corpus or queries.

    Args:
        path: columns of ids (`_id`, `docid`, `document_id`, `query_id`, ...), texts and perhaps titles in any
            file that `read` reads; or, where a `.tsv` has no such names in its first line, ids and texts
            without a header.
        threads: that parse.

    Raises:
        ValueError: if a column is missing, or an id comes twice.
        OSError: if the file cannot be opened.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    path = Path(path)
    if ".tsv" in path.suffixes and not _has_header(path):
        ids, texts = _bare(path)
        titles = None
    else:
        table = pa.table(read(path, threads=threads))
        ids = table.column(_column(path, table, "ids", _IDS)).cast(pa.large_string()).combine_chunks()
        texts = table.column(_column(path, table, "texts", _TEXTS)).cast(pa.large_string()).combine_chunks()
        titles = None
        if "title" in table.schema.names:
            titles = table.column("title").cast(pa.large_string()).combine_chunks()
            texts = joined(titles, texts)
    counts = pc.value_counts(ids)
    if len(counts) < len(ids):
        twice = counts.field("values")[int(np.asarray(counts.field("counts")).argmax())]
        raise ValueError(f"{path}: ids must not come twice, got {twice.as_py()!r}")
    return Collection(file=path, ids=ids, texts=texts, titles=titles)


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


def looked_up(collection: Collection, ids: Any) -> tuple[Any, Any]:
    """Return the texts and the titles (None without) of Arrow ids; null where an id is not there."""
    rows = collection.find(ids)
    titles = None if collection.titles is None else collection.titles.take(rows)
    return collection.texts.take(rows), titles


def _has_header(path: Path) -> bool:
    first = next(lines(path), (0, ""))[1].split("\t")
    return any(name in _IDS for name in first)


def _bare(path: Path) -> tuple[Any, Any]:
    """Read ids and texts of lines without a header; a quote is a quote."""
    import pyarrow as pa

    ids, texts = [], []
    for number, line in lines(path):
        id, tab, text = line.partition("\t")
        if not tab:
            raise ValueError(f"{path}: row {number}: must have an id, a tab and a text, got {line!r:.80}")
        ids.append(id)
        texts.append(text)
    return pa.array(ids, pa.large_string()), pa.array(texts, pa.large_string())


def _column(path: Path, table: Any, kind: str, names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in table.schema.names), None)
    if found is None:
        raise ValueError(f"{path}: must have a column of {kind}, one of {names}, got {table.schema.names}")
    return found
