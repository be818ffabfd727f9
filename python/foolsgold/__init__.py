"""Train text-embedding and reranking models: the losses and the loop in torch, the data work in Rust.

`import foolsgold as fg` is light: a name is imported when it is first used, and with it only what it needs.
Arrays and files need numpy alone; models, losses and training need torch and transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.lazy import getter

if TYPE_CHECKING:
    from foolsgold import (
        data,
        datasets,
        evaluation,
        functional,
        losses,
        mining,
        models,
        sampling,
        training,
        training_args,
        util,
    )
    from foolsgold._core import __version__
    from foolsgold.mining.candidates import Candidates
    from foolsgold.mining.hard_negatives import mine_hard_negatives
    from foolsgold.mining.search import mine
    from foolsgold.models import SentenceTransformer
    from foolsgold.similarity import SimilarityFunction
    from foolsgold.training.arguments import SentenceTransformerTrainingArguments
    from foolsgold.training.trainer import SentenceTransformerTrainer
    from foolsgold.validation import Validation, validate

_HOME = {
    "__version__": "foolsgold._core",
    "Candidates": "foolsgold.mining.candidates",
    "SentenceTransformer": "foolsgold.models",
    "SentenceTransformerTrainer": "foolsgold.training.trainer",
    "SentenceTransformerTrainingArguments": "foolsgold.training.arguments",
    "SimilarityFunction": "foolsgold.similarity",
    "Validation": "foolsgold.validation",
    "mine": "foolsgold.mining.search",
    "mine_hard_negatives": "foolsgold.mining.hard_negatives",
    "validate": "foolsgold.validation",
    **{
        name: f"foolsgold.{name}"
        for name in (
            "data",
            "datasets",
            "evaluation",
            "functional",
            "losses",
            "mining",
            "models",
            "sampling",
            "training",
            "training_args",
            "util",
        )
    },
}

__all__ = [
    "Candidates",
    "SentenceTransformer",
    "SentenceTransformerTrainer",
    "SentenceTransformerTrainingArguments",
    "SimilarityFunction",
    "Validation",
    "__version__",
    "data",
    "datasets",
    "evaluation",
    "functional",
    "losses",
    "mine",
    "mine_hard_negatives",
    "mining",
    "models",
    "sampling",
    "training",
    "training_args",
    "util",
    "validate",
]

__getattr__ = getter(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
