"""Batch samplers over plans: exact length, the same on every rank and in every epoch, resumable anywhere."""

from foolsgold.sampling.mix import MixSampler, ProportionalBatchSampler, RoundRobinBatchSampler
from foolsgold.sampling.no_duplicates import NoDuplicatesBatchSampler
from foolsgold.sampling.plan import Plan, Report
from foolsgold.sampling.random import RandomBatchSampler

__all__ = [
    "MixSampler",
    "NoDuplicatesBatchSampler",
    "Plan",
    "ProportionalBatchSampler",
    "RandomBatchSampler",
    "Report",
    "RoundRobinBatchSampler",
]
