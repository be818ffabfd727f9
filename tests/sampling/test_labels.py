"""Labels of all kinds are read alike, and what samplers by label have in common."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import Dataset
from tests.sampling.label_laws import rows_of

from foolsgold.sampling import GroupByLabelBatchSampler, PKSampler
from foolsgold.sampling.labels import classes_of

NUMBERS = [3, 1, 1, 2, 3, 3, 2, 1, 3, 1, 2, 2] * 5
ROWS = {"text": [f"text {row}" for row in range(60)], "label": NUMBERS}


@pytest.fixture(params=["group by label", "pk"])
def make(request):
    def sampler(data=ROWS, batch_size=8, drop_last=True, **options):
        if request.param == "pk":
            return PKSampler(data, batch_size, drop_last, k=4, **options)
        return GroupByLabelBatchSampler(data, batch_size, drop_last, **options)

    return sampler


@pytest.mark.parametrize(
    "data",
    [
        Dataset.from_dict(ROWS),
        Dataset.from_dict(ROWS).with_format("torch"),
        Dataset.from_dict(ROWS).with_format("numpy", columns=["text"]),
        Dataset.from_dict(ROWS).with_transform(lambda rows: rows),
        Dataset.from_dict({name: column[::-1] for name, column in ROWS.items()}).select(range(59, -1, -1)),
        pa.table(ROWS),
        {**ROWS, "label": np.array(NUMBERS, np.int8)},
        {**ROWS, "label": np.array(NUMBERS, np.float32)},
        {**ROWS, "label": torch.tensor(NUMBERS)},
        {**ROWS, "label": torch.tensor(NUMBERS, dtype=torch.bfloat16)},
        {**ROWS, "label": [torch.tensor(number) for number in NUMBERS]},
        {**ROWS, "label": [str(number) for number in NUMBERS]},
        {**ROWS, "label": [float(number) for number in NUMBERS]},
        {**ROWS, "label": pa.chunked_array([NUMBERS[:7], NUMBERS[7:]])},
        {**ROWS, "label": pa.chunked_array([NUMBERS[:7], NUMBERS[7:]]).dictionary_encode()},
        {**ROWS, "label": pa.array(map(str, NUMBERS)).cast("string_view")},
        [{"text": "a", "label": number} for number in NUMBERS],
        [{"text": "a", "label": torch.tensor(number)} for number in NUMBERS],
    ],
)
def test_equal_labels_of_any_kind_make_equal_batches(make, data):
    sampler = make(data)
    assert sampler.labels.dtype == np.uint32
    assert [int(sampler.label_values[number]) for number in sampler.labels.tolist()] == NUMBERS
    assert list(sampler) == list(make())
    assert sampler.state_dict() == make().state_dict() | {"epoch": 1}


def test_bools_are_labels():
    data = {"label": [True, False] * 10}
    sampler = GroupByLabelBatchSampler(data, 4, True)
    assert sampler.label_values == [True, False]
    assert sampler.report.by_label[True].used == 10


def test_the_first_valid_column_is_read(make):
    data = {**ROWS, "kind": ["a", "b", "c"] * 20, "labels": NUMBERS[::-1], "label": ["same"] * 60}
    assert make(data, valid_label_columns=["sort", "kind", "label"]).label_values == ["a", "b", "c"]
    assert make(data, valid_label_columns=["labels"]).label_column == "labels"
    with pytest.raises(ValueError, match="every row has the same label"):
        make(data)
    for columns, tried in ((None, "'label', 'labels', 'score', 'scores'"), (["x"], "'x'")):
        for bare in ({"text": ["a"] * 9}, Dataset.from_dict({"text": ["a"] * 9}), [{"text": "a"}] * 9):
            message = rf"one of \[{tried}\], got \['text'\]\nhint: name it in `valid_label_columns`"
            with pytest.raises(ValueError, match=message):
                make(bare, valid_label_columns=columns)


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        ([0, 1, None, 1], ValueError, "`label` must have a label in every row, got null at row 2"),
        (["a", None], ValueError, "`label` must have a label in every row, got null at row 1"),
        ([None, None], ValueError, "got null at row 0"),
        (
            [0.0, float("nan")],
            ValueError,
            "must hold whole numbers where it is a label, got nan at row 1\nhint: ",
        ),
        (
            [0.0, 1.5],
            ValueError,
            "must hold whole numbers where it is a label, got 1.5 at row 1\nhint: name the",
        ),
        ([0.0, float("inf")], ValueError, "got inf at row 1"),
        ([[0, 1], [1]], ValueError, r"got list<.*>: a ragged column where a flat one is needed"),
        (np.zeros((2, 2)), ValueError, r"must hold one label a row, got an array of shape \(2, 2\)"),
        ([b"a", b"b"], TypeError, "`label` must hold integers, texts, bools or whole numbers, got binary"),
        ([1, "a"], TypeError, "`label` must hold labels of one kind, got a column of which "),
        ([object(), object()], TypeError, "`label` must hold labels of one kind, got a column of which "),
    ],
)
def test_unusable_labels_are_refused(make, column, error, message):
    with pytest.raises(error, match=message):
        make({"label": column})


def test_classes_are_numbered_by_first_appearance():
    numbers, values = classes_of("label", pa.chunked_array([["b", "a"], ["b", "c"]]))
    assert (numbers.tolist(), values) == ([0, 1, 0, 2], ["b", "a", "c"])
    numbers, values = classes_of("label", [])
    assert (numbers.tolist(), numbers.dtype, values) == ([], np.uint32, [])


def test_resumed_equals_uninterrupted(make):
    uninterrupted = make(seed=3)
    expected = [list(uninterrupted) for _ in range(3)]
    for stop in (0, 1, 3):
        sampler = make(seed=3)
        list(sampler)
        iterator = iter(sampler)
        seen = [next(iterator) for _ in range(stop)]
        state = json.loads(json.dumps(sampler.state_dict()))
        resumed = make()
        resumed.load_state_dict(state)
        assert seen + list(resumed) == expected[1]
        assert list(resumed) == expected[2]
    with pytest.raises(ValueError, match="`state` must be of the same data"):
        make({**ROWS, "label": NUMBERS[1:] + NUMBERS[:1]}).load_state_dict(state)


def test_a_pickled_sampler_goes_on_and_leaves_texts_behind(make):
    sampler = make({**ROWS, "text": ["long text " * 1000] * 60})
    expected = [list(sampler) for _ in range(2)]
    assert sampler.report.by_label
    data = pickle.dumps(sampler)
    assert len(data) < 4000
    copy = pickle.loads(data)
    assert copy.report == sampler.report
    copy.set_epoch(0)
    assert [list(copy) for _ in range(2)] == expected


def test_the_report_is_that_of_the_epoch():
    # Ten of twelve pairs find a place; whose do not is drawn anew.
    sampler = GroupByLabelBatchSampler(rows_of([9, 9, 9]), 10, True)
    found = set()
    for epoch in range(20):
        sampler.set_epoch(epoch)
        report = sampler.report
        assert report.by_label is sampler.report.by_label
        assert sum(of_label.used for of_label in report.by_label.values()) == report.used == 20
        found.add(tuple(report.by_label[f"label {number}"].used for number in range(3)))
    assert len(found) > 2
