from __future__ import annotations

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.mega_batch_margin import MegaBatchMarginLoss, mega_batch_margin_loss
from foolsgold.losses.parts import row_blocks
from foolsgold.losses.parts.identity import Identity
from foolsgold.similarity import cos_sim, dot_score, manhattan_sim


def oracle(
    anchors, positives, *, positive_margin=0.8, negative_margin=0.3, scale=1.0, similarity_fct=cos_sim
):
    total = 0.0
    for i, anchor in enumerate(anchors):
        similarities = [scale * similarity_fct(anchor, positive).item() for positive in positives]
        total += max(0.0, positive_margin - similarities.pop(i))
        total += max(0.0, max(similarities) - negative_margin)
    return total / len(anchors)


def objective(**options):
    return lambda *inputs: mega_batch_margin_loss(*inputs, **options)


def batch(num_rows=7):
    return [embeddings(num_rows, 4, seed=seed) for seed in range(2)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"positive_margin": 1.5, "negative_margin": -0.5, "scale": 3.0},
        {"similarity_fct": dot_score},
        {"similarity_fct": manhattan_sim, "negative_margin": -9.0},
        {"similarity_fct": lambda a, b: cos_sim(a, b) + 0.1, "scale": 2.0},
    ],
)
def test_keeps_the_laws(options):
    laws.equals_oracle(objective(**options), lambda *x: oracle(*x, **options), *batch())
    laws.has_exact_gradient(objective(**options), *batch())
    laws.is_finite_for_extremes(objective(**options), *batch())
    laws.ignores_row_order(objective(**options), *batch())
    laws.leaves_inputs_unchanged(objective(**options), *batch())
    if "similarity_fct" not in options:
        laws.ignores_lengths(objective(**options), *batch())


def test_kept_margins_have_no_signal():
    anchors = torch.eye(6, dtype=torch.float64)
    laws.is_zero_without_signal(mega_batch_margin_loss, anchors, anchors.clone())


def test_one_row_has_its_positive_alone():
    anchors, positives = batch(1)
    expected = (0.8 - torch.cosine_similarity(anchors, positives)).relu().mean()
    torch.testing.assert_close(mega_batch_margin_loss(anchors, positives), expected)
    laws.has_exact_gradient(mega_batch_margin_loss, anchors, positives)


def test_known_matches_are_no_negatives():
    anchors, positives = batch(3)
    similarities = cos_sim(anchors, positives)
    identity = Identity(query_ids=torch.tensor([0, 1, 2]), document_ids=torch.tensor([[3, 3, 4]]))
    near = torch.stack([similarities[0, 2], similarities[1, 2], similarities[2, :2].max()])
    expected = ((0.8 - similarities.diag()).relu() + (near - 0.3).relu()).mean()
    torch.testing.assert_close(mega_batch_margin_loss(anchors, positives, identity=identity), expected)
    alike = Identity(query_ids=torch.tensor([0, 1, 2]), document_ids=torch.tensor([[3, 3, 3]]))
    expected = (0.8 - similarities.diag()).relu().mean()
    torch.testing.assert_close(mega_batch_margin_loss(anchors, positives, identity=alike), expected)
    laws.has_exact_gradient(objective(identity=alike), anchors, positives)


def test_weights_count_rows():
    anchors, positives = batch(3)
    similarities, weights = cos_sim(anchors, positives), torch.tensor([0, 1, 0.5])
    near = similarities.masked_fill(torch.eye(3, dtype=torch.bool), -torch.inf).amax(1)
    losses = (0.8 - similarities.diag()).relu() + (near - 0.3).relu()
    torch.testing.assert_close(
        mega_batch_margin_loss(anchors, positives, weights=weights), (losses * weights).sum() / 1.5
    )
    laws.is_zero_without_signal(objective(weights=torch.zeros(3)), anchors, positives)


