"""The plan of the next epoch, made in a thread while the present one is read."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from foolsgold.sampling.plan import Plan

    Make: TypeAlias = Callable[["Draw", Callable[[int, int], object]], Plan]

Draw = tuple[int, int, int]
"""Seed, epoch and stream."""

# A wait without an end hears no Ctrl-C on Windows.
_WAIT_SECS = 0.1


class Ahead:
    """One plan that is made before it is asked for, and the one thread that makes it.

    The thread stops at the core's next report of progress when its plan is no longer wanted: another one is
    asked for, this object is gone, or the interpreter exits. It is no daemon: the interpreter would otherwise
    end under the core's feet.

    A forked child has no such thread, and finds nothing made.
    """

    def __init__(self) -> None:
        self._job: _Job | None = None

    def begin(self, draw: Draw, make: Make) -> bool:
        """Let the plan of `draw` be made, unless that is done or under way.

        Args:
            draw: which plan.
            make: called in the thread with `draw` and what the core is to tell its progress. It must hold
                nothing whose end is to end the thread.

        Returns:
            False where nothing is begun because the thread of a plan that is not wanted any more still runs.
        """
        if self._job is not None and self._job.is_wanted and self._job.draw == draw:
            return True
        self._let_go()
        if self._job is not None:
            return False
        self._job = job = _Job(draw, make)
        try:
            job.thread.start()
        except RuntimeError:
            # No thread can be had, at the interpreter's exit for one: the plan is made when it is asked for.
            self._job = None
        return True

    def take(self, draw: Draw) -> Plan | None:
        """Hand over the plan of `draw`, waiting for it; None where it is not being made.

        Raises:
            BaseException: what was raised while the plan was made.
        """
        job = self._job
        if job is None or not job.is_wanted or job.draw != draw:
            self._let_go()
            return None
        while job.thread.is_alive():
            job.thread.join(_WAIT_SECS)
        self._job = None
        if job.error is not None:
            raise job.error
        return job.plan

    def _let_go(self) -> None:
        if self._job is not None:
            self._job.is_wanted = False
            if not self._job.thread.is_alive():
                self._job = None

    def __del__(self) -> None:
        self._let_go()


class _Job:
    """What the thread and the one who waits for it share."""

    def __init__(self, draw: Draw, make: Make) -> None:
        self.draw = draw
        self.is_wanted = True
        self.plan: Plan | None = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(
            target=_run, args=(self, make), name="foolsgold-next-plan", daemon=False
        )

    def heed(self, _done: int, _total: int) -> None:
        """Raise where nobody wants the plan: at exit, threads are joined when the main one has ended."""
        if not (self.is_wanted and threading.main_thread().is_alive()):
            raise _LetGoError


class _LetGoError(Exception):
    """The plan is not wanted."""


def _run(job: _Job, make: Make) -> None:
    try:
        plan = make(job.draw, job.heed)
    except _LetGoError:
        return
    except BaseException as error:
        job.error = error
        return
    if job.is_wanted:
        job.plan = plan
