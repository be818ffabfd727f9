"""Which losses and samplers suit a data set, and which do not, with reasons from the data.

The table here is held to what each loss says of itself by the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.checking.cells import NO_TEXT
from foolsgold.data.checking.report import Advice
from foolsgold.data.checking.structure import is_embedding

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
_IN_BATCH = (
    "MultipleNegativesRankingLoss",
    "CachedMultipleNegativesRankingLoss",
    "MultipleNegativesSymmetricRankingLoss",
    "GISTEmbedLoss",
    "ContrastiveTensionLossInBatchNegatives",
)
"""Losses whose negatives are other rows."""

_RANKS = "all rows have the label {label}, so there is nothing to rank"
_ONE_LABEL = {
    "ContrastiveLoss": "all pairs have the label {label}; it takes pairs of both",
    "OnlineContrastiveLoss": "all pairs have the label {label}; it takes pairs of both",
    "CoSENTLoss": _RANKS,
    "AnglELoss": _RANKS,
    "SoftmaxLoss": "all pairs are of the class {label}, so there is nothing to tell apart",
}
_OF_SEVERAL_LABELS = tuple(_ONE_LABEL)
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
        _for_labelled_pairs(data, losses, unsuitable)
    losses = _with_signal(data, losses, unsuitable)
    if any(finding.rule == "score-range" for finding in data.findings):
        losses = [advice for advice in losses if advice.name != "CosineSimilarityLoss"]
        reason = "scores are beyond what a cosine can reach"
        unsuitable.append(Advice(name="CosineSimilarityLoss", reason=reason))
    return tuple(losses), tuple(samplers), tuple(unsuitable)


def _with_signal(data: DataSet, losses: list[Advice], unsuitable: list[Advice]) -> list[Advice]:
    """Return the losses that can learn from these rows; of the others say why not."""
    left = []
    for advice in losses:
        reason = _missing(data, advice.name)
        if reason is None:
            left.append(advice)
        else:
            unsuitable.append(Advice(name=advice.name, reason=reason))
    return left


def _missing(data: DataSet, loss: str) -> str | None:
    """Say what a loss lacks in the rows; None where it can learn."""
    label = data.label
    if loss in _OF_SEVERAL_LABELS and label is not None and label.values is not None:
        labels = label.values[~label.is_null_value]
        if len(labels) == 0:
            return "no row has a label"
        if _are_one(labels):
            return _ONE_LABEL[loss].format(label=labels[0])
    if loss in _IN_BATCH and not data.roles.negatives:
        for name in (data.roles.anchor, *data.roles.positives):
            texts = np.empty(0) if name is None else data.columns[name].values
            if name is not None and _are_one(texts[texts != NO_TEXT]):
                return f"column `{name}` has one text alone, so other rows hold no negative"
    return None


def _are_one(values: NDArray[Any]) -> bool:
    """Return whether there are no two distinct values."""
    return bool((values == values[:1]).all())


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
        said = (
            ("no row has a class", "there is one class")[num_classes]
            if num_classes < 2
            else "no class has two rows"
        )
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


def _for_labelled_pairs(data: DataSet, losses: list[Advice], unsuitable: list[Advice]) -> None:
    label = data.label
    if label is None or label.values is None:
        return
    zeros = int(np.count_nonzero((label.values == 0) & ~label.is_null_value))
    if not zeros and data.num_rows:
        reason = (
            f"all pairs belong together, so that other rows are their negatives; leave out `{label.name}`"
        )
        losses.append(Advice(name="MultipleNegativesRankingLoss", reason=reason))
    elif zeros:
        reason = f"it would train the {zeros:,} pairs of label 0 together; keep the rows of label 1 for it"
        unsuitable.append(Advice(name="MultipleNegativesRankingLoss", reason=reason))
