from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings
from torch import nn

from foolsgold.losses.angle import AnglELoss, AnglEObjectives, angle_loss
from foolsgold.losses.cosent import CoSENTLoss
from foolsgold.losses.parts.identity import Identity
from foolsgold.similarity import pairwise_angle_sim, pairwise_cos_sim

ALONE = AnglEObjectives(angle_tau=0.3, cosine_w=0.0, ibn_w=0.0)
ALL = AnglEObjectives(angle_w=0.5, angle_tau=0.3, cosine_w=2.0, cosine_tau=0.2, ibn_w=3.0, ibn_tau=0.4)
SCORES = torch.tensor([0.0, 1.0, 0.5, 0.5, 1.0, 0.25], dtype=torch.float64)


def ranking(similarities, scores, tau):
    return math.log(
        1
        + sum(
            math.exp((similarities[j] - similarities[i]) / tau)
            for i in range(len(scores))
            for j in range(len(scores))
            if scores[i] > scores[j]
        )
    )


def oracle(anchors, others, scores, *, objectives):
    pairs = [(row, column) for column in range(len(others)) for row in range(len(anchors))]
    given = [y if column == 0 else 1 - y for column in range(len(others)) for y in scores.tolist()]
    angles, cosines = (
        [f(anchors[row], others[column, row]).item() for row, column in pairs]
        for f in (pairwise_angle_sim, pairwise_cos_sim)
    )
    total = objectives.angle_w * ranking(angles, given, objectives.angle_tau)
    total += objectives.cosine_w * ranking(cosines, given, objectives.cosine_tau)
    positive = [row for row, y in enumerate(scores.tolist()) if y == 1]
    for row in positive:
        every = [
            math.exp(pairwise_cos_sim(anchors[row], others[column, k]).item() / objectives.ibn_tau)
            for k, column in pairs
        ]
        total -= objectives.ibn_w * math.log(every[row] / sum(every)) / len(positive)
    return total


def bound(objectives, **options):
    """Take the others as (B, C, D), so that every input has one row for each of the batch."""
    return lambda anchors, others, scores=SCORES: angle_loss(
        anchors, others.transpose(0, 1).contiguous(), scores, objectives=objectives, **options
    )


def batch(count=1):
    return [embeddings(6, 4), embeddings(6, count, 4, seed=1)]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("objectives", [ALONE, ALL])
def test_keeps_the_laws(objectives, count):
    objective = bound(objectives)
    laws.equals_oracle(
        objective,
        lambda a, b, y: oracle(a, b.transpose(0, 1), y, objectives=objectives),
        *batch(count),
        SCORES,
    )
    laws.has_exact_gradient(objective, *batch(count))
    laws.is_finite_for_extremes(objective, *batch(count))
    laws.is_finite_for_extremes(lambda *x: objective(*x, torch.zeros(6)), *batch(count))
    laws.ignores_row_order(objective, *batch(count), SCORES)
    laws.leaves_inputs_unchanged(objective, *batch(count))


@pytest.mark.parametrize("scores", [torch.zeros(6), torch.full((6,), 0.5)])
def test_equal_scores_below_one_have_no_signal(scores):
    laws.is_zero_without_signal(lambda *x: bound(ALL)(*x, scores), *batch())


def test_equal_texts_are_no_in_batch_negatives():
    anchors, others = batch()
    ids = torch.tensor([0, 1, 2, 3, 4, 5])
    same = torch.tensor([10, 11, 12, 13, 11, 15])
    objectives = AnglEObjectives(angle_w=0.0, cosine_w=0.0)
    scores = torch.tensor([0, 1, 0, 0, 0, 0])
    value = angle_loss(
        anchors,
        others.transpose(0, 1),
        scores,
        objectives=objectives,
        identity=Identity(query_ids=ids, document_ids=same[None]),
    )
    logits = pairwise_cos_sim(anchors[1], others[:, 0])[[0, 1, 2, 3, 5]]
    torch.testing.assert_close(value, logits.logsumexp(0) - logits[1])


@pytest.mark.slow
@pytest.mark.parametrize("objectives", [ALONE, ALL])
def test_compiles_whole(objectives):
    laws.compiles_whole(bound(objectives), *batch(3))


def test_module_is_the_function():
    model, features = TokenEncoder(), columns(6, 3, 9, 7)
    anchors, *others = (model(dict(column))["sentence_embedding"] for column in features)
    loss = AnglELoss(model, angle_w=0.5, angle_tau=0.3, cosine_w=2.0, cosine_tau=0.2, ibn_w=3.0, ibn_tau=0.4)
    for labels in (None, SCORES, SCORES > 0.4):
        scores = torch.ones(6) if labels is None else labels
        torch.testing.assert_close(
            loss(features, labels), angle_loss(anchors, torch.stack(others), scores, objectives=ALL)
        )


