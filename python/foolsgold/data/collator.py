"""From rows to what a loss takes: one feature dict per text column, labels, text ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from foolsgold.data.columns import Columns


@dataclass(frozen=True)
class ColumnBatch:
    """Some rows of a data set, by column.

    Attributes:
        rows: their places in the data set.
        columns: values by column name, one for each row.
        text_ids: uint32 ids (len(rows),) by name of the text column; None where texts have no ids.
    """

    rows: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    text_ids: Mapping[str, np.ndarray] | None = None


class ColumnReader(Dataset[Any]):
    """A map-style data set that is read a batch at a time, by column, with the ids of the texts.

    Arrow holds columns, and collators want columns: no dict per row is built in between.

    Args:
        dataset: rows as dicts; one of the `datasets` package is read by column.
        text_ids: ids (number of rows,) by text column, equal for equal texts across the columns.
        names: the columns to read; None for all.
    """

    def __init__(
        self,
        dataset: Any,
        text_ids: Mapping[str, np.ndarray] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        if names is not None and hasattr(dataset, "select_columns"):
            dataset = dataset.select_columns(list(names))
        self.dataset = dataset
        self.text_ids = text_ids
        self.names = names

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, row: int) -> Any:
        return self.dataset[row]

    def __getitems__(self, rows: list[int]) -> ColumnBatch:
        """Read `rows`; a DataLoader prefers this to one `__getitem__` per row."""
        if self.names is not None and not self.names:
            columns = {}
        elif hasattr(self.dataset, "column_names"):
            columns = self.dataset[rows]
        else:
            columns = _columns_of([self.dataset[row] for row in rows], self.names)
        text_ids = None if self.text_ids is None else {name: ids[rows] for name, ids in self.text_ids.items()}
        return ColumnBatch(rows, columns, text_ids)


@dataclass(frozen=True)
class Collator:
    """Makes features of the text columns of a batch, and tensors of its labels and text ids.

    Each column is tokenised and padded by itself. Columns are told apart by their place in a list, so names
    that begin alike (`text`, `text_2`) cannot mix.

    Attributes:
        preprocess: maps texts, and a `prompt` that is put before each, to a feature dict; the encoder's.
        columns: which columns are texts and which is the label.
        prompts: a prompt for all text columns, or prompts by column name.
        tokenized: maps a column and rows of it to the feature dict that `preprocess` would make; None where
            texts are tokenised batch by batch.
    """

    preprocess: Callable[..., Mapping[str, Any]]
    columns: Columns
    prompts: str | Mapping[str, str] | None = None
    tokenized: Callable[[str, list[int]], Mapping[str, Any]] | None = None

    def __call__(self, batch: ColumnBatch | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Collate a batch.

        Args:
            batch: rows as a `ColumnReader` gives them, or one dict per row.

        Returns:
            `sentence_features` (a feature dict per text column, with `text_ids` (B,) int64 where there are
            ids), `labels` (B, ...) if there is a label column, and `num_rows`.

        Raises:
            ValueError: if a text is not a string, or labels do not form a tensor.
        """
        if not isinstance(batch, ColumnBatch):
            batch = ColumnBatch(range(len(batch)), _columns_of(batch))
        collated: dict[str, Any] = {
            "sentence_features": [self._features(name, batch) for name in self.columns.texts],
            "num_rows": len(batch.rows),
        }
        if self.columns.label is not None:
            collated["labels"] = _label_tensor(self.columns.label, batch.columns[self.columns.label])
        return collated

    def _features(self, name: str, batch: ColumnBatch) -> dict[str, Any]:
        if self.tokenized is not None:
            features = dict(self.tokenized(name, list(batch.rows)))
        else:
            texts = list(batch.columns[name])
            for row, text in zip(batch.rows, texts, strict=True):
                if not isinstance(text, str):
                    raise ValueError(f"row {row}, column `{name}` must hold a text, got {text!r}")
            features = dict(self.preprocess(texts, prompt=prompt_of(self.prompts, name)))
        if batch.text_ids is not None:
            features["text_ids"] = torch.from_numpy(batch.text_ids[name].astype(np.int64))
        return features


def prompt_of(prompts: str | Mapping[str, str] | None, column: str) -> str | None:
    """Return what is put before each text of a column: the prompt of all columns, or its own."""
    return prompts if isinstance(prompts, str) else (prompts or {}).get(column)


def _columns_of(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None
) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in (rows[0] if names is None else names)}


def _label_tensor(name: str, values: Any) -> torch.Tensor:
    try:
        if isinstance(values, torch.Tensor):
            labels = values
        elif isinstance(values[0], torch.Tensor):
            labels = torch.stack(list(values))
        else:
            labels = torch.as_tensor(np.asarray(values))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"column `{name}` must hold numbers, or equally long lists of them, got {values[0]!r} and others"
        ) from error
    return labels.float() if labels.dtype == torch.float64 else labels
