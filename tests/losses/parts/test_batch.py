from __future__ import annotations

import pytest
import torch
from tests.losses.encoders import columns

from foolsgold.losses import BatchInfo


def test_what_is_not_the_encoders_is_taken_off_copies():
    features = columns(3, 4, 5)
    features[0] |= {
        "text_ids": torch.arange(3),
        "row_weights": torch.ones(3),
        "known_positive_ids": torch.tensor([[1], [2], [-1]]),
        "views": {"guide": {"input_ids": torch.ones(3, 2)}},
    }
    keys = [set(column) for column in features]
    batch = BatchInfo.from_features(iter(features))
    assert all(column.keys() == {"input_ids", "attention_mask"} for column in batch.features)
    assert batch.text_ids[0].tolist() == [0, 1, 2]
    assert batch.text_ids[1] is None
    assert batch.row_weights.tolist() == [1, 1, 1]
    assert batch.known_positive_ids.shape == (3, 1)
    assert [set(views) for views in batch.views] == [{"guide"}, set()]
    assert [set(column) for column in features] == keys


def test_nothing_is_known_of_no_columns():
    batch = BatchInfo.from_features([])
    assert batch.features == batch.text_ids == ()
    assert (batch.rank, batch.world_size) == (0, 1)


def test_is_read_only():
    with pytest.raises(AttributeError):
        BatchInfo().rank = 1
