from __future__ import annotations

import itertools
import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings
from torch import nn

from foolsgold.losses.softmax import SoftmaxLoss, softmax_loss

LABELS = torch.tensor([0, 2, 1, 2, 0])
PARTS = [parts for parts in itertools.product((True, False), repeat=3) if any(parts)]
NAMES = ["concatenation_sent_rep", "concatenation_sent_difference", "concatenation_sent_multiplication"]


def oracle(left, right, labels, weight, bias, parts):
    total = 0.0
    for a, b, y in zip(left.tolist(), right.tolist(), labels.tolist(), strict=True):
        features = [*a, *b] if parts[0] else []
        features += [abs(p - q) for p, q in zip(a, b, strict=True)] if parts[1] else []
        features += [p * q for p, q in zip(a, b, strict=True)] if parts[2] else []
        logits = [
            sum(w * x for w, x in zip(row, features, strict=True)) + offset
            for row, offset in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        total += math.log(sum(map(math.exp, logits))) - logits[y]
    return total / len(left)


def batch():
    return [embeddings(5, 4, seed=seed) for seed in range(2)]


@pytest.mark.parametrize("parts", PARTS)
def test_keeps_the_laws(parts):
    vectors = 2 * parts[0] + parts[1] + parts[2]
    head = [embeddings(3, 4 * vectors, seed=2), embeddings(3, seed=3)]
    options = dict(zip(NAMES, parts, strict=True))

    def objective(left, right, labels=LABELS, head=head):
        return softmax_loss(left, right, labels, *(x.to(left.dtype) for x in head), **options)

    laws.equals_oracle(objective, lambda *x: oracle(*x, *head, parts), *batch(), LABELS)
    laws.has_exact_gradient(lambda a, b, *head: objective(a, b, head=head), *batch(), *head)
    laws.is_finite_for_extremes(objective, *batch())
    laws.ignores_row_order(objective, *batch(), LABELS)
    laws.leaves_inputs_unchanged(objective, *batch())


def test_a_sure_classifier_has_no_signal():
    head = torch.zeros(2, 12), torch.tensor([0.0, -1000.0])
    laws.is_zero_without_signal(lambda a, b: softmax_loss(a, b, torch.zeros(5).long(), *head), *batch())


@pytest.mark.slow
def test_compiles_whole():
    head = embeddings(3, 12, seed=2), embeddings(3, seed=3)
    laws.compiles_whole(lambda a, b: softmax_loss(a, b, LABELS, *head), *batch())


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], LABELS.to(torch.uint8)])
def test_module_is_the_function(labels):
    model, features = TokenEncoder(), columns(5, 3, 9)
    inputs = [model(dict(column))["sentence_embedding"] for column in features]
    loss = SoftmaxLoss(model, 6, 3, False, True, True, nn.CrossEntropyLoss(label_smoothing=0.2))
    expected = softmax_loss(
        *inputs,
        LABELS,
        loss.classifier.weight,
        loss.classifier.bias,
        concatenation_sent_rep=False,
        concatenation_sent_multiplication=True,
        loss_fct=loss.loss_fct,
    )
    torch.testing.assert_close(loss(features, labels), expected)


def test_probabilities_of_one_class_are_that_class():
    loss, features = SoftmaxLoss(TokenEncoder(), 6, 3), columns(5, 3, 9)
    probabilities = nn.functional.one_hot(LABELS).double()
    torch.testing.assert_close(loss(features, probabilities), loss(features, LABELS))


def test_without_labels_it_gives_embeddings_and_logits():
    loss, features = SoftmaxLoss(TokenEncoder(), 6, 3), columns(5, 3, 9)
    given, logits = loss(features, None)
    assert [tuple(x.shape) for x in (*given, logits)] == [(5, 6), (5, 6), (5, 3)]
    torch.testing.assert_close(nn.functional.cross_entropy(logits, LABELS), loss(features, LABELS))


def test_weights_count_rows():
    loss, features = SoftmaxLoss(TokenEncoder(), 6, 3), columns(5, 3, 9)
    logits, weights = loss(features, None)[1], torch.tensor([0, 1, 2, 0.5, 1])
    features[0]["row_weights"] = weights
    losses = nn.functional.cross_entropy(logits, LABELS, reduction="none")
    torch.testing.assert_close(loss(features, LABELS), (losses * weights).sum() / weights.sum())
    with pytest.raises(ValueError, match="`SoftmaxLoss` weighs all rows alike"):
        SoftmaxLoss(TokenEncoder(), 6, 3, loss_fct=nn.CrossEntropyLoss())(features, LABELS)


def test_the_classifier_is_drawn_from_its_seed():
    before = torch.get_rng_state()
    first, again, other = (SoftmaxLoss(TokenEncoder(), 6, 3, seed=seed).classifier for seed in (0, 0, 1))
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)
    assert first.weight.abs().max() <= 18**-0.5
    assert torch.equal(before, torch.get_rng_state())


def test_its_parameters_have_their_usual_names():
    loss = SoftmaxLoss(nn.Identity(), sentence_embedding_dimension=6, num_labels=3)
    shapes = {name: tuple(x.shape) for name, x in loss.state_dict().items()}
    assert shapes == {"classifier.weight": (3, 18), "classifier.bias": (3,)}


def test_cached_equals_direct():
    laws.cached_equals_direct(SoftmaxLoss(TokenEncoder(), 6, 3).double(), columns(5, 3, 9), LABELS)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        SoftmaxLoss(TokenEncoder(), 6, 3),
        {
            "embedding_dimension": 6,
            "num_labels": 3,
            **dict(zip(NAMES, (True, True, False), strict=True)),
            "loss_fct": "torch.nn.modules.loss.CrossEntropyLoss",
            "seed": 0,
        },
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_labels": 3}, "must be given, got None and 3"),
        ({"embedding_dimension": 6}, "must be given, got 6 and None"),
        (
            {"embedding_dimension": 6, "sentence_embedding_dimension": 7, "num_labels": 3},
            "`sentence_embedding_dimension` must be `embedding_dimension`, got 7 and 6",
        ),
        (
            {"embedding_dimension": 6, "num_labels": 3, **dict.fromkeys(NAMES, False)},
            "one of the `concatenation_sent_` options must be True",
        ),
    ],
)
def test_refuses_options_outside_their_range(options, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxLoss(TokenEncoder(), **options)


def test_refuses_other_columns_and_labels():
    loss, features = SoftmaxLoss(TokenEncoder(), 6, 3), columns(3, 4, 6)
    with pytest.raises(ValueError, match=r"`SoftmaxLoss` takes .* `class`, got 1 columns"):
        loss(columns(3, 4), LABELS[:3])
    for labels in (torch.ones(2).long(), torch.ones(3), torch.ones(3, 2)):
        with pytest.raises(
            ValueError, match=r"`SoftmaxLoss` takes \(sentence_A, sentence_B\) pairs with labels"
        ):
            loss(features, labels)


def test_refuses_classes_past_the_last():
    loss = SoftmaxLoss(TokenEncoder(), 6, 3)
    with pytest.raises(ValueError, match="labels `class`, from 0 to 2, got 5"):
        loss(columns(3, 4, 5), torch.tensor([0, 5, 1]))
