"""Cases of the losses over pairs and triplets with stated labels."""

from __future__ import annotations

import torch.nn.functional as F
from tests.losses.cases.case import Case, Enum, Made, binary, classes, scores
from tests.losses.encoders import TokenEncoder
from torch import nn

from foolsgold.similarity import (
    cos_sim,
    dot_score,
    euclidean_sim,
    manhattan_sim,
    pairwise_dot_score,
)


class MeanEncoder(TokenEncoder):
    """Says how it pools."""

    pooling_modes = ("mean",)


def _metric(name):
    return Enum(path=f"SiameseDistanceMetric.{name}")


def _probabilities(num_rows, generator):
    return (scores(3 * num_rows, generator).reshape(num_rows, 3) * 4).softmax(dim=1)


_COSENT = [
    Case(name="CoSENTLoss", labels=scores, gathers=True),
    Case(name="CoSENTLoss", labels=binary, gathers=True),
    Case(name="CoSENTLoss", options={"scale": 3.0, "similarity_fct": pairwise_dot_score}, labels=classes),
    # The peer takes no matrix form.
    Case(name="CoSENTLoss", own_options={"similarity_fct": cos_sim}, labels=scores, gathers=True),
    Case(name="CoSENTLoss", own_options={"similarity_fct": euclidean_sim}, labels=scores, has_peer=False),
]
_ANGLE = [
    Case(name="AnglELoss", labels=scores, gathers=True),
    Case(name="AnglELoss", options={"scale": 7.0}, labels=binary, gathers=True),
    Case(name="AnglELoss", num_columns=3, gathers=True),
    Case(name="AnglELoss", num_columns=4, labels=scores, gathers=True),
    Case(name="AnglELoss", own_options={"angle_tau": 0.05, "cosine_w": 0.0, "ibn_w": 0.0}, labels=scores),
    Case(
        name="AnglELoss",
        own_options={"angle_w": 0.5, "cosine_w": 2.0, "cosine_tau": 0.1, "ibn_w": 3.0, "ibn_tau": 0.2},
        labels=binary,
        has_peer=False,
        gathers=True,
    ),
    Case(
        name="AnglELoss",
        own_options={"pooling_strategy": "mean"},
        labels=scores,
        gathers=True,
        encoder=MeanEncoder,
    ),
    Case(name="AnglELoss", own_options={"ibn_tau": 0.05}, num_columns=4, has_peer=False, gathers=True),
]
_CONTRASTIVE = [
    Case(name="ContrastiveLoss", labels=binary),
    Case(name="ContrastiveLoss", options={"margin": 1.5, "size_average": False}, labels=binary),
    Case(name="ContrastiveLoss", labels=scores),
    Case(
        name="ContrastiveLoss",
        options={"distance_metric": F.pairwise_distance, "margin": 1.0},
        labels=binary,
    ),
    # The peer adds 1e-6 to every component of a difference, so its distance of equal texts is not 0.
    Case(
        name="ContrastiveLoss",
        options={"distance_metric": _metric("EUCLIDEAN")},
        labels=binary,
        has_peer=False,
    ),
    Case(
        name="ContrastiveLoss",
        options={"distance_metric": _metric("MANHATTAN"), "margin": 2.0},
        labels=binary,
        has_peer=False,
    ),
    Case(name="OnlineContrastiveLoss", labels=binary, gathers=True),
    Case(name="OnlineContrastiveLoss", labels=classes, gathers=True),
    Case(
        name="OnlineContrastiveLoss",
        options={"distance_metric": _metric("COSINE_DISTANCE"), "margin": 1.5},
        labels=binary,
        gathers=True,
    ),
    Case(
        name="OnlineContrastiveLoss",
        options={"distance_metric": F.pairwise_distance, "margin": 1.0},
        labels=binary,
    ),
    Case(
        name="OnlineContrastiveLoss",
        options={"distance_metric": _metric("EUCLIDEAN")},
        own_options={"size_average": True},
        labels=binary,
        has_peer=False,
        gathers=True,
    ),
]
_SOFTMAX = [
    Case(name="SoftmaxLoss", options={"embedding_dimension": 6, "num_labels": 3}, labels=classes),
    Case(name="SoftmaxLoss", options={"embedding_dimension": 6, "num_labels": 3}, labels=_probabilities),
    Case(
        name="SoftmaxLoss",
        options={
            "embedding_dimension": 6,
            "num_labels": 4,
            "concatenation_sent_rep": False,
            "concatenation_sent_multiplication": True,
        },
        own_options={"seed": 3},
        labels=classes,
    ),
    Case(
        name="SoftmaxLoss",
        options={
            "embedding_dimension": 6,
            "num_labels": 3,
            "concatenation_sent_difference": False,
            "loss_fct": Made(lambda: nn.CrossEntropyLoss(label_smoothing=0.1)),
        },
        labels=classes,
    ),
    Case(
        name="SoftmaxLoss",
        own_options={"sentence_embedding_dimension": 6, "num_labels": 3},
        labels=classes,
        has_peer=False,
    ),
]
_REGULARIZATION = [
    *(Case(name="GlobalOrthogonalRegularizationLoss", num_columns=n, gathers=True) for n in (1, 2, 3)),
    Case(
        name="GlobalOrthogonalRegularizationLoss",
        options={"mean_weight": 0.5, "second_moment_weight": None, "aggregation": "sum"},
        gathers=True,
    ),
    Case(
        name="GlobalOrthogonalRegularizationLoss",
        options={"similarity_fct": manhattan_sim, "second_moment_weight": 2.0, "mean_weight": None},
        gathers=True,
    ),
]
_MEGA_BATCH = [
    Case(name="MegaBatchMarginLoss", gathers=True),
    Case(name="MegaBatchMarginLoss", options={"use_mini_batched_version": False}, gathers=True),
    Case(
        name="MegaBatchMarginLoss",
        options={"positive_margin": 1.2, "negative_margin": -0.1, "mini_batch_size": 3},
        gathers=True,
    ),
    Case(
        name="MegaBatchMarginLoss",
        options={"mini_batch_num_tokens": 24, "show_progress_bar": True},
        own_options={"mask_by_identity": False},
        gathers=True,
    ),
    Case(
        name="MegaBatchMarginLoss",
        own_options={"scale": 2.0, "similarity_fct": dot_score},
        has_peer=False,
        gathers=True,
    ),
]
_COSINE_AND_TRIPLET = [
    Case(name="CosineSimilarityLoss", labels=scores),
    Case(
        name="CosineSimilarityLoss",
        options={"loss_fct": Made(nn.L1Loss), "cos_score_transformation": Made(nn.Sigmoid)},
        labels=scores,
    ),
    Case(name="TripletLoss", num_columns=3),
    *(
        Case(
            name="TripletLoss",
            options={"distance_metric": Enum(path=f"TripletDistanceMetric.{name}"), "triplet_margin": 0.7},
            num_columns=3,
        )
        for name in ("COSINE", "EUCLIDEAN", "MANHATTAN")
    ),
    # The peer has no such member.
    Case(
        name="TripletLoss",
        own_options={"distance_metric": Enum(path="TripletDistanceMetric.DOT_PRODUCT")},
        num_columns=3,
        has_peer=False,
    ),
    Case(name="TripletLoss", options={"distance_metric": F.pairwise_distance}, num_columns=3),
]
CASES: list[Case] = [
    *_COSENT,
    *_ANGLE,
    *_CONTRASTIVE,
    *_SOFTMAX,
    *_REGULARIZATION,
    *_MEGA_BATCH,
    *_COSINE_AND_TRIPLET,
]
