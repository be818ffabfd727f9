"""What single texts are like: characters that should not be there, and lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.checking.cells import CONTROL, HTML, MISREAD, REPLACED, SINGLE, UNTRIMMED

if TYPE_CHECKING:
    from foolsgold.data.checking.dataset import DataSet

LONG = 1000
TIMES_LONGER = 20
"""A text of more than `LONG` characters that is so many times longer than the median is told."""

MANY_SINGLE = 0.05
"""The share of texts of one character from which on they are likely a mistake."""

_TEXTS_AT_A_TIME = 10_000
_RULES = {
    "control-characters": CONTROL,
    "replacement-characters": REPLACED,
    "misread-encoding": MISREAD,
    "html": HTML,
    "untrimmed": UNTRIMMED,
}


def check_characters(data: DataSet) -> None:
    """Find texts with characters that hint at a mistake, and texts of odd lengths."""
    for column in data.texts:
        for rule, flag in _RULES.items():
            data.add_values(rule, column, data.examined.have(flag, column))
        single = data.examined.have(SINGLE, column)
        is_many = np.count_nonzero(single) > MANY_SINGLE * len(single)
        data.add_values("single-character", column, single, severity="warning" if is_many else None)
        lengths = lengths_of(data, column)
        there = lengths[~column.is_null_value]
        if len(there):
            median = int(np.median(there))
            is_long = (lengths > LONG) & (lengths > TIMES_LONGER * median) & ~column.is_null_value
            data.add_values("long-text", column, is_long, more=f"; the median is {median:,} characters")


def lengths_of(data: DataSet, column: Any) -> Any:
    """(values,) the characters of each text of a column; of a null those of any text."""
    if len(data.examined) == 0:
        return np.zeros(len(column.is_null_value), np.uint32)
    return data.examined.lengths.take(column.values, mode="clip")


def check_tokens(data: DataSet, tokenizer: Any, max_length: int) -> None:
    """Find texts of more tokens than a model takes; equal texts are read once.

    Args:
        data: to look at.
        tokenizer: gives lists of `input_ids` for a list of texts.
        max_length: that a model takes.
    """
    counts = np.zeros(len(data.examined), np.int64)
    needed = np.zeros(len(data.examined), bool)
    for column in data.texts:
        needed[column.values[~column.is_null_value]] = True
    ids = np.flatnonzero(needed)
    for start in range(0, len(ids), _TEXTS_AT_A_TIME):
        part = ids[start : start + _TEXTS_AT_A_TIME]
        texts = [data.examined.text(int(id)) for id in part]
        counts[part] = [len(tokens) for tokens in tokenizer(texts)["input_ids"]]
    for column in data.texts:
        if len(counts):
            values = (counts > max_length).take(column.values, mode="clip") & ~column.is_null_value
            data.add_values("too-many-tokens", column, values, more=f"; it takes {max_length:,}")
