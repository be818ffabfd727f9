"""Does this sampler give this loss something to learn from? Told before a run."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from foolsgold.data.columns import LABEL_COLUMNS, Columns
from foolsgold.data.known_positives import KnownPositives
from foolsgold.data.texts import Texts, columns_of
from foolsgold.sampling.batch_sampler import PlannedBatchSampler
from foolsgold.validation.batches import num_negatives, num_sharing, num_triplets
from foolsgold.validation.labels import check_labels, numbers_of
from foolsgold.validation.needs import Needs, needs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from foolsgold.sampling.plan import Report

__all__ = ["Spread", "Validation", "validate"]

MANY_DUPLICATES = 0.01
FEW_NEGATIVES = 8
MANY_LEFT_OUT = 0.05


@dataclass(frozen=True)
class Spread:
    """Numbers in short.

    Attributes:
        least: the smallest.
        mean: of all.
    """

    least: int
    mean: float

    def __str__(self) -> str:
        return f"{self.mean:,.1f} on average, {self.least:,} at least"


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What `validate` has found; shown by `print`.

    Attributes:
        rows: of the data set.
        batches: that were looked at.
        texts_per_step: mean number of texts of a batch.
        negatives_per_anchor: documents of a batch that are neither the anchor's positive nor masked, of up
            to 64 anchors a batch; None where the loss compares no documents.
        triplets_per_batch: (anchor, positive, negative) of rows that the classes make; None where the loss
            compares no classes.
        duplicate_rate: the share of rows that share a text with another row of their batch.
        without_signal: the share of batches that teach the loss nothing.
        report: how the sampler uses the rows; None where it does not say.
        warnings: what is likely a mistake, with a remedy.
    """

    rows: int
    batches: int
    texts_per_step: float
    negatives_per_anchor: Spread | None
    triplets_per_batch: Spread | None
    duplicate_rate: float
    without_signal: float
    report: Report | None
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"rows                  {self.rows:,}",
            f"batches looked at     {self.batches:,}",
            f"texts per step        {self.texts_per_step:,.1f}",
            f"negatives per anchor  {self.negatives_per_anchor}" if self.negatives_per_anchor else "",
            f"triplets per batch    {self.triplets_per_batch}" if self.triplets_per_batch else "",
            f"duplicate rate        {self.duplicate_rate:.2%}",
            f"without signal        {self.without_signal:.2%} of the batches",
            f"rows left out         {self.report.left_out:,}" if self.report else "",
            *(f"warning: {warning}" for warning in self.warnings),
        ]
        return "\n".join(line for line in lines if line)


def validate(dataset: Any, sampler: Any, loss: Any, *, max_batches: int = 100) -> Validation:
    """Look at some batches and say what a loss gets of them; refuse what cannot learn.

    Of a sampler with a plan the batches are at even distances, and its position stays where it was; of any
    other they are the first.

    Args:
        dataset: what the trainer gets, or anything that `foolsgold.data.texts.columns_of` takes.
        sampler: a batch sampler, or any iterable of lists of row numbers.
        loss: a loss or its class; of a loss of another package only what the data says is told.
        max_batches: how many batches to look at, at least 1.

    Returns:
        Counts and warnings.

    Raises:
        ValueError: if there are no batches, or where nothing can be learned: a wrong number of text columns,
            labels that are missing or not what the loss takes, batches without a negative or a triplet.

    Example:
        >>> from foolsgold.losses import MultipleNegativesRankingLoss
        >>> from foolsgold.sampling import NoDuplicatesBatchSampler
        >>> pairs = {"query": list("abcdefgh"), "answer": list("stuvwxyz")}
        >>> sampler = NoDuplicatesBatchSampler(pairs, batch_size=4, drop_last=True)
        >>> print(validate(pairs, sampler, MultipleNegativesRankingLoss))
        rows                  8
        batches looked at     2
        texts per step        8.0
        negatives per anchor  3.0 on average, 3 at least
        duplicate rate        0.00%
        without signal        0.00% of the batches
        rows left out         0
        warning: anchors have 3.0 negatives on average
        hint: take larger batches, or data with hard negatives
    """
    if max_batches < 1:
        raise ValueError(f"`max_batches` must be at least 1, got {max_batches}")
    data = _Data(dataset)
    needs = needs_of(loss)
    for one in needs:
        _check_format(one, data)
    batches = [np.asarray(batch, dtype=np.int64) for batch in _batches(sampler, max_batches)]
    if not batches or min(map(len, batches)) == 0:
        raise ValueError("`sampler` must give batches of rows, got none")
    most = max(int(batch.max()) for batch in batches)
    if most >= data.num_rows:
        raise ValueError(f"`sampler` must give rows below {data.num_rows}, got {most}")
    return _counted(data, sampler, needs, batches)


