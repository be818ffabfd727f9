"""The rules of a check: how grave a breach is, what it is in words, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foolsgold.data.checking.report import Severity


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        severity: of a breach.
        message: what a breach is.
        remedy: what to do.
        is_mended: whether the clean copy is free of it.
    """

    severity: Severity
    message: str
    remedy: str
    is_mended: bool = False


RULES: dict[str, Rule] = {
    "broken-row": Rule(
        "error", "rows break the format of their file", "mend them by hand, or leave them out", True
    ),
    "mixed-types": Rule(
        "error",
        "values are neither texts nor lists of texts as in other rows",
        "mend them by hand, or drop the rows",
        True,
    ),
    "unreadable-column": Rule(
        "warning",
        "the column holds objects or values of several kinds, and is left out",
        "take the texts out of the objects",
    ),
    "text-for-list": Rule(
        "error",
        "a text stands where a list of texts belongs; read as a list, it would be its single characters",
        "make each text a list of one",
        True,
    ),
    "list-for-text": Rule(
        "error", "lists stand where single texts belong", "take one text of each list, or a row for each"
    ),
    "null": Rule(
        "error",
        "texts, labels or items of lists are null",
        "drop the rows, take the nulls out of the lists",
        True,
    ),
    "blank": Rule(
        "error", "texts have no visible character", "drop the rows, take the blanks out of the lists", True
    ),
    "empty-list": Rule("error", "lists of positives are empty", "drop the rows", True),
    "no-negatives": Rule(
        "notice", "lists of negatives are empty", "mine negatives for these rows, or train on them as pairs"
    ),
    "unequal-lists": Rule(
        "error", "labels or scores are not as many as the texts they belong to", "drop the rows", True
    ),
    "duplicate-row": Rule(
        "warning", "rows equal an earlier one in texts, label and weight", "keep the first of each", True
    ),
    "twin-row": Rule(
        "notice",
        "rows equal an earlier one but for case, white space and Unicode form",
        "keep one of each, if it is the same",
    ),
    "repeated-text": Rule(
        "notice",
        "rows share the text with another row",
        "take `NoDuplicatesBatchSampler`, or a loss that masks by identity, as all in-batch losses here do",
    ),
    "twin-text": Rule(
        "notice",
        "texts differ from another one in case, white space and Unicode form alone",
        "write them alike, or take `NoDuplicatesBatchSampler(normalize_texts=True)`",
    ),
    "positive-in-negatives": Rule(
        "error", "negatives are positives of the same anchor, in this row or another", "take them out", True
    ),
    "twin-in-negatives": Rule(
        "error",
        "negatives are positives of the same anchor but for case, white space and Unicode form",
        "take them out",
        True,
    ),
    "anchor-is-positive": Rule(
        "warning", "the anchor is its own positive", "drop the rows, unless dropout is to tell them apart"
    ),
    "anchor-is-negative": Rule("warning", "the anchor is its own negative", "drop these negatives"),
    "contradiction": Rule(
        "error", "rows with the same texts have different labels", "keep the right label, drop the others"
    ),
    "not-finite": Rule(
        "error", "numbers are infinite or no numbers", "drop the rows, or find out where they come from"
    ),
    "score-range": Rule(
        "warning",
        "scores are beyond -1 to 1, which no cosine can reach",
        "divide by the largest that there can be, or take a loss that ranks: `CoSENTLoss`",
    ),
    "text-label": Rule("error", "labels are texts; losses take numbers", "number the classes from 0"),
    "label-type": Rule("error", "labels are neither numbers nor classes", "give each row one number"),
    "class-numbers": Rule(
        "warning",
        "classes are not numbered from 0 without gaps, as `SoftmaxLoss` takes them",
        "number them from 0",
    ),
    "one-class": Rule(
        "error", "all rows have one label, so that nothing is told apart", "take rows of other classes too"
    ),
    "single-row-class": Rule(
        "warning",
        "classes have a single row, which has no positive",
        "take more rows of these classes, or leave them out",
    ),
    "imbalance": Rule(
        "warning",
        "the largest class has more than ten times the rows of these",
        "take `PKSampler`, whose batches hold classes alike, or more rows of these",
    ),
    "control-characters": Rule("warning", "texts hold control characters", "take them out at the source"),
    "replacement-characters": Rule(
        "warning",
        "texts hold U+FFFD, which stands for bytes that were lost",
        "read the source in its own encoding",
    ),
    "misread-encoding": Rule(
        "warning",
        "texts are UTF-8 that was read in another encoding, as `Ã©` for `é`",
        "read the source as UTF-8",
    ),
    "html": Rule(
        "notice",
        "texts hold tags or entities of HTML",
        "turn them into text at the source, unless they belong there",
    ),
    "untrimmed": Rule(
        "notice", "texts begin or end with white space or a byte order mark", "trim them", False
    ),
    "single-character": Rule(
        "notice", "texts are one character", "look whether a text was taken for a list of texts somewhere"
    ),
    "long-text": Rule(
        "notice", "texts are very much longer than the others", "look at them; models cut long texts"
    ),
    "too-many-tokens": Rule(
        "warning",
        "texts have more tokens than the model takes, and are cut",
        "split them, or raise `max_seq_length`",
    ),
    "id-column": Rule(
        "warning", "the column looks like identifiers, and would be trained on as texts", "leave it out"
    ),
    "extra-column": Rule(
        "warning",
        "losses take every column but label and weight for a text, in order",
        "leave out what is no text to train on, as by `select_columns([...])`",
    ),
    "column-order": Rule(
        "warning",
        "losses go by the order of columns, not by names",
        "give the order, as by `select_columns([...])`",
    ),
    "roles": Rule(
        "warning",
        "which column is the anchor and which the positive is not told by the names",
        "name them in the call",
    ),
    "leaked-row": Rule(
        "error", "rows of the test data are in the training data", "drop them from the training data", True
    ),
    "leaked-text": Rule(
        "error",
        "anchors of the test data are anchors of the training data",
        "drop the rows from the training data",
        True,
    ),
    "leaked-twin": Rule(
        "error",
        "anchors of the test data are in the training data, but for case, white space and Unicode form",
        "drop the rows from the training data",
        True,
    ),
    "leaked-near-duplicate": Rule(
        "warning",
        "anchors of the test data have near-duplicates in the training data",
        "drop the rows from the training data",
        True,
    ),
    "shared-document": Rule(
        "notice",
        "documents of the test data are in the training data, which is usual where both search one corpus",
        "look whether it is meant",
    ),
    "near-duplicate": Rule(
        "notice", "texts have a near-duplicate among the others", "keep one of each group"
    ),
}
"""By name; names and what they mean do not change."""
