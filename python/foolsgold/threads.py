"""How many threads the Rust core may use."""

from __future__ import annotations

import os

from foolsgold import _core
from foolsgold.integers import MAX_ROWS, integer


def resolve(threads: int | None) -> int:
    """Return `threads`, or this process's fair share of the cores where it is None.

    Example:
        >>> resolve(3)
        3

    Raises:
        ValueError: if `threads` is no whole number from 1 to 2^32 - 1.
    """
    if threads is None:
        processes = os.environ.get("LOCAL_WORLD_SIZE", "1")
        return max(1, _core.available_threads() // max(1, int(processes) if processes.isdecimal() else 1))
    return integer("threads", threads, 1, MAX_ROWS)
