"""A stream of batches in a training: what reads its rows, and the batches of a run, pass after pass."""

from __future__ import annotations

import hashlib
import logging
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset, Sampler

from foolsgold.sampling.stream_source import StreamSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from foolsgold.sampling import NoDuplicatesStream
    from foolsgold.training.arguments import SentenceTransformerTrainingArguments

logger = logging.getLogger(__name__)


def batch_stream(stream: NoDuplicatesStream, args: SentenceTransformerTrainingArguments) -> BatchStream:
    """Return the share that this process has of a stream.

    Raises:
        ValueError: if it is not said for how many steps, and as `BatchStream`.
    """
    if args.max_steps <= 0:
        raise ValueError(
            f"`max_steps` must be given for a stream, which has no length, got {args.max_steps}\n"
            "hint: one pass is about rows / (`per_device_train_batch_size` * processes * accumulated batches)"
        )
    return BatchStream(stream, args.process_index, args.world_size, args.dataloader_drop_last)


class BatchStream(Dataset[Any]):
    """The rows of a stream, which come with the batch that asks for them: no row has a number.

    So workers of a loader get rows in place of row numbers, and what they do with them is not reading: the
    stream is read where batches are made, alike for any number of workers.

    Args:
        stream: of all ranks, or the share of this one.
        rank: of this process.
        num_replicas: number of ranks.
        drop_last: give full batches only, if the stream does not say so either.

    Raises:
        ValueError: for the share of another rank, a stream that goes on from a state, and one without rows.
    """

    def __init__(self, stream: NoDuplicatesStream, rank: int, num_replicas: int, drop_last: bool) -> None:
        own = (stream.rank, stream.num_replicas)
        if own[0] is not None and own != (rank, num_replicas):
            raise ValueError(
                f"`train_dataset` must be a stream for all ranks, got the share of rank {own[0]} of {own[1]} "
                f"on rank {rank} of {num_replicas}\nhint: leave out `rank`: the trainer shares it out"
            )
        self.stream: NoDuplicatesStream | None = stream.share(rank, num_replicas, drop_last=drop_last)
        first = StreamSource(stream.dataset, 0, None, 0).take(1)
        if not first:
            raise ValueError("`train_dataset` must have rows, got a stream without any")
        self.first_row = first[0]

    def __getitems__(self, rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the rows of a batch, which it brought."""
        return rows

    @cached_property
    def fingerprint(self) -> str:
        """64 bits of the first row's texts and of the options that decide the batches, in hexadecimal digits.

        Not of the other rows, which nobody has read.
        """
        names = ("seed", "window", "no_duplicates", "max_tokens", "drop_last", "rows")
        options = [getattr(self.stream, name) for name in names]
        texts = [(name, value) for name, value in self.first_row.items() if isinstance(value, str)]
        return hashlib.blake2b(repr([options, texts]).encode(), digest_size=8).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "stream": None}


class StreamBatches(Sampler[Any]):
    """The batches of a run, lists of rows, from as many passes over a stream as they take.

    To go to a batch, the pass that it is of is read from its beginning, and nothing is made of what comes
    before; passes that are over are not read where it is known how many batches they had.

    Args:
        stream: gives lists of rows, or rows where its `rows` is true; the pass is its epoch.
        batch_size: rows per batch and rank.
        num_batches: of the run.

    Raises:
        ValueError: while iterating, if a pass has no batch.

    Attributes:
        passes: the number of batches of each pass that is over.
    """

    def __init__(self, stream: NoDuplicatesStream, batch_size: int, num_batches: int) -> None:
        self.passes: list[int] = []
        self._stream = stream
        self._batch_size = batch_size
        self._len = num_batches
        self._start = 0

    def __len__(self) -> int:
        return self._len

    def __iter__(self) -> Iterator[list[Mapping[str, Any]]]:
        start, self._start = self._start, 0
        number = epoch = 0
        while epoch < len(self.passes) and number + self.passes[epoch] <= start:
            number += self.passes[epoch]
            epoch += 1
        del self.passes[epoch:]
        while number < self._len:
            first = number
            for batch in self._pass(epoch):
                if number >= start:
                    yield batch
                number += 1
                if number == self._len:
                    return
            if number == first:
                raise ValueError(
                    f"`train_dataset` must give each process a batch in every pass, got none in pass {epoch}"
                )
            self.passes.append(number - first)
            epoch += 1
            logger.info("pass %d of the stream, %d batches: %s", epoch, number - first, self._stream.report)

    def _pass(self, epoch: int) -> Iterator[list[Mapping[str, Any]]]:
        self._stream.set_epoch(epoch)
        items = iter(self._stream)
        if not self._stream.rows:
            yield from items
            return
        while batch := list(islice(items, self._batch_size)):
            yield batch

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the run is one epoch, in which the stream has one pass after another."""

    def seek(self, batch: int) -> None:
        """Let the next iteration begin with the rank's batch number `batch`."""
        self._start = batch

    def progress(self) -> dict[str, Any]:
        """Return what `load_progress` takes, in values that JSON can hold."""
        return {"passes": self.passes}

    def load_progress(self, progress: Mapping[str, Sequence[int]]) -> None:
        """Learn which passes are over from what an earlier run told."""
        self.passes = list(progress["passes"])
