"""Several data sets by name in one run: their rows one after the other, each batch of one of them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import ConcatDataset, Dataset

from foolsgold.sampling import MixSampler, ProportionalBatchSampler, RoundRobinBatchSampler
from foolsgold.training.arguments import MultiDatasetBatchSamplers
from foolsgold.training.loader import RankBatches, batch_sampler, check_num_rows, takes_ranks
from foolsgold.training.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from foolsgold.training.arguments import SentenceTransformerTrainingArguments


class SeveralDatasets(ConcatDataset[Any]):
    """Data sets by name; row numbers count through them one after the other.

    Raises:
        ValueError: if there are none.

    Attributes:
        by_name: the data sets.
    """

    def __init__(self, by_name: Mapping[str, Any]) -> None:
        if not by_name:
            raise ValueError("`train_dataset` must have at least one data set, got an empty dict")
        super().__init__(by_name.values())
        self.by_name = dict(by_name)


class SeveralReader(Dataset[Any]):
    """Reads a batch from the data set that all its rows are of, and says which that is.

    Args:
        readers: by name of the data set, what reads rows by their numbers there.
        ends: the row number at which each data set ends; a reader of no column has no length.
    """

    def __init__(self, readers: Mapping[str | None, Any], ends: Sequence[int]) -> None:
        self._names = list(readers)
        self._readers = list(readers.values())
        self._firsts = [0, *ends]

    def __len__(self) -> int:
        return self._firsts[-1]

    def set_epoch(self, epoch: int) -> None:
        """Tell every data set that has rows by epoch."""
        for reader in self._readers:
            if hasattr(reader, "set_epoch"):
                reader.set_epoch(epoch)

    def __getitems__(self, rows: list[int]) -> tuple[str | None, Any]:
        """Return the name of the data set, and what its reader makes of the rows.

        Raises:
            ValueError: if the rows are of several data sets.
        """
        source = bisect_right(self._firsts, rows[0]) - 1
        first, end = self._firsts[source], self._firsts[source + 1]
        if not all(first <= row < end for row in rows):
            names = sorted({str(self._names[bisect_right(self._firsts, row) - 1]) for row in rows})
            raise ValueError(f"a batch must have rows of one data set, got rows of {', '.join(names)}")
        own = [row - first for row in rows]
        reader = self._readers[source]
        read = getattr(reader, "__getitems__", None)
        return self._names[source], [reader[row] for row in own] if read is None else read(own)


@dataclass(frozen=True)
class NamedCollator:
    """Collates a batch as its data set is collated, and adds `dataset_name`.

    Attributes:
        by_name: what collates the batches of each data set.
        name: of the data set, where batches do not bring it.
    """

    by_name: Mapping[str | None, Callable[[Any], dict[str, Any]]]
    name: str | None = None

    def __call__(self, batch: Any) -> dict[str, Any]:
        """Collate a batch that a `SeveralReader` read or, where `name` is given, one of that data set."""
        name, rows = batch if self.name is None else (self.name, batch)
        return {**self.by_name[name](rows), "dataset_name": name}


def given_by(argument: str, dataset: Any) -> list[tuple[str, str | None, Any]]:
    """Return for each data set of an argument what messages call it, its name if it has one, and itself."""
    if isinstance(dataset, dict):
        return [(f"{argument}[{name!r}]", name, own) for name, own in dataset.items()]
    return [] if dataset is None else [(argument, None, dataset)]


def several_reading(dataset: SeveralDatasets, readings: Mapping[str | None, Reading]) -> Reading:
    """Return how several data sets are read, each as its own reading, by name, says."""
    readers = {name: reading.reader for name, reading in readings.items()}
    collators = {name: reading.collate for name, reading in readings.items()}
    return Reading(SeveralReader(readers, dataset.cumulative_sizes), NamedCollator(collators))


def several_batches(
    dataset: SeveralDatasets, args: SentenceTransformerTrainingArguments, batch_size: int
) -> tuple[Any, list[Any]]:
    """Build the sampler over several data sets that `args` asks for, as the share of this rank.

    Args:
        dataset: the data sets.
        args: for the kinds of samplers, seed, ranks and what to do with a last, smaller batch.
        batch_size: rows per batch and rank, of every data set.

    Returns:
        The sampler, and the batch samplers of the data sets.

    Raises:
        ValueError: if a data set does not give one batch for each rank, or a batch would be of several.
    """
    for name, source in dataset.by_name.items():
        check_num_rows(f"train_dataset[{name!r}]", source, args, batch_size)
    samplers = [batch_sampler(source, args, batch_size, rank=None) for source in dataset.datasets]
    for name, sampler in zip(dataset.by_name, samplers, strict=True):
        if len(sampler) < args.world_size:
            raise ValueError(
                f"`train_dataset[{name!r}]` must give each of {args.world_size} processes a batch of "
                f"{batch_size} rows, got {len(dataset.by_name[name])} rows"
            )
    seed = args.seed if args.data_seed is None else args.data_seed
    factory = _factory(args.multi_dataset_batch_sampler)
    ranks = {"rank": args.process_index, "num_replicas": args.world_size}
    knows_ranks = takes_ranks(factory)
    sampler = factory(
        dataset=dataset,
        batch_samplers=samplers,
        generator=torch.Generator().manual_seed(seed),
        seed=seed,
        **(ranks if knows_ranks else {}),
    )
    if isinstance(sampler, MixSampler) and sampler.mode == "mixed":
        raise ValueError(
            "`multi_dataset_batch_sampler` must give batches of one data set each, got the mode `mixed`\n"
            "hint: data sets with the same columns and one loss can be one (`datasets.concatenate_datasets`)"
        )
    if not (hasattr(sampler, "seek") and (knows_ranks or args.world_size == 1)):
        sampler = RankBatches(sampler, args.process_index, args.world_size)
    return sampler, samplers


def sampler_record(batches: Any, samplers: Sequence[Any]) -> dict[str, Any]:
    """Describe a sampler over several data sets, in values that JSON can hold."""
    own = getattr(batches, "sampler", batches) if isinstance(batches, RankBatches) else batches
    kinds = ", ".join(type(sampler).__name__ for sampler in samplers)
    return {"sampler": f"{type(own).__name__}({kinds})", "shares": getattr(own, "counts", None)}


def shares_in_words(dataset: SeveralDatasets, batches: Any) -> str:
    """Return how many batches of each data set an epoch has, as far as that is known."""
    counts = getattr(batches, "counts", None)
    parts = list(dataset.by_name)
    if counts is not None:
        parts = [f"{name}: {count}" for name, count in zip(parts, counts, strict=True)]
    return f", each batch of one data set ({', '.join(parts)})"


def _factory(choice: Any) -> Any:
    if choice == MultiDatasetBatchSamplers.PROPORTIONAL:
        return ProportionalBatchSampler
    if choice == MultiDatasetBatchSamplers.ROUND_ROBIN:
        return RoundRobinBatchSampler
    return choice
