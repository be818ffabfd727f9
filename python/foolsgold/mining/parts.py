"""A search in parts of the queries, each kept in a folder when it is found: a stopped one goes on."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING

from foolsgold import _core
from foolsgold.mining.store import CandidateStore
from foolsgold.mining.tables import CANDIDATE_BYTES, as_columns
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from foolsgold.mining.question import Question
    from foolsgold.mining.tables import Column

    Search = Callable[[int, int, Callable[[int, int], object] | None], Sequence[Column]]

logger = logging.getLogger(__name__)

_STEPS = 1000  # of progress, a part


def search_in_folder(
    folder: str | os.PathLike[str], question: Question, *, progress: bool = False
) -> CandidateStore:
    """Search part after part of the queries; see `search_in_parts`.

    Raises:
        ValueError: the folder holds another search, or `question` is unusable, and then nothing was written.
        OSError: as `search_in_parts`.
    """
    rows, width = part_rows(question.depth, len(question.corpus)), min(question.depth, len(question.corpus))
    _core.check_fits("depth", question.depth, min(rows, len(question.queries)), CANDIDATE_BYTES * width)
    question.search(0, 0)  # what is wrong with the corpus or an option is said before a folder is there

    def search(start: int, stop: int, show: Callable[[int, int], object] | None) -> list[Column]:
        return as_columns(question.search(start, stop, show))

    try:
        return search_in_parts(
            folder,
            search,
            num_queries=len(question.queries),
            part_rows=rows,
            key=question.key(),
            progress=progress,
        )
    finally:
        question.release()


def search_in_parts(
    folder: str | os.PathLike[str],
    search: Search,
    *,
    num_queries: int,
    part_rows: int,
    key: Mapping[str, Any],
    progress: bool = False,
) -> CandidateStore:
    """Search the parts of the queries that a folder does not have yet, and write each when it is found.

    Killed at any moment, the same call goes on with the parts that are missing, and ends with the same bytes.

    Args:
        folder: a new one, an empty one, or one that the same call has begun.
        search: finds the columns of the queries `start` to `stop`; its third argument is called with
            `(done, total)`, or None.
        num_queries: Q.
        part_rows: queries of a part; a folder that was begun keeps its own.
        key: what decides the content, by name: anything that JSON can tell.
        progress: show a progress bar.

    Raises:
        ValueError: the folder holds anything else, another call's candidates, or is being written.
        OSError: the disk is full or not writable; what is finished stays.
    """
    path = os.fspath(folder)
    with progress_bar("Mine", enabled=progress) as show:
        store = _core.CandidateStore.create(
            path, queries=num_queries, part_rows=part_rows, key=json.dumps(key, sort_keys=True)
        )
        try:
            for damaged in store.damaged:
                logger.warning("%s was changed: it is made again", damaged)
            missing = store.missing
            done = store.parts - len(missing)
            if done:
                logger.info("Go on after %d of %d parts in %s", done, store.parts, path)
            for part in missing:
                store.write(part, list(search(*store.rows(part), _share(show, done, store.parts))))
                done += 1
        finally:
            store.close()
    return CandidateStore(path)


def part_rows(depth: int, num_documents: int) -> int:
    """Return how many queries a part has: some seconds of work, some ten megabytes."""
    return max(1 << 10, min(1 << 16, (1 << 22) // max(1, depth), (1 << 35) // max(1, num_documents)))


def _share(
    show: Callable[[int, int], None] | None, done: int, parts: int
) -> Callable[[int, int], None] | None:
    """Return what shows the progress of one part as a share of all; `done` parts come before it."""
    if show is None:
        return None
    return lambda at, total: show(done * _STEPS + at * _STEPS // max(1, total), parts * _STEPS)
