"""Two processes (gloo) against one, for every loss; all cases run in one start of the processes."""

from __future__ import annotations

import pytest
import torch
from tests.losses.cases import CASES
from tests.losses.encoders import padded, token_rows
from torch import distributed as dist
from torch.multiprocessing import spawn
from torch.nn.parallel import DistributedDataParallel

from foolsgold import losses

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROWS = 6  # of each rank
GATHERING = [index for index, case in enumerate(CASES) if case.gathers]


def features_of(case, equal):
    """Features of the whole batch, all texts equally long, so that it can be cut."""
    features = []
    for column in range(case.num_columns):
        rows = [row[:1] * 5 if len(row) < 5 else row for row in token_rows(2 * ROWS, 5, seed=3 * column)]
        ids = torch.arange(2 * ROWS) + column * 2 * ROWS
        for row in (4, 8) if equal else ():  # one in each rank
            rows[row], ids[row] = rows[1], ids[1]
        features.append({**padded(rows), "text_ids": ids})
    return features


def outcome(case, model_rows, gather, wrap):
    results = []
    for equal in (False, True):
        options = {"gather_across_devices": True} if gather else {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)  # what a loss owns is drawn
            loss = wrap(case.build(losses, case.encoder(), **options).double().train())
        labels = case.labels_of(2 * ROWS)
        features = [
            {key: value[model_rows] for key, value in column.items()} for column in features_of(case, equal)
        ]
        value = loss(features, None if labels is None else labels[model_rows])
        value = torch.stack([*value.values()]).sum() if isinstance(value, dict) else value
        value.backward()
        gradients = {
            name.removeprefix("module."): parameter.grad.clone()
            for name, parameter in loss.named_parameters()
            if parameter.requires_grad
        }
        results.append((value.detach(), gradients))
    return results


def train_on_one_rank(rank, folder):
    torch.set_num_threads(1)
    for case in CASES:  # models of transformers are written by the first rank alone, once there are ranks
        case.build(losses, case.encoder())
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    rows = slice(rank * ROWS, (rank + 1) * ROWS)
    outcomes = [outcome(case, rows, case.gathers, DistributedDataParallel) for case in CASES]
    torch.save(outcomes, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    spawn(train_on_one_rank, args=(str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def test_something_is_compared():
    assert len(GATHERING) >= 30


@pytest.mark.parametrize("index", range(len(CASES)), ids=lambda index: str(CASES[index]))
def test_every_gradient_is_equal_on_both_ranks(ranks, index):
    """Of what the loss owns, too."""
    for first, second in zip(*(outcomes[index] for outcomes in ranks), strict=True):
        assert first[1]
        assert first[1].keys() == second[1].keys()
        assert all(torch.equal(first[1][name], second[1][name]) for name in first[1])


@pytest.mark.parametrize("index", GATHERING, ids=lambda index: str(CASES[index]))
def test_two_ranks_equal_one_of_twice_the_rows(ranks, index):
    first, second = (outcomes[index] for outcomes in ranks)
    whole = outcome(CASES[index], slice(0, 2 * ROWS), True, lambda loss: loss)
    for (value, gradients), (other, _), (expected, alone) in zip(first, second, whole, strict=True):
        torch.testing.assert_close((value + other) / 2, expected, rtol=1e-6, atol=1e-9)
        assert gradients.keys() == alone.keys()
        torch.testing.assert_close(gradients, alone, rtol=1e-6, atol=1e-9)
