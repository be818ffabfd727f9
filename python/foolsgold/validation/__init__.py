"""Does this sampler give this loss something to learn from? Told before a run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.columns import LABEL_COLUMNS, Columns
from foolsgold.data.known_positives import KnownPositives
from foolsgold.data.texts import Texts, columns_of
from foolsgold.integers import integer
from foolsgold.validation.batches import num_negatives, num_sharing, num_triplets, read_batches
from foolsgold.validation.labels import check_labels, numbers_of
from foolsgold.validation.needs import Needs, needs_of

if TYPE_CHECKING:
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
        dataset: one data set, as `foolsgold.data.texts.columns_of` takes it; of several, each is for itself.
        sampler: a batch sampler, or any iterable of lists of row numbers. Where the loss gathers over ranks
            (`gather_across_devices`), the batches of all `num_replicas` ranks of one of ours are one batch.
        loss: a loss or its class; of a loss of another package only what the data says is told.
        max_batches: how many batches to look at, at least 1.

    Returns:
        Counts and warnings.

    Raises:
        ValueError: if there are no batches, or where nothing can be learned: a wrong number of text columns,
            labels that are missing, not what the loss takes or the same in all rows, batches without a
            negative or a triplet; and for a `sampler` that gives no row numbers.
        TypeError: if `loss` is none.

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
    max_batches = integer("max_batches", max_batches, 1)
    if not callable(loss):
        raise TypeError(f"`loss` must be a loss or its class, got {loss!r:.80}")
    _check_is_one(dataset)
    data = _Data(dataset)
    needs = needs_of(loss)
    for one in needs:
        _check_format(one, data)
    gathers = any(one.option("gather_across_devices", False) for one in needs)
    batches = read_batches(sampler, max_batches, gathers=gathers)
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
        # The trainer gives texts that change with the epoch no ids, unless their data set knows them.
        self.has_ids = not hasattr(dataset, "set_epoch") or hasattr(dataset, "text_ids_at")
        knows = self.has_ids and label is None and len(self.ids) > 1
        self.known = KnownPositives(*self.ids[:2]) if knows else None


def _check_is_one(dataset: Any) -> None:
    """Raise ValueError for several data sets, which have losses and columns of their own."""
    if isinstance(dataset, Mapping):
        firsts = {name: next(iter(value), None) for name, value in dataset.items() if isinstance(value, list)}
        several = any(hasattr(value, "column_names") for value in dataset.values())
        several = several or any(
            isinstance(value, Mapping) for value in (*dataset.values(), *firsts.values())
        )
        got = f"a dict of {list(dataset)}"
    else:
        columns = {
            tuple(part[0]) for part in getattr(dataset, "datasets", ()) if isinstance(part[0], Mapping)
        }
        several, got = len(columns) > 1, f"several with the columns {sorted(columns)}"
    if several:
        raise ValueError(
            f"`dataset` must be one data set, got {got}\nhint: validate each with its own sampler and loss"
        )


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
        _refuse(data, by_class, by_document, by_score, batches)
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


def _refuse(
    data: _Data, by_class: list[Needs], by_document: list[Needs], by_score: list[Needs], batches: Any
) -> None:
    """Raise ValueError for batches of which not one teaches anything."""
    least, most = min(map(len, batches)), max(map(len, batches))
    sizes = f"{least}" if least == most else f"{least} to {most}"
    if by_class:
        wanted, subject = "with two rows of a class and one of another", by_class[0]
        classes = np.unique(np.asarray(numbers_of(data.labels)), return_counts=True)[1]
        hint = "take `GroupByLabelBatchSampler` or `PKSampler`, with the label in `valid_label_columns`"
        if classes.max() == 1:
            hint = "take data in which classes have several rows, here each has one"
    elif by_document:
        wanted, subject = "in which anchors have negatives", by_document[0]
        is_same = all((column == column[0]).all() for column in data.ids[1:] or data.ids)
        hint = "take data whose documents differ, here all are one" if is_same else "take larger batches"
        if most > 1 and not is_same:
            hint = "take `NoDuplicatesBatchSampler`"
    else:
        wanted, subject = "with different scores", by_score[0]
        hint = "take larger batches" if most == 1 else "take `RandomBatchSampler`"
    raise ValueError(
        f"`sampler` must give `{subject.name}` batches {wanted}, "
        f"got {len(batches)} batches of {sizes} rows without\nhint: {hint}"
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
