"""Rows of token ids gather like lists of lists."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from foolsgold.models.token_rows import TokenRows

lists = st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=8)


@st.composite
def rows_and_picks(draw):
    rows = draw(lists)
    return rows, draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=10))


@given(rows_and_picks())
def test_flat_is_concatenation(case):
    rows, picks = case
    ids, starts = TokenRows.from_lists(rows).flat(torch.tensor(picks))
    assert ids.tolist() == [x for i in picks for x in rows[i]]
    assert starts.tolist() == [sum(len(rows[i]) for i in picks[:k]) for k in range(len(picks))]
    assert ids.dtype == starts.dtype == torch.int64


@given(rows_and_picks(), st.sampled_from(["left", "right"]))
def test_padded_is_filled_up_on_one_side(case, side):
    rows, picks = case
    ids, mask = TokenRows.from_lists(rows).padded(torch.tensor(picks), padding_id=-7, padding_side=side)
    width = max(1, *(len(rows[i]) for i in picks))
    for k, i in enumerate(picks):
        padding = [-7] * (width - len(rows[i]))
        assert ids[k].tolist() == (padding + rows[i] if side == "left" else rows[i] + padding)
        ones, zeros = [1] * len(rows[i]), [0] * len(padding)
        assert mask[k].tolist() == (zeros + ones if side == "left" else ones + zeros)


@given(lists)
def test_lengths(rows):
    made = TokenRows.from_lists(rows)
    assert len(made) == len(rows)
    assert made.lengths.tolist() == [len(row) for row in rows]


def test_no_rows():
    assert len(TokenRows.from_lists([])) == 0


@given(lists, lists)
def test_tables_are_put_under_one_another(first, second):
    whole = TokenRows.concatenated([TokenRows.from_lists(first), TokenRows.from_lists(second)])
    expected = TokenRows.from_lists(first + second)
    assert torch.equal(whole.ids, expected.ids)
    assert torch.equal(whole.offsets, expected.offsets)
