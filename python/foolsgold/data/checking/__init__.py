"""Is a data set fit to train on? What is wrong with it, where, and which losses and samplers suit it."""

from __future__ import annotations

from foolsgold.data.checking.checker import check
from foolsgold.data.checking.report import Advice, CheckReport, Example, Finding, Fixed

__all__ = ["Advice", "CheckReport", "Example", "Finding", "Fixed", "check"]
