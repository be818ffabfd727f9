"""SentenceTransformerTrainer: transformers' training loop, with the loss as the module that is trained."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import set_seed

from foolsgold.data.collator import Collator, ColumnReader
from foolsgold.data.epoch_rows import EpochRows
from foolsgold.training.arguments import SentenceTransformerTrainingArguments
from foolsgold.training.components import ComponentMeans
from foolsgold.training.learning_rates import set_learning_rates
from foolsgold.training.loader import EvaluationBatches, make_loader, training_batches
from foolsgold.training.resumable import ResumableTrainer
from foolsgold.training.rows import TextIds, TokenCache, check_prompts, columns_of, reader_of
from foolsgold.training.views import views_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR
    from transformers import TrainerCallback

    from foolsgold.data.columns import Columns

logger = logging.getLogger(__name__)


class SentenceTransformerTrainer(ResumableTrainer):
    """Trains an embedding model with a loss over the text columns of a data set.

    The trained module, `trainer.model`, is the loss, and `trainer.encoder` the model inside it. So parameters
    that the loss owns are trained, synchronised over ranks and saved with checkpoints like all others;
    `save_model` writes the encoder. Columns have their roles by place: see `foolsgold.data.columns.Columns`.

    Args:
        model: the encoder; may be left out where `loss` is a module or `model_init` is given.
        args: of the run; None writes to `tmp_trainer` with the defaults.
        train_dataset: rows as dicts, with a length and read by row number, such as a `datasets.Dataset`. One
            with a `set_epoch` is told the epoch, and its rows may be others in each.
        eval_dataset: the same, or several by name, for `eval_loss`.
        loss: a module with the encoder inside, called as `loss(sentence_features, labels)`, that returns a
            scalar or named scalars whose sum is the loss; or a function that makes one of the encoder.
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
        TypeError: if `args`, `loss` or a data set is of the wrong kind.
        ValueError: if the loss lacks the model, or a data set is empty or has a column that is neither text
            nor label.
    """

    # A loss is a mean over its batch; Trainer divides by the number of accumulated batches.
    loss_is_scaled_for_ga = False

    def __init__(
        self,
        model: nn.Module | None = None,
        args: SentenceTransformerTrainingArguments | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        loss: nn.Module | Callable[[Any], nn.Module] | None = None,
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
        self._loss = loss
        self._collate = data_collator
        self._columns: list[tuple[Any, Columns]] = []
        self._eval_loaders: dict[str, tuple[Any, DataLoader[Any]]] = {}
        self._train_ids: TextIds | None = None
        if data_collator is None:
            datasets = {"train_dataset": train_dataset, **_by_argument(eval_dataset)}
            self._columns = [
                (data, columns_of(name, data)) for name, data in datasets.items() if data is not None
            ]
            check_prompts(args.prompts, [columns for _, columns in self._columns])
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
        if isinstance(self._loss, nn.Module):
            raise TypeError(
                f"`loss` must be a function of the model with `model_init`, got {type(self._loss).__name__}"
            )
        return self._bind_loss(super().call_model_init(trial))

    def _bind_loss(self, model: nn.Module | None) -> nn.Module:
        """Make the trained module, and find the encoder inside it."""
        if not callable(self._loss):
            raise TypeError(
                f"`loss` must be a module or a function of the model, got {type(self._loss).__name__}"
            )
        if model is None and not isinstance(self._loss, nn.Module):
            raise ValueError("one of `model` and `model_init` must be given, got neither")
        loss = self._loss if isinstance(self._loss, nn.Module) else self._loss(model)
        encoder = getattr(loss, "model", None) if model is None else model
        if encoder is None or all(encoder is not module for module in loss.modules()):
            raise ValueError(
                "`loss` must have the `model` that is trained among its modules, got one without it"
            )
        self.encoder = encoder
        self._eval_loaders.clear()
        # Trainer looks for these on the trained module.
        transformer = getattr(encoder, "transformers_model", None)
        for name in (
            "activation_checkpointing_enable",
            "gradient_checkpointing_enable",
            "get_input_embeddings",
        ):
            if hasattr(transformer, name) and not hasattr(loss, name):
                setattr(loss, name, getattr(transformer, name))
        return loss

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return this rank's batches of the training data."""
        if self.train_dataset is None:
            raise ValueError("`train_dataset` must be given to train, got None")
        self.batches = training_batches(self.train_dataset, self.args, self._train_batch_size)
        loader = self._loader("train_dataset", self.train_dataset, self.batches)
        if self.is_world_process_zero():
            self._log_start(len(loader))
        return loader

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """Return this rank's batches of `eval_dataset`, of the one of that name, or of the trainer's own."""
        if isinstance(eval_dataset, str):
            name, dataset = f"eval_dataset[{eval_dataset!r}]", self.eval_dataset[eval_dataset]
        else:
            name, dataset = "eval_dataset", self.eval_dataset if eval_dataset is None else eval_dataset
        if isinstance(dataset, list) and not dataset:
            return DataLoader(dataset)  # type: ignore[arg-type]
        known, loader = self._eval_loaders.get(name, (None, None))
        if loader is None or known is not dataset:
            args = self.args
            sampler = EvaluationBatches(
                len(dataset), args.eval_batch_size, args.seed, args.process_index, args.world_size
            )
            loader = self._loader(name, dataset, sampler)
            self._eval_loaders[name] = (dataset, loader)
        # Else accelerate takes every evaluation for another epoch.
        loader.set_epoch(0)  # type: ignore[attr-defined]
        return loader

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Any]:
        """Return this rank's batches of `test_dataset`."""
        return self.get_eval_dataloader(test_dataset)

    def _loader(self, name: str, dataset: Any, sampler: Any) -> DataLoader[Any]:
        rows = self._rows(dataset, sampler)
        reader, collate = rows, self._collate
        if collate is None:
            columns = self._columns_of(dataset) or columns_of(name, dataset)
            ids = TextIds(dataset, columns, sampler)
            is_fixed = rows is dataset
            if sampler is self.batches:
                self._train_ids = ids if is_fixed else None
            self._check_weights(columns)
            views = views_of(self.model, self.encoder)
            masks = any(getattr(module, "mask_by_identity", False) for module in self.model.modules())
            frozen = any(getattr(module, "frozen_models", ()) for module in self.model.modules())
            tokens = self._token_cache(dataset, columns) if self.args.cache_tokens else None
            beside = [name for name in (columns.label, columns.weight) if name is not None]
            names = None if tokens is None else [*(columns.texts if views else ()), *beside]
            reader = ColumnReader(rows, ids.by_column if is_fixed and (masks or frozen) else None, names)
            tokenizer = reader_of(self.encoder) or self.encoder
            known = ids.known_positives if is_fixed and masks else None
            collate = Collator(tokenizer.preprocess, columns, self.args.prompts, tokens, views, known)
        return make_loader(reader, sampler, collate, self.args)

    def _rows(self, dataset: Any, sampler: Any) -> Any:
        """Return what reads a data set's rows at the epoch of the run, where they are others in each."""
        if not hasattr(dataset, "set_epoch"):
            return dataset
        kind = type(dataset).__name__
        if self.args.cache_tokens:
            raise ValueError(f"`cache_tokens` must be False for rows that change with the epoch, got {kind}")
        if sampler is not self.batches and dataset is self.train_dataset:
            raise ValueError(
                f"`eval_dataset` must be another object than `train_dataset`, got one {kind} for both, whose "
                "rows change with the epoch\nhint: `copy.copy(train_dataset)`"
            )
        return EpochRows(dataset)

    def _check_weights(self, columns: Columns) -> None:
        if columns.weight and not any(getattr(part, "weighs_rows", False) for part in self.model.modules()):
            raise ValueError(
                f"`loss` must weigh rows for a column `{columns.weight}`, got {type(self.model).__name__}\n"
                f"hint: remove it (`dataset.remove_columns({columns.weight!r})`)"
            )

    def _token_cache(self, dataset: Any, columns: Columns) -> TokenCache:
        reader = reader_of(self.encoder)
        if reader is None:
            raise ValueError(
                "`cache_tokens` must be False for a model with a `preprocess` of its own, "
                f"got {type(self.encoder).__name__}"
            )
        progress = not self.args.disable_tqdm and self.is_world_process_zero()
        return TokenCache(reader, dataset, columns, self.args.prompts, progress=progress)

    def _columns_of(self, dataset: Any) -> Columns | None:
        return next((columns for data, columns in self._columns if data is dataset), None)

    def batches_record(self) -> dict[str, Any]:
        """Describe, in values that JSON can hold, what decides which rows come in which step."""
        args = self.args
        return {
            "fingerprint": None if self._train_ids is None else self._train_ids.fingerprint,
            "num_rows": len(self.train_dataset),
            "sampler": type(getattr(self.batches, "sampler", self.batches)).__name__,
            "seed": args.seed if args.data_seed is None else args.data_seed,
            "batch_size": self._train_batch_size,
            "world_size": args.world_size,
            "gradient_accumulation_steps": args.gradient_accumulation_steps,
            "num_batches": len(self.batches),
        }

    def _log_start(self, num_batches: int) -> None:
        args, columns = self.args, self._columns_of(self.train_dataset)
        rows = self._train_batch_size
        per_step = rows * args.world_size * args.gradient_accumulation_steps
        logger.info(
            "%d rows, %d batches per process and epoch; "
            "a step has %d rows (%d x %d processes x %d accumulated)%s; "
            "a loss sees %d rows at a time on each process",
            len(self.train_dataset),
            num_batches,
            per_step,
            rows,
            args.world_size,
            args.gradient_accumulation_steps,
            "" if columns is None else f", {per_step * len(columns.texts)} texts: {', '.join(columns.texts)}",
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
        output = model(inputs["sentence_features"], inputs.get("labels"))
        components = output if isinstance(output, dict) else {}
        loss = torch.stack([value.float() for value in output.values()]).sum() if components else output
        if model.training:
            self._train_components.add(components)
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
            output.metrics.update(self._run_evaluators("eval" if several else metric_key_prefix))
        return output

    def _run_evaluators(self, prefix: str) -> dict[str, float]:
        metrics: dict[str, float] = {}
        if self.evaluators and self.is_world_process_zero():
            folder = Path(self.args.output_dir) / "eval"
            folder.mkdir(parents=True, exist_ok=True)
            epoch = -1 if self.state.epoch is None else self.state.epoch
            for evaluator in self.evaluators:
                result = evaluator(
                    self.encoder, output_path=str(folder), epoch=epoch, steps=self.state.global_step
                )
                metrics.update(result if isinstance(result, dict) else {"evaluator": result})
        shared = broadcast_object_list([metrics])[0]
        return {
            name if name.startswith(f"{prefix}_") else f"{prefix}_{name}": value
            for name, value in shared.items()
        }

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


def _by_argument(eval_dataset: Any) -> dict[str, Any]:
    if isinstance(eval_dataset, dict):
        return {f"eval_dataset[{name!r}]": dataset for name, dataset in eval_dataset.items()}
    return {"eval_dataset": eval_dataset}
