"""Triplets from labels: beside loops, in every kind of label, and refused by name."""

import pickle
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold import _core, data
from foolsgold.data import triplets_from_labels

LABELS = ["cat", "dog", "cat", "emu", "dog", "cat"]


def naive(labels):
    """All triplets, by loops."""
    return {
        (a, p, n)
        for a, p, n in permutations(range(len(labels)), 3)
        if labels[a] == labels[p] and labels[a] != labels[n]
    }


def as_set(rows):
    found = {tuple(row) for row in rows.tolist()}
    assert len(found) == len(rows)
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from("abcd"), max_size=14), st.integers(0, 2**64 - 1), st.integers(0, 9))
def test_all_triplets_come_once_in_any_order(labels, seed, epoch):
    expected = naive(labels)
    if not expected:
        with pytest.raises(ValueError, match="`labels` must make at least one triplet, got none of"):
            triplets_from_labels(labels)
        return
    triplets = triplets_from_labels(labels, threads=2)
    assert triplets.count == len(triplets) == len(expected)
    assert as_set(triplets[:]) == as_set(triplets.shuffled(seed, epoch)[:]) == expected
    assert triplets[:].dtype == np.uint32


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        tuple(LABELS),
        np.array(LABELS),
        pa.array(LABELS),
        pa.array(LABELS).dictionary_encode(),
        pa.chunked_array([LABELS[:2], LABELS[2:]]),
        Dataset.from_dict({"label": LABELS})["label"],
        [7, 3, 7, 2**40, 3, 7],
        np.array([7, 3, 7, 1, 3, 7], np.int8),
        np.array([7.0, -3, 7, 1, -3, 7]),
        torch.tensor([7, -3, 7, 1, -3, 7]),
        torch.tensor([7, -3, 7, 1, -3, 7], dtype=torch.bfloat16),
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_labels_of_any_kind_make_the_same_triplets(labels):
    assert as_set(triplets_from_labels(labels)[:]) == naive(LABELS)


def test_any_stretch_is_that_of_the_whole():
    for triplets in (triplets_from_labels(LABELS), triplets_from_labels(LABELS).shuffled(3)):
        whole = triplets[:]
        assert len(whole) == len(naive(LABELS))
        assert np.array_equal(triplets[5:17], whole[5:17])
        assert np.array_equal(triplets[17:5:-3], whole[17:5:-3])
        assert np.array_equal(triplets[9:3], whole[9:3])
        assert triplets[9:3].shape == (0, 3)
        assert np.array_equal(triplets[-1], whole[-1])
        assert np.array_equal(triplets[np.int64(4)], whole[4])
        assert np.array_equal(triplets.take([4, 0, 4]), whole[[4, 0, 4]])
        assert np.array_equal(triplets.take(np.array([4, 0], np.int8)), whole[[4, 0]])
        assert np.array_equal(triplets.take(torch.tensor([4, 0])), whole[[4, 0]])
        assert np.array_equal(triplets.take(range(2, 9)), whole[2:9])
        assert np.array_equal(triplets.take(range(9, 2, -2)), whole[9:2:-2])
        assert triplets.take([]).shape == (0, 3)
        assert np.array_equal(np.concatenate([*triplets.blocks(7)]), whole)
        assert np.array_equal(np.concatenate([*triplets.blocks(7, start=3)]), whole[3:])
        assert [row.tolist() for row in triplets] == whole.tolist()
        assert np.array_equal(pickle.loads(pickle.dumps(triplets))[:], whole)


def test_nothing_depends_on_threads():
    labels = np.arange(3000) % 50
    one, two, seven = (
        triplets_from_labels(labels, threads=threads).shuffled(1)[:40_000] for threads in (1, 2, 7)
    )
    assert np.array_equal(one, two)
    assert np.array_equal(one, seven)


def test_orders_are_those_of_seed_and_epoch():
    triplets = triplets_from_labels(np.arange(40) % 4)
    orders = {
        (seed, epoch): triplets.shuffled(seed, epoch)[:20].tobytes() for seed in (0, 1) for epoch in (0, 1)
    }
    assert len({*orders.values()}) == 4
    assert orders == {key: triplets.shuffled(*key)[:20].tobytes() for key in orders}


def test_a_cap_holds_for_every_anchor():
    labels = np.arange(30) % 4
    triplets = triplets_from_labels(labels, max_per_anchor=5)
    assert triplets.count == 150
    assert triplets.report["left_out"] == triplets.report["all"] - 150 == len(naive(labels)) - 150
    drawn = triplets.shuffled(2, 1)[:]
    assert as_set(drawn) < naive(labels)
    assert np.bincount(drawn[:, 0]).tolist() == [5] * 30
    assert as_set(triplets.shuffled(2, 2)[:]) != as_set(drawn)


