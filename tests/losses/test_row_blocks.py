from __future__ import annotations

import torch
from tests.losses.encoders import embeddings

from foolsgold.functional import multiple_negatives_ranking_loss
from foolsgold.losses import row_blocks

ALL_DIRECTIONS = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")


def test_blocks_change_nothing(monkeypatch):
    """One row at a time, then blocks of two with a shorter last one."""
    inputs = [embeddings(5, 4).requires_grad_(), embeddings(2, 5, 4, seed=1).requires_grad_()]
    options = {"directions": ALL_DIRECTIONS, "hardness_mode": "all_negatives", "hardness_strength": 1.0}
    expected = multiple_negatives_ranking_loss(*inputs, **options)
    gradients = torch.autograd.grad(expected, inputs)
    for block_logits in (1, 2 * 5 * 3 * 4):
        monkeypatch.setattr(row_blocks, "_BLOCK_LOGITS", block_logits)
        value = multiple_negatives_ranking_loss(*inputs, **options)
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(torch.autograd.grad(value, inputs), gradients)


def test_nothing_of_rows_by_candidates_is_kept(monkeypatch):
    inputs = [embeddings(64, 4).requires_grad_(), embeddings(1, 64, 4, seed=1).requires_grad_()]

    def largest_kept():
        kept = [0]
        with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
            multiple_negatives_ranking_loss(*inputs)
        return max(kept)

    assert largest_kept() >= 64 * 64
    monkeypatch.setattr(row_blocks, "_BLOCK_LOGITS", 64 * 8 * 2)
    assert largest_kept() <= 64 * 4


def test_each_row_is_asked_for_once(monkeypatch):
    monkeypatch.setattr(row_blocks, "_BLOCK_LOGITS", 6)
    asked = []

    def row_losses(rows):
        asked.append(rows)
        return torch.arange(10.0)[rows]

    assert row_blocks.mean_over_rows(row_losses, 3, 8, logits_per_row=3) == 5.0
    assert asked == [slice(3, 5), slice(5, 7), slice(7, 8)]
