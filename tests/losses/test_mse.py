from __future__ import annotations

import pytest
import torch
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.losses.mse import MSELoss, mse_loss

TARGETS = embeddings(5, 4, seed=1)


def oracle(students, targets):
    total, count = 0.0, 0
    for texts, target in zip(students.tolist(), targets.tolist(), strict=True):
        for text in texts:
            total += sum((x - y) ** 2 for x, y in zip(text, target, strict=True))
            count += len(target)
    return total / count


def to_targets(students):
    return mse_loss(students, TARGETS)


def test_keeps_the_laws():
    inputs = embeddings(5, 3, 4), TARGETS
    laws.equals_oracle(mse_loss, oracle, *inputs)
    laws.has_exact_gradient(to_targets, inputs[0])
    laws.is_finite_for_extremes(to_targets, inputs[0])
    laws.ignores_row_order(mse_loss, *inputs)
    laws.leaves_inputs_unchanged(to_targets, inputs[0])
    laws.is_zero_without_signal(to_targets, inputs[1].unsqueeze(1))


@pytest.mark.slow
def test_compiles_whole():
    laws.compiles_whole(to_targets, embeddings(5, 2, 4))


def test_module_is_the_function():
    model, features, targets = TokenEncoder(), columns(5, 3, 9), embeddings(5, 6, seed=2).float()
    inputs = torch.stack([model(dict(column))["sentence_embedding"] for column in features], dim=1)
    torch.testing.assert_close(MSELoss(model)(features, targets), mse_loss(inputs, targets))


def test_cached_equals_direct():
    laws.cached_equals_direct(MSELoss(TokenEncoder(), 8).double(), columns(5, 4, 6), embeddings(5, 2, 8))


def test_stores_its_arguments():
    laws.stores_its_arguments(MSELoss(TokenEncoder()), {"projection_dim": None, "seed": 0})


def test_refuses_other_labels():
    with pytest.raises(ValueError, match=r"`MSELoss` takes `sentence` or .*, got \(4, 6\)"):
        MSELoss(TokenEncoder())(columns(3, 4), torch.ones(4, 6))
