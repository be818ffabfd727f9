from __future__ import annotations

import math

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.multiple_negatives_ranking import multiple_negatives_ranking_loss
from foolsgold.losses.parts.identity import Identity
from foolsgold.losses.supervised_contrastive import (
    SupervisedContrastiveLoss,
    supervised_contrastive_loss,
)
from foolsgold.similarity import dot_score

CLASSES = torch.tensor([0, 1, 0, 2, 1, 0, 3])


def cosine(u, v):
    product = sum(x * y for x, y in zip(u, v, strict=True))
    return product / math.sqrt(sum(x * x for x in u) * sum(y * y for y in v))


def oracle(anchors, documents=None, *, scale=20.0):
    """Positives are rows of one class; of the documents, the first of such a row."""
    anchors = anchors.tolist()
    lists = [anchors] if documents is None else documents.tolist()
    losses = []
    for i, anchor in enumerate(anchors):
        candidates = [
            (math.exp(scale * cosine(anchor, text)), c == 0 and bool(CLASSES[i] == CLASSES[k]))
            for c, texts in enumerate(lists)
            for k, text in enumerate(texts)
            if documents is not None or k != i
        ]
        partition = sum(weight for weight, _ in candidates)
        positives = [math.log(weight / partition) for weight, matches in candidates if matches]
        if positives:
            losses.append(-sum(positives) / len(positives))
    return sum(losses) / len(losses)


def objective(**options):
    return lambda *inputs: supervised_contrastive_loss(
        *inputs, identity=Identity(classes=CLASSES[: len(inputs[0])]), **options
    )


def singles():
    return [embeddings(7, 4)]


def tuples():
    return [embeddings(7, 4), torch.stack([embeddings(7, 4, seed=seed) for seed in (1, 2)])]


@pytest.mark.parametrize("batch", [singles, tuples])
def test_keeps_the_laws(batch):
    laws.equals_oracle(objective(scale=6.0), lambda *x: oracle(*x, scale=6.0), *batch())
    laws.has_exact_gradient(objective(scale=3.0), *batch())
    laws.is_finite_for_extremes(objective(), *batch())
    laws.leaves_inputs_unchanged(objective(), *batch())


def test_ignores_row_order_and_lengths():
    def on_classes(anchors, classes):
        return supervised_contrastive_loss(anchors, identity=Identity(classes=classes))

    laws.ignores_row_order(on_classes, *singles(), CLASSES)
    laws.ignores_lengths(objective(), *singles())


@pytest.mark.parametrize(
    "classes", [torch.arange(7), torch.zeros(7, dtype=torch.long), torch.zeros(1, dtype=torch.long)]
)
def test_batches_without_negatives_or_positives_are_finite(classes):
    anchors = embeddings(len(classes), 4)

    def on_rows(anchors):
        return supervised_contrastive_loss(anchors, identity=Identity(classes=classes))

    laws.is_finite_for_extremes(on_rows, anchors)
    if len(classes.unique()) == len(classes):
        laws.is_zero_without_signal(on_rows, anchors)


def test_one_positive_is_the_softmax_over_the_batch():
    anchors, documents = tuples()
    torch.testing.assert_close(
        supervised_contrastive_loss(anchors, documents), multiple_negatives_ranking_loss(anchors, documents)
    )


def test_halves_make_the_whole():
    anchors, documents = tuples()
    laws.halves_make_the_whole(lambda rows: objective(rows=rows)(anchors, documents), 7)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [singles, tuples])
def test_compiles_whole(batch):
    laws.compiles_whole(objective(), *batch())


def test_module_is_the_function_of_classes():
    model, features = TokenEncoder(), columns(7, 5, 6, 4)
    rows = [model(dict(column))["sentence_embedding"] for column in features]
    loss = SupervisedContrastiveLoss(model, 3.0, dot_score)
    expected = objective(scale=3.0, similarity_fct=dot_score)
    torch.testing.assert_close(loss(features[:1], CLASSES), expected(rows[0]))
    torch.testing.assert_close(loss(features, CLASSES[:, None]), expected(rows[0], torch.stack(rows[1:])))


def test_known_matches_are_positives():
    model, features = TokenEncoder(), columns(3, 5, 6)
    query, document = (model(dict(column))["sentence_embedding"] for column in features)
    ids = [torch.tensor([1, 2, 3]), torch.tensor([4, 5, 4])]
    for column, text_ids in zip(features, ids, strict=True):
        column["text_ids"] = text_ids
    features[0]["known_positive_ids"] = torch.tensor([[4, -1], [4, 5], [4, -1]])
    logs = torch.log_softmax(
        20 * torch.nn.functional.normalize(query) @ torch.nn.functional.normalize(document).T, dim=1
    )
    expected = -(logs[0, [0, 2]].mean() + logs[1].mean() + logs[2, [0, 2]].mean()) / 3
    loss = SupervisedContrastiveLoss(model)
    torch.testing.assert_close(loss(features), expected)
    loss.mask_by_identity = False
    torch.testing.assert_close(loss(features), -logs.diagonal().mean())


def test_rows_may_count_differently():
    model, features = TokenEncoder(), columns(7, 5)
    rows = model(dict(features[0]))["sentence_embedding"]
    features[0]["row_weights"] = torch.tensor([0, 0, 1, 1, 0, 0, 0])
    # Row 3 has no positive, whatever it weighs.
    expected = objective(rows=slice(2, 3))(rows)
    torch.testing.assert_close(SupervisedContrastiveLoss(model)(features, CLASSES), expected)


def test_the_scale_may_be_trained():
    loss = SupervisedContrastiveLoss(TokenEncoder(), 10.0, learnable_scale=True)
    loss(columns(7, 5), CLASSES).backward()
    assert loss.scaling.logarithm.grad.abs() > 0
    assert loss.temperature == pytest.approx(0.1)


@pytest.mark.parametrize("num_columns", [1, 3])
def test_cached_equals_direct(num_columns):
    loss = SupervisedContrastiveLoss(TokenEncoder().double())
    laws.cached_equals_direct(loss, columns(7, *[5] * num_columns), CLASSES)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        SupervisedContrastiveLoss(TokenEncoder()),
        {
            "scale": 20.0,
            "similarity_fct": "cos_sim",
            "gather_across_devices": False,
            "mask_by_identity": True,
            "learnable_scale": False,
        },
    )


@pytest.mark.parametrize(
    ("num_columns", "labels", "got"),
    [
        (1, None, "got no labels"),
        (1, torch.ones(3), "got labels of torch.float32"),
        (2, torch.ones(2), r"got \(2,\)"),
    ],
)
def test_refuses_other_labels(num_columns, labels, got):
    with pytest.raises(ValueError, match=f"`SupervisedContrastiveLoss` takes .*{got}"):
        SupervisedContrastiveLoss(TokenEncoder())(columns(3, *[4] * num_columns), labels)
