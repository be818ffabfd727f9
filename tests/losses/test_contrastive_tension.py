from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings, flat, token_rows

from foolsgold.losses.contrastive_tension import ContrastiveTensionLoss, contrastive_tension_loss
from foolsgold.similarity import cos_sim, pairwise_cos_sim

LABELS = torch.tensor([1, 0, 0, 1, 0, 0, 0])


def oracle(first, second, labels, *, scale=1.0):
    total = 0.0
    for u, v, label in zip(first.tolist(), second.tolist(), labels.tolist(), strict=True):
        score = scale * sum(x * y for x, y in zip(u, v, strict=True))
        probability = 1 / (1 + math.exp(-score))
        total -= math.log(probability if label else 1 - probability)
    return total


def objective(**options):
    return lambda *inputs: contrastive_tension_loss(*inputs, LABELS, **options)


def batch():
    return [embeddings(7, 4, seed=seed) for seed in range(2)]


def views(loss, features):
    return [
        encoder(dict(column))["sentence_embedding"]
        for encoder, column in zip((loss.model1, loss.model), features, strict=True)
    ]


def test_keeps_the_laws():
    laws.equals_oracle(
        lambda *inputs: contrastive_tension_loss(*inputs, scale=0.7),
        lambda *inputs: oracle(*inputs, scale=0.7),
        *batch(),
        LABELS,
    )
    laws.has_exact_gradient(objective(), *batch())
    for options in ({}, {"similarity_fct": cos_sim}):
        laws.is_finite_for_extremes(objective(**options), *batch())
    laws.ignores_row_order(contrastive_tension_loss, *batch(), LABELS)
    laws.leaves_inputs_unchanged(objective(), *batch())
    laws.ignores_lengths(objective(similarity_fct=cos_sim), *batch())


@pytest.mark.parametrize("label", [0, 1])
def test_settled_pairs_have_no_signal(label):
    left = embeddings(5, 4)
    right = left.clone() if label else -left
    labels = torch.full((5,), label)
    laws.is_zero_without_signal(lambda a, b: contrastive_tension_loss(a, b, labels, scale=1e5), left, right)


def test_matrix_and_pairwise_similarities_are_one():
    def matrix(a, b):
        return a @ b.T

    torch.testing.assert_close(objective(similarity_fct=matrix)(*batch()), objective()(*batch()))
    torch.testing.assert_close(
        objective(similarity_fct=cos_sim)(*batch()), objective(similarity_fct=pairwise_cos_sim)(*batch())
    )


def test_pairs_may_count_differently():
    value = objective(weights=torch.tensor([2, 1, 0, 1, 1, 1, 1]))(*batch())
    rows = torch.tensor([0, 0, 1, 3, 4, 5, 6])
    torch.testing.assert_close(value, contrastive_tension_loss(*(x[rows] for x in batch()), LABELS[rows]))


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(objective(), *batch())


@pytest.mark.parametrize("labels", [LABELS, LABELS.bool(), LABELS[:, None].float()])
def test_module_is_the_function(labels):
    loss, features = ContrastiveTensionLoss(TokenEncoder()), columns(7, 3, 5)
    expected = contrastive_tension_loss(*views(loss, features), LABELS)
    torch.testing.assert_close(loss(features, labels), expected)


@pytest.mark.parametrize("kind", ["tokens", "ids"])
def test_equal_texts_are_the_positives_without_labels(kind):
    loss, (left, right) = ContrastiveTensionLoss(TokenEncoder()), columns(4, 5, 5)
    expected = torch.tensor([0, 1, 0, 1])
    if kind == "tokens":
        for key in left:
            right[key][[1, 3]] = left[key][[1, 3]]
    features = [dict(left), dict(right)]
    if kind == "ids":
        features[0]["text_ids"], features[1]["text_ids"] = torch.arange(4), torch.tensor([9, 1, 8, 3])
    torch.testing.assert_close(loss(features), loss([left, right], expected))


@pytest.mark.parametrize(("num_rows", "ratio"), [(1, 8), (2, 8), (5, 3), (5, 1), (9, 8), (7, 7)])
def test_single_sentences_are_paired_in_the_batch(num_rows, ratio):
    loss = ContrastiveTensionLoss(TokenEncoder(), pos_neg_ratio=ratio, scale=2.0)
    features = columns(num_rows, 4)
    first, second = views(loss, features * 2)
    pairs = [(i, (i + r) % num_rows, r == 0) for i in range(num_rows) for r in range(min(ratio, num_rows))]
    assert len({pair[:2] for pair in pairs}) == len(pairs)
    left, right, labels = (list(x) for x in zip(*pairs, strict=True))
    expected = contrastive_tension_loss(first[left], second[right], torch.tensor(labels), scale=2.0)
    torch.testing.assert_close(loss(features), expected)
    assert [len(encoder.calls) for encoder in (loss.model1, loss.model)] == [2, 2]


def test_equal_single_sentences_are_no_negatives():
    loss = ContrastiveTensionLoss(TokenEncoder(), pos_neg_ratio=4)
    features = columns(4, 5)
    first, second = views(loss, features * 2)
    features[0]["text_ids"] = torch.tensor([3, 4, 3, 5])
    pairs = [(i, j) for i in range(4) for j in range(4) if {i, j} != {0, 2}]
    left, right = (list(x) for x in zip(*pairs, strict=True))
    labels = torch.tensor([i == j for i, j in pairs])
    expected = contrastive_tension_loss(first[left], second[right], labels)
    torch.testing.assert_close(loss(features), expected)
    features[0]["text_ids"] = torch.ones(4, dtype=torch.long)
    positives = contrastive_tension_loss(first, second, torch.ones(4))
    torch.testing.assert_close(loss(features), positives)


@pytest.mark.parametrize("num_columns", [1, 2])
def test_cached_equals_direct(num_columns):
    loss = ContrastiveTensionLoss(TokenEncoder().double())
    laws.cached_equals_direct(loss, columns(5, *[6] * num_columns), LABELS[:5])


def test_stores_its_arguments():
    laws.stores_its_arguments(
        ContrastiveTensionLoss(TokenEncoder()),
        {"scale": 1.0, "similarity_fct": "pairwise_dot_score", "pos_neg_ratio": 8},
    )


def test_takes_flat_columns():
    from tests.losses.encoders import FlatEncoder

    loss = ContrastiveTensionLoss(FlatEncoder())
    rows = token_rows(4, 5, 0)
    value = loss([flat(rows), flat(rows)])
    torch.testing.assert_close(value, loss([flat(rows), flat(rows)], torch.ones(4)))


def test_refuses_what_it_does_not_take():
    loss = ContrastiveTensionLoss(TokenEncoder())
    with pytest.raises(ValueError, match=r"`ContrastiveTensionLoss` takes .*, got 3 columns"):
        loss(columns(3, 4, 4, 4))
    with pytest.raises(ValueError, match=r"takes .*, of shape \(3,\), got \(2,\)"):
        loss(columns(3, 4, 4), torch.ones(2))
    with pytest.raises(ValueError, match="got no labels, and neither text ids nor tokens"):
        loss.compute_loss_from_embeddings(batch())
    with pytest.raises(ValueError, match="`scale` must be above 0, got 0"):
        ContrastiveTensionLoss(TokenEncoder(), scale=0)
    with pytest.raises(ValueError, match="`pos_neg_ratio` must be at least 1, got 0"):
        ContrastiveTensionLoss(TokenEncoder(), pos_neg_ratio=0)
