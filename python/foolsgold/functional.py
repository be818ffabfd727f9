"""The objectives as plain functions of tensors, for use without a model."""

from foolsgold.losses.cosine_similarity import cosine_similarity_loss
from foolsgold.losses.multiple_negatives_ranking import multiple_negatives_ranking_loss
from foolsgold.losses.triplet import triplet_loss

__all__ = ["cosine_similarity_loss", "multiple_negatives_ranking_loss", "triplet_loss"]
