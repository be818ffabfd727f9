from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.losses.encoders import padded, token_rows

from foolsgold.losses.parts.embedding_table import EmbeddingTable, distinct, token_checksums


@given(steps=st.lists(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), min_size=1), max_size=12))
def test_what_is_found_is_what_was_embedded(steps):
    """Of an id the last written tokens are known, and no others; within one write, the first."""
    table, known = EmbeddingTable(), {}
    for step in steps:
        ids, checksums = torch.tensor(step).T
        places = table.find(ids, checksums)
        for place, key in zip(places.tolist(), step, strict=True):
            assert (place >= 0) == (known.get(key[0]) == key[1])
            if place >= 0:
                assert table.read(torch.tensor([place])).tolist() == [[key[0], key[1], 7]]
        embeddings = torch.stack([ids, checksums, torch.full_like(ids, 7)], dim=1).float()
        table.write(ids, checksums, embeddings)
        known |= dict(reversed(step))
        assert len(table) == len(known)


@given(keys=st.lists(st.integers(-3, 3), min_size=1))
def test_distinct_keys_come_in_order(keys):
    first, which = distinct(torch.tensor(keys))
    assert first.tolist() == sorted({keys.index(key) for key in keys})
    assert [keys[first[i]] for i in which.tolist()] == keys


def test_a_checksum_is_that_of_the_tokens():
    rows = token_rows(50, 9, seed=0)
    sums = token_checksums(padded(rows))
    assert len(set(sums.tolist())) == len({tuple(row) for row in rows})
    wider = padded([*rows, [1] * 20])
    assert torch.equal(token_checksums(wider)[:-1], sums)
    left = {key: x.flip(1) for key, x in padded([row[::-1] for row in rows]).items()}
    assert torch.equal(token_checksums(left), sums)
    assert torch.equal(token_checksums({key: x.int() for key, x in padded(rows).items()}), sums)


def test_a_checksum_depends_on_every_token_and_its_place():
    rows = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [1, 2], [2, 3], [1, 2, 3, 0], [0], [0, 0], [3, 3], [6]]
    sums = token_checksums(padded(rows)).tolist()
    assert len(set(sums)) == len(rows)
    with_prompt = token_checksums({**padded(rows), "prompt_length": 2}).tolist()
    assert not set(sums) & set(with_prompt)
    bits = torch.tensor(sums)[:, None] >> torch.arange(64) & 1
    assert bits.float().mean().sub(0.5).abs() < 0.1
