"""Laws of RandomBatchSampler."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.sampling import (
    ConflictAwareBatchSampler,
    LengthBatchSampler,
    RandomBatchSampler,
    SequentialBatchSampler,
)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 300), st.integers(1, 20), st.integers(1, 4), st.booleans())
def test_every_row_once_and_ranks_alike(num_rows, batch_size, num_replicas, drop_last):
    whole = batch_size * num_replicas
    if num_rows < (whole if drop_last else num_replicas):
        with pytest.raises(ValueError, match="`dataset` must have at least"):
            RandomBatchSampler(range(num_rows), batch_size, drop_last, num_replicas=num_replicas)
        return
    shares = [
        list(RandomBatchSampler(range(num_rows), batch_size, drop_last, rank=rank, num_replicas=num_replicas))
        for rank in range(num_replicas)
    ]
    assert len({len(share) for share in shares}) == 1
    assert all(0 < len(batch) <= batch_size for share in shares for batch in share)
    rows = sorted(row for share in shares for batch in share for row in batch)
    # Where a batch is one row, a last step that has no row for each rank cannot borrow any.
    is_cut = drop_last or batch_size == 1
    assert len(set(rows)) == len(rows) == (num_rows // whole * whole if is_cut else num_rows)


def test_texts_are_read_only_when_asked_for():
    class Rows:
        reads = 0

        def __len__(self):
            return 10

        def __getitem__(self, row):
            self.reads += 1
            return {"text": "ab"[row % 2], "label": 1}

    rows = Rows()
    sampler = RandomBatchSampler(rows, 3, True, valid_label_columns=["label"])
    assert len(list(sampler)) == 3
    assert rows.reads == 0
    assert {name: ids.tolist() for name, ids in sampler.text_ids.items()} == {"text": [0, 1] * 5}
    reads = rows.reads
    assert sampler.text_ids
    assert rows.reads == reads
    assert pickle.loads(pickle.dumps(sampler)).text_ids["text"].tolist() == [0, 1] * 5


def test_a_pickled_sampler_leaves_the_data_behind():
    sampler = RandomBatchSampler(["long text " * 1000] * 50, 3, True)
    data = pickle.dumps(sampler)
    assert len(data) < 2000
    with pytest.raises(AttributeError, match="`text_ids` must be asked for before"):
        _ = pickle.loads(data).text_ids


def test_a_mapping_has_as_many_rows_as_its_columns():
    data = {
        "text": [f"text {row}" for row in range(10)],
        "lists": [["a", "b"][: row % 3] for row in range(10)],
    }
    lengths = [row % 4 for row in range(10)]
    samplers = [
        RandomBatchSampler(data, 3, False),
        SequentialBatchSampler(data, 3, False),
        LengthBatchSampler(data, 3, False, lengths=lengths),
        ConflictAwareBatchSampler(data, 3, False, conflicts=[(0, 1)]),
    ]
    for sampler in samplers:
        assert sorted(row for batch in sampler for row in batch) == list(range(10))
    # A column of lists has no one id a row.
    assert {name: len(ids) for name, ids in samplers[0].text_ids.items()} == {"text": 10}


def test_columns_of_several_lengths_are_refused():
    with pytest.raises(ValueError, match=r"columns of one length, got {'a': 2, 'b': 1}"):
        RandomBatchSampler({"a": ["x", "y"], "b": ["z"]}, 1, True)
