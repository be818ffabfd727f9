"""Arguments of a training run: transformers', some with fixed values, and those of embedding models."""

from __future__ import annotations

import logging
from collections.abc import Callable  # noqa: TC003  (parsers of the command line read the hints)
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from transformers import TrainingArguments
from transformers.training_args import ParallelMode

logger = logging.getLogger(__name__)


class BatchSamplers(str, Enum):
    """How rows are put into batches."""

    BATCH_SAMPLER = "batch_sampler"
    """Shuffled rows, cut into batches."""
    NO_DUPLICATES = "no_duplicates"
    """Shuffled rows, no text twice in a batch: for losses with in-batch negatives."""
    NO_DUPLICATES_HASHED = "no_duplicates_hashed"
    """The same as NO_DUPLICATES, which always works on ids."""
    GROUP_BY_LABEL = "group_by_label"
    """At least two labels in a batch, and two rows of each: for losses that make triplets from labels."""


class MultiDatasetBatchSamplers(str, Enum):
    """Which of several data sets gives the next batch."""

    ROUND_ROBIN = "round_robin"
    """Each in turn, until one has given all its batches."""
    PROPORTIONAL = "proportional"
    """Every batch of every data set once, in random order."""


@dataclass
class SentenceTransformerTrainingArguments(TrainingArguments):  # type: ignore[misc]
    """transformers' `TrainingArguments` for losses over embeddings; all arguments are given by keyword.

    Fixed: `remove_unused_columns=False`, `prediction_loss_only=True`, `ddp_broadcast_buffers=False`, one GPU
    per process, and `dataloader_drop_last=True` where several processes train together. Other defaults:
    `logging_nan_inf_filter=False`, which would hide a diverged loss and wait for the GPU in each step, and
    `ddp_find_unused_parameters=False`.

    Attributes:
        batch_sampler: a `BatchSamplers` member or its value, or a class or function called with `(dataset,
            batch_size, drop_last, valid_label_columns, generator, seed)`, and with `rank` and `num_replicas`
            where it takes them.
        multi_dataset_batch_sampler: for several data sets, a `MultiDatasetBatchSamplers` member or its value,
            or a class or function called with `(dataset, batch_samplers, generator, seed)` by keyword, and
            with `rank` and `num_replicas` where it takes them: `functools.partial(MixSampler, weights=...)`.
        prompts: text put before each text of every column, or of the columns named; of several data sets, one
            such for each by name.
        cache_tokens: tokenise every distinct text once, before the first step, and keep its tokens in memory
            (4 bytes each); otherwise texts are tokenised in every batch of every epoch.
        learning_rate_mapping: learning rates by regular expression over the names of the loss's parameters
            (`model.` and on: the encoder); for a name that several match, the last counts.
        warmup_ratio: share of all steps, from 0 to 1; the old name of a fractional `warmup_steps`.

    Raises:
        ValueError: for an unknown `batch_sampler` or `multi_dataset_batch_sampler`, and for what cannot be
            had here: `label_smoothing_factor`, `ignore_data_skip` (a resumed run would train on the same
            batches again).
    """

    batch_sampler: BatchSamplers | str | Callable[..., Any] = field(
        default=BatchSamplers.BATCH_SAMPLER, metadata={"help": "How rows are put into batches."}
    )
    multi_dataset_batch_sampler: MultiDatasetBatchSamplers | str | Callable[..., Any] = field(
        default=MultiDatasetBatchSamplers.PROPORTIONAL,
        metadata={"help": "Which of several data sets gives the next batch."},
    )
    prompts: str | dict[str, Any] | None = field(
        default=None, metadata={"help": "Text put before each text, for all columns or by column."}
    )
    cache_tokens: bool = field(
        default=False, metadata={"help": "Tokenise every distinct text once, before the first step."}
    )
    learning_rate_mapping: dict[str, float] | None = field(
        default=None, metadata={"help": "Learning rates by regular expression over parameter names."}
    )
    warmup_ratio: float | None = field(default=None, metadata={"help": "Share of the steps to warm up for."})
    ddp_find_unused_parameters: bool | None = field(
        default=False, metadata={"help": "Look for parameters that a step leaves out, which costs time."}
    )
    logging_nan_inf_filter: bool = field(default=False, metadata={"help": "Hide losses that are not finite."})

    def __post_init__(self) -> None:
        if self.warmup_ratio is not None:
            self.warmup_steps, self.warmup_ratio = self.warmup_ratio, None
        super().__post_init__()
        self.batch_sampler = _chosen("batch_sampler", BatchSamplers, self.batch_sampler)
        self.multi_dataset_batch_sampler = _chosen(
            "multi_dataset_batch_sampler", MultiDatasetBatchSamplers, self.multi_dataset_batch_sampler
        )
        if self.label_smoothing_factor:
            raise ValueError(f"`label_smoothing_factor` must be 0, got {self.label_smoothing_factor}")
        if self.ignore_data_skip:
            raise ValueError("`ignore_data_skip` must be False, got True")
        self.remove_unused_columns = False
        self.prediction_loss_only = True
        self.ddp_broadcast_buffers = False
        if self.n_gpu > 1:
            # DataParallel would split each batch, and its in-batch negatives, without a word.
            logger.warning("training on one of %d GPUs; start with `torchrun` to use them all", self.n_gpu)
            self._n_gpu = 1
        if self.parallel_mode == ParallelMode.DISTRIBUTED:
            self.dataloader_drop_last = True

    def to_dict(self) -> dict[str, Any]:
        """Map argument names to values that JSON can hold; a sampler that is callable becomes its name."""
        values: dict[str, Any] = super().to_dict()
        for name in ("batch_sampler", "multi_dataset_batch_sampler"):
            choice = getattr(self, name)
            if callable(choice):
                values[name] = getattr(choice, "__qualname__", repr(choice))
        return values


def _chosen(name: str, kind: type[Enum], choice: Any) -> Any:
    if callable(choice):
        return choice
    try:
        return kind(choice)
    except ValueError:
        names = ", ".join(member.value for member in kind)
        raise ValueError(f"`{name}` must be one of {names}, or callable, got {choice!r}") from None
