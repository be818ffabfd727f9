"""ResumableTrainer: checkpoints that are whole or absent, and resuming as if nothing had stopped."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import Trainer
from transformers import trainer as transformers_trainer
from transformers.trainer_utils import rotate_checkpoints

from foolsgold.training.checkpoint import (
    check_record,
    check_whole,
    load_encoder,
    load_owned,
    load_record,
    save_owned,
    save_record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

_TRAINER_STATE = "trainer_state.json"


class ResumableTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose trained module is a loss around an encoder; saves, loads and resumes it.

    A checkpoint is written aside and renamed, so a folder `checkpoint-N` is a whole one. What it holds is
    said in `foolsgold.training.checkpoint`. A resumed run goes on with the very batch that came next.

    Attributes:
        model: the loss.
        encoder: the module of it that `save_model` writes.
        batches: the sampler of this rank's training batches; None before training.
    """

    model: nn.Module
    encoder: Any = None
    batches: Any = None
    _aside: Path | None = None

    def batches_record(self) -> dict[str, Any]:
        """Describe, in values that JSON can hold, what decides which rows come in which step."""
        raise NotImplementedError

    def _init_training_state(
        self,
        max_steps: int,
        num_update_steps_per_epoch: int,
        num_train_epochs: int,
        resume_from_checkpoint: str | None,
        trial: Any,
    ) -> tuple[int, int]:
        if resume_from_checkpoint is not None:
            check_record(self.batches_record(), resume_from_checkpoint)
            if hasattr(self.batches, "load_progress"):
                self.batches.load_progress(load_record(resume_from_checkpoint))
        state: tuple[int, int] = super()._init_training_state(
            max_steps, num_update_steps_per_epoch, num_train_epochs, resume_from_checkpoint, trial
        )
        return state

    def _run_epoch(
        self,
        *,
        epoch: int,
        resume_from_checkpoint: str | None,
        epochs_trained: int,
        steps_trained_in_current_epoch: int,
        **others: Any,
    ) -> None:
        self.batches.set_epoch(epoch)
        if resume_from_checkpoint is not None and epoch == epochs_trained:
            # After `set_epoch`, which goes to the start of another epoch. Trainer calls it once more, for the
            # same epoch, and that changes nothing.
            self.batches.seek(steps_trained_in_current_epoch)
        with _sampler_skips():
            super()._run_epoch(
                epoch=epoch,
                resume_from_checkpoint=resume_from_checkpoint,
                epochs_trained=epochs_trained,
                steps_trained_in_current_epoch=steps_trained_in_current_epoch,
                **others,
            )

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        if not self.args.should_save:
            return
        folder = Path(output_dir or self.args.output_dir)
        self.encoder.save_pretrained(str(folder))
        if self._aside is not None:
            save_owned(self.model, self.encoder, folder)
            progress = self.batches.progress() if hasattr(self.batches, "progress") else {}
            save_record({**self.batches_record(), **progress}, folder)

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._aside or super()._get_output_dir(trial))

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        folder = Path(super()._get_output_dir(trial))
        published = folder / f"checkpoint-{self.state.global_step}"
        self._aside = aside = folder / ".checkpoint.saving"
        self._remove(aside)
        try:
            super()._save_checkpoint(model, trial)
            self._rename_best(aside / published.name, published)
            self.accelerator.wait_for_everyone()
            if self.is_local_process_zero():
                _publish(aside / published.name, published)
        finally:
            self._aside = None
            self._remove(aside)
        if self.args.should_save:
            best = self.state.best_model_checkpoint
            rotate_checkpoints(str(folder), self.args.save_total_limit, best, use_mtime=True)
        if self.args.push_to_hub:
            self._push_from_checkpoint(str(published))

    def _remove(self, folder: Path) -> None:
        if self.is_local_process_zero():
            shutil.rmtree(folder, ignore_errors=True)
        self.accelerator.wait_for_everyone()

    def _rename_best(self, written: Path, published: Path) -> None:
        """Give the state the name that the checkpoint will have, where Trainer found it to be the best."""
        if self.state.best_model_checkpoint == str(written):
            self.state.best_model_checkpoint = str(published)
            if self.args.should_save:
                self.state.save_to_json(str(written / _TRAINER_STATE))

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        # Uploads run in the background and must read the published folder; Trainer copies only files it
        # knows.
        if self._aside is None:
            self.encoder.save_pretrained(self.args.output_dir)
            super()._push_from_checkpoint(checkpoint_folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        check_whole(resume_from_checkpoint)
        load_encoder(self.encoder, resume_from_checkpoint)
        load_owned(self.model, self.encoder, resume_from_checkpoint)

    def _load_best_model(self) -> None:
        self._load_from_checkpoint(self.state.best_model_checkpoint)


@contextmanager
def _sampler_skips() -> Iterator[None]:
    """Keep Trainer from skipping batches by reading them: the sampler stands at the right one already."""
    original = transformers_trainer.skip_first_batches
    transformers_trainer.skip_first_batches = lambda loader, num_batches=0: loader
    try:
        yield
    finally:
        transformers_trainer.skip_first_batches = original


def _publish(written: Path, published: Path) -> None:
    """Rename a whole checkpoint to its place; one that is there already gives way only then."""
    if not written.exists():
        return  # another node has published on the shared file system
    replaced = written.with_name(".replaced")
    if published.exists():
        published.rename(replaced)
    written.rename(published)
