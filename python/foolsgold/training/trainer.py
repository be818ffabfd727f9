"""SentenceTransformerTrainer: transformers' training loop, with the loss as the module that is trained."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import set_seed

from foolsgold.data.combination_rows import CombinationStream
from foolsgold.losses import CoSENTLoss
from foolsgold.sampling import NoDuplicatesStream
from foolsgold.training.arguments import SentenceTransformerTrainingArguments
from foolsgold.training.batch_stream import BatchStream, batch_stream
from foolsgold.training.bound_loss import LossByDataset, bound_loss, check_losses, delegate_options
from foolsgold.training.components import ComponentMeans
from foolsgold.training.evaluators import prefixed, run_evaluators
from foolsgold.training.learning_rates import set_learning_rates
from foolsgold.training.loader import EvaluationBatches, make_loader, training_batches
from foolsgold.training.prompts import check_prompts, prompts_of
from foolsgold.training.reading import Reading, epoch_rows, reading_of
from foolsgold.training.resumable import ResumableTrainer
from foolsgold.training.rows import TextIds, columns_of
from foolsgold.training.several import (
    NamedCollator,
    SeveralDatasets,
    given_by,
    sampler_record,
    several_batches,
    several_reading,
    shares_in_words,
)
from foolsgold.training.streams import StreamedRows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR
    from transformers import TrainerCallback

    from foolsgold.data.collator import EpochTextIds
    from foolsgold.data.columns import Columns

logger = logging.getLogger(__name__)


class SentenceTransformerTrainer(ResumableTrainer):
    """Trains an embedding model with a loss over the text columns of a data set.

    The trained module, `trainer.model`, is the loss, and `trainer.encoder` the model inside it. So parameters
    that the loss owns are trained, synchronised over ranks and saved with checkpoints like all others;
    `save_model` writes the encoder. Columns have their roles by place: see `foolsgold.data.columns.Columns`.

    Several data sets are trained on together as a dict; each batch is of one of them, and
    `args.multi_dataset_batch_sampler` says of which. `loss` may be a dict of the same names then.

    Args:
        model: the encoder; may be left out where `loss` is a module or `model_init` is given.
        args: of the run; None writes to `tmp_trainer` with the defaults.
        train_dataset: rows as dicts, with a length and read by row number, such as a `datasets.Dataset`. One
            with a `set_epoch` is told the epoch, and its rows may be others in each. A `CombinationStream`
            is read in its order, shared out over the ranks. So is a `NoDuplicatesStream`, batch by batch and
            pass after pass, for `max_steps` steps, which are one epoch to Trainer. Several data sets are a
            dict by name.
        eval_dataset: the same, for `eval_loss`.
        loss: a module with the encoder inside, called as `loss(sentence_features, labels)`, that returns a
            scalar or named scalars whose sum is the loss; or a function that makes one of the encoder; or a
            dict of such by name of the data set. None for `CoSENTLoss`, for pairs with a similarity score.
        evaluator: called as `evaluator(model, output_path=, epoch=, steps=)` after each evaluation, on rank
            0; returns a dict of metrics or one number. Several are called in order.
        data_collator: makes `sentence_features`, `labels` (optional) and `num_rows` of a list of rows, in
            place of the encoder's tokeniser.
        processing_class: handed to callbacks.
        model_init: makes a fresh encoder for each training; `loss` is a function then.
        compute_metrics: not called, since a loss gives no predictions; use `evaluator`.
        callbacks: added to Trainer's.
        optimizers: optimiser and scheduler to use; None for those of `args`.
        optimizer_cls_and_kwargs: optimiser class and its arguments, in place of those of `args`.

    Raises:
        TypeError: if `args`, `loss` or a data set is of the wrong kind; a stream is for training alone.
        ValueError: if the loss lacks the model, a data set is empty or has a column that is neither text nor
            label, or losses and data sets differ in their names.
    """

    # A loss is a mean over its batch; Trainer divides by the number of accumulated batches.
    loss_is_scaled_for_ga = False

    def __init__(
        self,
        model: nn.Module | None = None,
        args: SentenceTransformerTrainingArguments | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        loss: nn.Module | Callable[[Any], nn.Module] | dict[str, Any] | None = None,
        evaluator: Callable[..., Any] | Sequence[Callable[..., Any]] | None = None,
        data_collator: Callable[[Any], dict[str, Any]] | None = None,
        processing_class: Any = None,
        model_init: Callable[..., nn.Module] | None = None,
        compute_metrics: Callable[..., Any] | None = None,
        callbacks: list[TrainerCallback] | None = None,
        optimizers: tuple[Optimizer | None, LambdaLR | None] = (None, None),
        optimizer_cls_and_kwargs: tuple[type[Optimizer], dict[str, Any]] | None = None,
    ) -> None:
        if args is None:
            args = SentenceTransformerTrainingArguments(output_dir="tmp_trainer")
        if not isinstance(args, SentenceTransformerTrainingArguments):
            kind = "foolsgold's SentenceTransformerTrainingArguments"
            raise TypeError(f"`args` must be {kind}, got {type(args).__module__}.{type(args).__qualname__}")
        if compute_metrics is not None:
            warnings.warn("`compute_metrics` is never called\nhint: use `evaluator`", stacklevel=2)
        evaluators = [evaluator] if callable(evaluator) else evaluator
        self.evaluators: list[Callable[..., Any]] = list(evaluators or ())
        self._collate = data_collator
        self._columns: list[tuple[Any, Columns]] = []
        self._eval_loaders: dict[str | None, tuple[Any, DataLoader[Any]]] = {}
        self._train_ids: dict[str | None, TextIds | EpochTextIds | None] = {}
        self._samplers: list[Any] = []
        self._dataset_names: list[str] = []
        if loss is None:
            logger.info("no `loss` was given: it is `CoSENTLoss`")
            loss = CoSENTLoss
        check_losses(loss, train_dataset, eval_dataset)
        self._loss = loss
        if isinstance(train_dataset, CombinationStream):
            train_dataset = StreamedRows(train_dataset, args.process_index, args.world_size)
        if isinstance(train_dataset, NoDuplicatesStream):
            train_dataset = batch_stream(train_dataset, args)
        if data_collator is None:
            given = [*given_by("train_dataset", train_dataset), *given_by("eval_dataset", eval_dataset)]
            self._columns = [(data, columns_of(argument, data)) for argument, _, data in given]
            # Only where several data sets are trained on may prompts be by their names.
            names = [name if isinstance(train_dataset, dict) else None for _, name, _ in given]
            self._dataset_names = [name for name in dict.fromkeys(names) if name is not None]
            check_prompts(args.prompts, names, [columns for _, columns in self._columns])
        if isinstance(train_dataset, dict):
            train_dataset = SeveralDatasets(train_dataset)
        if isinstance(loss, dict) and args.world_size > 1:
            # A step leaves out the parameters of other data sets' losses.
            args.ddp_find_unused_parameters = True
        self._train_components, self._eval_components = ComponentMeans(), ComponentMeans()
        if model_init is None:
            set_seed(args.seed)  # as Trainer does, but before a loss draws its parameters
        super().__init__(
            # With both, Trainer refuses.
            model=None if model is None and model_init else self._bind_loss(model),
            args=args,
            data_collator=data_collator,
            train_dataset=train_dataset,
            # Trainer wants a data set wherever it evaluates; evaluators need none.
            eval_dataset=[] if eval_dataset is None and self.evaluators else eval_dataset,
            processing_class=processing_class,
            model_init=model_init,
            callbacks=callbacks,
            optimizers=optimizers,
            optimizer_cls_and_kwargs=optimizer_cls_and_kwargs,
        )
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            raise NotImplementedError("`fsdp` and `deepspeed` must be off, got one of them")
        self.model_accepts_loss_kwargs = False

    def call_model_init(self, trial: Any = None) -> nn.Module:
        """Make a fresh encoder and the loss around it."""
        for loss in self._loss.values() if isinstance(self._loss, dict) else [self._loss]:
            if isinstance(loss, nn.Module):
                raise TypeError(
                    f"`loss` must be a function of the model with `model_init`, got {type(loss).__name__}"
                )
        return self._bind_loss(super().call_model_init(trial))

    def _bind_loss(self, model: nn.Module | None) -> nn.Module:
        """Make the trained module, and find the encoder inside it."""
        loss, self.encoder = bound_loss(self._loss, model)
        self._eval_loaders.clear()
        delegate_options(loss, self.encoder)
        return loss

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return this rank's batches of the training data."""
        if self.train_dataset is None:
            raise ValueError("`train_dataset` must be given to train, got None")
        dataset, args, size = self.train_dataset, self.args, self._train_batch_size
        readings: dict[str | None, Reading]
        if isinstance(dataset, SeveralDatasets):
            self.batches, self._samplers = several_batches(dataset, args, size)
            parts = zip(dataset.by_name.items(), self._samplers, strict=True)
            readings = {name: self._reading(name, data, sampler) for (name, data), sampler in parts}
            reading = several_reading(dataset, readings)
        else:
            self.batches = training_batches(dataset, args, size)
            reading = self._reading(None, dataset, self.batches)
            readings = {None: reading}
        self._train_ids = {name: own.ids for name, own in readings.items()}
        loader = make_loader(reading.reader, self.batches, reading.collate, args)
        if self.is_world_process_zero():
            self._log_start(len(loader))
        return loader

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """Return this rank's batches of `eval_dataset`, of the one of that name, or of the trainer's own."""
        dataset, name = self.eval_dataset if eval_dataset is None else eval_dataset, None
        if isinstance(dataset, str):
            dataset, name = self.eval_dataset[dataset], dataset
        if isinstance(dataset, list) and not dataset:
            return DataLoader(dataset)  # type: ignore[arg-type]
        name = self._name_of(dataset) if name is None else name
        known, loader = self._eval_loaders.get(name, (None, None))
        if loader is None or known is not dataset:
            args = self.args
            sampler = EvaluationBatches(
                len(dataset), args.eval_batch_size, args.seed, args.process_index, args.world_size
            )
            self._check_rows_are_its_own(dataset)
            reading = self._reading(name, dataset, sampler)
            collate = reading.collate
            if isinstance(self.model, LossByDataset):
                collate = NamedCollator({name: collate}, name)
            loader = make_loader(reading.reader, sampler, collate, args)
            self._eval_loaders[name] = (dataset, loader)
        # Else accelerate takes every evaluation for another epoch.
        loader.set_epoch(0)  # type: ignore[attr-defined]
        return loader

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Any]:
        """Return this rank's batches of `test_dataset`."""
        return self.get_eval_dataloader(test_dataset)

    def _reading(self, name: str | None, dataset: Any, sampler: Any) -> Reading:
        """Return how a data set is read, the one of that name where there are several."""
        args = self.args
        if self._collate is not None:
            return Reading(epoch_rows(dataset, args.cache_tokens), self._collate)
        columns = self._columns_of(dataset) or columns_of("eval_dataset", dataset)
        return reading_of(
            dataset,
            columns,
            self.model.of(str(name)) if isinstance(self.model, LossByDataset) else self.model,
            self.encoder,
            prompts_of(args.prompts, name, self._dataset_names),
            ids=None if isinstance(dataset, BatchStream) else TextIds(dataset, columns, sampler),
            cache_tokens=args.cache_tokens,
            progress=not args.disable_tqdm and self.is_world_process_zero(),
        )

    def _name_of(self, dataset: Any) -> str | None:
        """Return the name of one of the trainer's data sets; None where names play no part."""
        of_training = getattr(self.train_dataset, "by_name", None)
        known = [*given_by("train_dataset", of_training), *given_by("eval_dataset", self.eval_dataset)]
        name = next((name for _, name, own in known if own is dataset), None)
        if name is None and isinstance(self.model, LossByDataset):
            raise ValueError(
                "`eval_dataset` must be one of the trainer's own data sets where there is a loss for each, "
                f"got another {type(dataset).__name__}"
            )
        return name

    def _check_rows_are_its_own(self, dataset: Any) -> None:
        trained = getattr(self.train_dataset, "datasets", [self.train_dataset])
        if hasattr(dataset, "set_epoch") and any(dataset is own for own in trained):
            raise ValueError(
                "`eval_dataset` must be another object than `train_dataset`, got one "
                f"{type(dataset).__name__} for both, whose rows change with the epoch\n"
                "hint: `copy.copy(train_dataset)`"
            )

    def _columns_of(self, dataset: Any) -> Columns | None:
        return next((columns for data, columns in self._columns if data is dataset), None)

    def batches_record(self) -> dict[str, Any]:
        """Describe, in values that JSON can hold, what decides which rows come in which step."""
        args = self.args
        prints = {name: None if ids is None else ids.fingerprint for name, ids in self._train_ids.items()}
        several = isinstance(self.train_dataset, SeveralDatasets)
        is_stream = isinstance(self.train_dataset, BatchStream)
        if is_stream:
            prints[None] = self.train_dataset.fingerprint
        kind = type(getattr(self.batches, "sampler", self.batches)).__name__
        return {
            "fingerprint": [list(item) for item in prints.items()] if several else prints[None],
            "num_rows": None if is_stream else len(self.train_dataset),
            "sampler": kind,
            "seed": args.seed if args.data_seed is None else args.data_seed,
            "batch_size": self._train_batch_size,
            "world_size": args.world_size,
            "gradient_accumulation_steps": args.gradient_accumulation_steps,
            # Of a stream, the number of batches decides none of them.
            "num_batches": None if is_stream else len(self.batches),
            **(sampler_record(self.batches, self._samplers) if several else {}),
        }

    def _log_start(self, num_batches: int) -> None:
        args, rows, columns = self.args, self._train_batch_size, self._columns_of(self.train_dataset)
        per_step = rows * args.world_size * args.gradient_accumulation_steps
        beside = ""
        if columns is not None:
            beside = f", {per_step * len(columns.texts)} texts: {', '.join(columns.texts)}"
        elif isinstance(self.train_dataset, SeveralDatasets):
            beside = shares_in_words(self.train_dataset, self.batches)
        is_stream = isinstance(self.train_dataset, BatchStream)
        logger.info(
            "%s, %d batches per process and epoch; "
            "a step has %d rows (%d x %d processes x %d accumulated)%s; "
            "a loss sees %d rows at a time on each process",
            "a stream of rows" if is_stream else f"{len(self.train_dataset)} rows",
            num_batches,
            per_step,
            rows,
            args.world_size,
            args.gradient_accumulation_steps,
            beside,
            rows,
        )

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch, the sum of its components where it has several."""
        if model.training:
            # What draws by step gets a number that grows with every forward and is the same after a resume.
            micro_batch = getattr(self, "_micro_batch", 0)
            self._micro_batch = 0 if self.accelerator.sync_gradients else micro_batch + 1
            for module in model.modules():
                if callable(set_step := getattr(module, "set_training_step", None)):
                    set_step(self.state.global_step * self.args.gradient_accumulation_steps + micro_batch)
        # A loss by data set is called with the name too, and its components are logged under it.
        name = inputs.get("dataset_name") if isinstance(self.model, LossByDataset) else None
        output = model(inputs["sentence_features"], inputs.get("labels"), *([] if name is None else [name]))
        components = output if isinstance(output, dict) else {}
        loss = torch.stack([value.float() for value in output.values()]).sum() if components else output
        if model.training:
            of_dataset = "" if name is None else f"{name}_"
            self._train_components.add({of_dataset + part: value for part, value in components.items()})
            self._check_synchronised([*components.values()] or [loss])
        else:
            self._eval_components.add({**components, "loss": loss}, inputs.get("num_rows", 1))
        return (loss, {}) if return_outputs else loss

    def _check_synchronised(self, values: list[Tensor]) -> None:
        # A loss that runs its own backward pass hands out a leaf and fills the gradients from a hook.
        if self.args.world_size > 1 and any(value.requires_grad and value.is_leaf for value in values):
            raise ValueError(
                "`loss` must leave the backward pass to autograd where several processes train together, "
                f"got {type(self.model).__name__}"
            )

    def prediction_step(
        self, model: nn.Module, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[Tensor, None, None]:
        """Return the loss of a batch, whether it has labels or not."""
        with torch.no_grad(), self.compute_loss_context_manager():
            return self.compute_loss(model, self._prepare_inputs(inputs)).detach(), None, None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, and add the means of the loss's components since the last time."""
        if "loss" in logs:
            logs = {**self._train_components.drain(self.accelerator), **logs}
        super().log(logs, start_time)

    def evaluation_loop(
        self,
        dataloader: DataLoader[Any],
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> Any:
        """Compute the loss over the data, a mean over rows, then run the evaluators once per evaluation."""
        self._eval_components = ComponentMeans()
        output = super().evaluation_loop(
            dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
        )
        for name, value in self._eval_components.drain(self.accelerator).items():
            output.metrics[f"{metric_key_prefix}_{name}"] = value
        several = isinstance(self.eval_dataset, dict) and metric_key_prefix.startswith("eval_")
        if not several or metric_key_prefix == f"eval_{next(iter(self.eval_dataset))}":
            found = run_evaluators(
                self.evaluators if self.is_world_process_zero() else (),
                self.encoder,
                Path(self.args.output_dir) / "eval",
                epoch=-1 if self.state.epoch is None else self.state.epoch,
                steps=self.state.global_step,
            )
            output.metrics.update(prefixed(found, "eval" if several else metric_key_prefix))
        return output

    def create_optimizer(self, model: nn.Module | None = None) -> Optimizer:
        """Build the optimiser of `args`, with the learning rates of `learning_rate_mapping`."""
        is_given = self.optimizer is not None
        optimizer: Optimizer = super().create_optimizer(model)
        if self.args.learning_rate_mapping and not is_given:
            set_learning_rates(optimizer, self.model.named_parameters(), self.args.learning_rate_mapping)
        return optimizer

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Name the parameters that decay: Trainer's, but nothing below two dimensions, such as a scale."""
        # Trainer names a module under each of its places: a loss on top of another has the model twice.
        parameters = model.named_parameters(remove_duplicate=False)
        dimensions = {name: parameter.ndim for name, parameter in parameters}
        return [name for name in super().get_decay_parameter_names(model) if dimensions[name] >= 2]

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write nothing: Trainer's card is of a `transformers` model; the encoder's folder has its own."""
