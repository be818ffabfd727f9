"""The objectives as plain functions of tensors, for use without a model."""

from foolsgold.losses.adaptive_layer import adaptive_layer_loss
from foolsgold.losses.angle import angle_loss
from foolsgold.losses.batch_all_triplet import batch_all_triplet_loss
from foolsgold.losses.batch_hard_soft_margin_triplet import batch_hard_soft_margin_triplet_loss
from foolsgold.losses.batch_hard_triplet import batch_hard_triplet_loss
from foolsgold.losses.batch_semi_hard_triplet import batch_semi_hard_triplet_loss
from foolsgold.losses.contrastive import contrastive_loss
from foolsgold.losses.contrastive_tension import contrastive_tension_loss
from foolsgold.losses.contrastive_tension_in_batch_negatives import (
    contrastive_tension_in_batch_negatives_loss,
)
from foolsgold.losses.cosent import cosent_loss
from foolsgold.losses.cosine_similarity import cosine_similarity_loss
from foolsgold.losses.denoising_auto_encoder import denoising_auto_encoder_loss
from foolsgold.losses.distill_kl_div import distill_kl_div_loss
from foolsgold.losses.embed_distill import embed_distill_loss
from foolsgold.losses.gist_embed import gist_embed_loss
from foolsgold.losses.global_orthogonal_regularization import global_orthogonal_regularization_loss
from foolsgold.losses.margin_mse import margin_mse_loss
from foolsgold.losses.matryoshka import matryoshka_loss
from foolsgold.losses.matryoshka2d import matryoshka2d_loss
from foolsgold.losses.mega_batch_margin import mega_batch_margin_loss
from foolsgold.losses.mse import mse_loss
from foolsgold.losses.multiple_negatives_ranking import multiple_negatives_ranking_loss
from foolsgold.losses.online_contrastive import online_contrastive_loss
from foolsgold.losses.parts.identity import Identity
from foolsgold.losses.sigmoid_contrastive import sigmoid_contrastive_loss
from foolsgold.losses.softmax import softmax_loss
from foolsgold.losses.supervised_contrastive import supervised_contrastive_loss
from foolsgold.losses.triplet import triplet_loss
from foolsgold.losses.weighted_sum import weighted_sum_loss

__all__ = [
    "Identity",
    "adaptive_layer_loss",
    "angle_loss",
    "batch_all_triplet_loss",
    "batch_hard_soft_margin_triplet_loss",
    "batch_hard_triplet_loss",
    "batch_semi_hard_triplet_loss",
    "contrastive_loss",
    "contrastive_tension_in_batch_negatives_loss",
    "contrastive_tension_loss",
    "cosent_loss",
    "cosine_similarity_loss",
    "denoising_auto_encoder_loss",
    "distill_kl_div_loss",
    "embed_distill_loss",
    "gist_embed_loss",
    "global_orthogonal_regularization_loss",
    "margin_mse_loss",
    "matryoshka2d_loss",
    "matryoshka_loss",
    "mega_batch_margin_loss",
    "mse_loss",
    "multiple_negatives_ranking_loss",
    "online_contrastive_loss",
    "sigmoid_contrastive_loss",
    "softmax_loss",
    "supervised_contrastive_loss",
    "triplet_loss",
    "weighted_sum_loss",
]
