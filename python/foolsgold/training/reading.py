"""How a run reads a data set: rows by column, with ids, tokens and views of what its loss asks for."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foolsgold.data.collator import Collator, ColumnReader, EpochTextIds
from foolsgold.data.epoch_rows import EpochRows
from foolsgold.training.batch_stream import BatchStream
from foolsgold.training.rows import TextIds, TokenCache, reader_of
from foolsgold.training.streams import StreamedRows
from foolsgold.training.views import views_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from foolsgold.data.columns import Columns
    from foolsgold.training.prompts import Prompts

logger = logging.getLogger(__name__)

_MAX_KNOWN_ROWS = 1 << 24
"""Rows of an epoch among which further positives are looked for, in every process that reads them."""


@dataclass(frozen=True)
class Reading:
    """A data set as a loader reads it.

    Attributes:
        reader: the map-style data set.
        collate: makes a batch of what `reader` gives for a list of rows.
        ids: of the texts; None where rows change with the epoch and do not know the ids of their texts, for a
            stream, or where the collator is the user's own.
    """

    reader: Any
    collate: Callable[[Any], dict[str, Any]]
    ids: TextIds | EpochTextIds | None = None


def epoch_rows(dataset: Any, cache_tokens: bool) -> Any:
    """Return what reads a data set's rows at the epoch of the run, where they are others in each.

    Raises:
        ValueError: if tokens of such rows, or of those of a stream, are to be kept.
    """
    is_stream = isinstance(dataset, BatchStream)
    if not (is_stream or hasattr(dataset, "set_epoch")):
        return dataset
    if cache_tokens:
        of = "a stream" if is_stream else "rows that change with the epoch"
        raise ValueError(f"`cache_tokens` must be False for {of}, got {type(dataset).__name__}")
    return dataset if is_stream else EpochRows(dataset)


def reading_of(
    dataset: Any,
    columns: Columns,
    loss: nn.Module,
    encoder: Any,
    prompts: Prompts,
    *,
    ids: TextIds | None,
    cache_tokens: bool,
    progress: bool,
) -> Reading:
    """Return how `loss` wants a data set to be read.

    Args:
        dataset: rows as dicts, with a length and read by row number.
        columns: the roles of its columns.
        loss: of this data set.
        encoder: the model that is trained.
        prompts: of this data set.
        ids: of its texts, found when they are first asked for; None for a stream.
        cache_tokens: tokenise every distinct text once, now.
        progress: show a progress bar while texts are tokenised.

    Raises:
        ValueError: if the loss does not weigh rows and there are weights, or tokens cannot be kept.
    """
    rows = epoch_rows(dataset, cache_tokens)
    is_fixed = rows is dataset
    _check_weights(loss, columns)
    views = views_of(loss, encoder)
    masks = any(getattr(module, "mask_by_identity", False) for module in loss.modules())
    frozen = any(getattr(module, "frozen_models", ()) for module in loss.modules())
    tokenizer = reader_of(encoder)
    tokens = None
    if cache_tokens:
        if tokenizer is None:
            kind = type(encoder).__name__
            raise ValueError(
                f"`cache_tokens` must be False for a model with a `preprocess` of its own, got {kind}"
            )
        tokens = TokenCache(tokenizer, dataset, columns, prompts, progress=progress)
    beside = [name for name in (columns.label, columns.weight) if name is not None]
    names = None if tokens is None else [*(columns.texts if views else ()), *beside]
    found = ids if is_fixed else _epoch_ids(rows, columns, masks=masks)
    by_row = None
    if masks or frozen:
        if isinstance(found, EpochTextIds):
            found.intern()
        by_row = found.by_column if isinstance(found, TextIds) else found
    reader = rows if isinstance(rows, BatchStream) else ColumnReader(rows, by_row, names)
    known = ids.known_positives if ids is not None and is_fixed and masks else None
    collate = Collator((tokenizer or encoder).preprocess, columns, prompts, tokens, views, known)
    return Reading(reader, collate, found)


def _epoch_ids(rows: EpochRows, columns: Columns, *, masks: bool) -> EpochTextIds | None:
    """Return the ids of rows that change with the epoch, where these know them."""
    if not hasattr(rows.dataset, "text_ids_at"):
        return None
    pairs = masks and columns.label is None and len(columns.texts) > 1
    is_listed = len(rows) <= _MAX_KNOWN_ROWS and not isinstance(rows.dataset, StreamedRows)
    if pairs and not is_listed:
        logger.warning(
            "of %d rows in an epoch, the further positives of an anchor are not looked for: they count as "
            "negatives in a batch, where texts differ; `rows(..., num_rows=)` with at most %d rows has them",
            len(rows),
            _MAX_KNOWN_ROWS,
        )
    return EpochTextIds(rows, columns.texts, masks=pairs and is_listed)


def _check_weights(loss: nn.Module, columns: Columns) -> None:
    if columns.weight and not any(getattr(part, "weighs_rows", False) for part in loss.modules()):
        raise ValueError(
            f"`loss` must weigh rows for a column `{columns.weight}`, got {type(loss).__name__}\n"
            f"hint: remove it (`dataset.remove_columns({columns.weight!r})`)"
        )
