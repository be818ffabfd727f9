"""The rows of a run: data sets checked before anything is computed, and read with the ids of their texts."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from foolsgold.data.collator import ColumnReader
from foolsgold.data.columns import Columns
from foolsgold.models import SentenceTransformer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def columns_of(name: str, dataset: Any) -> Columns:
    """Find the roles of a data set's columns from its first row.

    Args:
        name: of the argument, for messages.
        dataset: rows as dicts, with a length and read by row number.

    Raises:
        TypeError: if it is no such thing.
        ValueError: if it is empty, or a column is neither text nor label.
    """
    if isinstance(dataset, dict) or not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(
            f"`{name}` must have a length and be read by row number, got {type(dataset).__name__}"
        )
    if len(dataset) == 0:
        raise ValueError(f"`{name}` must have rows, got none")
    try:
        return Columns.from_row(dataset[0])
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from None


def check_prompts(prompts: str | Mapping[str, str] | None, columns: list[Columns]) -> None:
    """Raise ValueError if prompts are given for a column that no data set has."""
    known = {name for roles in columns for name in roles.texts}
    for name in prompts if isinstance(prompts, dict) else ():
        if name not in known:
            raise ValueError(f"`prompts` must be for text columns ({', '.join(sorted(known))}), got {name!r}")


def reader_of(dataset: Any, columns: Columns, sampler: Any = None, *, with_text_ids: bool) -> ColumnReader:
    """Build the reader of a data set.

    Args:
        dataset: as for `columns_of`.
        columns: the roles of its columns.
        sampler: one that may have interned the texts already, as `text_ids` by column.
        with_text_ids: whether the loss asks which texts are equal.
    """
    if not with_text_ids:
        return ColumnReader(dataset)
    ids = getattr(sampler, "text_ids", None)
    if ids is None:
        from foolsgold.data.texts import Texts

        _, ids = Texts.intern({name: dataset[name] for name in columns.texts})
    return ColumnReader(dataset, {name: ids[name] for name in columns.texts})


def preprocess_of(encoder: Any) -> Callable[..., Mapping[str, Any]]:
    """Return the encoder's `preprocess`, bound to a copy without weights that is cheap to give a worker."""
    if getattr(type(encoder), "preprocess", None) is not SentenceTransformer.preprocess:
        return encoder.preprocess  # type: ignore[no-any-return]
    reader = copy.copy(encoder[0])
    reader.__dict__.update(_parameters={}, _buffers={}, _modules={})
    return reader.preprocess  # type: ignore[no-any-return]