@pytest.mark.parametrize("per_class", ["smallest", "largest", 7, 500])
def test_classes_are_balanced(per_class):
    labels = ["a"] * 2 + ["b"] * 3 + ["c"] * 6 + ["d"]
    sizes = {"a": 2 * 10, "b": 6 * 9, "c": 30 * 6}
    triplets = triplets_from_labels(labels, per_class=per_class)
    wanted = {"smallest": 20, "largest": 180}.get(per_class, per_class)
    assert triplets.count == 3 * wanted
    drawn = triplets.shuffled(5)[:]
    times = dict.fromkeys(naive(labels), 0)
    for triplet in drawn.tolist():
        times[tuple(triplet)] += 1
    for label, size in sizes.items():
        counts = [count for (anchor, _, _), count in times.items() if labels[anchor] == label]
        assert sum(counts) == wanted
        assert (min(counts), max(counts)) == (wanted // size, -(-wanted // size))
    report = triplets.report
    assert report["repeated"] == sum(max(0, wanted - size) for size in sizes.values())
    assert report["left_out"] == sum(max(0, size - wanted) for size in sizes.values())
    assert (report["classes"], report["single"], report["without_tuples"]) == (4, 1, 1)


def test_noise_is_left_out_or_a_negative():
    clusters = [0, -1, 0, 1, -1]
    left_out = triplets_from_labels(clusters, noise=-1)
    assert as_set(left_out[:]) == {(0, 2, 3), (2, 0, 3)}
    negatives = triplets_from_labels(clusters, noise=-1, noise_as_negatives=True)
    assert as_set(negatives[:]) == {(a, 2 - a, n) for a in (0, 2) for n in (1, 3, 4)}
    assert left_out.report["noise"] == 2
    assert triplets_from_labels([0, 0, 1], noise=-1).report["noise"] == 0
    assert triplets_from_labels([0, 0, 1, 2], noise=np.float32(2)).report["noise"] == 1
    assert triplets_from_labels([False, False, True], noise=None).count == 2


@pytest.mark.parametrize(
    ("labels", "noise", "message"),
    [
        ([0, 0, 1], "1", "`noise` must be a whole number, as the labels are, got '1'"),
        (["a", "a", "b"], -1, "`noise` must be a text, as the labels are, got -1"),
        (np.array([0, 0, 1]), 0.5, "`noise` must be a whole number, as the labels are, got 0.5"),
        ([0, 0, 1], float("nan"), "`noise` must be a whole number, as the labels are, got nan"),
        ([0, 0, 1], [1], r"`noise` must be a whole number, as the labels are, got \[1\]"),
        ([True, True, False], -1, "`noise` must be True or False, as the labels are, got -1"),
    ],
)
def test_noise_that_no_label_can_equal_is_refused(labels, noise, message):
    for work in (triplets_from_labels, data.pairs_from_labels):
        with pytest.raises(TypeError, match=message):
            work(labels, noise=noise)


def test_ids_stand_for_rows():
    ids = [2**32 - 1, 5, 5, 9, 0, 1]
    rows = triplets_from_labels(LABELS).shuffled(1)[:]
    named = triplets_from_labels(LABELS, ids=ids).shuffled(1)[:]
    assert np.array_equal(named, np.array(ids, np.uint32)[rows])


def test_counts_beyond_64_bits_are_exact():
    labels = np.arange(5_000_000, dtype=np.int32) % 3
    triplets = triplets_from_labels(labels)
    sizes = np.bincount(labels).tolist()
    assert triplets.count == sum(n * (n - 1) * (len(labels) - n) for n in sizes) > 2**64
    with pytest.raises(OverflowError, match=r"`len` must be at most 2\^63 - 1, got 2777"):
        len(triplets)
    last = triplets[-1]
    some = triplets.shuffled(1).take([triplets.count - 1, 0, 2**64 + 5])
    for anchor, positive, negative in [last, *some]:
        assert labels[anchor] == labels[positive] != labels[negative]
        assert anchor != positive
    assert triplets[2**64 : 2**64 + 3].shape == (3, 3)


def test_the_cipher_is_one_to_one_at_every_size():
    for bits in (3, 17, 40, 64, 65, 100, 126):
        places = [0, 1, 2**bits - 1, 2**bits // 3, 2**bits]
        numbers = _core.permute(2**bits, (3, 4), places)
        assert numbers[-1] is None
        assert len({*numbers[:4]}) == 4
        assert _core.permute(2**bits, (3, 4), numbers[:4], undo=True) == places[:4]


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([], {}, "`labels` must make at least one triplet, got none of {}\nhint: a triplet takes"),
        ([1, 1, 1], {}, "`labels` must make at least one triplet, got none of {'rows': 3, 'classes': 1"),
        ([1, 2, 3], {}, "`labels` must make at least one triplet, got none of {'rows': 3, 'classes': 3"),
        ([1, 1, None], {}, "`labels` must have a label in every row, got null at row 2"),
        ([1.0, float("nan")], {}, "`labels` must hold whole numbers where it is a label, got nan at row 1$"),
        ([0.5, 1.0], {}, "`labels` must hold whole numbers where it is a label, got 0.5 at row 0$"),
        (np.zeros((2, 2), int), {}, r"`labels` must hold one label a row, got an array of shape \(2, 2\)"),
        (LABELS, {"max_per_anchor": 0}, r"`max_per_anchor` must be from 1 to 2\^64 - 1, got 0"),
        (LABELS, {"max_per_anchor": -3}, r"`max_per_anchor` must be from 1 to 2\^64 - 1, got -3"),
        (LABELS, {"per_class": 0}, r"`per_class` must be from 1 to 2\^64 - 1, got 0"),
        (LABELS, {"per_class": "mean"}, "`per_class` must be an integer, smallest or largest, got 'mean'"),
        (
            LABELS,
            {"per_class": 2, "max_per_anchor": 2},
            "`per_class` must be None where `max_per_anchor` is given, got 2\nhint",
        ),
        (LABELS, {"ids": [1, 2]}, "`ids` must have one id for each of 6 rows, got 2"),
        (LABELS, {"ids": [1, 2, 3, 4, 5, -1]}, r"`ids` must be from 0 to 2\^32 - 1, got -1 at row 5"),
        (LABELS, {"threads": 0}, "`threads` must be from 1"),
    ],
)
def test_bad_input_is_refused_by_name(labels, options, message):
    with pytest.raises(ValueError, match=message.replace("{", r"\{").replace("}", r"\}")):
        triplets_from_labels(labels, **options)[:]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("cats", "`labels` must have a label for each row, got str"),
        (None, "`labels` must have a label for each row, got NoneType"),
        ([b"a", b"b"], "`labels` must hold integers, texts, bools or whole numbers, got binary"),
        ([1, "a"], "`labels` must hold labels of one kind, got a column of which"),
    ],
)
def test_labels_of_other_kinds_are_refused(labels, message):
    with pytest.raises(TypeError, match=message):
        triplets_from_labels(labels)


