"""Losses over embeddings: one file each, the objective as a function and then the module.

- `MultipleNegativesRankingLoss`: (anchor, positive[, negatives]); the batch's other documents are negatives.
- `CosineSimilarityLoss`: (text, text) and a score; the cosine meets the score.
- `TripletLoss`: (anchor, positive, negative); the negative is further away by a margin.
- `EmbeddingLoss`: the base of these and of your own.
"""

from foolsgold.losses.base import BatchInfo, EmbeddingLoss
from foolsgold.losses.cosine_similarity import CosineSimilarityLoss
from foolsgold.losses.multiple_negatives_ranking import MultipleNegativesRankingLoss
from foolsgold.losses.triplet import TripletDistanceMetric, TripletLoss

__all__ = [
    "BatchInfo",
    "CosineSimilarityLoss",
    "EmbeddingLoss",
    "MultipleNegativesRankingLoss",
    "TripletDistanceMetric",
    "TripletLoss",
]
