"""Batch samplers over plans: exact length, the same on every rank and in every epoch, resumable anywhere."""

from foolsgold.sampling.no_duplicates import NoDuplicatesBatchSampler
from foolsgold.sampling.plan import Plan, Report
from foolsgold.sampling.random import RandomBatchSampler
from foolsgold.sampling.stream import NoDuplicatesStream

__all__ = ["NoDuplicatesBatchSampler", "NoDuplicatesStream", "Plan", "RandomBatchSampler", "Report"]