def test_places_out_of_range_are_refused():
    triplets = triplets_from_labels(LABELS)
    count = triplets.count
    for place in (count, -count - 1):
        with pytest.raises(IndexError, match=f"place must be below {count}, got {place}"):
            triplets[place]
    for places, message in [
        ([count], f"`places` must be below {count}, got {count} at row 0"),
        ([0, 2**70], f"`places` must be below {count}, got {2**70} at row 1"),
        ([-1], "`places` must be at least 0, got -1"),
        (np.array([0, -1]), f"`places` must be from 0 to below {count}, got -1"),
        (range(-1, 2), f"`places` must be from 0 to below {count}, got range"),
        (np.array([0.5]), "`places` must be one row of integers, got float64"),
    ]:
        with pytest.raises(ValueError, match=message):
            triplets.take(places)
    with pytest.raises(ValueError, match="`num_rows` must be at least 1, got 0"):
        triplets.blocks(0)
    with pytest.raises(ValueError, match=f"`start` must be from 0 to {count}, got -1"):
        triplets.blocks(2, start=-1)
    with pytest.raises(ValueError, match=r"`seed` must be from 0 to 2\^64 - 1, got -1"):
        triplets.shuffled(-1)
    with pytest.raises(ValueError, match=r"`epoch` must be from 0 to 2\^64 - 1, got -1"):
        triplets.shuffled(0, -1)


def test_the_package_gives_the_names():
    for name in data.__all__:
        assert getattr(data, name) is not None


def test_zero_has_one_sign():
    assert triplets_from_labels([0.0, -0.0, 1.0])[:].tolist() == [[0, 1, 2], [1, 0, 2]]


def test_whole_numbers_that_no_fraction_tells_apart_are_refused():
    with pytest.raises(TypeError, match="`labels` must hold labels of one kind"):
        triplets_from_labels([2**63, 2**63 + 1, -1, -1])


@pytest.mark.parametrize(
    "labels", [{"label": [0, 0, 1]}, {0, 1}, Dataset.from_dict({"label": [0, 0, 1]}), pa.table({"a": [0]})]
)
def test_what_is_no_column_is_refused(labels):
    with pytest.raises(TypeError, match="`labels` must have a label for each row, got"):
        triplets_from_labels(labels)


def test_ids_may_be_any_column_of_integers():
    expected = triplets_from_labels([0, 0, 1], ids=[7, 8, 9])[:].tolist()
    for ids in (
        pa.array([7, 8, 9]),
        pa.chunked_array([[7], [8, 9]]),
        Dataset.from_dict({"id": [7, 8, 9]})["id"],
    ):
        assert triplets_from_labels([0, 0, 1], ids=ids)[:].tolist() == expected


def test_more_than_a_length_can_tell_are_still_some():
    assert triplets_from_labels([0, 0, 1], per_class=2**64 - 1)
