"""A model that a loss asks and does not train: the guide of a contrastive loss, the teacher of a student."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from foolsgold.losses.parts.embedding_table import EmbeddingTable, distinct, token_checksums
from foolsgold.losses.parts.gradient_cache import ChunkSize, embed_in_chunks
from foolsgold.losses.parts.merging import embed_columns
from foolsgold.losses.parts.reading import decoded, reads_alike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from foolsgold.losses.parts.batch import BatchInfo

logger = logging.getLogger(__name__)

# Padding included; without a graph that is about half a gigabyte of activations of a model of usual width.
_CHUNK = ChunkSize(tokens=2**15)


class FrozenModel:
    """What embeds the texts of a batch with a model that is not trained.

    The model is an attribute of the loss, under `name`, so it moves with the loss; this is beside it. Its
    parameters get no gradient, it stays in evaluation mode, and checkpoints leave it out.

    It has its own view of the texts. Where the features bring one under `views`, as foolsgold's trainer makes
    them, that is taken. Where both models read texts alike, the student's features are, with the prompt in
    them. Else the student's tokens are decoded and read again in every step, which takes time and loses what
    its tokenizer drops; a warning says so once.

    While training, the embedding of a text is kept by its text id (`EmbeddingTable`), so each is made once in
    a run, and the host waits for the device once a batch to learn which are new.

    Args:
        name: the attribute of the loss that holds the model.
        model: the frozen one; its parameters stop wanting gradients here.
        student: the trained encoder, of which the tokenizer is looked at.
        cache_embeddings: keep embeddings over steps.

    Raises:
        ValueError: the two share parameters.
    """

    def __init__(
        self, name: str, model: nn.Module, student: nn.Module, *, cache_embeddings: bool = True
    ) -> None:
        trained = {id(parameter) for parameter in student.parameters()}
        if model is student or any(id(parameter) in trained for parameter in model.parameters()):
            raise ValueError(
                f"`{name}` must share no parameters with `model`, got {type(model).__name__} that does\n"
                "hint: give it a copy, `copy.deepcopy(model)`"
            )
        self.name = name
        self.model = model.requires_grad_(False).eval()
        self.student = student
        self.table = EmbeddingTable() if cache_embeddings else None
        self._reads_alike: bool | None = None
        self._last: tuple[BatchInfo, list[Tensor]] | None = None

    @torch.no_grad()
    def embed(self, batch: BatchInfo, *, training: bool) -> list[Tensor]:
        """Embed all columns of a batch; once, however often it is asked for the same one.

        Args:
            batch: with the features of the encoder, and what travels beside them.
            training: whether the loss is in training mode; in evaluation nothing is kept.

        Returns:
            One tensor (B, Dt) per column.

        Raises:
            ValueError: a batch without features.
        """
        if self._last is None or self._last[0] is not batch:
            if not batch.features:
                raise ValueError(f"`{self.name}` embeds texts, got embeddings alone")
            views = batch.views or ({},) * len(batch.features)
            columns = [view.get(self.name) for view in views]
            given = [
                dict(own if view is None else view) for own, view in zip(batch.features, columns, strict=True)
            ]
            viewed = [view is not None for view in columns]
            self.model.eval()
            self._last = batch, self._embed(given, viewed, batch.text_ids if training else ())
        return self._last[1]

    def _embed(
        self, columns: Sequence[dict[str, Any]], viewed: Sequence[bool], text_ids: Sequence[Tensor | None]
    ) -> list[Tensor]:
        known = [ids for ids in text_ids if ids is not None]
        padded = all(isinstance(x.get("input_ids"), Tensor) and x["input_ids"].ndim == 2 for x in columns)
        if self.table is None or len(known) != len(columns) or not padded:
            return self._embed_directly(columns, viewed)
        sums = torch.cat([token_checksums(column) for column in columns])
        ids, checksums = torch.stack([torch.cat(known), sums.to(known[0].device)]).cpu()
        places = self.table.find(ids, checksums)
        is_new = places < 0
        found = self.table.read(places[~is_new])
        if is_new.any():
            first, which = distinct(checksums[is_new])
            rows = is_new.nonzero().flatten()[first]
            fresh = self._embed_rows(columns, viewed, rows).cpu()
            self.table.write(ids[rows], checksums[rows], fresh)
            old, found = found, fresh.new_empty(len(ids), fresh.shape[1])
            found[is_new] = fresh[which]
            if len(old):
                found[~is_new] = old.to(found.dtype)
        return list(torch.split(found.to(known[0].device), [len(column) for column in known]))

    def _embed_rows(self, columns: Sequence[dict[str, Any]], viewed: Sequence[bool], rows: Tensor) -> Tensor:
        """Embed some rows of the columns, counted through all columns, in ascending order."""
        parts, views, start = [], [], 0
        for column, view in zip(columns, viewed, strict=True):
            num_rows, device = len(column["input_ids"]), column["input_ids"].device
            own = rows[(rows >= start) & (rows < start + num_rows)] - start
            if len(own):
                parts.append(_rows_of(column, own.to(device), num_rows))
                views.append(view)
            start += num_rows
        return torch.cat(self._embed_directly(parts, views))

    def _embed_directly(self, columns: Sequence[dict[str, Any]], viewed: Sequence[bool]) -> list[Tensor]:
        device = next((parameter.device for parameter in self.model.parameters()), None)
        read = [
            _on_device(column if view else self._read_again(column), device)
            for column, view in zip(columns, viewed, strict=True)
        ]
        home = _device_of(columns[0])
        return [x.to(home) for x in embed_columns(self._encode, read)]

    def _encode(self, features: dict[str, Any]) -> Tensor:
        return embed_in_chunks(lambda chunk: self.model(dict(chunk))["sentence_embedding"], features, _CHUNK)

    def _read_again(self, features: dict[str, Any]) -> dict[str, Any]:
        """Return the student's features as the model's own, made of decoded tokens where they must be."""
        if self._reads_alike is None:
            self._reads_alike = reads_alike(self.student, self.model, at_least_as_long=True)
            if not self._reads_alike:
                logger.warning(
                    "`%s` reads texts by another tokenizer than `model`: tokens are decoded and read again "
                    "in every step, which takes time and loses what the tokenizer of `model` drops\n"
                    "hint: foolsgold's trainer reads the texts themselves, in the workers of its loader",
                    self.name,
                )
        if self._reads_alike or "input_ids" not in features:
            return features
        texts = decoded(self.student.tokenizer, features)
        return dict(self.model.preprocess(texts))  # type: ignore[operator]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}


def _rows_of(features: dict[str, Any], rows: Tensor, num_rows: int) -> dict[str, Any]:
    return {
        key: value[rows] if isinstance(value, Tensor) and value.ndim and len(value) == num_rows else value
        for key, value in features.items()
    }


def _on_device(features: dict[str, Any], device: torch.device | None) -> dict[str, Any]:
    return {key: x.to(device) if isinstance(x, Tensor) else x for key, x in features.items()}


def _device_of(features: dict[str, Any]) -> torch.device | None:
    return next((x.device for x in features.values() if isinstance(x, Tensor)), None)
