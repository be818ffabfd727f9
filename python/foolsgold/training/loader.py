"""Data loaders of a training run: every rank reads its own share of the batches, and can start anywhere."""

from __future__ import annotations

import inspect
from functools import partial
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader, Sampler

from foolsgold.data.columns import LABEL_COLUMNS, weight_column
from foolsgold.data.combination_rows import CombinationRows
from foolsgold.sampling import (
    GroupByLabelBatchSampler,
    NoDuplicatesBatchSampler,
    PKSampler,
    RandomBatchSampler,
)
from foolsgold.training.arguments import BatchSamplers
from foolsgold.training.batch_stream import BatchStream, StreamBatches
from foolsgold.training.streams import OrderedBatches, StreamedRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foolsgold.training.arguments import SentenceTransformerTrainingArguments


class RankBatches(Sampler[list[int]]):
    """One rank's share of a batch sampler that knows nothing of ranks.

    Rank r gets the batches r, r + W, r + 2W, ...; what is left after the last full round is dropped, so all
    ranks take equally many steps.

    Args:
        sampler: yields the same batches on all ranks; `set_epoch` is called where it has one.
        rank: 0 <= `rank` < `num_replicas`.
        num_replicas: number of ranks.
    """

    def __init__(self, sampler: Any, rank: int, num_replicas: int) -> None:
        self.sampler = sampler
        self.rank = rank
        self.num_replicas = num_replicas
        self.epoch = 0
        self._start = 0

    def __len__(self) -> int:
        return len(self.sampler) // self.num_replicas

    def __iter__(self) -> Iterator[list[int]]:
        start, self._start = self._start, 0
        round_ = 0
        for number, batch in enumerate(self.sampler):
            if number % self.num_replicas == self.rank:
                own = batch
            if number % self.num_replicas == self.num_replicas - 1:
                if round_ >= start:
                    yield own
                round_ += 1

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of `epoch`; nothing happens if it is the present one."""
        if epoch == self.epoch:
            return
        self.epoch, self._start = epoch, 0
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)

    def seek(self, batch: int) -> None:
        """Let the next iteration begin with the rank's batch number `batch`."""
        self._start = batch


class EvaluationBatches(Sampler[list[int]]):
    """Each row once, in an order that depends on the seed alone; every evaluation sees the same batches.

    The rows are shuffled because neighbours in a file are often alike, and losses compare within a batch.
    Ranks share each batch of `batch_size * num_replicas` rows; the first rows come again, fewer than
    `num_replicas` of them, where the last batch cannot be shared equally.
    """

    def __init__(self, num_rows: int, batch_size: int, seed: int, rank: int, num_replicas: int) -> None:
        order = torch.randperm(num_rows, generator=torch.Generator().manual_seed(seed)).tolist()
        order += list(islice(cycle(order), -num_rows % num_replicas))
        whole = batch_size * num_replicas
        self._batches = []
        for start in range(0, len(order), whole):
            rows = order[start : start + whole]
            share = len(rows) // num_replicas
            self._batches.append(rows[rank * share : (rank + 1) * share])

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches)


def training_batches(dataset: Any, args: SentenceTransformerTrainingArguments, batch_size: int) -> Any:
    """Build the batch sampler that `args` asks for, as the share of this rank.

    Args:
        dataset: the rows to sample from.
        args: for the kind of sampler, seed, ranks and what to do with a last, smaller batch.
        batch_size: rows per batch and rank.

    Raises:
        ValueError: if there is not one batch for each rank, texts that change with the epoch are to be kept
            apart, a stream is to be sampled, or its batches are of another size.
    """
    if isinstance(dataset, BatchStream):
        return _stream_batches(dataset, args, batch_size)
    if isinstance(dataset, StreamedRows):
        sampler = _ordered_batches(dataset, args, batch_size)
    else:
        sampler = _share_of_sampler(dataset, args, batch_size)
    if len(sampler) == 0:
        raise ValueError(
            f"`train_dataset` must give each of {args.world_size} processes a batch of {batch_size} rows, "
            f"got {len(dataset)} rows"
        )
    return sampler


def _ordered_batches(
    rows: StreamedRows, args: SentenceTransformerTrainingArguments, batch_size: int
) -> OrderedBatches:
    if args.batch_sampler != BatchSamplers.BATCH_SAMPLER:
        choice = getattr(args.batch_sampler, "value", args.batch_sampler)
        raise ValueError(
            f"`batch_sampler` must be `batch_sampler` for a stream, which has its order, got {choice!r}\n"
            "hint: give `train_dataset` as `rows(texts, num_rows=...)` of the combinations"
        )
    return OrderedBatches(
        len(rows), batch_size, args.dataloader_drop_last, args.process_index, args.world_size
    )


def _stream_batches(
    dataset: BatchStream, args: SentenceTransformerTrainingArguments, batch_size: int
) -> StreamBatches:
    stream = dataset.stream
    if stream is None:
        raise ValueError("`train_dataset` must be a stream, got the copy of a worker, which has none")
    choices = [BatchSamplers.BATCH_SAMPLER]
    if stream.no_duplicates:
        choices += [BatchSamplers.NO_DUPLICATES, BatchSamplers.NO_DUPLICATES_HASHED]
    if args.batch_sampler not in choices:
        choice = getattr(args.batch_sampler, "value", args.batch_sampler)
        raise ValueError(
            f"`batch_sampler` must be `batch_sampler` for a stream, which has batches, got {choice!r}"
        )
    if batch_size != stream.batch_size:
        raise ValueError(
            f"`per_device_train_batch_size` must be the `batch_size` of the stream, {stream.batch_size}, "
            f"got {batch_size}"
        )
    return StreamBatches(stream, batch_size, args.max_steps * args.gradient_accumulation_steps)


