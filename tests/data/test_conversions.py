"""Laws of conversions on ids: they equal plain loops, and going there and back is the identity where it can
be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data.conversions.labels_from_scores import labels_from_scores
from foolsgold.data.conversions.lists import Lists, in_order, taken
from foolsgold.data.conversions.lists_from_classes import lists_from_classes
from foolsgold.data.conversions.lists_from_labeled_pairs import lists_from_labeled_pairs
from foolsgold.data.conversions.lists_from_n_tuples import lists_from_n_tuples
from foolsgold.data.conversions.lists_from_pairs import lists_from_pairs
from foolsgold.data.conversions.lists_from_ragged import lists_from_ragged
from foolsgold.data.conversions.lists_from_triplets import lists_from_triplets
from foolsgold.data.conversions.margins_from_scores import margins_from_scores
from foolsgold.data.conversions.n_tuples_from_lists import n_tuples_from_lists
from foolsgold.data.conversions.pairs_from_lists import pairs_from_lists
from foolsgold.data.conversions.ragged_from_lists import ragged_from_lists
from foolsgold.data.conversions.random_negatives import with_random_negatives
from foolsgold.data.conversions.triplets_from_lists import triplets_from_lists
from foolsgold.data.conversions.without_conflicts import without_conflicts

LAWS = settings(max_examples=200, deadline=None)
ID = st.integers(0, 6)
TRIPLETS = st.lists(st.tuples(ID, ID, ID), max_size=25)
LISTS = st.lists(st.tuples(ID, st.lists(st.tuples(ID, st.integers(0, 2)), max_size=6)), max_size=12)


def columns(rows, width):
    return np.array(rows, np.int64).reshape(-1, width).T


def lists_of(rows):
    """Lists of (anchor, [(document, label)])."""

    documents = [pair for _, found in rows for pair in found]
    return Lists(
        anchors=np.array([anchor for anchor, _ in rows], np.int64),
        offsets=np.concatenate([[0], np.cumsum([len(found) for _, found in rows])]).astype(np.int64),
        documents=np.array([document for document, _ in documents], np.int64),
        labels=np.array([label for _, label in documents], np.int64),
    )


def spelled(lists):
    cuts = zip(lists.offsets[:-1], lists.offsets[1:], strict=True)
    return [
        (int(anchor), list(zip(lists.documents[a:b].tolist(), lists.labels[a:b].tolist(), strict=True)))
        for anchor, (a, b) in zip(lists.anchors, cuts, strict=True)
    ]


def rows_of(lists, found):
    texts = [lists.anchors[found.lists], lists.documents[found.positives], lists.documents[found.negatives]]
    return list(zip(*(column.tolist() for column in texts), strict=True))


@LAWS
@given(TRIPLETS)
def test_triplets_become_the_lists_of_a_loop(rows):
    lists = lists_from_triplets(*columns(rows, 3))
    groups = {}
    for anchor, positive, negative in rows:
        groups.setdefault((anchor, positive), []).append(negative)
    expected = [(a, [(p, 1), *((n, 0) for n in found)]) for (a, p), found in groups.items()]
    assert spelled(lists) == expected


@LAWS
@given(TRIPLETS)
def test_triplets_there_and_back_are_the_same_grouped_by_pair(rows):
    lists = lists_from_triplets(*columns(rows, 3))
    back = rows_of(lists, triplets_from_lists(lists))
    first = {}
    for row in rows:
        first.setdefault(row[:2], len(first))
    assert back == sorted(
        rows, key=lambda row: first[row[:2]]
    )  # stable: the identity where pairs stand together


@LAWS
@given(st.lists(st.tuples(ID, ID, st.lists(ID, min_size=2, max_size=2)), max_size=20))
def test_n_tuples_there_and_back_are_the_identity(rows):
    table = columns([(a, p, *n) for a, p, n in rows], 4)
    (anchors, positives), negatives = table[:2].tolist(), table[2:].T
    lists = lists_from_n_tuples(np.array(anchors, np.int64), np.array(positives, np.int64), negatives)
    found = n_tuples_from_lists(lists, 2)
    assert lists.anchors[found.lists].tolist() == anchors
    assert lists.documents[found.positives].tolist() == positives
    assert lists.documents[found.negatives].tolist() == negatives.tolist()


def test_missing_negatives_of_n_tuples_are_no_documents():
    ids = np.array([0, 1]), np.array([2, 3]), np.array([[4, -1], [-1, -1]])
    assert spelled(lists_from_n_tuples(*ids)) == [(0, [(2, 1), (4, 0)]), (1, [(3, 1)])]


@LAWS
@given(st.lists(st.tuples(ID, st.lists(ID, min_size=1, max_size=3), st.lists(ID, max_size=3)), max_size=12))
def test_ragged_rows_there_and_back_are_the_identity(rows):
    def cut(lists):
        ends = np.concatenate([[0], np.cumsum([len(found) for found in lists])]).astype(np.int64)
        return ends, np.array([id for found in lists for id in found], np.int64)

    anchors = np.array([anchor for anchor, _, _ in rows], np.int64)
    lists = lists_from_ragged(anchors, cut([p for _, p, _ in rows]), cut([n for _, _, n in rows]))
    assert spelled(lists) == [(a, [*((p, 1) for p in good), *((n, 0) for n in bad)]) for a, good, bad in rows]
    found = ragged_from_lists(lists)
    for side, at in [(found.positives, 1), (found.negatives, 2)]:
        ends, places = side
        pieces = np.split(lists.documents[places], ends[1:-1]) if len(rows) else []
        assert [piece.tolist() for piece in pieces] == [row[at] for row in rows]


@LAWS
@given(st.lists(st.tuples(ID, ID, st.integers(0, 1)), max_size=25))
def test_labelled_pairs_there_and_back_are_the_same_grouped_by_anchor(rows):
    lists = lists_from_labeled_pairs(*columns(rows, 3))
    back = zip(
        lists.anchors[lists.owners].tolist(), lists.documents.tolist(), lists.labels.tolist(), strict=True
    )
    first = {}
    for anchor, _, _ in rows:
        first.setdefault(anchor, len(first))
    assert list(back) == sorted(rows, key=lambda row: first[row[0]])


@LAWS
@given(LISTS, st.none() | st.integers(1, 3))
def test_triplets_and_pairs_of_lists_are_those_of_a_loop(rows, count):
    lists = lists_of(rows)
    expected = []
    for anchor, found in rows:
        negatives = [document for document, label in found if label == 0][:count]
        for document, label in found:
            expected += [(anchor, document, negative) for negative in negatives if label > 0]
    assert rows_of(lists, triplets_from_lists(lists, count)) == expected
    owner, places = pairs_from_lists(lists)
    pairs = [(anchor, document) for anchor, found in rows for document, label in found if label > 0]
    assert list(zip(lists.anchors[owner].tolist(), lists.documents[places].tolist(), strict=True)) == pairs


@LAWS
@given(LISTS, st.integers(1, 3))
def test_n_tuples_of_lists_are_those_of_a_loop(rows, count):
    lists = lists_of(rows)
    expected = []
    for anchor, found in rows:
        negatives = [document for document, label in found if label == 0]
        if len(negatives) >= count:
            expected += [(anchor, document, negatives[:count]) for document, label in found if label > 0]
    found = n_tuples_from_lists(lists, count)
    texts = [lists.anchors[found.lists], lists.documents[found.positives], lists.documents[found.negatives]]
    assert list(zip(*(column.tolist() for column in texts), strict=True)) == expected


@LAWS
@given(LISTS)
def test_no_conflict_is_left_and_nothing_else_goes(rows):
    lists, num = without_conflicts(lists_of(rows))
    known = {(anchor, document) for anchor, found in rows for document, label in found if label > 0}
    expected = [
        (a, [(d, label) for d, label in found if label > 0 or ((a, d) not in known and a != d)])
        for a, found in rows
    ]
    assert spelled(lists) == expected
    assert num == sum(len(found) for _, found in rows) - len(lists.documents)


@LAWS
@given(
    st.lists(st.tuples(ID, ID), min_size=1, max_size=15),
    st.integers(1, 4),
    st.integers(0, 2**64 - 1),
    st.data(),
)
def test_random_negatives_are_allowed_and_different(rows, count, seed, data):
    classes = np.array(data.draw(st.lists(st.integers(0, 6), min_size=7, max_size=7)))
    lists = lists_from_pairs(*columns(rows, 2))
    pool = {int(classes[document]) for _, document in rows}
    met = {(int(classes[a]), int(classes[d])) for a, d in rows}
    met |= {(d, a) for a, d in met}

    def allowed(anchor):
        return {one for one in pool if one != classes[anchor] and (int(classes[anchor]), one) not in met}

    if not any(allowed(anchor) for anchor, _ in rows):
        with pytest.raises(ValueError, match="negatives at random must be texts that are no positive"):
            with_random_negatives(lists, count, classes, seed=seed, threads=1)
        return
    found, missing = with_random_negatives(lists, count, classes, seed=seed, threads=1)
    total = 0
    for (anchor, positive), (_, documents) in zip(rows, spelled(found), strict=True):
        assert documents[0] == (positive, 1)
        drawn = [int(classes[document]) for document, label in documents[1:] if label == 0]
        assert len(drawn) == len({*drawn}) == min(count, len(allowed(anchor)))
        assert {*drawn} <= allowed(anchor)
        total += count - len(drawn)
    assert missing == total
    again, _ = with_random_negatives(lists, count, classes, seed=seed, threads=3)
    assert again.documents.tolist() == found.documents.tolist()


@LAWS
@given(st.lists(st.tuples(ID, st.integers(0, 3)), max_size=15), st.integers(0, 3), st.integers(0, 9))
def test_lists_of_classes_have_one_of_the_class_and_others(rows, count, seed):
    ids, labels = columns(rows, 2)
    twins = np.arange(7) // 2 * 2  # 0 and 1 are twins, and so on
    lists, left_out = lists_from_classes(ids, labels, count, twins, seed=seed, threads=2)
    firsts = {}
    for id, label in rows:
        firsts.setdefault((twins[id], label), id)
    of_text = {}
    for twin, label in firsts:
        of_text.setdefault(twin, set()).add(label)
    kept = {id: label for (twin, label), id in firsts.items() if len(of_text[twin]) == 1}
    members = {label: [id for id in kept if kept[id] == label] for label in kept.values()}
    usable = [id for id in kept if len(members[kept[id]]) > 1]
    assert lists.anchors.tolist() == usable
    for anchor, documents in spelled(lists):
        (positive, one), *negatives = documents
        assert one == 1
        assert positive != anchor
        assert kept[positive] == kept[anchor]
        assert len({*negatives}) == len(negatives) == min(count, len(kept) - len(members[kept[anchor]]))
        assert all(kept[id] != kept[anchor] and label == 0 for id, label in negatives)
    assert left_out.get("repeated texts", 0) == len(rows) - len(firsts)
    assert left_out.get("texts of several classes", 0) == len(firsts) - len(kept)
    assert left_out.get("texts that are alone in their class", 0) == len(kept) - len(usable)


def test_draws_are_even_and_change_with_the_seed():
    ids, labels = np.arange(6), np.array([0, 0, 0, 1, 1, 1])
    counts = np.zeros((6, 6), int)
    for seed in range(600):
        lists, _ = lists_from_classes(ids, labels, 1, ids, seed=seed, threads=1)
        for anchor, ((positive, _), (negative, _)) in spelled(lists):
            counts[anchor, positive] += 1
            counts[anchor, negative] += 1
    same = labels[:, None] == labels
    np.fill_diagonal(same, False)
    assert (np.abs(counts[same] - 300) < 70).all()
    assert (np.abs(counts[labels[:, None] != labels] - 200) < 60).all()
    assert np.diag(counts).sum() == 0


def test_a_positive_says_nothing_of_the_negatives_beside_it():
    ids, labels = np.arange(5), np.array([0, 0, 0, 1, 1])
    counts = np.zeros((5, 5), int)
    for seed in range(400):
        lists, _ = lists_from_classes(ids, labels, 1, ids, seed=seed, threads=1)
        positive, negative = lists.documents[:2]
        counts[positive, negative] += 1
    assert (np.abs(counts[1:3, 3:] - 100) < 45).all()


@LAWS
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20), st.floats(-5, 5), st.floats(0, 5)
)
def test_labels_are_those_of_a_loop(scores, low, band):
    labels, is_judged = labels_from_scores(scores, (low, low + band))
    expected = [1 if score >= low + band else 0 if score <= low else None for score in scores]
    found = [
        label if judged else None for label, judged in zip(labels.tolist(), is_judged.tolist(), strict=True)
    ]
    assert found == expected
    labels, is_judged = labels_from_scores(scores, low)
    kept = [score for score in scores if score == score]
    assert is_judged.sum() == len(kept)
    assert labels[is_judged].tolist() == [int(score >= low) for score in kept]


@pytest.mark.parametrize(
    ("threshold", "error", "message"),
    [
        ("high", TypeError, "`threshold` must be a number, got 'high'"),
        ((1, 2, 3), ValueError, r"`threshold` must be a number or a low and a high one, got \(1, 2, 3\)"),
        (float("nan"), ValueError, "`threshold` must be finite, got nan"),
        ((2, 1), ValueError, r"`threshold` must have the low one first, got \(2, 1\)"),
    ],
)
def test_bad_thresholds_are_refused(threshold, error, message):
    with pytest.raises(error, match=message):
        labels_from_scores([1.0], threshold)


def test_margins_are_of_the_positive_less_each_negative():
    assert margins_from_scores([3.0, 1.0], [1.0, 2.0]).tolist() == [2.0, -1.0]
    assert margins_from_scores([3.0, 1.0], [[1.0, 0.5], [2.0, 1.0]]).tolist() == [[2.0, 2.5], [-1.0, 0.0]]


def test_lengths_that_differ_ask_for_a_number():
    lists = lists_of([(0, [(1, 1), (2, 0)]), (3, [(4, 1), (5, 0), (6, 0)])])
    with pytest.raises(
        ValueError, match="`num_negatives` must be given for rows of 1 to 2 negatives, got None"
    ):
        n_tuples_from_lists(lists)
    assert n_tuples_from_lists(lists.of([1])).negatives.shape == (1, 2)


@LAWS
@given(st.lists(ID, max_size=20))
def test_groups_come_in_order_of_first_appearance(keys):
    first, group = in_order(np.array(keys, np.int64))
    distinct = [*dict.fromkeys(keys)]
    assert [keys[at] for at in first] == distinct
    assert group.tolist() == [distinct.index(key) for key in keys]


@LAWS
@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.data())
def test_lists_are_taken_as_they_are(sizes, data):
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    wanted = np.array(data.draw(st.lists(st.integers(0, len(sizes) - 1), max_size=6)), np.int64)
    ends, places = taken(offsets, wanted)
    assert places.tolist() == [at for one in wanted for at in range(offsets[one], offsets[one + 1])]
    assert ends.tolist() == [0, *np.cumsum([sizes[one] for one in wanted])]


def test_a_number_beyond_all_texts_takes_no_memory():
    ids = np.arange(4)
    lists, num_missing = with_random_negatives(
        lists_from_pairs(ids[:2], ids[2:]), 10**12, ids, seed=0, threads=1
    )
    assert (lists.documents.tolist(), num_missing) == ([2, 3, 3, 2], 2 * 10**12 - 2)
    lists, left_out = lists_from_classes(ids, ids // 2, 10**12, ids, seed=0, threads=1)
    assert np.diff(lists.offsets).tolist() == [3, 3, 3, 3]
    assert left_out == {"negatives that are missing": 4 * 10**12 - 8}
