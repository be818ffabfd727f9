"""The rows of a run: data sets checked before anything is computed, and read with the ids of their texts."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from foolsgold.data.columns import Columns
from foolsgold.models import SentenceTransformer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray


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


class TextIds:
    """The ids of a data set's texts and the fingerprint of their content, found when first asked for.

    Args:
        dataset: as for `columns_of`.
        columns: the roles of its columns.
        sampler: of its batches; if it has interned the texts, they are not interned again.
    """

    def __init__(self, dataset: Any, columns: Columns, sampler: Any = None) -> None:
        self._dataset = dataset
        self._columns = columns
        self._sampler = sampler

    @property
    def by_column(self) -> dict[str, NDArray[np.uint32]]:
        """Ids (number of rows,) by text column, equal for equal texts across the columns."""
        return self._found[0]

    @property
    def fingerprint(self) -> str:
        """64 bits of the texts, in hexadecimal digits."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[dict[str, NDArray[np.uint32]], str]:
        from foolsgold.data.texts import Texts
        from foolsgold.data.texts import columns_of as table_columns
        from foolsgold.sampling import NoDuplicatesBatchSampler

        if isinstance(self._sampler, NoDuplicatesBatchSampler):
            ids, fingerprint = self._sampler.text_ids, self._sampler.state_dict()["fingerprint"]
        else:
            columns = table_columns(self._dataset)
            texts, ids = Texts.intern({name: columns[name] for name in self._columns.texts})
            fingerprint = f"{texts.fingerprint:016x}"
        return {name: ids[name] for name in self._columns.texts}, fingerprint


def preprocess_of(encoder: Any) -> Callable[..., Mapping[str, Any]]:
    """Return the encoder's `preprocess`, bound to a copy without weights that is cheap to give a worker."""
    if getattr(type(encoder), "preprocess", None) is not SentenceTransformer.preprocess:
        return encoder.preprocess  # type: ignore[no-any-return]
    reader = copy.copy(encoder[0])
    reader.__dict__.update(_parameters={}, _buffers={}, _modules={})
    return reader.preprocess  # type: ignore[no-any-return]
