from __future__ import annotations

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings
from tests.losses.layered import LayeredEncoder

from foolsgold.losses.adaptive_layer import AdaptiveLayerLoss
from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.cosine_similarity import CosineSimilarityLoss, cosine_similarity_loss
from foolsgold.losses.matryoshka import MatryoshkaLoss
from foolsgold.losses.multiple_negatives_ranking import (
    MultipleNegativesRankingLoss,
    multiple_negatives_ranking_loss,
)
from foolsgold.losses.parts.batch import BatchInfo
from foolsgold.losses.parts.gradient_cache import ChunkSize
from foolsgold.losses.triplet import TripletLoss
from foolsgold.losses.weighted_sum import WeightedSumLoss, weighted_sum_loss

SCORES = torch.tensor([0.0, 1.0, 0.5, -0.25, 0.75], dtype=torch.float64)


def objective(left, right):
    outcomes = {
        "ranking": multiple_negatives_ranking_loss(left, right[None]),
        "scores": cosine_similarity_loss(left, right, SCORES),
    }
    return sum(weighted_sum_loss(outcomes, weights={"ranking": 0.5, "scores": 3.0}).values())


def ranking_and_scores(model, **weights):
    losses = {"ranking": MultipleNegativesRankingLoss(model), "scores": CosineSimilarityLoss(model)}
    return WeightedSumLoss(model, losses, weights or None)


class Total(WeightedSumLoss):
    """Adds the components up, as a trainer does."""

    def compute(self, embeddings, labels, batch):
        return torch.stack(list(super().compute(embeddings, labels, batch).values())).sum()


def test_names_and_weighs_components():
    one, two = torch.tensor(1.0), torch.tensor(2.0)
    outcomes = {"a": one, "b": {"x": one, "y": two}}
    assert weighted_sum_loss(outcomes) == {"a": 1, "b/x": 1, "b/y": 2}
    assert weighted_sum_loss(outcomes, weights={"a": 3.0, "b": 0.5}) == {"a": 3, "b/x": 0.5, "b/y": 1}


def test_keeps_the_laws():
    batch = [embeddings(5, 4, seed=seed) for seed in range(2)]
    laws.has_exact_gradient(objective, *batch)
    laws.is_finite_for_extremes(objective, *batch)
    laws.leaves_inputs_unchanged(objective, *batch)
    laws.ignores_lengths(objective, *batch)


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(objective, *[embeddings(5, 4, seed=seed) for seed in range(2)])


def test_module_is_the_function_of_its_losses():
    model, features = TokenEncoder(), columns(5, 3, 9)
    loss = ranking_and_scores(model, ranking=2.0, scores=0.5)
    expected = {
        "ranking": 2.0 * MultipleNegativesRankingLoss(model)(features),
        "scores": 0.5 * CosineSimilarityLoss(model)(features, SCORES),
    }
    model.calls.clear()
    value = loss(features, SCORES)
    assert len(model.calls) == 2
    assert list(value) == ["ranking", "scores"]
    torch.testing.assert_close(value, expected)


def test_cached_equals_direct():
    model = TokenEncoder().double()
    losses = {"ranking": MultipleNegativesRankingLoss(model), "scores": CosineSimilarityLoss(model)}
    laws.cached_equals_direct(Total(model, losses), columns(5, 3, 9), SCORES)


def test_takes_the_gradient_cache_of_a_loss():
    model = TokenEncoder()
    losses = {"triplet": TripletLoss(model), "ranking": MultipleNegativesRankingLoss(model).cached(3)}
    assert WeightedSumLoss(model, losses).chunk_size == ChunkSize(3)


def test_modifiers_in_and_around_it():
    model, features = TokenEncoder(), columns(5, 3, 9)
    inner = MatryoshkaLoss(model, ranking_and_scores(model), [6, 2])
    value = WeightedSumLoss(model, {"nested": inner, "plain": CosineSimilarityLoss(model)})(features, SCORES)
    assert list(value) == ["nested/ranking", "nested/scores", "plain"]
    torch.testing.assert_close(value["nested/ranking"], inner(features, SCORES)["ranking"])


def test_weighs_rows_where_all_do():
    model = TokenEncoder()
    ranking, triplet = MultipleNegativesRankingLoss(model), TripletLoss(model)
    both = WeightedSumLoss(model, {"ranking": ranking, "triplet": triplet})
    assert both.weighs_rows
    assert not WeightedSumLoss(model, {"ranking": ranking, "base": EmbeddingLoss(model)}).weighs_rows
    inputs = [embeddings(5, 6, seed=seed) for seed in range(3)]
    batch = BatchInfo(row_weights=torch.arange(5.0))
    torch.testing.assert_close(
        both.compute(inputs, None, batch),
        {name: loss.compute(inputs, None, batch) for name, loss in both.losses.items()},
    )


def test_says_what_it_takes():
    model = TokenEncoder()
    loss = ranking_and_scores(model)
    assert loss.inputs == f"{MultipleNegativesRankingLoss.inputs}, and {CosineSimilarityLoss.inputs}"
    assert loss.labels == CosineSimilarityLoss.labels
    assert WeightedSumLoss(model, {"triplet": TripletLoss(model)}).labels == "none"


def test_stores_its_arguments():
    laws.stores_its_arguments(
        ranking_and_scores(TokenEncoder()),
        {
            "losses": {"ranking": "MultipleNegativesRankingLoss", "scores": "CosineSimilarityLoss"},
            "weights": {"ranking": 1.0, "scores": 1.0},
        },
    )


def test_refuses_what_cannot_be_summed():
    model = LayeredEncoder()
    layered = AdaptiveLayerLoss(model, TripletLoss(model))
    with pytest.raises(ValueError, match="`losses` must name at least one loss, got none"):
        WeightedSumLoss(model, {})
    with pytest.raises(TypeError, match=r"`losses\['layers'\]` must take one embedding .* AdaptiveLayerLoss"):
        WeightedSumLoss(model, {"layers": layered})
    with pytest.raises(TypeError, match=r"`losses\['mse'\]` must be an EmbeddingLoss"):
        WeightedSumLoss(model, {"mse": torch.nn.MSELoss()})
    with pytest.raises(ValueError, match=r"`losses\['other'\]` must have the same `model`"):
        WeightedSumLoss(model, {"other": TripletLoss(TokenEncoder())})
    with pytest.raises(ValueError, match=r"`weights` must be of \['triplet'\], got \['triplets'\]"):
        WeightedSumLoss(model, {"triplet": TripletLoss(model)}, {"triplets": 1.0})
