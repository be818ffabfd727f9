from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import TokenEncoder, columns

from foolsgold.losses import CosineSimilarityLoss, TripletLoss
from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.parts.checks import check_classes


class Classes(EmbeddingLoss):
    inputs = "single sentences"
    labels = "class"

    def compute(self, embeddings, labels, batch):
        return embeddings[0].sum() + check_classes(self, labels, len(embeddings[0])).sum()


def test_messages_say_what_the_loss_takes():
    with pytest.raises(
        ValueError,
        match=r"^`TripletLoss` takes \(anchor, positive, negative\) triplets with no labels, got 1 col",
    ):
        TripletLoss(TokenEncoder())(columns(3, 4))
    with pytest.raises(
        ValueError, match=r"^`Classes` takes single sentences with labels `class`, got no labels$"
    ):
        Classes(TokenEncoder())(columns(3, 4))


@pytest.mark.parametrize(
    "labels", [torch.arange(3), torch.arange(3)[:, None].int(), torch.tensor([True] * 3)]
)
def test_classes_are_whole_numbers(labels):
    assert Classes(TokenEncoder())(columns(3, 4), labels).isfinite()


def test_fractions_are_no_classes():
    with pytest.raises(ValueError, match=r"whole numbers, got labels of torch.float32"):
        Classes(TokenEncoder())(columns(3, 4), torch.ones(3))


def test_bad_labels_are_refused_on_request():
    labels = torch.tensor([0.0, float("nan"), float("inf")])
    loss = CosineSimilarityLoss(TokenEncoder())
    assert not loss(columns(3, 4, 5), labels).isfinite()
    loss.check_labels_finite = True
    with pytest.raises(ValueError, match=r"finite, got NaN or infinity in rows \[1, 2\] of the batch"):
        loss(columns(3, 4, 5), labels)


def test_row_weights_are_used_or_refused():
    features = columns(3, 4, 5, 6)
    features[0]["row_weights"] = torch.tensor([1.0, 0.0, 0.0])
    alone = [{key: value[:1] for key, value in column.items() if key != "row_weights"} for column in features]
    loss = TripletLoss(TokenEncoder())
    torch.testing.assert_close(loss(features), loss(alone))

    class Plain(Classes):
        pass

    with pytest.raises(ValueError, match="`Plain` weighs all rows alike, got `row_weights`"):
        Plain(TokenEncoder())(features[:1], torch.arange(3))
