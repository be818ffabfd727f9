"""Negatives are drawn anew each epoch, by seed, epoch and row alone."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from foolsgold import datasets
from foolsgold.data import DrawnNegatives
from foolsgold.data.columns import Columns
from foolsgold.data.texts import columns_of
from foolsgold.sampling import RandomBatchSampler

ROWS = [
    {
        "anchor": f"anchor {row // 2}",
        "positive": f"positive {row}",
        "negatives": [f"negative {row % 5}-{place}" for place in range(4 + row % 3)],
        "label": row / 40,
    }
    for row in range(40)
]


def negatives_of(row):
    return [value for name, value in row.items() if name.startswith("negative_")]


@pytest.fixture(params=["list", "Dataset", "shuffled Dataset"])
def rows(request):
    if request.param == "list":
        return ROWS
    dataset = Dataset.from_list(ROWS)
    if request.param == "Dataset":
        return dataset
    return Dataset.from_list(ROWS[::-1]).select(range(39, -1, -1))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(3, 12), min_size=1, max_size=20),
    st.integers(1, 3),
    st.sampled_from(["uniform", "top"]),
    st.integers(0, 2**64 - 1),
    st.integers(0, 9),
)
def test_a_row_has_others_of_its_own_list_in_order(lengths, count, draw, seed, epoch):
    rows = [{"a": "x", "negatives": [str(at) for at in range(n)], "b": "y"} for n in lengths]
    dataset = DrawnNegatives(rows, count, draw=draw, seed=seed)
    dataset.set_epoch(epoch)
    assert len(dataset) == len(rows)
    for place, length in enumerate(lengths):
        row = dataset[place]
        assert list(row) == dataset.column_names == ["a", *dataset._negatives, "b"]
        drawn = [int(text) for text in negatives_of(row)]
        assert drawn == sorted(set(drawn))
        assert len(drawn) == count
        assert drawn[-1] < length


def test_all_ways_of_reading_give_one_row(rows):
    dataset = DrawnNegatives(rows, 3, seed=4)
    dataset.set_epoch(2)
    each = [dataset[row] for row in range(len(dataset))]
    assert dataset.__getitems__(range(40)) == each
    assert dataset[-1] == each[-1]
    assert dataset[[3, 1]] == {name: [each[3][name], each[1][name]] for name in dataset.column_names}
    assert dataset[1:9:3] == dataset[[1, 4, 7]]
    assert columns_of(dataset) == {name: [row[name] for row in each] for name in dataset.column_names}
    loader = DataLoader(dataset, batch_size=7, collate_fn=list)
    assert [row for batch in loader for row in batch] == each
    reference = DrawnNegatives(ROWS, 3, seed=4)
    reference.set_epoch(2)
    assert each == list(reference)
    assert [row["positive"] for row in each] == [row["positive"] for row in ROWS]


def test_epochs_and_seeds_differ_and_come_again():
    def drawn(seed, epoch, draw="uniform"):
        dataset = DrawnNegatives(ROWS, 2, seed=seed, draw=draw)
        dataset.set_epoch(epoch)
        return [negatives_of(row) for row in dataset]

    assert drawn(0, 0) == drawn(0, 0)
    assert len({str(drawn(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4
    assert drawn(0, 0, "top") != drawn(0, 0)


def test_top_prefers_the_beginning():
    rows = [{"a": "x", "negatives": [str(place) for place in range(4)]}] * 4000
    shares = {}
    for draw in ("uniform", "top"):
        counts = Counter(row["negative_1"] for row in DrawnNegatives(rows, 1, draw=draw))
        shares[draw] = [counts[str(place)] / 4000 for place in range(4)]
    assert shares["uniform"] == pytest.approx([0.25] * 4, abs=0.03)
    assert shares["top"] == pytest.approx([12 / 25, 6 / 25, 4 / 25, 3 / 25], abs=0.03)


@pytest.mark.parametrize("draw", ["uniform", "top"])
def test_text_ids_are_those_of_the_rows(rows, draw):
    """One id a text and one text an id, over columns and epochs; of some rows those that all rows have."""
    dataset = DrawnNegatives(rows, 3, draw=draw, seed=2)
    text_of, id_of = {}, {}
    for epoch in (0, 5):
        ids = dataset.text_ids_of(epoch)
        assert list(ids) == ["anchor", "positive", "negative_1", "negative_2", "negative_3"]
        assert dataset.epoch == 0
        other = pickle.loads(pickle.dumps(dataset))
        other.set_epoch(epoch)
        some = other.text_ids_at([7, -1, 0, 7])
        for name, column in ids.items():
            assert column.dtype == some[name].dtype == np.uint32
            assert column.flags.c_contiguous
            assert len(column) == 40
            assert some[name].tolist() == column[[7, 39, 0, 7]].tolist()
            for id_, text in zip(column.tolist(), other[name], strict=True):
                assert text_of.setdefault(id_, text) == text
                assert id_of.setdefault(text, id_) == id_
                assert id_ < dataset.num_texts
        assert other.text_ids_at([])["negative_2"].shape == (0,)
    with pytest.raises(IndexError, match="row must be below 40, got 40"):
        dataset.text_ids_at([40])


def test_fingerprints_tell_what_decides_the_rows():
    def fingerprint(rows=ROWS, count=2, **options):
        return DrawnNegatives(rows, count, **options).fingerprint

    changed = [{**ROWS[0], "negatives": ["other", *ROWS[0]["negatives"][1:]]}, *ROWS[1:]]
    prints = [
        fingerprint(),
        fingerprint(count=3),
        fingerprint(seed=1),
        fingerprint(draw="top"),
        fingerprint(changed),
        fingerprint(ROWS[:-1]),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint() == fingerprint(Dataset.from_list(ROWS)) == prints[0]
    assert all(0 <= value < 2**64 for value in prints)


class Rows:
    """Rows that say whether they were read."""

    def __init__(self):
        self.read = 0

    def __len__(self):
        return len(ROWS)

    def __getitem__(self, row):
        self.read += 1
        return ROWS[row]


def test_workers_get_ids_and_read_no_text_for_them():
    dataset = DrawnNegatives(Rows(), 2)
    before = len(pickle.dumps(dataset))
    ids = dataset.text_ids_of(3)
    num_ids = 2 * len(ROWS) + sum(len(row["negatives"]) for row in ROWS)
    assert len(pickle.dumps(dataset)) - before < 4 * num_ids + 8 * len(ROWS) + 1000
    worker = pickle.loads(pickle.dumps(dataset))
    worker.dataset.read = 0
    worker.set_epoch(3)
    found = worker.text_ids_at(range(40))
    assert {name: column.tolist() for name, column in found.items()} == {
        name: column.tolist() for name, column in ids.items()
    }
    assert (worker.num_texts, worker.fingerprint) == (dataset.num_texts, dataset.fingerprint)
    assert worker.dataset.read == 0


def test_roles_and_samplers_find_the_columns(rows):
    dataset = DrawnNegatives(rows, 2)
    assert Columns.from_row(dataset[0]) == Columns(
        ("anchor", "positive", "negative_1", "negative_2"), "label"
    )
    assert len(RandomBatchSampler(dataset, 8, True)) == 5
    assert datasets.DrawnNegatives is DrawnNegatives


def test_a_text_may_have_the_name_of_a_label_beside_one():
    texts = [f"text {row}" for row in range(len(ROWS))]
    dataset = DrawnNegatives([{**ROWS[row], "score": text} for row, text in enumerate(texts)], 2)
    assert list(dataset.text_ids_of(0)) == list(Columns.from_row(dataset[0]).texts)
    numbers = DrawnNegatives([{**row, "score": 0.5} for row in ROWS], 2)
    assert list(numbers.text_ids_of(0)) == ["anchor", "positive", "negative_1", "negative_2"]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ROWS, {"num_negatives": 0}, "`num_negatives` must be at least 1, got 0"),
        (ROWS, {"num_negatives": 2.5}, "`num_negatives` must be an integer at least 1, got 2.5"),
        (ROWS, {"draw": "best"}, "`draw` must be uniform or top, got 'best'"),
        (ROWS, {"seed": -1}, r"`seed` must be from 0 to 2\^64 - 1, got -1"),
        ([], {}, "`dataset` must have rows, got none"),
        (ROWS, {"column": "hard"}, r"`column` must be among \['anchor', .*\], got 'hard'"),
        (
            ROWS,
            {"num_negatives": 5},
            "`negatives` must hold at least 5 negatives in every row, got 4 at row 0\n",
        ),
        (
            [*ROWS[:3], {**ROWS[3], "negatives": None}],
            {},
            "`negatives` must hold lists of texts, got none at row 3",
        ),
        (ROWS, {"column": "anchor"}, "`anchor` must hold lists of texts, got none at row 0"),
        (
            [{**ROWS[0], "negative_1": "x"}],
            {},
            r"`dataset` must have no column of the drawn names yet, got \['an",
        ),
    ],
)
def test_bad_input_is_refused_by_name(rows, options, message):
    for kind in (list, Dataset.from_list):
        with pytest.raises(ValueError, match=message):
            DrawnNegatives(kind(rows), **{"num_negatives": 2, **options})


def test_rows_and_epochs_out_of_range_are_refused():
    dataset = DrawnNegatives(ROWS, 2)
    with pytest.raises(IndexError, match="row must be below 40, got 40"):
        dataset[40]
    with pytest.raises(KeyError, match="`column` must be among"):
        dataset["negatives"]
    with pytest.raises(ValueError, match=r"`epoch` must be from 0 to 2\^64 - 1, got -1"):
        dataset.set_epoch(-1)
    with pytest.raises(TypeError, match="`dataset` must be a sequence of rows, got a mapping\nhint"):
        DrawnNegatives({"a": ["x"], "negatives": [["y", "z"]]}, 1)
