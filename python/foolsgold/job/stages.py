"""The steps of the job, each a function of what came before."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from transformers import PrinterCallback, ProgressCallback

from foolsgold.evaluation.retrieval import retrieval_metrics
from foolsgold.losses import MultipleNegativesRankingLoss
from foolsgold.mining.bm25 import BM25
from foolsgold.mining.hard_negatives import mine_hard_negatives
from foolsgold.mining.search import mine
from foolsgold.sampling import NoDuplicatesBatchSampler
from foolsgold.training.arguments import SentenceTransformerTrainingArguments
from foolsgold.training.trainer import SentenceTransformerTrainer

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from numpy.typing import NDArray

    from foolsgold.job.corpus import HeldOut
    from foolsgold.job.recipe import Recipe, Stage
    from foolsgold.mining.candidates import Candidates
    from foolsgold.models import SentenceTransformer

TOP_K = 100
"""Documents looked at for each held-out query."""

_LOGS_PER_STAGE = 60
_LEAST_BATCH = 2

logger = logging.getLogger(__name__)


class _Bar(ProgressCallback):  # type: ignore[misc]
    """A bar over the steps with the loss at its end, in place of a line for each."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if self.training_bar is not None and "loss" in logs:
            self.training_bar.set_postfix(loss=f"{logs['loss']:.3f}")


class Found(NamedTuple):
    """What a search of the held-out documents found, and how good that is."""

    candidates: Candidates
    metrics: dict[str, float]


def train(
    model: SentenceTransformer,
    rows: Dataset,
    stage: Stage,
    recipe: Recipe,
    *,
    folder: Path,
    progress: bool,
) -> list[tuple[int, float]]:
    """Train `model` on `rows` in place, and return its losses as (step, mean since the last one).

    Args:
        model: Trained in place.
        rows: Columns `anchor`, `positive` and any number of negatives.
        stage: Length and learning rate.
        recipe: For the batch size and the seed.
        folder: For what the trainer writes.
        progress: Show a progress bar.
    """
    batch_size = fitting_batch_size(rows, recipe.batch_size)
    if batch_size < recipe.batch_size:
        logger.warning("batches have %d rows: in larger ones too many texts would come twice", batch_size)
    num_steps = max(1, int(len(rows) // batch_size * stage.epochs))
    args = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=stage.epochs,
        per_device_train_batch_size=batch_size,
        learning_rate=stage.learning_rate,
        warmup_ratio=stage.warmup,
        batch_sampler="no_duplicates",
        dataloader_drop_last=True,
        cache_tokens=True,
        logging_steps=max(1, num_steps // _LOGS_PER_STAGE),
        save_strategy="no",
        report_to="none",
        disable_tqdm=not progress,
        seed=recipe.seed,
    )
    trainer = SentenceTransformerTrainer(
        model,
        args,
        rows,
        loss=MultipleNegativesRankingLoss(model, scale=stage.scale),
        optimizer_cls_and_kwargs=(torch.optim.Adam, {"lr": stage.learning_rate, "fused": True}),
    )
    trainer.remove_callback(ProgressCallback if progress else PrinterCallback)
    if progress:
        trainer.add_callback(_Bar)
    trainer.train()
    return [(log["step"], log["loss"]) for log in trainer.state.log_history if "loss" in log]


def fitting_batch_size(rows: Dataset, wanted: int) -> int:
    """Halve `wanted` until batches in which no text comes twice hold at least half of `rows`.

    Mined negatives are the same few documents for many rows, most of all where there is little data.
    """
    size = wanted
    while size > _LEAST_BATCH:
        try:
            if 2 * size * len(NoDuplicatesBatchSampler(rows, size, drop_last=True)) >= len(rows):
                break
        except ValueError:
            # Not one batch of this size.
            pass
        size = max(size // 2, _LEAST_BATCH)
    return size


def search(model: SentenceTransformer, held_out: HeldOut, *, progress: bool) -> Found:
    """Embed the held-out queries and documents, search exactly, and measure."""
    options: dict[str, Any] = {"convert_to_numpy": True, "show_progress_bar": progress}
    queries = model.encode_query(held_out.queries, **options)
    documents = model.encode_document(held_out.documents, **options)
    found = mine(queries, documents, num_negatives=min(TOP_K, len(documents)))
    return Found(found, measure(found, held_out))


def search_lexically(held_out: HeldOut) -> Found:
    """Search the held-out documents by BM25, and measure."""
    found = BM25(held_out.documents).search(held_out.queries, top_k=min(TOP_K, len(held_out.documents)))
    return Found(found, measure(found, held_out))


def measure(found: Candidates, held_out: HeldOut) -> dict[str, float]:
    """Metrics of a search over the held-out documents."""
    metrics = retrieval_metrics(
        found.ids,
        found.scores,
        held_out.relevant,
        accuracy_at_k=(1,),
        precision_at_k=(),
        recall_at_k=(10, 100),
    )
    names = ("ndcg@10", "mrr@10", "map@100", "accuracy@1", "recall@10", "recall@100")
    return {name: metrics[name] for name in names}


def mine_negatives(model: SentenceTransformer, rows: Dataset, recipe: Recipe, *, progress: bool) -> Dataset:
    """Mine negatives for `rows`: columns `anchor`, `positive`, `negative_1`, ... and `scores`.

    Raises:
        ValueError: If no row has enough negatives.
    """
    mined = mine_hard_negatives(
        rows,
        model,
        num_negatives=recipe.num_negatives,
        relative_margin=recipe.relative_margin,
        range_min=recipe.range_min,
        range_max=recipe.range_max,
        sampling_strategy=recipe.sampling_strategy,
        output_format="n-tuple",
        output_scores=True,
        batch_size=max(32, recipe.batch_size),
        verbose=progress,
        seed=recipe.seed,
    )
    if len(mined) == 0:
        raise ValueError(
            "`num_negatives` must be at most what a row has inside its margin and ranks, "
            f"got {recipe.num_negatives}\n"
            "hint: a smaller number, a smaller margin or more data"
        )
    return mined


def scores_of(mined: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of the positives (N,) and of the negatives (N, n) in a mined data set."""
    scores = np.asarray(mined["scores"][:], dtype=np.float64)
    return scores[:, 0], scores[:, 1:]
