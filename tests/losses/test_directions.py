from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import embeddings

from foolsgold.losses.directions import DIRECTIONS, is_weighted, left_out, similarities
from foolsgold.similarity import dot_score

OWN = torch.eye(3, dtype=torch.bool)[1:]  # rows 1 and 2 of three


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_candidate_has_its_place(direction):
    queries, documents = embeddings(3, 4), embeddings(2, 3, 4, seed=1)
    scores = similarities(direction, queries, documents, slice(1, 3), dot_score)
    for i in range(2):
        source = queries[i + 1] if direction.startswith("query") else documents[0, i + 1]
        targets = [*queries] if direction.endswith("query") else [*documents[0], *documents[1]]
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

    similarities(direction, embeddings(5, 4), embeddings(2, 5, 4), slice(0, 3), record)
    assert seen == [arguments]


def test_texts_of_one_row_are_never_compared_among_themselves():
    assert left_out("query_to_doc", OWN, 6, None) is None
    assert left_out("doc_to_query", OWN, 3, None) is None
    assert torch.equal(left_out("query_to_query", OWN, 3, None), OWN)
    assert torch.equal(left_out("doc_to_doc", OWN, 6, None), torch.cat([OWN, OWN], dim=1))


def test_the_partner_stays_though_it_matches():
    everything = torch.ones(2, 6, dtype=torch.bool)
    partner = torch.cat([OWN, torch.zeros_like(OWN)], dim=1)
    assert torch.equal(left_out("query_to_doc", OWN, 6, everything), ~partner)
    assert torch.equal(left_out("doc_to_query", OWN, 3, everything[:, :3]), ~OWN)
    assert left_out("doc_to_doc", OWN, 6, everything).all()


def test_the_modes_of_hardness_split_the_negatives():
    in_batch, hard = (is_weighted(mode, OWN, 6) for mode in ("in_batch_negatives", "hard_negatives"))
    assert torch.equal(in_batch | hard, is_weighted("all_negatives", OWN, 6))
    assert not (in_batch & hard).any()
    assert torch.equal(hard, torch.cat([torch.zeros_like(OWN), OWN], dim=1))
