"""Train text-embedding and reranking models: the losses and the loop in torch, the data work in Rust.

`import foolsgold as fg` is light: a name is imported when it is first used, and with it only what it needs.
Arrays and files need numpy alone; models, losses and training need torch and transformers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foolsgold import data, evaluation, functional, losses, mining, models, sampling, training, util
    from foolsgold._core import __version__
    from foolsgold.mining.hard_negatives import mine_hard_negatives
    from foolsgold.mining.mine import Candidates, mine
    from foolsgold.models import SentenceTransformer
    from foolsgold.similarity import SimilarityFunction
    from foolsgold.training.arguments import SentenceTransformerTrainingArguments
    from foolsgold.training.trainer import SentenceTransformerTrainer

_HOME = {
    "__version__": "foolsgold._core",
    "Candidates": "foolsgold.mining.mine",
    "SentenceTransformer": "foolsgold.models",
    "SentenceTransformerTrainer": "foolsgold.training.trainer",
    "SentenceTransformerTrainingArguments": "foolsgold.training.arguments",
    "SimilarityFunction": "foolsgold.similarity",
    "mine": "foolsgold.mining.mine",
    "mine_hard_negatives": "foolsgold.mining.hard_negatives",
}
_SUBPACKAGES = (
    "data",
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

__all__ = [
    "Candidates",
    "SentenceTransformer",
    "SentenceTransformerTrainer",
    "SentenceTransformerTrainingArguments",
    "SimilarityFunction",
    "__version__",
    "data",
    "evaluation",
    "functional",
    "losses",
    "mine",
    "mine_hard_negatives",
    "mining",
    "models",
    "sampling",
    "training",
    "util",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _SUBPACKAGES:
        value = importlib.import_module(f"foolsgold.{name}")
    else:
        raise AttributeError(f"module `foolsgold` has no attribute `{name}`")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_SUBPACKAGES})
