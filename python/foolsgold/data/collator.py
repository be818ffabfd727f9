"""From rows to what a loss takes: one feature dict per text column, labels, text ids, row weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from foolsgold.data.columns import Columns
    from foolsgold.data.epoch_rows import EpochRows
    from foolsgold.data.known_positives import KnownPositives


@dataclass(frozen=True)
class ColumnBatch:
    """Some rows of a data set, by column.

    Attributes:
        rows: their places in the data set.
        columns: values by column name, one for each row.
        text_ids: uint32 ids (len(rows),) by name of the text column; None where texts have no ids.
        known_positives: what answers a text of the first column, where that changes with the epoch.
    """

    rows: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    text_ids: Mapping[str, np.ndarray] | None = None
    known_positives: KnownPositives | None = None


@dataclass(frozen=True)
class EpochTextIds:
    """The ids of the texts of rows that are others in each epoch.

    Attributes:
        rows: of a data set with `text_ids_at` and `text_ids_of`, such as `CombinationRows`.
        texts: the columns of texts.
        masks: whether what answers a text of the first column is looked for, in the second.
    """

    rows: EpochRows
    texts: tuple[str, ...]
    masks: bool

    def intern(self) -> int:
        """Number the texts, where that is not done, and return how many there are.

        Asked for before a loader starts its workers, it is not done in each of them.
        """
        return int(self.rows.dataset.num_texts)

    def at(self, rows: list[int]) -> dict[str, np.ndarray]:
        """Return the ids (len(rows),) of some rows, by column."""
        ids = self.rows.text_ids_at(rows)
        return {name: ids[name] for name in self.texts}

    def known_positives(self) -> KnownPositives | None:
        """Return what the rows of the epoch know; None where that is nothing, or not looked for."""
        return self.rows.known_positives(*self.texts[:2]) if self.masks else None

    @property
    def fingerprint(self) -> str:
        """64 bits of all that decides the rows of every epoch, in hexadecimal digits."""
        return f"{self.rows.dataset.fingerprint:016x}"


class ColumnReader(Dataset[Any]):
    """A map-style data set that is read a batch at a time, by column, with the ids of the texts.

    Arrow holds columns, and collators want columns: no dict per row is built in between.

    Args:
        dataset: rows as dicts; one of the `datasets` package is read by column.
        text_ids: ids (number of rows,) by text column, equal for equal texts across the columns; or
            `EpochTextIds` of rows that are others in each epoch.
        names: the columns to read; None for all.
    """

    def __init__(
        self,
        dataset: Any,
        text_ids: Mapping[str, np.ndarray] | EpochTextIds | None = None,
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

    def set_epoch(self, epoch: int) -> None:
        """Tell the data set, where it has rows by epoch."""
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)

    def __getitems__(self, rows: list[int]) -> ColumnBatch:
        """Read `rows`; a DataLoader prefers this to one `__getitem__` per row."""
        if self.names is not None and not self.names:
            columns = {}
        elif hasattr(self.dataset, "column_names"):
            columns = self.dataset[rows]
        elif hasattr(self.dataset, "__getitems__"):
            columns = _columns_of(self.dataset.__getitems__(rows), self.names)
        else:
            columns = _columns_of([self.dataset[row] for row in rows], self.names)
        if isinstance(self.text_ids, EpochTextIds):
            return ColumnBatch(rows, columns, self.text_ids.at(rows), self.text_ids.known_positives())
        text_ids = None if self.text_ids is None else {name: ids[rows] for name, ids in self.text_ids.items()}
        return ColumnBatch(rows, columns, text_ids)


@dataclass(frozen=True)
class Collator:
    """Makes features of the text columns of a batch, and tensors of its labels and text ids.

    Each column is tokenised and padded by itself. Columns are told apart by their place in a list, so names
    that begin alike (`text`, `text_2`) cannot mix.

    Attributes:
        preprocess: maps texts, and a `prompt` that is put before each, to a feature dict; the encoder's.
        columns: which columns are texts, which is the label and which the weight.
        prompts: a prompt for all text columns, or prompts by column name.
        tokenized: maps a column and rows of it to the feature dict that `preprocess` would make; None where
            texts are tokenised batch by batch.
        views: by name, what maps the same texts, without prompts, to the features of another model.
        known_positives: what the whole data set knows to answer a text of the first column; None for nothing.
    """

    preprocess: Callable[..., Mapping[str, Any]]
    columns: Columns
    prompts: str | Mapping[str, str] | None = None
    tokenized: Callable[[str, list[int]], Mapping[str, Any]] | None = None
    views: Mapping[str, Callable[..., Mapping[str, Any]]] = field(default_factory=dict)
    known_positives: KnownPositives | None = None

    def __call__(self, batch: ColumnBatch | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Collate a batch.

        Args:
            batch: rows as a `ColumnReader` gives them, or one dict per row.

        Returns:
            `sentence_features` (a feature dict per text column, with `text_ids` (B,) int64 where there are
            ids, and `views`, feature dicts by name, where there are any; the first has `row_weights` (B,)
            float32 if there is a weight column, and `known_positive_ids` (B, P) int64, filled up with -1,
            where they are known), `labels` (B, ...) if there is a label column, and `num_rows`.

        Raises:
            ValueError: if a text is not a string, labels do not form a tensor or are not finite, or weights
                are not finite numbers of at least 0; row and column are named.
        """
        if not isinstance(batch, ColumnBatch):
            batch = ColumnBatch(range(len(batch)), _columns_of(batch))
        collated: dict[str, Any] = {
            "sentence_features": [self._features(name, batch) for name in self.columns.texts],
            "num_rows": len(batch.rows),
        }
        known_positives = batch.known_positives or self.known_positives
        if known_positives is not None and batch.text_ids is not None:
            known = known_positives.of(batch.text_ids[self.columns.texts[0]])
            collated["sentence_features"][0]["known_positive_ids"] = torch.from_numpy(known)
        if self.columns.label is not None:
            labels = _label_tensor(self.columns.label, batch.columns[self.columns.label])
            # Teachers say -inf of what is no candidate.
            allowed = ~labels.isnan() & (labels != torch.inf)
            _check_rows(allowed, "a label that is a number", labels, self.columns.label, batch.rows)
            collated["labels"] = labels
        if self.columns.weight is not None:
            name = self.columns.weight
            weights = _label_tensor(name, batch.columns[name]).float()
            allowed = weights.isfinite() & (weights >= 0)
            _check_rows(allowed, "a finite weight of at least 0", weights, name, batch.rows)
            collated["sentence_features"][0]["row_weights"] = weights
        return collated

    def _features(self, name: str, batch: ColumnBatch) -> dict[str, Any]:
        texts = [] if self.tokenized is not None and not self.views else self._texts(name, batch)
        if self.tokenized is not None:
            features = dict(self.tokenized(name, list(batch.rows)))
        else:
            features = dict(self.preprocess(texts, prompt=prompt_of(self.prompts, name)))
        if self.views:
            features["views"] = {view: dict(preprocess(texts)) for view, preprocess in self.views.items()}
        if batch.text_ids is not None:
            features["text_ids"] = torch.from_numpy(batch.text_ids[name].astype(np.int64))
        return features

    def _texts(self, name: str, batch: ColumnBatch) -> list[str]:
        texts = list(batch.columns[name])
        for row, text in zip(batch.rows, texts, strict=True):
            if not isinstance(text, str):
                raise ValueError(f"row {row}, column `{name}` must hold a text, got {text!r}")
        return texts


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


def _check_rows(
    allowed: torch.Tensor, expected: str, values: torch.Tensor, name: str, rows: Sequence[int]
) -> None:
    """Raise ValueError that names the first row with a value that is not allowed."""
    good = allowed.reshape(len(values), -1).all(dim=1)
    if not good.all():
        place = int(good.int().argmin())
        raise ValueError(
            f"row {rows[place]}, column `{name}` must hold {expected}, got {values[place].tolist()}"
        )
