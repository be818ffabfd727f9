"""What a run tells of itself: the seconds of each stage, and a line for each part of its report."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from foolsgold.mining.report import MiningReport

logger = logging.getLogger(__name__)


class Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began


def log_report(report: MiningReport) -> None:
    """Log what was turned away, the scores, and the rows."""
    counts = report.counts
    logger.info("Turned away: %s", _told(report.rejected, "d"))
    for name, summary in report.scores.items():
        logger.info("Scores of %s: %s", name, _told(summary, ".4g"))
    lost = counts["pairs_without_negatives"]
    logger.info("Made %d rows of %d pairs; %d pairs have no negatives", counts["rows"], counts["pairs"], lost)


def _told(values: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{name} {value:{form}}" for name, value in values.items())
