"""Pairs of texts that belong together, out of files: which column is the anchor, and which the positive."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from foolsgold import _core
from foolsgold import threads as cores
from foolsgold.data.columns import LABEL_COLUMNS
from foolsgold.data.files import listed, read
from foolsgold.data.role_names import POSITIVE_NAMES, anchors_named, is_label_or_id, named
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)


class ArrowColumn(Protocol):
    """A column of texts as pyarrow, polars and this package's own functions take it."""

    def __len__(self) -> int: ...

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Queries of a split, and the documents that answer them.

    Attributes:
        queries: Texts, in the order in which the judgments name them.
        offsets: Where each query's documents begin in `documents`, and at last their number (int64).
        documents: Rows of the corpus (uint32).
        scores: How relevant each is, above 0 (float64).
    """

    queries: ArrowColumn
    offsets: NDArray[np.int64]
    documents: NDArray[np.uint32]
    scores: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Anchors and what belongs to them, row by row.

    Attributes:
        anchors: Texts, none of them blank.
        positives: As many.
        rows: The table that has row i's source.
        names: What the two columns are called: as in the files, for a BEIR folder `anchor` and `positive`.
        corpus: Every document of a BEIR folder; None for other files.
        splits: For a BEIR folder the judged queries of each split but the one that the pairs come from.
    """

    anchors: ArrowColumn
    positives: ArrowColumn
    rows: _core.Table
    names: tuple[str, str] = ("anchor", "positive")
    corpus: ArrowColumn | None = None
    splits: Mapping[str, Judged] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def source(self, row: int) -> tuple[str, int]:
        """Return the file of a pair, and its line (in Parquet its row) there, from 1."""
        return self.rows.source(row)


