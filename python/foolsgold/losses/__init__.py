"""Losses over embeddings: one file each, the objective as a function and then the module.

- `AdaptiveLayerLoss`: as the loss it applies; earlier layers keep to it, too.
- `AnglELoss`: (text, text) and a score; pairs are ranked by their angle, or by the paper's full objective.
- `BatchAllTripletLoss`: single texts with classes; all triplets of the batch.
- `BatchHardSoftMarginTripletLoss`: single texts with classes; the hardest triplet of each, without a margin.
- `BatchHardTripletLoss`: single texts with classes; the hardest triplet of each.
- `BatchSemiHardTripletLoss`: single texts with classes; negatives a little further away than the positive.
- `CachedGISTEmbedLoss`: `GISTEmbedLoss` for batches that do not fit.
- `CachedMultipleNegativesRankingLoss`: `MultipleNegativesRankingLoss` for batches that do not fit.
- `CachedMultipleNegativesSymmetricRankingLoss`: `MultipleNegativesSymmetricRankingLoss` for such batches.
- `CoSENTLoss`: (text, text) and a score; pairs are ranked by their similarity.
- `ContrastiveLoss`: (text, text) with 1 or 0; near, or at least a margin away.
- `ContrastiveTensionLoss`: sentences alone, or (text, text) with 1 or 0; two encoders agree on equal texts.
- `ContrastiveTensionLossInBatchNegatives`: sentences alone; two encoders find each other's view of a text.
- `CosineSimilarityLoss`: (text, text) and a score; the cosine meets the score.
- `DenoisingAutoEncoderLoss`: sentences alone, or (damaged, original); a decoder writes the original.
- `DistillKLDivLoss`: (query, positive[, negatives]) and scores of a teacher, or a teacher; softmaxes agree.
- `EmbedDistillLoss`: texts and a teacher's embeddings; each embedding moves to the teacher's.
- `GISTEmbedLoss`: (anchor, positive[, negatives]); a guide model tells which of the batch are no negatives.
- `GlobalOrthogonalRegularizationLoss`: texts alone; embeddings spread over the sphere.
- `MSELoss`: texts and a teacher's embeddings; by the mean squared error.
- `MarginMSELoss`: (query, positive, negatives) and a teacher's margins or scores; the margins agree.
- `Matryoshka2dLoss`: as the loss it applies; leading dimensions of earlier layers keep to it, too.
- `MatryoshkaLoss`: as the loss it applies; leading dimensions of the embeddings keep to it, too.
- `MegaBatchMarginLoss`: (anchor, positive); the hardest negative of the batch is a margin away.
- `MultipleNegativesRankingLoss`: (anchor, positive[, negatives]); the batch's other documents are negatives.
- `MultipleNegativesSymmetricRankingLoss`: (anchor, positive[, negatives]); documents pick queries, too.
- `OnlineContrastiveLoss`: (text, text) with 1 or 0; the hard pairs of the batch alone.
- `SigmoidContrastiveLoss`: as `SupervisedContrastiveLoss`; each pair of the batch is judged by itself.
- `SoftmaxLoss`: (text, text) with a class; a classifier over both embeddings.
- `SupervisedContrastiveLoss`: texts with classes, or (anchor, positive[, negatives]); matches are positives.
- `TripletLoss`: (anchor, positive, negative); the negative is further away by a margin.
- `WeightedSumLoss`: as all of its losses; several losses on one embedding of the batch.
- `ContrastiveTensionDataLoader`: batches of pairs for `ContrastiveTensionLoss`, in loops of one's own.
- `EmbeddingLoss`: the base of these and of your own; `LossModifier`: of losses on top of others.
"""

