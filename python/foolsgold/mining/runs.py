"""TREC run files: what any retrieval system found, as candidates, and candidates as a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold import _core
from foolsgold.integers import integer
from foolsgold.mining.candidates import Candidates
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUERIES_AT_A_TIME = 4096


def read_run(
    file: str | Path,
    query_ids: Sequence[str] | Any,
    document_ids: Sequence[str] | Any,
    *,
    depth: int | None = None,
    progress: bool = False,
) -> Candidates:
    r"""Return what a TREC run file says of these queries.

    A line is `query Q0 document rank score tag`, separated by white space. As in `trec_eval` the order is
    that of the scores and the ranks are not used; of equal scores the lower document comes first.

    Args:
        file: the run, also packed as `.gz` or `.zst`.
        query_ids: Q distinct ids: a list of `str` or an Arrow column. A query without a line has no
            candidate.
        document_ids: N distinct ids, likewise.
        depth: the most documents a query; None for all, which makes the table as wide as the longest list.
        progress: show a progress bar.

    Returns:
        `ids` (Q, n) rows of `document_ids` and `scores` (Q, n), best first.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line has not six columns, an id is unknown, a document comes twice for a query, a rank
            or a score is no number (file, row and column are named), or an id is given twice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "some.run"
        ...     _ = file.write_text("q2 Q0 d1 1 7.5 bm25\nq2 Q0 d3 2 4 bm25\n")
        ...     read_run(file, ["q1", "q2"], ["d1", "d2", "d3"]).ids
        array([[-1, -1],
               [ 0,  2]])
    """
    if depth is not None:
        depth = integer("depth", depth, 1)
    with progress_bar("Read run", enabled=progress, unit="B") as show:
        offsets, documents, found = _core.read_trec_run(str(file), query_ids, document_ids, progress=show)
    lengths = np.diff(offsets)
    width = int(lengths.max(initial=1)) if depth is None else depth
    place = np.arange(len(documents)) - np.repeat(offsets[:-1], lengths)
    row = np.repeat(np.arange(len(lengths)), lengths)
    within = place < width
    row, place = row[within], place[within]
    ids = np.full((len(lengths), width), -1, np.int64)
    scores = np.full(ids.shape, -np.inf, np.float32)
    ids[row, place], scores[row, place] = documents[within], found[within]
    report = {"num_queries": len(ids), "num_found": len(row), "queries_without": int((lengths == 0).sum())}
    return Candidates(ids=ids, scores=scores, report=report)


def write_run(
    file: str | Path,
    found: Candidates,
    query_ids: Sequence[str],
    document_ids: Sequence[str],
    *,
    tag: str = "foolsgold",
) -> None:
    """Write candidates as a TREC run; the file is there whole or not at all.

    Args:
        file: where to; one that is there is replaced.
        found: candidates of Q queries.
        query_ids: Q ids without white space.
        document_ids: N ids without white space.
        tag: the name of the run, without white space.

    Raises:
        ValueError: an id or the tag is empty or has white space, or the numbers do not match.
        FileNotFoundError: there is no folder to write in.

    Example:
        >>> import tempfile
        >>> found = Candidates(np.array([[1, -1]]), np.array([[0.5, -np.inf]], np.float32))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_run(Path(folder) / "my.run", found, ["q1"], ["d1", "d2"])
        ...     print((Path(folder) / "my.run").read_text(), end="")
        q1 Q0 d2 1 0.5 foolsgold
    """
    if len(query_ids) != len(found.ids):
        raise ValueError(f"`query_ids` must be one a query, {len(found.ids)}, got {len(query_ids)}")
    most = int(found.ids.max(initial=-1))
    if most >= len(document_ids):
        raise ValueError(f"`document_ids` must have more than {most} ids, got {len(document_ids)}")
    for name, ids in [("tag", [tag]), ("query_ids", query_ids), ("document_ids", document_ids)]:
        bad = next((id for id in ids if len(id.split()) != 1 or id != id.strip()), None)
        if bad is not None:
            raise ValueError(f"`{name}` must be without white space and not empty, got {bad!r}")
    file = Path(file)
    if not file.parent.is_dir():
        raise FileNotFoundError(f"{file}: must be in a folder that exists, got {file.parent}")
    part = file.with_name(f".{file.name}.part")
    with part.open("w", encoding="utf-8", newline="\n") as out:
        for start in range(0, len(found.ids), _QUERIES_AT_A_TIME):
            rows = slice(start, start + _QUERIES_AT_A_TIME)
            places = zip(*np.nonzero(found.ids[rows] >= 0), strict=True)
            ids, scores = found.ids[rows].tolist(), found.scores[rows].tolist()
            for row, at in places:
                pair = f"{query_ids[start + row]} Q0 {document_ids[ids[row][at]]}"
                out.write(f"{pair} {at + 1} {scores[row][at]:.9g} {tag}\n")
    part.replace(file)
