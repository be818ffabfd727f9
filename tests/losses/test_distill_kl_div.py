from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.cases.distillation import teacher
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.distill_kl_div import DistillKLDivLoss, distill_kl_div_loss
from foolsgold.losses.parts.batch import BatchInfo
from foolsgold.losses.parts.score_divergence import in_batch_divergence, pair_scores
from foolsgold.similarity import pairwise_cos_sim, pairwise_dot_score

OPTIONS = {"student_temperature": 0.5, "teacher_temperature": 2.0}
TEACHER = embeddings(5, 3, seed=1)


def oracle(student, teacher, *, student_temperature, teacher_temperature):
    def softmax(scores, temperature):
        powers = [math.exp(score / temperature) for score in scores]
        return [power / sum(powers) for power in powers]

    total = 0.0
    for own, wanted in zip(student.tolist(), teacher.tolist(), strict=True):
        shares = zip(softmax(wanted, teacher_temperature), softmax(own, student_temperature), strict=True)
        total += sum(p * math.log(p / r) for p, r in shares)
    return total / len(student) * student_temperature**2


def objective(*inputs):
    return distill_kl_div_loss(*inputs, **OPTIONS)


def to_teacher(scores):
    return objective(scores, TEACHER)


def embedded(model, features):
    return [model(dict(column))["sentence_embedding"].detach() for column in features]


def test_keeps_the_laws():
    inputs = embeddings(5, 3), TEACHER
    laws.equals_oracle(objective, lambda *inputs: oracle(*inputs, **OPTIONS), *inputs)
    laws.has_exact_gradient(to_teacher, inputs[0])
    laws.is_finite_for_extremes(to_teacher, inputs[0])
    extreme = inputs[1].sign() * torch.tensor([0.0, 1e30, 1e38, 6e-8, 1.0])[:, None]
    laws.is_finite_for_extremes(lambda scores: objective(scores, extreme), inputs[0])
    laws.ignores_row_order(objective, *inputs)
    laws.leaves_inputs_unchanged(to_teacher, inputs[0].detach())


def test_equal_scores_have_no_signal():
    scores = embeddings(5, 3)
    laws.is_zero_without_signal(lambda x: distill_kl_div_loss(x, scores + 4), scores)


def test_rows_count_by_their_weight():
    inputs, repeated = (embeddings(5, 3), embeddings(5, 3, seed=1)), torch.tensor([0, 1, 1, 4])
    weights = torch.tensor([1.0, 2.0, 0.0, 0.0, 1.0])
    torch.testing.assert_close(
        distill_kl_div_loss(*inputs, weights=weights), distill_kl_div_loss(*(x[repeated] for x in inputs))
    )


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(to_teacher, embeddings(5, 3))


def test_module_is_the_function():
    model, features, labels = TokenEncoder(), columns(5, 3, 9, 7, 4), embeddings(5, 3).float()
    scores = pair_scores(embedded(model, features), pairwise_cos_sim)
    loss = DistillKLDivLoss(model, pairwise_cos_sim, **OPTIONS)
    torch.testing.assert_close(loss(features, labels), distill_kl_div_loss(scores, labels, **OPTIONS))


def test_a_teacher_scores_the_texts_in_place_of_labels():
    model, other, features = TokenEncoder(), teacher(), columns(5, 3, 9, 7, 4)
    scores = pair_scores(embedded(other, features), pairwise_dot_score)
    loss = DistillKLDivLoss(model, teacher_model=other, **OPTIONS)
    torch.testing.assert_close(loss(features), DistillKLDivLoss(model, **OPTIONS)(features, scores))


