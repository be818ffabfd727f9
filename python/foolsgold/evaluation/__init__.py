"""How good a model is at its task.

- `retrieval_metrics`: MRR, nDCG, recall and the like from a table of retrieved ids; numpy alone.
- `InformationRetrievalEvaluator`: the same of a model, over queries and a corpus.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foolsgold.evaluation.information_retrieval import InformationRetrievalEvaluator
    from foolsgold.evaluation.retrieval import RetrievalMetrics, retrieval_metrics

_HOME = {
    "InformationRetrievalEvaluator": "information_retrieval",
    "RetrievalMetrics": "retrieval",
    "retrieval_metrics": "retrieval",
}

__all__ = ["InformationRetrievalEvaluator", "RetrievalMetrics", "retrieval_metrics"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module `foolsgold.evaluation` has no attribute `{name}`")
    return getattr(importlib.import_module(f"foolsgold.evaluation.{_HOME[name]}"), name)
