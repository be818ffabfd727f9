"""Progress bars over calls into the core."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DELAY = 0.3
"""Seconds: what takes less needs no bar."""


@contextmanager
def progress_bar(
    description: str, *, enabled: bool, unit: str = "block"
) -> Iterator[Callable[[int, int], None] | None]:
    """Give what the core calls with `(done, total)`, shown as a bar; None where nothing is to be shown.

    Args:
        description: stands before the bar.
        enabled: whether there is a bar.
        unit: what is counted; `B` for bytes.
    """
    if not enabled:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(desc=description, unit=unit, unit_scale=unit == "B", delay=_DELAY) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
