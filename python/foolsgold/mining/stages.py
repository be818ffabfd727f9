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
    logger.info("Turned away: %s", _told(report.rejected, "d"))
    for name, summary in report.scores.items():
        logger.info("Scores of %s: %s", name, _told(summary, ".4g"))
    logger.info("Made %s", told_rows(report))
    if not report.counts["rows"]:
        logger.warning("No row was made: the rules leave no pair the negatives that it needs")


def told_rows(report: MiningReport) -> str:
    """Return how many rows there are, and what became of pairs and queries with too few negatives."""
    counts = report.counts
    told = f"{counts['rows']:,} rows of {counts['pairs']:,} pairs"
    lost, short = counts["pairs_without_negatives"], counts.get("short_queries", 0)
    if lost and report.options.get("on_short") == "drop":
        return f"{told}; {lost:,} pairs are left out, with fewer negatives than asked for"
    if lost:
        told += f"; {lost:,} pairs have no negatives"
    if short:
        of_each = report.options.get("margin_from") == "each"
        told += f"; {short:,} {'pairs' if of_each else 'queries'} have fewer than asked for"
    return told


def _told(values: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{name} {value:{form}}" for name, value in values.items())
