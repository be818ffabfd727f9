"""The formed gradient beside the plain one, and what is compared with what."""

from __future__ import annotations

import itertools

import pytest
import torch
from tests.losses.encoders import embeddings

from foolsgold.losses.parts import row_blocks
from foolsgold.losses.parts.directions import DIRECTIONS, POSITIVE_TO_POSITIVE, Comparisons
from foolsgold.losses.parts.identity import Identity
from foolsgold.losses.parts.in_batch import Block, in_batch_cross_entropy
from foolsgold.similarity import dot_score, normalize_embeddings

ALL = (*DIRECTIONS, POSITIVE_TO_POSITIVE)
COMPARISONS = {
    "one": Comparisons(),
    "all": Comparisons(directions=ALL, hardness_mode="all_negatives", hardness_strength=3.0),
    "symmetric": Comparisons(directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"),
}
IDENTITY = Identity(
    query_ids=torch.tensor([0, 1, 2, 3, 4, 0]),
    document_ids=torch.tensor([[5, 6, 7, 7, 8, 9], [10, 11, 5, 12, 13, 14]]),
    known_positive_ids=torch.tensor([[5, 6], [6, -1], [7, -1], [7, -1], [8, 9], [9, 5]]),
    classes=torch.tensor([0, 1, 2, 3, 1, 4]),
)


def plain_cosine(a, b):
    """Not one of ours, so that autograd forms the gradient."""
    return normalize_embeddings(a) @ normalize_embeddings(b).T


def outcome(similarity_fct, comparisons, **options):
    inputs = [embeddings(6, 4), embeddings(2, 6, 4, seed=1), torch.tensor([7.0], dtype=torch.float64)]
    leaves = [x.requires_grad_() for x in inputs]
    total, count = in_batch_cross_entropy(
        leaves[0], leaves[1], comparisons, scale=leaves[2], similarity_fct=similarity_fct, **options
    )
    total.backward()
    return [total.detach(), count, *(leaf.grad for leaf in leaves)]


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize("rows", [slice(None), slice(1, 4)])
@pytest.mark.parametrize("entries", [1, 40, 2**25])
def test_the_formed_gradient_is_the_plain_one(name, rows, entries, monkeypatch):
    from foolsgold.similarity import cos_sim

    options = [
        {"identity": IDENTITY, "rows": rows},
        {"margin": 0.1, "weights": torch.tensor([0.0, 1.0, 2.0, 0.5, 1.0, 3.0]), "rows": rows},
    ]
    for more in options:
        expected = outcome(plain_cosine, COMPARISONS[name], **more)
        with monkeypatch.context() as patched:
            patched.setattr(row_blocks, "_BLOCK", entries)
            patched.setattr(row_blocks, "_ONE_BLOCK", entries)
            torch.testing.assert_close(outcome(cos_sim, COMPARISONS[name], **more), expected)
            torch.testing.assert_close(outcome(plain_cosine, COMPARISONS[name], **more), expected)


def test_a_similarity_with_parameters_is_trained(monkeypatch):
    monkeypatch.setattr(row_blocks, "_ONE_BLOCK", 6)
    matrix = embeddings(4, 4, seed=5).requires_grad_()
    total, _ = in_batch_cross_entropy(
        embeddings(6, 4), embeddings(1, 6, 4), Comparisons(), scale=1.0,
        similarity_fct=lambda a, b: a @ matrix @ b.T,
    )  # fmt: skip
    total.backward()
    assert matrix.grad.abs().sum() > 0


def test_nothing_of_rows_by_candidates_is_kept():
    inputs = [embeddings(64, 4).requires_grad_(), embeddings(1, 64, 4, seed=1).requires_grad_()]
    kept = [0]
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        in_batch_cross_entropy(*inputs, Comparisons(directions=DIRECTIONS), scale=1.0)
    assert 0 < max(kept) <= 64 * 4


def test_inputs_may_lie_in_memory_as_they_like():
    queries = embeddings(4, 6).T.requires_grad_()
    documents = embeddings(4, 6, 2, seed=1).permute(2, 1, 0).requires_grad_()
    assert not documents.is_contiguous()
    total, _ = in_batch_cross_entropy(queries, documents, Comparisons(directions=DIRECTIONS), scale=1.0)
    gradients = torch.autograd.grad(total, [queries, documents])
    again = [x.detach().contiguous().requires_grad_() for x in (queries, documents)]
    total, _ = in_batch_cross_entropy(*again, Comparisons(directions=DIRECTIONS), scale=1.0)
    torch.testing.assert_close(gradients, torch.autograd.grad(total, again))


def test_no_gradient_is_formed_where_none_is_wanted():
    with torch.no_grad():
        total, _ = in_batch_cross_entropy(
            embeddings(6, 4).requires_grad_(), embeddings(1, 6, 4), Comparisons(), scale=1.0
        )
    assert not total.requires_grad


@pytest.mark.parametrize("direction", ALL)
def test_each_candidate_has_its_place(direction):
    queries, documents = embeddings(3, 4), embeddings(2, 3, 4, seed=1)
    scores = Block(queries, documents, slice(1, 3), dot_score).similarities(direction)
    targets = {
        "query": [*queries],
        "positive": [*documents[0]],
        "doc": [*documents[0], *documents[1]],
    }[direction.split("_to_")[1]]
    for i in range(2):
        source = queries[i + 1] if direction.startswith("query") else documents[0, i + 1]
        torch.testing.assert_close(scores[i], torch.stack([source @ target for target in targets]))


@pytest.mark.parametrize(
    ("direction", "arguments"),
    [
        ("query_to_doc", (3, 10)),
        ("query_to_query", (3, 5)),
        ("doc_to_query", (5, 3)),
        ("doc_to_doc", (10, 3)),
    ],
)
def test_queries_come_first_and_candidates_before_their_like(direction, arguments):
    """A similarity function need not be symmetric."""
    seen = []

    def record(a, b):
        seen.append((len(a), len(b)))
        return torch.zeros(len(a), len(b))

    Block(embeddings(5, 4), embeddings(2, 5, 4), slice(0, 3), record).similarities(direction)
    assert seen == [arguments]


def test_every_known_option_is_in_the_grid():
    """Fails when the comparisons grow an option that the test of gradients does not set."""
    fields = Comparisons.__dataclass_fields__
    defaults = Comparisons()
    varied = {
        name
        for name, given in itertools.product(fields, COMPARISONS.values())
        if getattr(given, name) != getattr(defaults, name)
    }
    assert varied == set(fields)