def read_pairs(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    anchor: str | None = None,
    positive: str | None = None,
    positive_label: float | str | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Pairs:
    r"""Read pairs to train on from files that `read` reads, or from a BEIR folder.

    Which columns: those named; else one with a name of `foolsgold.data.role_names.ANCHOR_NAMES` and one with
    a name of `POSITIVE_NAMES` there, where a name that goes with another (`source` with `target`, `sentence1`
    with `sentence2`) stands back behind other anchors without it; else the only two text columns, first the
    anchor. Columns like `id`, `doc_id` or `label_text` are never texts to train on.

    Rows with a label (the first column of `label`, `labels`, `score`, `scores`) are pairs only where it is
    `positive_label`; without that option every label must be 1, so that nothing judged apart is trained
    together.

    A BEIR folder gives the pairs of its `train` qrels (or of its only ones) with a score above 0; a document
    is its title, a space and its text.

    Args:
        paths: One file, several of one schema, or one BEIR folder.
        anchor: The column of anchors.
        positive: The column of positives.
        positive_label: The label of the rows to keep.
        threads: Threads that parse, at least 1; by default this process's share of the cores.
        progress: Show a progress bar.

    Raises:
        ValueError: As `read`; if the columns are not clear, a text is null or blank, or rows are labelled
            otherwise.
        OSError: If a file cannot be opened.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "faq.csv"
        >>> _ = file.write_text("id,Question,Answer\n1,who?,me\n2,where?,here\n")
        >>> pairs = read_pairs(file)
        >>> len(pairs), pairs.anchors.to_pylist(), pairs.source(1)[1]
        (2, ['who?', 'where?'], 3)
    """
    files = listed(paths)
    if len(files) == 1 and Path(files[0]).is_dir():
        if not (anchor is None and positive is None and positive_label is None):
            raise ValueError("`anchor`, `positive` and `positive_label` must be left out for a BEIR folder")
        return _read_beir(files[0], cores.resolve(threads), progress)
    table = read(files, threads=threads, progress=progress)
    anchor, positive = _roles(table, anchor, positive)
    if anchor == positive:
        raise ValueError(f"`anchor` and `positive` must be two columns, got `{anchor}` twice")
    label = _label(table, {anchor, positive})
    others = [name for name, _ in table.kinds if name not in (anchor, positive, label)]
    logger.info("anchors: `%s`, positives: `%s`, label: %s, unused: %s", anchor, positive, label, others)
    if label is not None or positive_label is not None:
        rows = _rows_of_pairs(table, label, positive_label)
        if len(rows) < len(table):
            table = table.take(rows, threads=cores.resolve(threads))
    for name in (anchor, positive):
        table.require(name)
    columns = table.column(anchor), table.column(positive)
    return Pairs(anchors=columns[0], positives=columns[1], rows=table, names=(anchor, positive))


def text_column(table: _core.Table, name: str | None = None) -> str:
    """Return the column of documents: the one named; else by `POSITIVE_NAMES`; else the only one of texts.

    Raises:
        ValueError: If it is not clear, or holds no texts, a null or a blank text.
    """
    kinds = dict(table.kinds)
    if name is None:
        texts = [column for column, kind in table.kinds if kind == "text" and not is_label_or_id(column)]
        found = texts if len(texts) == 1 else named(texts, POSITIVE_NAMES)
        if len(found) != 1:
            columns = ", ".join(f"`{column}` ({kind})" for column, kind in table.kinds)
            raise ValueError(
                f"{_file(table)}: must have one column of documents, told by its name, got {columns}\n"
                "hint: name it (`--corpus-column`)"
            )
        name = found[0]
    table.require(name)
    if kinds.get(name) != "text":
        raise ValueError(f"{_file(table)}: column `{name}` must hold texts, got {kinds.get(name)}")
    return name


def _roles(table: _core.Table, anchor: str | None, positive: str | None) -> tuple[str, str]:
    """Find the two columns of a table."""
    kinds = dict(table.kinds)
    for name in (anchor, positive):
        if name is not None:
            table.column(name)
            if kinds[name] != "text":
                raise ValueError(f"{_file(table)}: column `{name}` must hold texts, got {kinds[name]}")
    texts = [name for name, kind in table.kinds if kind == "text" and not is_label_or_id(name)]
    free = [name for name in texts if name not in (anchor, positive)]
    anchors = [anchor] if anchor is not None else anchors_named(free, texts)
    positives = [positive] if positive is not None else named(free, POSITIVE_NAMES)
    if len(anchors) == len(positives) == 1:
        return anchors[0], positives[0]
    if len(free) + (anchor is not None) + (positive is not None) == 2:
        if len(anchors) == 1:
            return anchors[0], next(name for name in [*free, positive] if name and name != anchors[0])
        if len(positives) == 1:
            return next(name for name in [*free, anchor] if name and name != positives[0]), positives[0]
        return free[0], free[1]
    missing = [
        f"`{role}` (`--{role}`)"
        for role, found in (("anchor", anchors), ("positive", positives))
        if len(found) != 1
    ]
    columns = ", ".join(f"`{name}` ({kind})" for name, kind in table.kinds)
    unreadable = "".join(f"\nnot read: {reason}" for _, reason in table.unreadable)
    raise ValueError(
        f"{_file(table)}: must have one column of anchors and one of positives, told by their names, "
        f"got {columns}{unreadable}\nhint: name them with {' and '.join(missing)}"
    )


def _file(table: _core.Table) -> str:
    return table.source(0)[0]


def _label(table: _core.Table, roles: set[str]) -> str | None:
    """Find the column that says which rows are pairs."""
    names = {name for name, _ in [*table.kinds, *table.unreadable]} - roles
    return next((name for name in LABEL_COLUMNS if name in names), None)


def _rows_of_pairs(
    table: _core.Table, label: str | None, positive_label: float | str | None
) -> NDArray[np.uint32]:
    if label is None:
        raise ValueError(
            f"{_file(table)}: must have a column `label` or `score` for `positive_label`, "
            f"got {', '.join(f'`{name}`' for name, _ in table.kinds)}"
        )
    value = 1 if positive_label is None else positive_label
    rows = table.rows_equal(label, str(int(value) if isinstance(value, bool) else value))
    if positive_label is None and len(rows) < len(table):
        raise ValueError(
            f"{_file(table)}: column `{label}` must be 1 in all rows to train on them as pairs, got "
            f"{len(table) - len(rows)} of {len(table)} rows with another value\n"
            "hint: say with `positive_label` (`--positive-label`) which rows are pairs"
        )
    if len(rows) == 0:
        raise ValueError(f"{_file(table)}: column `{label}` must be {value!r} in some rows, got none")
    return rows


def _read_beir(folder: str, threads: int, progress: bool) -> Pairs:
    import numpy as np

    with progress_bar("read", enabled=progress, unit="B") as show:
        documents, queries, splits = _core.read_beir(folder, threads=threads, progress=show)
    judgments = {split[0]: split[1:] for split in splits}
    train = "train" if len(judgments) > 1 else next(iter(judgments))
    if train not in judgments:
        raise ValueError(f"{folder}: must hold qrels of a split `train`, got {', '.join(judgments)}")
    table, query_rows, document_rows, scores = judgments.pop(train)
    rows = np.flatnonzero(scores > 0).astype(np.uint32)
    if len(rows) == 0:
        raise ValueError(f"{folder}: split `{train}` must hold a score above 0, got none")
    return Pairs(
        anchors=queries.take(query_rows[rows], threads=threads).column("text"),
        positives=documents.take(document_rows[rows], threads=threads).column("text"),
        rows=table.take(rows, threads=threads),
        corpus=documents.column("text"),
        splits={name: _judged(queries, *judged[1:], threads) for name, judged in judgments.items()},
    )


def _judged(
    queries: _core.Table,
    query_rows: NDArray[np.uint32],
    document_rows: NDArray[np.uint32],
    scores: NDArray[np.float64],
    threads: int,
) -> Judged:
    """Group the relevant judgments by query, in order of first appearance."""
    import numpy as np

    relevant = np.flatnonzero(scores > 0)
    distinct, firsts, inverse = np.unique(query_rows[relevant], return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    groups = places[inverse]
    relevant = relevant[np.argsort(groups, kind="stable")]
    counts = np.bincount(groups, minlength=len(distinct))
    return Judged(
        queries=queries.take(distinct[order], threads=threads).column("text"),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        documents=document_rows[relevant],
        scores=scores[relevant],
    )
