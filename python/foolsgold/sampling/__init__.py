"""Batch samplers over plans: exact length, the same on every rank and in every epoch, resumable anywhere."""

from foolsgold.sampling.conflict_aware import ConflictAwareBatchSampler
from foolsgold.sampling.group_by_label import GroupByLabelBatchSampler
from foolsgold.sampling.like_lengths import LengthBatchSampler
from foolsgold.sampling.mix import MixSampler, ProportionalBatchSampler, RoundRobinBatchSampler
from foolsgold.sampling.no_duplicates import NoDuplicatesBatchSampler
from foolsgold.sampling.pk import PKSampler
from foolsgold.sampling.plan import Plan, Report
from foolsgold.sampling.random import RandomBatchSampler
from foolsgold.sampling.sequential import SequentialBatchSampler
from foolsgold.sampling.stream import NoDuplicatesStream

__all__ = [
    "ConflictAwareBatchSampler",
    "GroupByLabelBatchSampler",
    "LengthBatchSampler",
    "MixSampler",
    "NoDuplicatesBatchSampler",
    "NoDuplicatesStream",
    "PKSampler",
    "Plan",
    "ProportionalBatchSampler",
    "RandomBatchSampler",
    "Report",
    "RoundRobinBatchSampler",
    "SequentialBatchSampler",
]
