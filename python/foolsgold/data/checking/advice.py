"""Which losses and samplers suit a data set, and which do not, with reasons from the data.

The table here is held to what each loss says of itself by the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.checking.report import Advice
from foolsgold.data.checking.structure import is_embedding

if TYPE_CHECKING:
    from foolsgold.data.checking.dataset import DataSet

_RANKING = "all other documents of a batch are negatives"
_CACHED = "the same in batches of any size, in the memory of a small one"

LOSSES: dict[str, tuple[tuple[str, str], ...]] = {
    "pair": (
        ("MultipleNegativesRankingLoss", _RANKING),
        ("CachedMultipleNegativesRankingLoss", _CACHED),
        ("MultipleNegativesSymmetricRankingLoss", "also finds the anchor of a positive, as in translation"),
        ("GISTEmbedLoss", "a guide model says which documents of a batch are no negatives"),
    ),
    "beir": (
        ("MultipleNegativesRankingLoss", f"{_RANKING}; `read_pairs` gives the pairs of a score above 0"),
        ("CachedMultipleNegativesRankingLoss", _CACHED),
    ),
    "triplet": (
        ("MultipleNegativesRankingLoss", f"{_RANKING}, the stated ones too"),
        ("CachedMultipleNegativesRankingLoss", _CACHED),
        ("TripletLoss", "compares each row's positive and negative alone"),
    ),
    "n-tuple": (
        ("MultipleNegativesRankingLoss", f"{_RANKING}, the stated ones too"),
        ("CachedMultipleNegativesRankingLoss", _CACHED),
    ),
    "labeled-pair": (
        ("ContrastiveLoss", "brings pairs of label 1 together and those of label 0 apart"),
        ("OnlineContrastiveLoss", "the same for the hard pairs of a batch alone"),
        ("CoSENTLoss", "ranks all pairs of a batch by their label"),
    ),
    "scored-pair": (
        ("CoSENTLoss", "ranks all pairs of a batch by their score"),
        ("AnglELoss", "the same by an angle that does not saturate"),
        ("CosineSimilarityLoss", "takes the score for the cosine"),
    ),
    "class": (
        ("BatchAllTripletLoss", "all triplets that the classes of a batch make"),
        ("BatchHardTripletLoss", "the hardest triplet of each row"),
        ("SupervisedContrastiveLoss", "all rows of a class are positives of one another"),
    ),
    "class-pair": (("SoftmaxLoss", "classifies pairs"),),
    "texts": (
        ("DenoisingAutoEncoderLoss", "restores damaged sentences"),
        ("ContrastiveTensionLossInBatchNegatives", "a sentence is its own positive"),
    ),
}
"""Losses that take each shape as it stands."""

SCORED_LISTS: tuple[tuple[str, str], ...] = (
    ("MarginMSELoss", "learns the differences of a teacher's scores"),
    ("DistillKLDivLoss", "learns the distribution of a teacher's scores"),
)
"""Losses of triplets and n-tuples with a list of scores a row."""

EMBEDDINGS: tuple[tuple[str, str], ...] = (
    ("MSELoss", "learns the embeddings that the labels are"),
    ("EmbedDistillLoss", "the same by another distance"),
)
"""Losses of any texts with an embedding a row."""

_FIRST_CHANGE = {
    "ragged": (
        "`foolsgold.datasets.DrawnNegatives` gives each row some of its negatives, others in each epoch"
    ),
    "labeled-list": "convert it to triplets or labelled pairs",
    "graded": "convert it to pairs (grades above 0), triplets or scores from 0 to 1",
    "unknown": "say which column is the anchor and which the positive",
}
_FEW_CLASSES = 4
_MANY_REPEATS = 0.01


def advise(data: DataSet) -> tuple[tuple[Advice, ...], tuple[Advice, ...], tuple[Advice, ...]]:
    """Return the losses that suit, the samplers that suit, and what does not."""
    losses = [Advice(name=name, reason=reason) for name, reason in LOSSES.get(data.shape, ())]
    samplers: list[Advice] = []
    unsuitable: list[Advice] = []
    if data.shape == "ragged":
        reason = f"{_RANKING}, the stated ones too; first: {_FIRST_CHANGE['ragged']}"
        losses.append(Advice(name="MultipleNegativesRankingLoss", reason=reason))
    elif data.shape in _FIRST_CHANGE:
        unsuitable.append(Advice(name="every loss", reason=f"{data.shape}: {_FIRST_CHANGE[data.shape]}"))
    if is_embedding(data):
        losses = [Advice(name=name, reason=reason) for name, reason in EMBEDDINGS]
    is_scored = data.label is not None and data.label.is_list and data.label.item in ("int64", "float64")
    if data.shape in ("triplet", "n-tuple") and is_scored and not is_embedding(data):
        losses = [Advice(name=name, reason=reason) for name, reason in SCORED_LISTS] + losses
    if data.shape == "class":
        losses, unsuitable = _for_classes(data, losses, samplers)
    elif data.shape in ("pair", "beir", "triplet", "n-tuple", "ragged"):
        _for_ranking(data, samplers)
    elif losses:
        samplers.append(Advice(name="RandomBatchSampler", reason="rows are learned from one by one"))
    if data.shape == "labeled-pair":
        _for_labelled_pairs(data, unsuitable)
    if any(finding.rule == "score-range" for finding in data.findings):
        losses = [advice for advice in losses if advice.name != "CosineSimilarityLoss"]
        reason = "scores are beyond what a cosine can reach"
        unsuitable.append(Advice(name="CosineSimilarityLoss", reason=reason))
    return tuple(losses), tuple(samplers), tuple(unsuitable)


def _for_ranking(data: DataSet, samplers: list[Advice]) -> None:
    share = data.facts.get("repeated_share", 0.0)
    if share > _MANY_REPEATS:
        reason = f"{share:.1%} of the rows share a text with another row, so a batch would hold it twice"
        samplers.append(Advice(name="NoDuplicatesBatchSampler", reason=reason))
    else:
        reason = f"{share:.1%} of the rows share a text with another row"
        samplers.append(Advice(name="RandomBatchSampler", reason=reason))


def _for_classes(
    data: DataSet, losses: list[Advice], samplers: list[Advice]
) -> tuple[list[Advice], list[Advice]]:
    num_classes, single = int(data.facts.get("classes", 0)), int(data.facts.get("single_classes", 0))
    if num_classes < 2 or single == num_classes:
        said = "there is one class" if num_classes < 2 else "no class has two rows"
        return [], [Advice(name="every loss of classes", reason=f"{said}, so there is no triplet")]
    name = "GroupByLabelBatchSampler"
    reason = f"{num_classes:,} classes, {num_classes - single:,} of two rows or more: triplets in every batch"
    if any(finding.rule == "imbalance" for finding in data.findings):
        name = "PKSampler"
        reason = (
            f"the largest of {num_classes:,} classes has "
            f"{int(data.facts['largest_class']):,} rows: so many rows of each"
        )
    samplers.append(Advice(name=name, reason=reason))
    unsuitable = [Advice(name="RandomBatchSampler", reason="its batches may hold no two rows of a class")]
    if num_classes < _FEW_CLASSES:
        reason = f"with {num_classes} classes, most other documents of a batch are of the anchor's class"
        unsuitable.append(Advice(name="MultipleNegativesRankingLoss", reason=reason))
    return losses, unsuitable


def _for_labelled_pairs(data: DataSet, unsuitable: list[Advice]) -> None:
    label = data.label
    if label is None or label.values is None:
        return
    zeros = int(np.count_nonzero((label.values == 0) & ~label.is_null_value))
    if zeros:
        reason = f"it would train the {zeros:,} pairs of label 0 together; keep the rows of label 1 for it"
        unsuitable.append(Advice(name="MultipleNegativesRankingLoss", reason=reason))