@pytest.mark.parametrize("mask", [True, False])
def test_with_pairs_the_candidates_are_the_batch(mask):
    model, other, features = TokenEncoder(), teacher(), columns(5, 3, 9)
    ids = torch.tensor([4, 8, 4, 6, 8])
    for column, text_ids in zip(features, (torch.arange(5), ids), strict=True):
        column["text_ids"] = text_ids
    features[0]["row_weights"] = weights = torch.tensor([1.0, 2.0, 0.0, 1.0, 1.0])
    plain = [{key: x[key] for key in ("input_ids", "attention_mask")} for x in features]
    total, count = in_batch_divergence(
        tuple(embedded(model, plain)),
        tuple(embedded(other, plain)),
        similarity_fct=pairwise_dot_score,
        document_ids=ids if mask else None,
        weights=weights,
        **OPTIONS,
    )
    loss = DistillKLDivLoss(model, teacher_model=other, mask_by_identity=mask, **OPTIONS)
    torch.testing.assert_close(loss(features), total / count)


@pytest.mark.parametrize("num_columns", [2, 3])
def test_the_teacher_is_not_trained(num_columns):
    other = teacher().train()
    before = [parameter.clone() for parameter in other.parameters()]
    loss = DistillKLDivLoss(TokenEncoder(), teacher_model=other).train()
    assert loss.training
    assert not any(module.training for module in other.modules())
    loss(columns(4, *[5] * num_columns)).backward()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in other.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in loss.model.parameters())
    torch.testing.assert_close(list(other.parameters()), before)
    assert not other.train(False).training


def test_a_student_learns_to_rank_as_its_teacher():
    features = columns(8, 4, 6)
    loss = DistillKLDivLoss(TokenEncoder(dimension=6), pairwise_cos_sim, 0.2, teacher_model=teacher())
    optimizer = torch.optim.Adam(loss.model.parameters(), 0.01)
    values = []
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(features)
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.1 * values[0]


def test_cached_equals_direct():
    loss = DistillKLDivLoss(TokenEncoder().double())
    laws.cached_equals_direct(loss, columns(5, 4, 6, 5), embeddings(5, 2))


def test_stores_its_arguments():
    laws.stores_its_arguments(
        DistillKLDivLoss(TokenEncoder(), temperature=2.0, student_temperature=3.0),
        {
            "similarity_fct": "pairwise_dot_score",
            "temperature": 2.0,
            "student_temperature": 3.0,
            "teacher_temperature": 2.0,
            "teacher_model": None,
            "gather_across_devices": False,
            "mask_by_identity": True,
            "cache_embeddings": True,
        },
    )


@pytest.mark.parametrize(
    ("labels", "count", "got"),
    [
        (None, 3, "no labels\nhint: `teacher_model` scores"),
        (None, 2, "2 columns"),
        (torch.ones(3, 1), 2, "2 columns"),
        (torch.ones(3, 3), 3, r"\(3, 3\)"),
        (torch.ones(3), 3, r"\(3,\)"),
    ],
)
def test_refuses_other_labels(labels, count, got):
    with pytest.raises(ValueError, match=rf"`DistillKLDivLoss` takes \(query, positive, .*, got {got}"):
        DistillKLDivLoss(TokenEncoder())(columns(3, *[4] * count), labels)


@pytest.mark.parametrize(("count", "shape"), [(2, (3,)), (2, (3, 1)), (3, (3, 3))])
def test_refuses_other_labels_beside_a_teacher(count, shape):
    loss = DistillKLDivLoss(TokenEncoder(), teacher_model=teacher())
    message = r"takes \(query, positive\) pairs or .* labels `none` or .*, of shape \(3, 2\), got .*\nhint:"
    with pytest.raises(ValueError, match=message):
        loss(columns(3, *[4] * count), torch.ones(shape))


def test_refuses_embeddings_alone_where_a_teacher_needs_the_texts():
    loss = DistillKLDivLoss(TokenEncoder(), teacher_model=teacher())
    with pytest.raises(ValueError, match="`teacher_model` embeds texts, got embeddings alone"):
        loss.compute([embeddings(3, 6), embeddings(3, 6)], None, BatchInfo())
    scores = embeddings(3, 2)
    assert loss.compute([embeddings(3, 6)] * 3, scores, BatchInfo()).isfinite()


@pytest.mark.parametrize("name", ["temperature", "student_temperature", "teacher_temperature"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_refuses_other_temperatures(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be finite and above 0, got {value}"):
        DistillKLDivLoss(TokenEncoder(), **{name: value})
