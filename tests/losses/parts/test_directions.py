from __future__ import annotations

import pytest
import torch

from foolsgold.losses.parts.directions import (
    DIRECTIONS,
    POSITIVE_TO_POSITIVE,
    Comparisons,
    is_weighted,
    left_out,
)

OWN = torch.eye(3, dtype=torch.bool)[1:]  # rows 1 and 2 of three


def test_texts_of_one_row_are_never_compared_among_themselves():
    assert left_out("query_to_doc", OWN, 6, None) is None
    assert left_out("doc_to_query", OWN, 3, None) is None
    assert torch.equal(left_out("query_to_query", OWN, 3, None), OWN)
    assert torch.equal(left_out("doc_to_doc", OWN, 6, None), torch.cat([OWN, OWN], dim=1))
    assert torch.equal(left_out(POSITIVE_TO_POSITIVE, OWN, 3, None), OWN)


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


def test_candidates_are_counted_by_direction():
    counts = {name: 5 if name.endswith("query") else 15 for name in DIRECTIONS}
    assert Comparisons(directions=DIRECTIONS).num_candidates(5, 3) == sum(counts.values())
    assert Comparisons(directions=("query_to_doc", POSITIVE_TO_POSITIVE)).num_candidates(5, 3) == 20


@pytest.mark.parametrize("given", [("doc_to_query", "query_to_doc"), ["query_to_doc", "doc_to_query"]])
def test_directions_have_one_order(given):
    assert Comparisons(directions=tuple(given)).names == ["query_to_doc", "doc_to_query"]
