"""Two processes (gloo) against one; all scenarios run in one start of the processes."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from tests.losses.encoders import TokenEncoder, embeddings, padded, token_rows
from torch import distributed as dist
from torch.multiprocessing import spawn
from torch.nn.parallel import DistributedDataParallel

from foolsgold.losses import MultipleNegativesRankingLoss
from foolsgold.losses.parts.gather import RankRows

ALL_DIRECTIONS = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")
# Number of columns, rows of each rank, options, and whether some texts are equal across ranks.
SCENARIOS = {
    "pairs": (2, (4, 4), {}, False),
    "hard negatives": (4, (4, 4), {}, False),
    "all directions": (3, (3, 3), {"directions": ALL_DIRECTIONS}, False),
    "hardness": (3, (3, 3), {"hardness_mode": "all_negatives", "hardness_strength": 2.0}, False),
    "equal texts": (3, (4, 4), {"directions": ALL_DIRECTIONS}, True),
    "uneven": (3, (2, 5), {"directions": ALL_DIRECTIONS}, True),
    "cached": (3, (2, 5), {}, True),
}


def batch(num_columns: int, num_rows: int, with_ids: bool) -> list[dict[str, torch.Tensor]]:
    """Features of the whole batch; all texts are equally long, so that it can be cut."""
    generator = torch.Generator().manual_seed(num_rows)
    features = []
    for i in range(num_columns):
        rows = token_rows(num_rows, 5, seed=i)
        column = padded([row[:1] * 5 if len(row) < 5 else row for row in rows])
        if with_ids:
            column["text_ids"] = torch.randint(i * 3, i * 3 + 5, (num_rows,), generator=generator)
        features.append(column)
    return features


def make_loss(name: str, gather: bool) -> MultipleNegativesRankingLoss:
    loss = MultipleNegativesRankingLoss(
        TokenEncoder().double(), gather_across_devices=gather, **SCENARIOS[name][2]
    )
    return loss.cached(2) if name == "cached" else loss


def train_on_one_rank(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    outcomes = {}
    for name, (num_columns, rows, _, with_ids) in SCENARIOS.items():
        first = sum(rows[:rank])
        features = [
            {key: value[first : first + rows[rank]] for key, value in column.items()}
            for column in batch(num_columns, sum(rows), with_ids)
        ]
        loss = DistributedDataParallel(make_loss(name, gather=True))
        value = loss(features, None)
        value.backward()
        outcomes[name] = [value.detach(), *(p.grad.clone() for p in loss.parameters())]
    local = DistributedDataParallel(make_loss("pairs", gather=False))
    local(
        [{k: v[4 * rank : 4 * rank + 4] for k, v in column.items()} for column in batch(2, 8, False)]
    ).backward()
    outcomes["not gathered"] = [p.grad.clone() for p in local.parameters()]
    ranks = RankRows(rank + 1, torch.device("cpu"), gather=True)
    columns = ranks.gather_columns([torch.full((rank + 1, 2), 10 * rank + i) for i in range(2)])
    outcomes["rows"] = columns, (ranks.own.start, ranks.own.stop, ranks.total)
    outcomes["lists"] = ranks.gather_lists(torch.full((rank + 1, rank + 1), rank))
    outcomes["mean"] = ranks.mean(torch.tensor(6.0), torch.tensor(rank + 1))
    torch.save(outcomes, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    spawn(train_on_one_rank, args=(str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@cache
def on_one_rank(name):
    num_columns, rows, _, with_ids = SCENARIOS[name]
    loss = make_loss(name, gather=True)
    value = loss(batch(num_columns, sum(rows), with_ids))
    value.backward()
    return [value.detach(), *(parameter.grad for parameter in loss.parameters())]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_two_ranks_equal_one_of_twice_the_rows(ranks, name):
    """The mean of the ranks' losses, and the gradients that DDP leaves on every rank."""
    expected = on_one_rank(name)
    first, second = (outcomes[name] for outcomes in ranks)
    torch.testing.assert_close((first[0] + second[0]) / 2, expected[0])
    torch.testing.assert_close(first[1:], expected[1:])
    torch.testing.assert_close(second[1:], expected[1:])


@pytest.mark.slow
def test_without_the_gather_the_gradient_is_another(ranks):
    """Shows that the test above can fail."""
    gradient, expected = ranks[0]["not gathered"][0], on_one_rank("pairs")[1]
    assert not torch.allclose(gradient, expected, rtol=1e-2)


@pytest.mark.slow
def test_equal_texts_matter():
    value = on_one_rank("equal texts")[0]
    loss = make_loss("equal texts", gather=False)
    loss.mask_by_identity = False
    assert loss(batch(3, 8, True)) > value + 0.01


@pytest.mark.slow
def test_rows_come_in_rank_order(ranks):
    columns = [torch.tensor([[0, 0], [10, 10], [10, 10]]), torch.tensor([[1, 1], [11, 11], [11, 11]])]
    for rank, own in enumerate(((0, 1, 3), (1, 3, 3))):
        gathered, place = ranks[rank]["rows"]
        assert place == own
        assert all(torch.equal(x, y) for x, y in zip(gathered, columns, strict=True))


@pytest.mark.slow
def test_lists_are_filled_up(ranks):
    for outcomes in ranks:
        assert outcomes["lists"].tolist() == [[0, -1], [1, 1], [1, 1]]


@pytest.mark.slow
def test_means_of_ranks_average_to_the_mean_of_all(ranks):
    """Sums of 6 over 1 and over 2 rows: 12 over 3."""
    assert [outcomes["mean"].item() for outcomes in ranks] == [4, 4]


def test_one_process_has_all_rows():
    columns = [embeddings(3, 4), embeddings(3, 4, seed=1)]
    for gather in (True, False):
        ranks = RankRows(3, torch.device("cpu"), gather=gather)
        assert all(x is y for x, y in zip(ranks.gather_columns(columns), columns, strict=True))
        assert ranks.gather(columns[0]) is columns[0]
        assert (ranks.own, ranks.total) == (slice(0, 3), 3)
        assert ranks.mean(torch.tensor(6.0), torch.tensor(3)) == 2
        assert ranks.mean(torch.tensor(6.0), torch.tensor(0)) == 6
