"""How good a model is at its task.

- `retrieval_metrics`: MRR, nDCG, recall and the like from a table of retrieved ids; numpy alone.
- `InformationRetrievalEvaluator`: the same of a model, over queries and a corpus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from foolsgold.lazy import getter

if TYPE_CHECKING:
    from foolsgold.evaluation.information_retrieval import InformationRetrievalEvaluator
    from foolsgold.evaluation.retrieval import RetrievalMetrics, retrieval_metrics

__all__ = ["InformationRetrievalEvaluator", "RetrievalMetrics", "retrieval_metrics"]

__getattr__ = getter(
    __name__,
    {
        "InformationRetrievalEvaluator": "foolsgold.evaluation.information_retrieval",
        "RetrievalMetrics": "foolsgold.evaluation.retrieval",
        "retrieval_metrics": "foolsgold.evaluation.retrieval",
    },
)
