"""What two ranks do together, for `test_ranks.py`; started by `torch.distributed.run`.

Usage: ranks.py STATIC_FOLDER BERT_FOLDER OUTPUT_FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from tests.training.scenario import (
    Classifier,
    CosineDistance,
    largest_difference,
    pairs,
    several_of,
    trainer_of,
    weights,
)

from foolsgold.models import SentenceTransformer

STATIC, BERT, OUTPUT = (Path(argument) for argument in sys.argv[1:])
RESUMED = {"save_strategy": "steps", "save_steps": 5, "ddp_backend": "gloo"}


def train(name, folder, options, dimension, resume=None, **more):
    model = SentenceTransformer(folder, device="cpu")
    options = {"ddp_backend": "gloo", **options}
    trainer = trainer_of(model, OUTPUT / name, lambda m: Classifier(m, dimension), options=options, **more)
    trainer.train(resume_from_checkpoint=resume)
    return trainer


class OwnBackward(CosineDistance):
    """Hands out a loss that is cut off from the graph, as losses with a gradient cache of their own do."""

    def forward(self, sentence_features, labels):
        return super().forward(sentence_features, labels).detach().requires_grad_()


def main():
    report = {}
    trainer = train("rows", STATIC, {"logging_steps": 2}, 16, eval_dataset=pairs(10), evaluator=evaluate)
    rank = trainer.args.process_index
    report["log"] = trainer.state.log_history
    trainer.batches.set_epoch(2)
    report["rows"] = list(trainer.batches)
    report["eval"] = trainer.evaluate()
    torch.save(weights(trainer.model), OUTPUT / f"rows-{rank}.pt")
    torch.distributed.barrier()

    options = {"gradient_accumulation_steps": 2, "per_device_train_batch_size": 2}
    accumulated = train("accumulated", STATIC, options, 16)
    torch.save(weights(accumulated.model), OUTPUT / f"accumulated-{rank}.pt")

    model = SentenceTransformer(STATIC, device="cpu")
    losses, data = several_of(16)
    several = trainer_of(model, OUTPUT / "several", losses, data, {"ddp_backend": "gloo"})
    several.train()
    torch.save(weights(several.model), OUTPUT / f"several-{rank}.pt")

    whole = weights(train("resume", BERT, RESUMED, 32).model)
    checkpoint = str(OUTPUT / "resume" / "checkpoint-5")
    for workers in (0, 1):
        resumed = train("resume", BERT, {**RESUMED, "dataloader_num_workers": workers}, 32, checkpoint)
        report[f"resumed with {workers} workers"] = largest_difference(whole, weights(resumed.model))
    torch.save(whole, OUTPUT / f"resume-{rank}.pt")

    try:
        train("rows", BERT, {"per_device_train_batch_size": 2}, 32, checkpoint)
    except ValueError as error:
        report["other batch size"] = str(error)
    model = SentenceTransformer(STATIC, device="cpu")
    try:
        trainer_of(model, OUTPUT / "own", OwnBackward(model), options={"ddp_backend": "gloo"}).train()
    except ValueError as error:
        report["own backward"] = str(error)
    (OUTPUT / f"report-{rank}.json").write_text(json.dumps(report))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def evaluate(model, output_path, epoch, steps):
    return {"rank": int(torch.distributed.get_rank()), "mean": float(model.encode(["a cat"]).mean())}


if __name__ == "__main__":
    main()
