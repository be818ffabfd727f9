"""The rows of a run: data sets checked before anything is computed, and read with the ids of their texts."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import IterableDataset
from tqdm.auto import tqdm

from foolsgold.data.collator import prompt_of
from foolsgold.data.columns import Columns
from foolsgold.data.combination_rows import CombinationStream
from foolsgold.data.known_positives import KnownPositives
from foolsgold.data.texts import Texts
from foolsgold.data.texts import columns_of as table_columns
from foolsgold.models import SentenceTransformer
from foolsgold.models.token_rows import TokenRows
from foolsgold.sampling import NoDuplicatesBatchSampler, NoDuplicatesStream
from foolsgold.training.batch_stream import BatchStream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from foolsgold.models.input_module import InputModule

_TEXTS_AT_A_TIME = 10_000


def columns_of(name: str, dataset: Any) -> Columns:
    """Find the roles of a data set's columns from its first row.

    Args:
        name: of the argument, for messages.
        dataset: rows as dicts, with a length and read by row number, or a stream of them.

    Raises:
        TypeError: if it is no such thing.
        ValueError: if it is empty, or a column is neither text nor label.
    """
    if isinstance(dataset, BatchStream):
        return _roles(name, dataset.first_row)
    if isinstance(dataset, dict) or not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(
            f"`{name}` must have a length and be read by row number, got {type(dataset).__name__}"
            + _hint_of(dataset)
        )
    if len(dataset) == 0:
        raise ValueError(f"`{name}` must have rows, got none")
    return _roles(name, dataset[0])


def _roles(name: str, row: Any) -> Columns:
    if not isinstance(row, Mapping):
        raise TypeError(
            f"`{name}` must have rows that are dicts, got {type(row).__name__}\n"
            "hint: `datasets.Dataset.from_dict` makes rows of columns"
        )
    try:
        return Columns.from_row(row)
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from None


def _hint_of(dataset: Any) -> str:
    if isinstance(dataset, CombinationStream):
        return "\nhint: `rows(texts, num_rows=...)` of the combinations makes a data set with a length"
    stored = "`foolsgold.data.StoredRows.build` keeps rows on disk, where they are read by number"
    if isinstance(dataset, NoDuplicatesStream):
        return f"\nhint: a stream is the one training data set, and given without a name; {stored}"
    if isinstance(dataset, IterableDataset):
        windows = "`foolsgold.sampling.NoDuplicatesStream` makes batches of a stream to train on"
        return f"\nhint: {stored}; {windows}"
    return ""


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

    @cached_property
    def known_positives(self) -> KnownPositives | None:
        """The texts of the second column by text of the first; None where no text has more than one.

        Nor where rows have labels, for these may say that the second text is no positive.
        """
        if len(self._columns.texts) < 2 or self._columns.label is not None:
            return None
        queries, positives = (self.by_column[name] for name in self._columns.texts[:2])
        known = KnownPositives(queries, positives)
        return known if known.most > 1 else None

    @property
    def fingerprint(self) -> str:
        """64 bits of the texts, in hexadecimal digits."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[dict[str, NDArray[np.uint32]], str]:
        if isinstance(self._sampler, NoDuplicatesBatchSampler):
            ids, fingerprint = self._sampler.text_ids, self._sampler.state_dict()["fingerprint"]
        else:
            columns = table_columns(self._dataset)
            texts, ids = Texts.intern({name: columns[name] for name in self._columns.texts})
            fingerprint = f"{texts.fingerprint:016x}"
        return {name: ids[name] for name in self._columns.texts}, fingerprint


class TokenCache:
    """The tokens of a data set's texts: every distinct text is tokenised once, and batches are gathered.

    Takes 4 bytes a token of the distinct texts, and 4 bytes a text of the data set.

    Args:
        reader: what tokenises.
        dataset: as for `columns_of`.
        columns: the roles of its columns.
        prompts: a prompt for all text columns, or prompts by column name.
        progress: show a progress bar.

    Raises:
        ValueError: if a text is null; its row is named.
    """

    def __init__(
        self,
        reader: InputModule,
        dataset: Any,
        columns: Columns,
        prompts: str | Mapping[str, str] | None,
        *,
        progress: bool = False,
    ) -> None:
        self.reader = reader
        self._rows: dict[str | None, TokenRows] = {}
        self._ids: dict[str, tuple[str | None, NDArray[np.uint32]]] = {}
        table = table_columns(dataset)
        names_of: dict[str | None, list[str]] = {}
        for name in columns.texts:
            names_of.setdefault(prompt_of(prompts, name), []).append(name)
        for prompt, names in names_of.items():
            texts, ids = Texts.intern({name: table[name] for name in names})
            self._rows[prompt] = self._tokenize(texts, prompt or "", progress)
            self._ids |= {name: (prompt, ids[name]) for name in names}

    def __call__(self, column: str, rows: list[int]) -> dict[str, Any]:
        """Make the features of some rows of a column."""
        prompt, ids = self._ids[column]
        indices = torch.from_numpy(ids[rows].astype(np.int64))
        return self.reader.features(self._rows[prompt], indices, prompt)

    def _tokenize(self, texts: Texts, prompt: str, progress: bool) -> TokenRows:
        parts = []
        with tqdm(total=len(texts), desc="Tokenize", unit="text", disable=not progress) as bar:
            for start in range(0, len(texts), _TEXTS_AT_A_TIME):
                ids = np.arange(start, min(start + _TEXTS_AT_A_TIME, len(texts)), dtype=np.uint32)
                parts.append(self.reader.token_rows([prompt + text for text in texts.take(ids)]))
                bar.update(len(ids))
        return TokenRows.concatenated(parts)


def reader_of(encoder: Any) -> InputModule | None:
    """Return the encoder's tokenising module without weights, cheap to give a worker; None without one."""
    if getattr(type(encoder), "preprocess", None) is not SentenceTransformer.preprocess:
        return None
    reader: InputModule = copy.copy(encoder[0])
    reader.__dict__.update(_parameters={}, _buffers={}, _modules={})
    return reader
