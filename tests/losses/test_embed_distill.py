from __future__ import annotations

import math

import pytest
import torch
from safetensors.torch import save_file
from tests import laws
from tests.losses.encoders import FlatEncoder, TokenEncoder, columns, embeddings

from foolsgold.losses.embed_distill import EmbedDistillLoss, embed_distill_loss
from foolsgold.losses.parts.batch import BatchInfo

METRICS = ["mse", "l2", "cosine"]


def oracle(students, targets, *, distance_metric):
    def distance(a, b):
        squares = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
        if distance_metric == "mse":
            return squares / len(a)
        if distance_metric == "l2":
            return math.sqrt(squares)
        product = sum(x * y for x, y in zip(a, b, strict=True))
        return 1 - product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    total = 0.0
    for texts, wanted in zip(students.tolist(), targets.tolist(), strict=True):
        wanted = wanted if targets.ndim == 3 else [wanted] * len(texts)
        total += sum(distance(a, b) for a, b in zip(texts, wanted, strict=True)) / len(texts)
    return total / len(students)


def objective(**options):
    return lambda *inputs: embed_distill_loss(*inputs, **options)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("target_shape", [(5, 4), (5, 3, 4)])
def test_keeps_the_laws(metric, target_shape):
    options = {"distance_metric": metric}
    inputs = embeddings(5, 3, 4), embeddings(*target_shape, seed=1)
    laws.equals_oracle(objective(**options), lambda *inputs: oracle(*inputs, **options), *inputs)

    def to_targets(students):
        return embed_distill_loss(students, inputs[1], **options)

    laws.has_exact_gradient(to_targets, inputs[0])
    laws.is_finite_for_extremes(to_targets, inputs[0])
    laws.ignores_row_order(objective(**options), *inputs)
    laws.leaves_inputs_unchanged(to_targets, inputs[0])


@pytest.mark.parametrize("metric", METRICS)
def test_met_targets_have_no_signal(metric):
    targets = embeddings(5, 4)
    met = targets.unsqueeze(1).expand(5, 2, 4) * (3 if metric == "cosine" else 1)
    laws.is_zero_without_signal(lambda x: embed_distill_loss(x, targets, distance_metric=metric), met)


def test_rows_count_by_their_weight():
    students, targets = embeddings(4, 2, 3), embeddings(4, 3, seed=1)
    repeated = torch.tensor([0, 1, 1, 3])
    weighted = embed_distill_loss(students, targets, weights=torch.tensor([1.0, 2.0, 0.0, 1.0]))
    torch.testing.assert_close(weighted, embed_distill_loss(students[repeated], targets[repeated]))


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
def test_compiles_whole(metric):
    targets = embeddings(5, 4, seed=1)
    laws.compiles_whole(lambda x: embed_distill_loss(x, targets, distance_metric=metric), embeddings(5, 2, 4))


@pytest.mark.parametrize("shape", [(5, 6), (5, 2, 6)])
def test_module_is_the_function(shape):
    model, features, targets = TokenEncoder(), columns(5, 3, 9), embeddings(*shape, seed=2).float()
    inputs = torch.stack([model(dict(column))["sentence_embedding"] for column in features], dim=1)
    torch.testing.assert_close(
        EmbedDistillLoss(model, "l2")(features, targets),
        embed_distill_loss(inputs, targets, distance_metric="l2"),
    )


def test_a_projection_is_trained_with_the_student():
    loss = EmbedDistillLoss(TokenEncoder(), "mse", 8).double()
    assert dict(loss.named_parameters()).keys() >= {"projection.weight", "projection.bias"}
    laws.cached_equals_direct(loss, columns(5, 3, 9), embeddings(5, 8))


def test_a_projection_starts_from_its_seed_alone():
    state = torch.get_rng_state()
    first, second, other = (EmbedDistillLoss(TokenEncoder(), projection_dim=8, seed=s) for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.projection.weight, second.projection.weight)
    assert not torch.equal(first.projection.weight, other.projection.weight)
    for parameter in first.projection.parameters():
        assert 0.8 * 6**-0.5 < parameter.abs().max() <= 6**-0.5


def test_a_projection_is_computed_in_float32_under_autocast():
    students = embeddings(3, 6).float()
    loss = EmbedDistillLoss(TokenEncoder(), "mse", 8)
    targets = embeddings(3, 8, seed=1).float()
    expected = loss.compute([students], targets, BatchInfo())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(loss.compute([students], targets, BatchInfo()), expected, rtol=0, atol=0)


def test_a_projection_is_saved_and_loaded(tmp_path):
    path = tmp_path / "projection.safetensors"
    first = EmbedDistillLoss(TokenEncoder(), projection_dim=8, seed=1)
    first.save_projection(path)
    for second in (EmbedDistillLoss(TokenEncoder(), projection_dim=8), EmbedDistillLoss(TokenEncoder())):
        second.load_projection(path)
        assert second.projection_dim == 8
        assert torch.equal(first.projection.weight, second.projection.weight)
        assert torch.equal(first.projection.bias, second.projection.bias)
    for loss in (
        EmbedDistillLoss(TokenEncoder(dimension=5)),
        EmbedDistillLoss(TokenEncoder(), projection_dim=7),
    ):
        with pytest.raises(ValueError, match=r"must map \d to \d dimensions, got 6 to 8"):
            loss.load_projection(path)
    with pytest.raises(ValueError, match="`projection_dim` must be given"):
        EmbedDistillLoss(TokenEncoder()).save_projection(path)
    save_file({"other": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"must hold `weight` and `bias`, got \['other'\]"):
        first.load_projection(path)


@pytest.mark.parametrize("metric", METRICS)
def test_cached_equals_direct(metric):
    loss = EmbedDistillLoss(TokenEncoder().double(), metric)
    laws.cached_equals_direct(loss, columns(5, 4, 6), embeddings(5, 6))


def test_stores_its_arguments():
    laws.stores_its_arguments(
        EmbedDistillLoss(TokenEncoder()), {"distance_metric": "cosine", "projection_dim": None, "seed": 0}
    )


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        (None, "no labels"),
        (torch.ones(3), r"\(3,\)"),
        (torch.ones(2, 6), r"\(2, 6\)"),
        (torch.ones(3, 1, 6), r"\(3, 1, 6\)"),
        (torch.ones(3, 8), r"\(3, 8\)\nhint: `projection_dim=8`"),
    ],
)
def test_refuses_other_labels(labels, got):
    message = f"(?s)`EmbedDistillLoss` takes .* with labels `model sentence embeddings`.*, got {got}"
    with pytest.raises(ValueError, match=message):
        EmbedDistillLoss(TokenEncoder())(columns(3, 4, 6), labels)


def test_refuses_other_options():
    with pytest.raises(ValueError, match=r"`distance_metric` must be one of .*, got 'dot'"):
        EmbedDistillLoss(TokenEncoder(), "dot")
    with pytest.raises(ValueError, match="`projection_dim` must be at least 1, got 0"):
        EmbedDistillLoss(TokenEncoder(), projection_dim=0)
    with pytest.raises(TypeError, match="must have `get_embedding_dimension` for a projection"):
        EmbedDistillLoss(FlatEncoder(), projection_dim=3)
