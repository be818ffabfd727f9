from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.parts.identity import Identity
from foolsgold.losses.sigmoid_contrastive import SigmoidContrastiveLoss, sigmoid_contrastive_loss
from foolsgold.similarity import dot_score

CLASSES = torch.tensor([0, 1, 0, 2, 1, 0, 3])


def oracle(anchors, documents=None, *, scale=10.0, bias=-10.0):
    """Positives are rows of one class; of the documents, the first of such a row."""
    anchors = anchors.tolist()
    lists = [anchors] if documents is None else documents.tolist()
    total = 0.0
    for i, u in enumerate(anchors):
        for c, texts in enumerate(lists):
            for k, v in enumerate(texts):
                if documents is None and k == i:
                    continue
                product = sum(x * y for x, y in zip(u, v, strict=True))
                cosine = product / math.sqrt(sum(x * x for x in u) * sum(y * y for y in v))
                sign = 1 if c == 0 and CLASSES[i] == CLASSES[k] else -1
                total += math.log1p(math.exp(-sign * (scale * cosine + bias)))
    return total / len(anchors)


def objective(**options):
    return lambda *inputs: sigmoid_contrastive_loss(
        *inputs, identity=Identity(classes=CLASSES[: len(inputs[0])]), **options
    )


def singles():
    return [embeddings(7, 4)]


def tuples():
    return [embeddings(7, 4), torch.stack([embeddings(7, 4, seed=seed) for seed in (1, 2)])]


@pytest.mark.parametrize("batch", [singles, tuples])
def test_keeps_the_laws(batch):
    for options in ({}, {"scale": 3.0, "bias": -0.5}):
        laws.equals_oracle(objective(**options), lambda *x, o=options: oracle(*x, **o), *batch())
    laws.has_exact_gradient(objective(scale=3.0, bias=-0.5), *batch())
    laws.is_finite_for_extremes(objective(), *batch())
    laws.leaves_inputs_unchanged(objective(), *batch())


def test_ignores_row_order_and_lengths():
    def on_classes(anchors, classes):
        return sigmoid_contrastive_loss(anchors, identity=Identity(classes=classes))

    laws.ignores_row_order(on_classes, *singles(), CLASSES)
    laws.ignores_lengths(objective(), *singles())


def test_judged_pairs_have_no_signal():
    anchors = embeddings(1, 4)
    rows = torch.cat([anchors, -anchors])
    laws.is_zero_without_signal(
        lambda a, b: sigmoid_contrastive_loss(a, b[None], scale=1e5, bias=0.0), rows, rows.clone()
    )
    laws.is_zero_without_signal(sigmoid_contrastive_loss, anchors)  # compared with nothing


def test_halves_make_the_whole():
    anchors, documents = tuples()
    laws.halves_make_the_whole(lambda rows: objective(rows=rows)(anchors, documents), 7)


def test_without_knowledge_a_rows_own_document_is_its_positive():
    anchors, documents = tuples()
    logits = 10 * torch.nn.functional.normalize(anchors) @ torch.nn.functional.normalize(documents[0]).T - 10
    signs = 2 * torch.eye(7) - 1
    expected = -torch.nn.functional.logsigmoid(signs * logits).sum() / 7
    torch.testing.assert_close(sigmoid_contrastive_loss(anchors, documents[:1]), expected)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [singles, tuples])
def test_compiles_whole(batch):
    laws.compiles_whole(objective(), *batch())


def test_module_is_the_function():
    model, features = TokenEncoder(), columns(7, 5, 6, 4)
    rows = [model(dict(column))["sentence_embedding"] for column in features]
    loss = SigmoidContrastiveLoss(model, 3.0, -1.0, dot_score)
    expected = objective(scale=3.0, bias=-1.0, similarity_fct=dot_score)
    torch.testing.assert_close(loss(features[:1], CLASSES), expected(rows[0]))
    torch.testing.assert_close(loss(features, CLASSES), expected(rows[0], torch.stack(rows[1:])))
    plain = sigmoid_contrastive_loss(rows[0], rows[1][None], scale=3.0, bias=-1.0, similarity_fct=dot_score)
    torch.testing.assert_close(loss(features[:2]), plain)


def test_known_matches_are_positives():
    loss, features = SigmoidContrastiveLoss(TokenEncoder()), columns(3, 5, 6)
    by_class = loss(features, torch.tensor([0, 1, 0]))
    assert by_class > loss(features)
    for column, ids in zip(features, ([1, 2, 3], [4, 5, 4]), strict=True):
        column["text_ids"] = torch.tensor(ids)
    torch.testing.assert_close(loss(features), by_class)
    loss.mask_by_identity = False
    assert loss(features) < by_class


def test_rows_may_count_differently():
    model, features = TokenEncoder(), columns(7, 5)
    rows = model(dict(features[0]))["sentence_embedding"]
    features[0]["row_weights"] = torch.tensor([0, 0, 1, 1, 0, 0, 0])
    expected = objective(rows=slice(2, 4))(rows)
    torch.testing.assert_close(SigmoidContrastiveLoss(model)(features, CLASSES), expected)


@pytest.mark.parametrize("learnable", [True, False])
def test_scale_and_bias_are_trained(learnable):
    loss = SigmoidContrastiveLoss(TokenEncoder(), learnable=learnable)
    assert (loss.scale, loss.bias) == (pytest.approx(10.0), -10.0)
    loss(columns(7, 5, 6)).backward()
    for parameter in (loss.logit_scale, loss.logit_bias):
        assert parameter.shape == (1,)
        assert bool(parameter.grad.abs() > 0) if learnable else parameter.grad is None


@pytest.mark.parametrize("num_columns", [1, 3])
def test_cached_equals_direct(num_columns):
    loss = SigmoidContrastiveLoss(TokenEncoder()).double()
    laws.cached_equals_direct(loss, columns(7, *[5] * num_columns), CLASSES)


def test_stores_its_arguments():
    loss = SigmoidContrastiveLoss(TokenEncoder())
    laws.stores_its_arguments(
        loss,
        {
            "scale": loss.scale,
            "bias": -10.0,
            "similarity_fct": "cos_sim",
            "gather_across_devices": False,
            "mask_by_identity": True,
            "learnable": True,
        },
    )


def test_refuses_what_it_does_not_take():
    with pytest.raises(ValueError, match=r"`SigmoidContrastiveLoss` takes .*, got no labels"):
        SigmoidContrastiveLoss(TokenEncoder())(columns(3, 4))
    with pytest.raises(ValueError, match=r"whole numbers, got labels of torch\.float32"):
        SigmoidContrastiveLoss(TokenEncoder())(columns(3, 4, 4), torch.ones(3))
    with pytest.raises(ValueError, match="`scale` must be above 0, got 0"):
        SigmoidContrastiveLoss(TokenEncoder(), scale=0)