@pytest.mark.parametrize("similarity_fct", [cos_sim, dot_score, manhattan_sim])
def test_blocks_change_nothing(monkeypatch, similarity_fct):
    def value_and_gradients():
        leaves = [x.requires_grad_() for x in batch()]
        value = mega_batch_margin_loss(*leaves, similarity_fct=similarity_fct, negative_margin=-9.0)
        return value.detach(), torch.autograd.grad(value, leaves)

    expected = value_and_gradients()
    monkeypatch.setattr(row_blocks, "_ONE_BLOCK", 20)
    monkeypatch.setattr(row_blocks, "_BLOCK", 20)
    torch.testing.assert_close(value_and_gradients(), expected)


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(mega_batch_margin_loss, *batch())


def test_module_is_the_function():
    model, features = TokenEncoder(), columns(5, 3, 9)
    inputs = [model(dict(column))["sentence_embedding"] for column in features]
    for mini_batched in (False, True):
        loss = MegaBatchMarginLoss(model, 1.2, -0.2, mini_batched, 2, scale=2.0, similarity_fct=dot_score)
        expected = mega_batch_margin_loss(
            *inputs, positive_margin=1.2, negative_margin=-0.2, scale=2.0, similarity_fct=dot_score
        )
        torch.testing.assert_close(loss(features), expected)


@pytest.mark.parametrize("mask_by_identity", [True, False])
def test_text_ids_and_weights_reach_the_objective(mask_by_identity):
    model, features = TokenEncoder(), columns(3, 3, 9)
    inputs = [model(dict(column))["sentence_embedding"] for column in features]
    query_ids, document_ids, weights = torch.arange(3), torch.tensor([3, 3, 4]), torch.tensor([1, 2, 3])
    features[0].update(text_ids=query_ids, row_weights=weights)
    features[1]["text_ids"] = document_ids
    identity = Identity(query_ids=query_ids, document_ids=document_ids[None]) if mask_by_identity else None
    torch.testing.assert_close(
        MegaBatchMarginLoss(model, mask_by_identity=mask_by_identity)(features),
        mega_batch_margin_loss(*inputs, identity=identity, weights=weights),
    )


def test_cached_equals_direct():
    loss = MegaBatchMarginLoss(TokenEncoder().double(), negative_margin=-0.5)
    assert loss.chunk_size.rows == 50
    loss.chunk_size = None
    laws.cached_equals_direct(loss, columns(5, 3, 9), None)


def test_stores_its_arguments():
    laws.stores_its_arguments(
        MegaBatchMarginLoss(TokenEncoder()),
        {
            "positive_margin": 0.8,
            "negative_margin": 0.3,
            "use_mini_batched_version": True,
            "mini_batch_size": 50,
            "mini_batch_num_tokens": None,
            "show_progress_bar": False,
            "scale": 1.0,
            "similarity_fct": "cos_sim",
            "gather_across_devices": False,
            "mask_by_identity": True,
        },
    )


@pytest.mark.parametrize("count", [1, 3])
def test_refuses_other_numbers_of_columns(count):
    with pytest.raises(
        ValueError, match=rf"takes \(anchor, positive\) pairs with no labels, got {count} columns"
    ):
        MegaBatchMarginLoss(TokenEncoder())(columns(3, *[4] * count))


def test_refuses_options_outside_their_range():
    with pytest.raises(ValueError, match="`scale` must be above 0, got 0"):
        MegaBatchMarginLoss(TokenEncoder(), scale=0)
    with pytest.raises(ValueError, match="`mini_batch_size` must be at least 1, got 0"):
        MegaBatchMarginLoss(TokenEncoder(), mini_batch_size=0)
    assert MegaBatchMarginLoss(TokenEncoder(), use_mini_batched_version=False).chunk_size is None


def test_refuses_margins_that_are_no_numbers():
    with pytest.raises(TypeError, match="`negative_margin` must be a number, got function"):
        MegaBatchMarginLoss(TokenEncoder(), 1.0, cos_sim)
