"""The job: train, mine, train on, measuring before, between and after."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from datasets import Dataset

from foolsgold.aside import write_aside
from foolsgold.data.texts import Texts
from foolsgold.job import stages
from foolsgold.job.embedded import make_model
from foolsgold.job.journal import Journal
from foolsgold.job.outcome import Losses, Outcome
from foolsgold.job.report import report_page
from foolsgold.models import SentenceTransformer

if TYPE_CHECKING:
    from pathlib import Path

    from foolsgold.job.corpus import Corpus
    from foolsgold.job.recipe import EmbeddedModel, Recipe, Stage

logger = logging.getLogger(__name__)

UNTRAINED, IN_BATCH, CONTROL, MINED, BM25 = "untrained", "in-batch", "control", "mined", "BM25"
_IN_BATCH_FOLDER, _MODEL_FOLDER, _MINED_FILE = "in-batch", "model", "mined.parquet"
_NUM_EXAMPLES = 3


def run(
    corpus: Corpus,
    recipe: Recipe,
    output: Path,
    *,
    model: str | EmbeddedModel,
    with_control: bool = False,
    progress: bool = True,
) -> Outcome:
    """Run the job, or go on with it where the same one was interrupted.

    Writes `model/` (the encoder), `mined.parquet` (rows with negatives and scores), `metrics.json` and
    `report.html` to `output`, all at once at the end.

    Args:
        corpus: What to train on and to measure by.
        recipe: How.
        output: A new folder, an empty one, or an earlier job's, which is replaced.
        model: Name or folder of a model, or the options of the embedded one.
        with_control: Also train the second stage without mined negatives.
        progress: Show progress bars.

    Raises:
        ValueError: If the data is too small for the recipe, or `output` holds something else.
        OSError: If a model cannot be read, or something not written.
    """
    job = _Job(corpus, recipe, Journal(output, _fingerprint(corpus, recipe, model)), progress=progress)
    job.untrained(model)
    job.in_batch()
    mined = job.mine()
    if with_control:
        job.branch(CONTROL, corpus.train)
    job.branch(MINED, mined.remove_columns("scores"))
    job.lexical()
    outcome = job.outcome(with_control=with_control)
    positives, negatives = stages.scores_of(mined)
    page = report_page(outcome, positives, negatives.ravel())
    write_aside(job.journal.folder / "report.html", page)
    job.journal.publish(asdict(outcome))
    return outcome


class _Job:
    """The steps with their places on disk; a finished one is read, not run again."""

    def __init__(self, corpus: Corpus, recipe: Recipe, journal: Journal, *, progress: bool) -> None:
        self.corpus, self.recipe, self.journal, self.progress = corpus, recipe, journal, progress

    def untrained(self, source: str | EmbeddedModel) -> None:
        if UNTRAINED in self.journal:
            return
        began = time.monotonic()
        train = self.corpus.train
        if isinstance(source, str):
            model = SentenceTransformer(source)
        else:
            texts = (text for name in ("anchor", "positive") for text in train[name][:])
            model = make_model(texts, source, seed=self.recipe.seed)
        model.save(self.journal.folder / UNTRAINED)
        self._record(UNTRAINED, model, began)

    def in_batch(self) -> None:
        if IN_BATCH not in self.journal:
            began = time.monotonic()
            model = self._load(UNTRAINED)
            losses = self._train(model, self.corpus.train, self.recipe.in_batch)
            model.save(self.journal.folder / _IN_BATCH_FOLDER)
            self._record(IN_BATCH, model, began, losses)

    def mine(self) -> Dataset:
        path = self.journal.folder / _MINED_FILE
        if "mine" not in self.journal:
            began = time.monotonic()
            model = self._load(_IN_BATCH_FOLDER)
            mined = stages.mine_negatives(model, self.corpus.train, self.recipe, progress=self.progress)
            pq.write_table(mined.data.table, path, compression="zstd")
            self.journal.record("mine", {"rows": len(mined), "seconds": time.monotonic() - began})
        return Dataset(pq.read_table(path))

    def branch(self, step: str, rows: Dataset) -> None:
        if step in self.journal:
            return
        began = time.monotonic()
        model = self._load(_IN_BATCH_FOLDER)
        losses = self._train(model, rows, self.recipe.mined)
        if step == MINED:
            model.save(self.journal.folder / _MODEL_FOLDER)
        self._record(step, model, began, losses)

    def lexical(self) -> None:
        if BM25 not in self.journal:
            began = time.monotonic()
            found = stages.search_lexically(self.corpus.held_out)
            self._record_found(BM25, found, began)

    def outcome(self, *, with_control: bool) -> Outcome:
        """Gather what the steps left in the journal, and drop what only the steps need."""
        steps = [UNTRAINED, IN_BATCH, *([CONTROL] if with_control else []), MINED, BM25]
        kept = {step: self.journal[step] for step in steps}
        mined = self.journal["mine"]
        seconds = {step: result["seconds"] for step, result in kept.items()} | {"mine": mined["seconds"]}
        for folder in (UNTRAINED, _IN_BATCH_FOLDER, "trainer"):
            shutil.rmtree(self.journal.folder / folder, ignore_errors=True)
        return Outcome(
            data={"name": self.corpus.name, **self.corpus.counts},
            recipe=asdict(self.recipe),
            metrics={step: result["metrics"] for step, result in kept.items()},
            losses={step: result["losses"] for step, result in kept.items() if result["losses"]},
            seconds={step: round(taken, 2) for step, taken in seconds.items()},
            examples=kept[MINED]["examples"],
            num_mined=mined["rows"],
        )

    def _load(self, folder: str) -> SentenceTransformer:
        return SentenceTransformer(str(self.journal.folder / folder))

    def _train(self, model: SentenceTransformer, rows: Dataset, stage: Stage) -> Losses:
        folder = self.journal.folder / "trainer"
        return stages.train(model, rows, stage, self.recipe, folder=folder, progress=self.progress)

    def _record(
        self,
        step: str,
        model: SentenceTransformer,
        began: float,
        losses: Losses | None = None,
    ) -> None:
        found = stages.search(model, self.corpus.held_out, progress=self.progress)
        self._record_found(step, found, began, losses)

    def _record_found(
        self, step: str, found: stages.Found, began: float, losses: Losses | None = None
    ) -> None:
        result = {
            "metrics": found.metrics,
            "losses": losses or [],
            "examples": _examples(found, self.corpus, self.recipe.seed),
            "seconds": time.monotonic() - began,
        }
        self.journal.record(step, result)
        logger.info("%s: %s", step, ", ".join(f"{name} {value:.4f}" for name, value in found.metrics.items()))


def _examples(found: stages.Found, corpus: Corpus, seed: int) -> list[dict[str, Any]]:
    """A few held-out queries with the document found first."""
    held_out = corpus.held_out
    chosen = np.random.default_rng(seed).permutation(len(held_out.queries))[:_NUM_EXAMPLES]
    offsets, values = held_out.relevant
    examples = []
    for query in map(int, chosen):
        best = int(found.candidates.ids[query, 0])
        is_right = best in values[offsets[query] : offsets[query + 1]]
        document = held_out.documents[best] if best >= 0 else ""
        examples.append({"query": held_out.queries[query], "document": document, "is_right": is_right})
    return examples


def _fingerprint(corpus: Corpus, recipe: Recipe, model: str | EmbeddedModel) -> str:
    """Identify a job: its texts, its recipe and its model."""
    texts, _ = Texts.intern(
        {
            "anchor": corpus.train.data.column("anchor"),
            "positive": corpus.train.data.column("positive"),
            "queries": corpus.held_out.queries,
            "documents": corpus.held_out.documents,
        }
    )
    options = model if isinstance(model, str) else asdict(model)
    told = json.dumps([texts.fingerprint, type(recipe).__name__, asdict(recipe), options], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
