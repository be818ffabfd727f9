"""A stream of combinations in a training: its rows by number, and batches of them that are never listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.utils.data import Sampler

from foolsgold.data.combination_rows import CombinationRows, CombinationStream

if TYPE_CHECKING:
    from collections.abc import Iterator


class StreamedRows(CombinationRows):
    """The rows of a stream by number, to be read in their order, which is random already.

    Args:
        stream: from its first place on.
        rank: of this process.
        world_size: number of ranks.

    Raises:
        ValueError: for a stream that has begun, the share of another rank, and more than 2^63 - 1 rows.
    """

    def __init__(self, stream: CombinationStream, rank: int, world_size: int) -> None:
        if stream.position != 0:
            raise ValueError(
                f"`train_dataset` must be a stream at position 0, got {stream.position}\n"
                "hint: `resume_from_checkpoint` goes on where a training stopped"
            )
        share = (stream.rank, stream.num_replicas)
        if share not in ((0, 1), (rank, world_size)):
            raise ValueError(
                f"`train_dataset` must be a stream for all ranks, got the share of rank {share[0]} of "
                f"{share[1]} on rank {rank} of {world_size}\n"
                "hint: leave out `rank` and `num_replicas`: the trainer shares it out"
            )
        super().__init__(stream.combinations, stream.texts, stream.column, seed=stream.seed)


class OrderedBatches(Sampler[list[int]]):
    """One rank's share of the batches of rows in their order, each made when it is read.

    Rank r gets the batches r, r + W, r + 2W, ...; what is left after the last full round is dropped, so all
    ranks take equally many steps.

    Args:
        num_rows: of an epoch.
        batch_size: rows per batch and rank.
        drop_last: leave out the last rows where they do not fill a batch.
        rank: 0 <= `rank` < `num_replicas`.
        num_replicas: number of ranks.
    """

    def __init__(self, num_rows: int, batch_size: int, drop_last: bool, rank: int, num_replicas: int) -> None:
        self.num_rows = num_rows
        self.rank = rank
        self.num_replicas = num_replicas
        self.epoch = 0
        self._batch_size = batch_size
        batches = num_rows // batch_size if drop_last else -(-num_rows // batch_size)
        self._len = batches // num_replicas
        self._start = 0

    def __len__(self) -> int:
        return self._len

    def __iter__(self) -> Iterator[list[int]]:
        start, self._start = self._start, 0
        for number in range(start, self._len):
            first = (number * self.num_replicas + self.rank) * self._batch_size
            yield [*range(first, min(first + self._batch_size, self.num_rows))]

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of `epoch`; nothing happens if it is the present one."""
        if epoch != self.epoch:
            self.epoch, self._start = epoch, 0

    def seek(self, batch: int) -> None:
        """Let the next iteration begin with the rank's batch number `batch`."""
        self._start = batch
