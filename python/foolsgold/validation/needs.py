"""What a loss takes, read from the words in which it says so, and what it compares."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

from foolsgold import losses
from foolsgold.losses.modifier import LossModifier
from foolsgold.losses.parts.label_triplets import LabelTripletLoss

_IN_BATCH = (
    losses.MultipleNegativesRankingLoss,
    losses.GISTEmbedLoss,
    losses.MegaBatchMarginLoss,
    losses.SupervisedContrastiveLoss,
    losses.SigmoidContrastiveLoss,
    losses.ContrastiveTensionLossInBatchNegatives,
)
_RANKS_SCORES = (losses.CoSENTLoss, losses.AnglELoss)


@dataclass(frozen=True)
class Needs:
    """What one loss takes.

    Args:
        loss: a loss of foolsgold, or its class.
    """

    loss: Any

    @property
    def kind(self) -> type:
        """The class of the loss."""
        return self.loss if isinstance(self.loss, type) else type(self.loss)

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.kind.__name__

    @property
    def words(self) -> str:
        """What the loss takes, in its own words."""
        labels = "no labels" if self.labels == "none" else f"labels `{self.labels}`"
        return f"`{self.name}` takes {self.loss.inputs} with {labels}"

    @property
    def labels(self) -> str:
        """The labels in words."""
        if isinstance(self.loss, type) and self.option("mask_by_label", False):
            return "class of each row"
        return str(self.loss.labels)

    @property
    def needs_labels(self) -> bool:
        """Whether there must be labels."""
        return "none" not in self.labels and "may leave out" not in self.labels

    @property
    def takes_classes(self) -> bool:
        """Whether labels are classes."""
        return self.labels.startswith("class")

    @property
    def takes_one_or_zero(self) -> bool:
        """Whether labels say that two texts belong together."""
        return self.labels.startswith("1 ")

    @property
    def takes_scores(self) -> bool:
        """Whether labels are similarities."""
        return self.labels.startswith("float")

    @property
    def ignores_labels(self) -> bool:
        """Whether labels have no effect."""
        return self.labels == "none"

    def takes_columns(self, number: int) -> bool:
        """Whether the loss takes so many text columns; True where its words do not say."""
        found = list(_column_counts(str(self.loss.inputs)))
        return not found or any(least <= number and (most is None or number <= most) for least, most in found)

    def compares_classes(self, num_columns: int) -> bool:
        """Whether positives and negatives are rows of one class and of others."""
        is_triplet = issubclass(self.kind, LabelTripletLoss)
        return is_triplet or (num_columns == 1 and self.takes_classes and issubclass(self.kind, _IN_BATCH))

    def compares_documents(self, num_columns: int) -> bool:
        """Whether the documents of other rows are negatives."""
        return issubclass(self.kind, _IN_BATCH) and not self.compares_classes(num_columns)

    @property
    def ranks_scores(self) -> bool:
        """Whether a batch needs two different scores."""
        return issubclass(self.kind, _RANKS_SCORES)

    def option(self, name: str, default: Any) -> Any:
        """Return an option of the loss, of a class the one that it has where nobody gives another."""
        if not isinstance(self.loss, type):
            return getattr(self.loss, name, default)
        parameter = inspect.signature(self.loss).parameters.get(name)
        return default if parameter is None else parameter.default


def needs_of(loss: Any) -> list[Needs]:
    """Return what a loss needs, or those that it is on top of; nothing for a loss of another package."""
    if isinstance(loss, LossModifier):
        return needs_of(loss.loss)
    if isinstance(loss, losses.WeightedSumLoss):
        return [needs for part in loss.losses.values() for needs in needs_of(part)]
    kind = loss if isinstance(loss, type) else type(loss)
    on_top = (LossModifier, losses.WeightedSumLoss)
    return [Needs(loss)] if issubclass(kind, losses.EmbeddingLoss) and not issubclass(kind, on_top) else []


def _column_counts(words: str) -> list[tuple[int, int | None]]:
    """Read the least and the most columns of each format in the words of a loss; None for any number.

    Formats stand in brackets, as `(anchor, positive, negative_1, ..., negative_n)`, or have a name.
    """
    found: list[tuple[int, int | None]] = []
    for columns in re.findall(r"\(([^)]*)\)", words):
        named = [name.strip() for name in re.split(r"\[|\.\.\.", columns)[0].split(",") if name.strip()]
        # A number past 1 continues a sequence that may end before.
        least = sum(re.search(r"_[2-9]$", name) is None for name in named)
        found.append((least, None if "..." in columns else len(named)))
    rest = re.sub(r"\([^)]*\) \w+", "", words)
    if "triplets" in rest:
        found.append((3, 3))
    if "single" in rest or "`sentence`" in rest:
        found.append((1, 1))
    return found