def _share_of_sampler(dataset: Any, args: SentenceTransformerTrainingArguments, batch_size: int) -> Any:
    check_num_rows("train_dataset", dataset, args, batch_size)
    sampler = batch_sampler(dataset, args, batch_size, rank=args.process_index)
    knows_ranks = takes_ranks(_sampler_class(args.batch_sampler))
    if not (hasattr(sampler, "seek") and (knows_ranks or args.world_size == 1)):
        sampler = RankBatches(sampler, args.process_index, args.world_size)
    return sampler


def batch_sampler(
    dataset: Any, args: SentenceTransformerTrainingArguments, batch_size: int, *, rank: int | None
) -> Any:
    """Build the batch sampler of one data set that `args` asks for.

    Args:
        dataset: the rows to sample from.
        args: for the kind of sampler, seed, number of ranks and what to do with a last, smaller batch.
        batch_size: rows per batch and rank.
        rank: whose share it gives, if it knows of ranks; None for all.

    Raises:
        ValueError: if texts that change with the epoch are to be kept apart, or labels that do together.
    """
    seed = args.seed if args.data_seed is None else args.data_seed
    factory = _sampler_class(args.batch_sampler)
    kind = factory.func if isinstance(factory, partial) else factory
    changes = hasattr(dataset, "set_epoch") and not hasattr(dataset, "text_ids_of")
    if changes and kind is NoDuplicatesBatchSampler:
        raise ValueError(
            "`batch_sampler` must be `batch_sampler` for rows that change with the epoch, "
            f"got `no_duplicates` for a {type(dataset).__name__}"
        )
    if isinstance(dataset, CombinationRows) and kind in (GroupByLabelBatchSampler, PKSampler):
        raise ValueError(
            "`batch_sampler` must be `batch_sampler` or `no_duplicates` for rows whose labels change with "
            f"the epoch, got {kind.__name__} for a {type(dataset).__name__}"
        )
    ranks = {"rank": rank, "num_replicas": args.world_size}
    return factory(
        dataset,
        batch_size=batch_size,
        drop_last=args.dataloader_drop_last,
        valid_label_columns=[*LABEL_COLUMNS, *filter(None, [weight_column(dataset[0])])],
        generator=torch.Generator().manual_seed(seed),
        seed=seed,
        **(ranks if takes_ranks(factory) else {}),
    )


def check_num_rows(
    name: str, dataset: Any, args: SentenceTransformerTrainingArguments, batch_size: int
) -> None:
    """Raise ValueError if a data set has too few rows for one step of the trainer's own samplers.

    Args:
        name: of the argument, for the message.
        dataset: the rows.
        args: for the kind of sampler, number of ranks and what to do with a last, smaller batch.
        batch_size: rows per batch and rank.
    """
    is_own = _sampler_class(args.batch_sampler) in (RandomBatchSampler, NoDuplicatesBatchSampler)
    least = args.world_size * (batch_size if args.dataloader_drop_last else 1)
    if is_own and len(dataset) < least:
        hint = "a smaller `per_device_train_batch_size`"
        if args.world_size == 1:
            hint += " or `dataloader_drop_last=False`"
        raise ValueError(
            f"`{name}` must have at least {least} rows for one step, got {len(dataset)}\nhint: take {hint}"
        )


def takes_ranks(factory: Callable[..., Any]) -> bool:
    """Return whether what makes a sampler is to be told of ranks."""
    return {"rank", "num_replicas"} <= inspect.signature(factory).parameters.keys()


def make_loader(
    reader: Any,
    sampler: Any,
    collate: Callable[[Any], Any],
    args: SentenceTransformerTrainingArguments,
) -> DataLoader[Any]:
    """Build the loader of this rank's batches, which arrive on the device of `args`.

    Args:
        reader: the map-style data set.
        sampler: yields this rank's lists of rows.
        collate: makes a batch of what `reader` gives for such a list.
        args: for the device, workers, pinned memory and prefetching.
    """
    loader: DataLoader[Any] = DataLoader(
        reader,
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=args.dataloader_num_workers,
        pin_memory=args.dataloader_pin_memory and args.device.type != "cpu",
        persistent_workers=args.dataloader_persistent_workers,
        prefetch_factor=args.dataloader_prefetch_factor,
        # Else the loader draws from the global generator, and dropout after a resume differs.
        generator=torch.Generator().manual_seed(args.seed),
    )
    # One process: the sampler has taken this rank's share, and accelerate must not take a share of it again.
    prepared: DataLoader[Any] = prepare_data_loader(
        loader,
        args.device,
        num_processes=1,
        process_index=0,
        put_on_device=True,
        rng_types=None,
        dispatch_batches=False,
        non_blocking=args.accelerator_config.non_blocking,
    )
    return prepared


def _sampler_class(choice: Any) -> Any:
    if choice == BatchSamplers.BATCH_SAMPLER:
        return RandomBatchSampler
    if choice in (BatchSamplers.NO_DUPLICATES, BatchSamplers.NO_DUPLICATES_HASHED):
        return NoDuplicatesBatchSampler
    if choice == BatchSamplers.GROUP_BY_LABEL:
        return GroupByLabelBatchSampler
    return choice