def test_text_ids_reach_the_objective():
    loss, features = AnglELoss(TokenEncoder(), ibn_tau=0.1), columns(2, 3, 9)
    assert loss(features, torch.ones(2)) > 0
    for column, ids in zip(features, ([0, 1], [2, 2]), strict=True):
        column["text_ids"] = torch.tensor(ids)
    assert loss(features, torch.ones(2)) == 0


def test_a_scale_is_the_angle_objective_alone():
    model, features = TokenEncoder(), columns(6, 3, 9)
    inputs = [model(dict(column))["sentence_embedding"] for column in features]
    expected = angle_loss(
        inputs[0],
        inputs[1][None],
        SCORES,
        objectives=AnglEObjectives(angle_tau=1 / 20, cosine_w=0.0, ibn_w=0.0),
    )
    torch.testing.assert_close(AnglELoss(model)(features, SCORES), expected)
    cosent = CoSENTLoss(model, similarity_fct=pairwise_angle_sim)
    torch.testing.assert_close(cosent(features, SCORES), expected)
    assert not AnglELoss(model).mask_by_identity


def test_what_is_left_out_beside_a_weight_is_one():
    assert AnglELoss(TokenEncoder(), cosine_tau=0.1).objectives == AnglEObjectives(cosine_tau=0.1)


def test_cached_equals_direct():
    loss = AnglELoss(TokenEncoder().double(), ibn_tau=0.1)
    laws.cached_equals_direct(loss, columns(6, 3, 9, 7), None)


def test_stores_its_arguments():
    names = ["angle_w", "angle_tau", "cosine_w", "cosine_tau", "ibn_w", "ibn_tau", "pooling_strategy"]
    laws.stores_its_arguments(
        AnglELoss(TokenEncoder()),
        {"scale": 20.0, **dict.fromkeys(names), "gather_across_devices": False},
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0.0}, "`scale` must be above 0"),
        ({"scale": 5.0, "ibn_w": 1.0}, "left out beside weights and temperatures, got 5.0\nhint: "),
        ({"angle_tau": 0.0}, "`angle_tau` must be above 0, got 0.0"),
        ({"cosine_w": -1.0}, "`cosine_w` must be at least 0, got -1.0"),
        ({"angle_w": 0.0, "cosine_w": 0.0, "ibn_w": 0.0}, "must be above 0, got 0 for all"),
        ({"pooling_strategy": "cls"}, "must be that of `model`, none, got 'cls'"),
    ],
)
def test_refuses_options_outside_their_range(options, message):
    with pytest.raises(ValueError, match=message):
        AnglELoss(TokenEncoder(), **options)


@pytest.mark.parametrize("modes", [{"pooling_modes": ("mean",)}, {"pooling_mode": "mean"}])
def test_pooling_is_that_of_the_model(modes):
    model = TokenEncoder()
    for name, value in modes.items():
        setattr(model.layer, name, value)
    AnglELoss(nn.Sequential(model), pooling_strategy="mean")
    with pytest.raises(ValueError, match=r"must be that of `model`, .*'mean'.*got 'cls'"):
        AnglELoss(model, pooling_strategy="cls")


def test_refuses_other_columns_and_labels():
    loss = AnglELoss(TokenEncoder())
    with pytest.raises(ValueError, match=r"`AnglELoss` takes .*, got 1 columns"):
        loss(columns(3, 4), torch.ones(3))
    with pytest.raises(ValueError, match=r"`AnglELoss` takes .*, got no labels"):
        loss(columns(3, 4, 6), None)
    with pytest.raises(ValueError, match=r"of shape \(3,\), got \(3, 2\)"):
        loss(columns(3, 4, 6, 5), torch.ones(3, 2))


def test_a_pair_that_is_scored_low_is_an_in_batch_negative_of_its_anchor():
    """One query with a good and a bad document: the bad one is what the softmax is to push away."""
    ids = [torch.tensor([0, 0, 1]), torch.tensor([2, 3, 4])]
    features = columns(3, 4, 6)
    labels = torch.tensor([1.0, 0.0, 1.0])
    loss = AnglELoss(TokenEncoder(), angle_w=0.0, cosine_w=0.0, ibn_w=1.0)
    plain = loss(features, labels)
    with_ids = [{**column, "text_ids": row} for column, row in zip(features, ids, strict=True)]
    torch.testing.assert_close(loss(with_ids, labels), plain)
    assert loss(with_ids, torch.ones(3)) < plain  # both are good: neither is a negative of the other
