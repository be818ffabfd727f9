"""How many tokens the rows of a data set have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foolsgold.data.columns import LABEL_COLUMNS
from foolsgold.data.id_columns import IdColumns
from foolsgold.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

_TEXTS_AT_A_TIME = 10_000


def token_lengths(
    dataset: Any,
    tokenizer: Callable[[list[str]], Mapping[str, Any]],
    *,
    without: Iterable[str] = LABEL_COLUMNS,
    max_length: int | None = None,
    progress: bool = False,
) -> NDArray[np.uint32]:
    """Return the tokens of each row's longest text, for batches of like lengths; equal texts are read once.

    Args:
        dataset: anything that `foolsgold.data.texts.columns_of` takes.
        tokenizer: gives lists of `input_ids` for a list of texts, as the tokenizers of transformers do
            (`model.tokenizer`).
        without: names of columns that are no texts.
        max_length: where longer texts are cut; None for nowhere.
        progress: show a progress bar.

    Returns:
        Lengths (rows,) uint32.

    Raises:
        ValueError: if there is no text column, or at a null, naming column and row.

    Example:
        >>> def letters(texts):
        ...     return {"input_ids": [list(text) for text in texts]}
        >>> token_lengths({"query": ["a", "bc"], "answer": ["def", "g"]}, letters).tolist()
        [3, 2]
    """
    ids, texts = IdColumns.of(dataset, without=without, progress=progress)
    if texts is None:
        raise ValueError("`dataset` must have texts, got ids")
    lengths = np.zeros(len(texts), dtype=np.uint32)
    with progress_bar("Count tokens", enabled=progress) as show:
        for start in range(0, len(texts), _TEXTS_AT_A_TIME):
            numbers = np.arange(start, min(start + _TEXTS_AT_A_TIME, len(texts)), dtype=np.uint32)
            lengths[numbers] = [len(tokens) for tokens in tokenizer(texts.take(numbers))["input_ids"]]
            if show is not None:
                show(int(numbers[-1]) + 1, len(texts))
    if max_length is not None:
        lengths = np.minimum(lengths, np.uint32(max_length))
    longest = np.zeros(ids.num_rows, dtype=np.uint32)
    for column in ids.columns.values():
        if isinstance(column, tuple):
            rows = np.repeat(np.arange(ids.num_rows), np.diff(column[0]))
            np.maximum.at(longest, rows, lengths[column[1]])
        else:
            np.maximum(longest, lengths[column], out=longest)
    return longest