from foolsgold.losses.adaptive_layer import AdaptiveLayerLoss
from foolsgold.losses.angle import AnglELoss
from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.batch_all_triplet import BatchAllTripletLoss
from foolsgold.losses.batch_hard_soft_margin_triplet import BatchHardSoftMarginTripletLoss
from foolsgold.losses.batch_hard_triplet import BatchHardTripletLoss, BatchHardTripletLossDistanceFunction
from foolsgold.losses.batch_semi_hard_triplet import BatchSemiHardTripletLoss
from foolsgold.losses.cached_gist_embed import CachedGISTEmbedLoss
from foolsgold.losses.cached_multiple_negatives_ranking import CachedMultipleNegativesRankingLoss
from foolsgold.losses.cached_multiple_negatives_symmetric_ranking import (
    CachedMultipleNegativesSymmetricRankingLoss,
)
from foolsgold.losses.contrastive import ContrastiveLoss, SiameseDistanceMetric
from foolsgold.losses.contrastive_tension import ContrastiveTensionLoss
from foolsgold.losses.contrastive_tension_in_batch_negatives import ContrastiveTensionLossInBatchNegatives
from foolsgold.losses.cosent import CoSENTLoss
from foolsgold.losses.cosine_similarity import CosineSimilarityLoss
from foolsgold.losses.denoising_auto_encoder import DenoisingAutoEncoderLoss
from foolsgold.losses.distill_kl_div import DistillKLDivLoss
from foolsgold.losses.embed_distill import EmbedDistillLoss
from foolsgold.losses.gist_embed import GISTEmbedLoss
from foolsgold.losses.global_orthogonal_regularization import GlobalOrthogonalRegularizationLoss
from foolsgold.losses.margin_mse import MarginMSELoss
from foolsgold.losses.matryoshka import MatryoshkaLoss
from foolsgold.losses.matryoshka2d import Matryoshka2dLoss
from foolsgold.losses.mega_batch_margin import MegaBatchMarginLoss
from foolsgold.losses.modifier import LossModifier
from foolsgold.losses.mse import MSELoss
from foolsgold.losses.multiple_negatives_ranking import MultipleNegativesRankingLoss
from foolsgold.losses.multiple_negatives_symmetric_ranking import MultipleNegativesSymmetricRankingLoss
from foolsgold.losses.online_contrastive import OnlineContrastiveLoss
from foolsgold.losses.parts.batch import BatchInfo
from foolsgold.losses.parts.identity import Identity
from foolsgold.losses.parts.tension_pairs import ContrastiveTensionDataLoader
from foolsgold.losses.sigmoid_contrastive import SigmoidContrastiveLoss
from foolsgold.losses.softmax import SoftmaxLoss
from foolsgold.losses.supervised_contrastive import SupervisedContrastiveLoss
from foolsgold.losses.triplet import TripletDistanceMetric, TripletLoss
from foolsgold.losses.weighted_sum import WeightedSumLoss

__all__ = [
    "AdaptiveLayerLoss",
    "AnglELoss",
    "BatchAllTripletLoss",
    "BatchHardSoftMarginTripletLoss",
    "BatchHardTripletLoss",
    "BatchHardTripletLossDistanceFunction",
    "BatchInfo",
    "BatchSemiHardTripletLoss",
    "CachedGISTEmbedLoss",
    "CachedMultipleNegativesRankingLoss",
    "CachedMultipleNegativesSymmetricRankingLoss",
    "CoSENTLoss",
    "ContrastiveLoss",
    "ContrastiveTensionDataLoader",
    "ContrastiveTensionLoss",
    "ContrastiveTensionLossInBatchNegatives",
    "CosineSimilarityLoss",
    "DenoisingAutoEncoderLoss",
    "DistillKLDivLoss",
    "EmbedDistillLoss",
    "EmbeddingLoss",
    "GISTEmbedLoss",
    "GlobalOrthogonalRegularizationLoss",
    "Identity",
    "LossModifier",
    "MSELoss",
    "MarginMSELoss",
    "Matryoshka2dLoss",
    "MatryoshkaLoss",
    "MegaBatchMarginLoss",
    "MultipleNegativesRankingLoss",
    "MultipleNegativesSymmetricRankingLoss",
    "OnlineContrastiveLoss",
    "SiameseDistanceMetric",
    "SigmoidContrastiveLoss",
    "SoftmaxLoss",
    "SupervisedContrastiveLoss",
    "TripletDistanceMetric",
    "TripletLoss",
    "WeightedSumLoss",
]