class _Data:
    """The columns of a data set and what is known of its texts."""

    def __init__(self, dataset: Any) -> None:
        columns = columns_of(dataset)
        self.num_rows = len(next(iter(columns.values()), ()))
        if self.num_rows == 0:
            raise ValueError("`dataset` must have rows, got none")
        first = {name: _cell(column[0]) for name, column in columns.items()}
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            self.roles = Columns.from_row(first)
        self.warnings = [str(warning.message) for warning in told]
        self.names = list(columns)
        label = self.roles.label
        self.labels = None if label is None else columns[label]
        _, ids = Texts.intern({name: columns[name] for name in self.roles.texts})
        self.ids: list[NDArray[np.uint32]] = [ids[name] for name in self.roles.texts]
        # The trainer gives texts that change with the epoch no ids.
        self.has_ids = not hasattr(dataset, "set_epoch")
        knows = self.has_ids and label is None and len(self.ids) > 1
        self.known = KnownPositives(*self.ids[:2]) if knows else None


def _batches(sampler: Any, most: int) -> Sequence[Any]:
    if not isinstance(sampler, PlannedBatchSampler):
        # A sampler may draw from the global generator, which is left as it was.
        with torch.random.fork_rng(devices=[]):
            return list(islice(sampler, most))
    plan = sampler.plan
    first, step = (0, 1) if sampler.rank is None else (sampler.rank, sampler.num_replicas)
    numbers = range(first, len(plan), step)
    places = np.unique(np.linspace(0, len(numbers) - 1, min(most, len(numbers))).astype(np.int64))
    return [plan.batch(numbers[place]) for place in places.tolist()]


def _cell(value: Any) -> Any:
    return value.as_py() if hasattr(value, "as_py") else value


def _check_format(needs: Needs, data: _Data) -> None:
    texts = data.roles.texts
    if not needs.takes_columns(len(texts)):
        raise ValueError(f"{needs.words}, got {len(texts)} text columns: {', '.join(texts)}")
    if data.labels is None:
        if needs.needs_labels or needs.compares_classes(len(texts)):
            raise ValueError(
                f"{needs.words}, got the columns {data.names}\n"
                f"hint: name the label column one of {', '.join(LABEL_COLUMNS)}"
            )
        return
    check_labels(needs, str(data.roles.label), data.labels)


