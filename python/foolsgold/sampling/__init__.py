"""Batch samplers over plans: exact length, the same on every rank and in every epoch, resumable anywhere."""

from foolsgold.sampling.group_by_label import GroupByLabelBatchSampler
from foolsgold.sampling.no_duplicates import NoDuplicatesBatchSampler
from foolsgold.sampling.pk import PKSampler
from foolsgold.sampling.plan import Plan, Report
from foolsgold.sampling.random import RandomBatchSampler

__all__ = [
    "GroupByLabelBatchSampler",
    "NoDuplicatesBatchSampler",
    "PKSampler",
    "Plan",
    "RandomBatchSampler",
    "Report",
]
