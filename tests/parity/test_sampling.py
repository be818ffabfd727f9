"""Samplers by label here and in the peers: the same guarantees, and no fewer rows used."""

from __future__ import annotations

import random
import warnings
from collections import Counter

import pytest
import torch
from datasets import Dataset

from foolsgold.sampling import GroupByLabelBatchSampler, PKSampler

pytestmark = pytest.mark.parity

TREC = [1250, 1223, 1162, 896, 835, 86]  # rows of the six coarse classes of questions
SHAPES = {
    "like TREC": TREC,
    "skewed": [3000, 40, 21, 9, 5, 3, 1],
    "two classes": [500, 61],
    "even": [32] * 40,
    "many small": [2, 3, 4, 5] * 100,
}


def data_of(counts):
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    random.Random(0).shuffle(labels)
    return Dataset.from_dict({"text": [str(row) for row in range(len(labels))], "label": labels})


@pytest.fixture(scope="module")
def peer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers.base.sampler import GroupByLabelBatchSampler as Peer
    return Peer


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_peers_guarantees_with_no_fewer_rows(peer, shape, drop_last):
    data = data_of(SHAPES[shape])
    labels = list(data["label"])
    arguments = (data, 16, drop_last, ["label"], torch.Generator().manual_seed(3), 3)
    theirs, ours = peer(*arguments), GroupByLabelBatchSampler(*arguments)
    for sampler in (theirs, ours):
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert all(len(batch) == 16 for batch in batches[:-1])
        assert len(batches[-1]) == 16 or (not drop_last and 4 <= len(batches[-1]) < 16)
        for batch in batches:
            classes = Counter(labels[row] for row in batch)
            assert len(set(batch)) == len(batch)
            assert len(classes) >= 2
            assert min(classes.values()) >= 2
    theirs.set_epoch(1)
    assert ours.report.used >= sum(map(len, theirs))
    assert len(ours) >= len(theirs)


@pytest.mark.parametrize("shape", ["like TREC", "even"])
def test_m_per_class_covers_less_in_as_many_batches(shape):
    from pytorch_metric_learning.samplers import MPerClassSampler

    data = data_of(SHAPES[shape])
    labels = list(data["label"])
    ours = PKSampler(data, 16, True, k=4, coverage=True)
    batches = list(ours)
    torch.manual_seed(0)
    rows = list(MPerClassSampler(labels, 4, batch_size=16, length_before_new_iter=16 * len(batches)))
    theirs = [rows[start : start + 16] for start in range(0, len(rows), 16)]
    assert len(theirs) == len(batches)
    for batch in (*theirs, *batches):
        assert sorted(Counter(labels[row] for row in batch).values()) == [4] * 4
    assert {row for batch in batches for row in batch} == set(range(len(labels)))
    assert len(set(rows)) < len(labels)