def _counted(data: _Data, sampler: Any, needs: list[Needs], batches: list[NDArray[np.int64]]) -> Validation:
    columns = len(data.ids)
    by_class = [one for one in needs if one.compares_classes(columns)]
    by_document = [one for one in needs if one.compares_documents(columns)]
    by_score = [one for one in needs if one.ranks_scores and columns == 2]
    triplets, negatives, sharing = [], [], 0
    signals = np.ones(len(batches), dtype=bool)
    numbers = None if data.labels is None else numbers_of(data.labels)
    masks = data.has_ids and all(one.option("mask_by_identity", True) for one in by_document)
    for number, batch in enumerate(batches):
        ids = [column[batch] for column in data.ids]
        sharing += num_sharing(np.stack(ids))
        labels = None if numbers is None else numbers[batch]
        if by_class:
            triplets.append(num_triplets(labels))
            signals[number] &= triplets[-1] > 0
        if by_document:
            uses = [one for one in by_document if one.takes_classes and labels is not None]
            negatives.append(num_negatives(ids, data.known, labels if uses else None, masks=masks))
            signals[number] &= bool(negatives[-1].any())
        if by_score and labels is not None:
            signals[number] &= len(np.unique(labels)) > 1
    if not signals.any():
        _refuse(by_class, by_document, by_score, batches)
    every = np.concatenate(negatives) if negatives else None
    num_rows = sum(map(len, batches))
    found = Validation(
        rows=data.num_rows,
        batches=len(batches),
        texts_per_step=columns * num_rows / len(batches),
        negatives_per_anchor=None if every is None else Spread(int(every.min()), float(every.mean())),
        triplets_per_batch=Spread(min(triplets), sum(triplets) / len(triplets)) if triplets else None,
        duplicate_rate=sharing / num_rows,
        without_signal=1 - float(signals.mean()),
        report=getattr(sampler, "report", None),
        warnings=tuple(data.warnings),
    )
    told = _warnings(found, data, needs, is_masked=masks or not by_document)
    return Validation(**{**vars(found), "warnings": (*found.warnings, *told)})


def _refuse(by_class: list[Needs], by_document: list[Needs], by_score: list[Needs], batches: Any) -> None:
    """Raise ValueError for batches of which not one teaches anything."""
    least, most = min(map(len, batches)), max(map(len, batches))
    sizes = f"{least}" if least == most else f"{least} to {most}"
    if by_class:
        raise ValueError(
            f"`sampler` must give `{by_class[0].name}` batches with two rows of a class and one of another, "
            f"got {len(batches)} batches of {sizes} rows without\n"
            "hint: take `GroupByLabelBatchSampler` or `PKSampler`, with the label in `valid_label_columns`"
        )
    if by_document:
        hint = "larger batches" if most == 1 else "`NoDuplicatesBatchSampler`"
        raise ValueError(
            f"`sampler` must give `{by_document[0].name}` batches in which anchors have negatives, "
            f"got {len(batches)} batches of {sizes} rows without\nhint: take {hint}"
        )
    raise ValueError(
        f"`sampler` must give `{by_score[0].name}` batches with different scores, "
        f"got {len(batches)} batches of {sizes} rows without\nhint: take `RandomBatchSampler`"
    )


def _warnings(found: Validation, data: _Data, needs: list[Needs], *, is_masked: bool) -> list[str]:
    told = []
    if not is_masked and found.duplicate_rate > MANY_DUPLICATES:
        told.append(
            f"{found.duplicate_rate:.1%} of the rows share a text with another row of their batch, "
            "which counts as a negative\nhint: take `NoDuplicatesBatchSampler`, or `mask_by_identity=True`"
        )
    negatives = found.negatives_per_anchor
    if negatives is not None and negatives.mean < FEW_NEGATIVES:
        told.append(
            f"anchors have {negatives.mean:.1f} negatives on average\n"
            "hint: take larger batches, or data with hard negatives"
        )
    if found.without_signal > 0:
        told.append(f"{found.without_signal:.1%} of the batches teach nothing")
    if found.report is not None and found.report.left_out > MANY_LEFT_OUT * found.rows:
        why = ", ".join(f"{reason}: {count}" for reason, count in found.report.why.items())
        told.append(f"{found.report.left_out} of {found.rows} rows are in no batch ({why})")
    ignoring = [one.name for one in needs if one.ignores_labels]
    if data.labels is not None and needs and len(ignoring) == len(needs):
        told.append(
            f"`{ignoring[0]}` makes no use of the labels in `{data.roles.label}`\n"
            "hint: leave out rows whose label says that they are not positive"
        )
    return told
