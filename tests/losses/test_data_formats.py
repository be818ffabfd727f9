"""Every row of the field's tables of data formats trains with every loss that it names."""

from __future__ import annotations

import pytest
import torch
from tests.losses.cases.ranking import Tokenized
from tests.losses.cases.unsupervised import BertEncoder
from tests.losses.encoders import TokenEncoder, columns
from tests.losses.layered import LayeredEncoder

from foolsgold import losses

ROWS = 8


def classes():
    return torch.arange(ROWS) % 3


def binary():
    return torch.arange(ROWS) % 2


def scores():
    return torch.linspace(0, 1, ROWS)


def embeddings(*shape):
    return lambda: torch.randn(ROWS, *shape, generator=torch.Generator().manual_seed(0))


RANKING = [
    "MultipleNegativesRankingLoss",
    "CachedMultipleNegativesRankingLoss",
    "MultipleNegativesSymmetricRankingLoss",
    "CachedMultipleNegativesSymmetricRankingLoss",
]
GUIDED = ["GISTEmbedLoss", "CachedGISTEmbedLoss"]
BATCH_TRIPLETS = [
    "BatchAllTripletLoss",
    "BatchHardSoftMarginTripletLoss",
    "BatchHardTripletLoss",
    "BatchSemiHardTripletLoss",
]
# Inputs, number of columns, labels in words, labels, losses.
TABLE = [
    ("single sentences", 1, "class", classes, BATCH_TRIPLETS),
    ("single sentences", 1, "none", None, ["ContrastiveTensionLoss", "DenoisingAutoEncoderLoss"]),
    ("(anchor, anchor) pairs", 2, "none", None, ["ContrastiveTensionLossInBatchNegatives"]),
    ("(damaged_sentence, original_sentence) pairs", 2, "none", None, ["DenoisingAutoEncoderLoss"]),
    ("(sentence_A, sentence_B) pairs", 2, "class", classes, ["SoftmaxLoss"]),
    ("(anchor, positive) pairs", 2, "none", None, [*RANKING, "MegaBatchMarginLoss", *GUIDED]),
    (
        "(anchor, positive/negative) pairs",
        2,
        "1 if positive, 0 if negative",
        binary,
        ["ContrastiveLoss", "OnlineContrastiveLoss"],
    ),
    (
        "(sentence_A, sentence_B) pairs",
        2,
        "float similarity score between 0 and 1",
        scores,
        ["CoSENTLoss", "AnglELoss", "CosineSimilarityLoss"],
    ),
    ("(anchor, positive, negative) triplets", 3, "none", None, [*RANKING, "TripletLoss", *GUIDED]),
    ("(anchor, positive, negative_1, ..., negative_n)", 5, "none", None, [*RANKING, *GUIDED]),
    ("sentence", 1, "model sentence embeddings", embeddings(6), ["MSELoss", "EmbedDistillLoss"]),
    (
        "(sentence_1, sentence_2, ..., sentence_N)",
        3,
        "model sentence embeddings",
        embeddings(3, 6),
        ["MSELoss", "EmbedDistillLoss"],
    ),
    ("(query, passage_one, passage_two)", 3, "gold_sim difference", scores, ["MarginMSELoss"]),
    ("(query, positive, negative_1, ..., negative_n)", 5, "differences", embeddings(3), ["MarginMSELoss"]),
    ("(query, positive, negative)", 3, "scores", embeddings(2), ["DistillKLDivLoss", "MarginMSELoss"]),
    (
        "(query, positive, negative_1, ..., negative_n)",
        5,
        "scores",
        embeddings(4),
        ["DistillKLDivLoss", "MarginMSELoss"],
    ),
    ("any", 2, "any", scores, ["MatryoshkaLoss", "AdaptiveLayerLoss", "Matryoshka2dLoss"]),
]
ENCODERS = {
    "DenoisingAutoEncoderLoss": BertEncoder,
    "AdaptiveLayerLoss": LayeredEncoder,
    "Matryoshka2dLoss": LayeredEncoder,
    **dict.fromkeys(GUIDED, Tokenized),
}


def loss_of(name, model):
    options = {}
    if name in GUIDED:
        options["guide"] = Tokenized(seed=8)
    if name == "SoftmaxLoss":
        options |= {"embedding_dimension": 6, "num_labels": 3}
    if name.startswith(("Matryoshka", "Adaptive")):
        options["loss"] = losses.CoSENTLoss(model)
    if name.startswith("Matryoshka"):
        options["matryoshka_dims"] = [6, 3]
    return getattr(losses, name)(model, **options)


@pytest.mark.parametrize(
    ("name", "num_columns", "labels"),
    [
        pytest.param(name, num_columns, labels, id=f"{name} of {inputs} with {kind}")
        for inputs, num_columns, kind, labels, names in TABLE
        for name in names
    ],
)
def test_a_row_of_the_table_trains(name, num_columns, labels):
    model = ENCODERS.get(name, TokenEncoder)()
    loss = loss_of(name, model).train()
    value = loss(columns(ROWS, *[6] * num_columns), None if labels is None else labels())
    value = sum(value.values()) if isinstance(value, dict) else value
    value.backward()
    assert value.isfinite()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(x.isfinite().all() for x in gradients)
    assert any(x.abs().sum() > 0 for x in gradients)


def test_every_loss_of_the_peer_has_a_row():
    named = {name for *_, names in TABLE for name in names}
    ours_alone = {
        "SigmoidContrastiveLoss",
        "SupervisedContrastiveLoss",
        "WeightedSumLoss",
        "GlobalOrthogonalRegularizationLoss",  # of 6.2; in none of the tables
        "EmbeddingLoss",
        "LossModifier",
    }
    assert {
        name for name in losses.__all__ if name.endswith(("Loss", "Negatives", "Modifier"))
    } == named | ours_alone
