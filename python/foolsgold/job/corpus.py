"""What a job trains on, and what it is measured by: queries held out, whose texts are not trained on."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from datasets import Dataset

from foolsgold.data.docstrings import read_docstrings, split_by_module
from foolsgold.data.pairs import read_pairs
from foolsgold.data.texts import Texts
from foolsgold.job.split import held_out_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from foolsgold.data.pairs import Judged, Pairs

logger = logging.getLogger(__name__)

_HELD_OUT_SHARE, _MOST_HELD_OUT = 0.1, 5_000


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Queries with the documents that answer them, among all documents to search.

    Attributes:
        queries: Texts.
        documents: Distinct texts.
        relevant: For query i, `values[offsets[i]:offsets[i + 1]]` are the places of its documents.
    """

    queries: list[str]
    documents: list[str]
    relevant: tuple[NDArray[np.int64], NDArray[np.uint32]]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Pairs to train on, and queries held out.

    Attributes:
        name: What it is, for a heading.
        train: Columns `anchor` and `positive`.
        held_out: What the job is measured by.
        counts: How many rows went where, by name.
    """

    name: str
    train: Dataset
    held_out: HeldOut
    counts: dict[str, int] = field(default_factory=dict)


def corpus_from_docstrings(*, limit: int | None = None, progress: bool = True) -> Corpus:
    """Read the docstrings installed here, one module in ten held out.

    Args:
        limit: Pairs to read at most.
        progress: Show a progress bar.

    Raises:
        ValueError: If there are too few to hold any out.
    """
    found = read_docstrings(limit=limit, progress=progress)
    parts = split_by_module(found, development=0.0, test=_HELD_OUT_SHARE)
    if min(len(parts.train), len(parts.test)) < 2:
        raise ValueError(f"`limit` must leave pairs to train on and to hold out, got {len(found)} pairs")
    train, test = (
        _table(pa.array(part.queries), pa.array(part.documents)) for part in (parts.train, parts.test)
    )
    return _corpus("docstrings", train, test, files=found.num_files)


def corpus_from_files(
    paths: Sequence[Path],
    *,
    test: Sequence[Path] | None = None,
    anchor: str | None = None,
    positive: str | None = None,
    positive_label: str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Corpus:
    """Read pairs, and hold some out.

    Held out are the rows of `test`; else the queries of a BEIR folder's other split, searched among all its
    documents; else a tenth of the rows, at most 5,000, chosen so that they share no text with the rest where
    the data allows it.

    Args:
        paths: Files of one schema, or one BEIR folder.
        test: Files of pairs to measure by.
        anchor: The column of queries; by default known by its name.
        positive: The column of what answers them; by default known by its name.
        positive_label: Where rows are labelled, the label of those that are pairs.
        seed: Of the choice of rows.
        progress: Show a progress bar.

    Raises:
        ValueError: If a file cannot be understood, or is too small to hold rows out.
        OSError: If a file cannot be read.
    """
    roles: dict[str, Any] = {"anchor": anchor, "positive": positive, "positive_label": positive_label}
    name = ", ".join(path.name for path in paths)
    pairs = read_pairs(list(paths), **roles, progress=progress)
    train = _table(pairs.anchors, pairs.positives)
    if test:
        others = read_pairs(list(test), **roles, progress=progress)
        return _corpus(name, train, _table(others.anchors, others.positives))
    if pairs.splits:
        split, judged = next(iter(pairs.splits.items()))
        held_out = _judged(pairs, judged)
        counts = {"training pairs": len(train), f"{split} queries": len(held_out.queries)}
        return Corpus(
            name=name,
            train=Dataset(train),
            held_out=held_out,
            counts={**counts, "documents": len(held_out.documents)},
        )
    return _split(name, train, paths, seed)


def _split(name: str, pairs: pa.Table, paths: Sequence[Path], seed: int) -> Corpus:
    _, ids = Texts.intern(pairs)
    if len(pairs) < 4 or len(np.unique(np.stack([ids["anchor"], ids["positive"]]), axis=1).T) < 4:
        raise ValueError(f"{paths[0]}: must hold at least 4 different pairs, got {len(pairs)} rows")
    chosen, is_disjoint = held_out_rows(
        ids["anchor"], ids["positive"], share=_HELD_OUT_SHARE, most=_MOST_HELD_OUT, seed=seed
    )
    if not chosen.any():
        raise ValueError(f"{paths[0]}: must hold more than one anchor to hold some out, got one in all rows")
    if not is_disjoint:
        logger.warning("held-out queries are new, but some of their documents are trained on with others")
    return _corpus(name, pairs.filter(pa.array(~chosen)), pairs.filter(pa.array(chosen)))


def _corpus(name: str, train: pa.Table, test: pa.Table, **counts: int) -> Corpus:
    held_out = _held_out(test)
    counts |= {"training pairs": len(train), "held-out queries": len(held_out.queries)}
    return Corpus(
        name=name,
        train=Dataset(train),
        held_out=held_out,
        counts={**counts, "documents": len(held_out.documents)},
    )


def _table(anchors: Any, positives: Any) -> pa.Table:
    """Line Arrow columns up as `anchor` and `positive`."""
    names = ["anchor", "positive"]
    return pa.Table.from_arrays([_chunked(anchors), _chunked(positives)], names=names)


def _chunked(column: Any) -> pa.ChunkedArray[Any]:
    return pa.chunked_array([column] if isinstance(column, pa.Array) else column)


def _held_out(pairs: pa.Table) -> HeldOut:
    """Make each distinct anchor a query, and all its positives what answers it."""
    queries, query_of = _distinct(pairs["anchor"])
    documents, document_of = _distinct(pairs["positive"])
    relevant = _relevant(len(queries), query_of, document_of)
    return HeldOut(queries=queries, documents=documents, relevant=relevant)


def _judged(pairs: Pairs, judged: Judged) -> HeldOut:
    """Take a judged split; documents of one text become one."""
    documents, document_of = _distinct(pairs.corpus)
    queries: list[Any] = _chunked(judged.queries).to_pylist()
    query_of = np.repeat(np.arange(len(queries), dtype=np.uint32), np.diff(judged.offsets))
    relevant = _relevant(len(queries), query_of, document_of[judged.documents])
    return HeldOut(queries=queries, documents=documents, relevant=relevant)


def _relevant(
    num_queries: int, query_of: NDArray[np.uint32], document_of: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """List the documents of each query, from pairs that may come twice."""
    matches = np.unique(np.stack([query_of, document_of]), axis=1)
    offsets = np.searchsorted(matches[0], np.arange(num_queries + 1)).astype(np.int64)
    return offsets, matches[1]


def _distinct(column: Any) -> tuple[list[str], NDArray[np.uint32]]:
    texts, ids = Texts.intern({"text": column})
    return texts.take(np.arange(len(texts), dtype=np.uint32)), ids["text"]
