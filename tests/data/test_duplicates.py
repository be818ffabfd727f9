"""Near-duplicates are those of sets of shingles compared one by one."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data import Texts, near_duplicates, near_duplicates_between

# At this threshold each band is one hash: a pair of similarity 0.3 is missed with a probability of 1e-20.
SURE = {"threshold": 0.05, "shingle_size": 3}
SURELY_FOUND = 0.3

hostile = st.lists(
    st.one_of(
        st.text("ab", max_size=10),
        st.text("aAb \t", max_size=10),
        st.text(max_size=6),
        st.sampled_from(
            ["", "x", " ", "é", "e\u0301", "👍🏽👍🏽", "ab" * 300, "ab" * 301, "ﬁne fine", "\x00"]
        ),
    ),
    max_size=14,
)


# Unicode's White_Space; Python's own also holds the separators U+001C to U+001F.
WHITE_SPACE = r"[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"


def normalized(text):
    for _ in range(4):
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        text = " ".join(re.split(WHITE_SPACE, text)).strip(" ")
    return text


def shingles(text, size):
    return {text[at : at + size] for at in range(max(1, len(text) - size + 1))}


def jaccard(one, other, size):
    one, other = shingles(one, size), shingles(other, size)
    return len(one & other) / len(one | other)


def pairs_of(found):
    rows = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert rows == sorted(set(rows))
    return dict(zip(rows, found.jaccard, strict=True))


def check(found, expected):
    """What is found is true; what surely is to be found is there."""
    for rows, similarity in found.items():
        assert similarity == np.float32(expected[rows])
    assert {rows for rows, similarity in expected.items() if similarity >= SURELY_FOUND} <= found.keys()


def plain(texts):
    """Texts on whose case folding Python and the Unicode tables of the core agree."""
    return [
        text
        for text in texts
        if all(ord(character) < 0x250 or character in "👍🏽ﬁ\u0301" for character in text)
    ]


@settings(max_examples=200, deadline=None)
@given(hostile, st.integers(1, 6))
def test_pairs_groups_and_twins_are_those_of_brute_force(texts, shingle_size):
    texts = plain(texts)
    forms = [normalized(text) for text in texts]
    first = [forms.index(form) for form in forms]
    expected = {(first[row], row): 1.0 for row in range(len(texts)) if first[row] != row}
    for left, right in itertools.combinations(sorted(set(first)), 2):
        if (similarity := jaccard(forms[left], forms[right], shingle_size)) >= SURE["threshold"]:
            expected[left, right] = similarity
    found = near_duplicates(texts, **{**SURE, "shingle_size": shingle_size})
    pairs = pairs_of(found)
    check(pairs, expected)
    order = list(dict.fromkeys(first))
    assert found.twins.tolist() == [order.index(row) for row in first]
    groups = list(range(len(texts)))
    for left, right in pairs:
        groups = [groups[left] if group == groups[right] else group for group in groups]
    order = list(dict.fromkeys(groups))
    assert found.groups.tolist() == [order.index(group) for group in groups]


@settings(max_examples=100, deadline=None)
@given(hostile, hostile)
def test_pairs_between_sets_are_those_of_brute_force(left, right):
    left, right = [normalized(text) for text in plain(left)], [normalized(text) for text in plain(right)]
    expected = {
        (left.index(one), right.index(other)): similarity
        for one, other in itertools.product(left, right)
        if (similarity := jaccard(one, other, SURE["shingle_size"])) >= SURE["threshold"]
    }
    found = near_duplicates_between(left, right, **SURE)
    pairs = pairs_of(found)
    check(pairs, expected)
    assert found.in_left.tolist() == [any(row == left.index(text) for row, _ in pairs) for text in left]
    assert found.in_right.tolist() == [any(row == right.index(text) for _, row in pairs) for text in right]


def planted(number, length=150):
    chance = random.Random(7)
    texts = []
    for _ in range(number):
        text = "".join(chance.choices("abcdefghij klmnopqrst", k=length))
        copy = list(text)
        for _ in range(chance.randrange(1, length // 25)):
            copy[chance.randrange(length)] = chance.choice("xyz")
        texts += [text, "".join(copy)]
    return texts


def test_as_many_are_found_as_stated():
    texts = planted(3000)
    found = near_duplicates(texts)
    rows, bands = found.report["rows"], found.report["bands"]
    pairs = pairs_of(found)
    expected = variance = hits = 0
    for row in range(0, len(texts), 2):
        similarity = jaccard(normalized(texts[row]), normalized(texts[row + 1]), 5)
        if similarity >= 0.8:
            probability = 1 - (1 - similarity**rows) ** bands
            expected, variance = expected + probability, variance + probability * (1 - probability)
            hits += (row, row + 1) in pairs
    assert expected > 1000
    assert hits >= expected - 5 * max(1.0, variance) ** 0.5
    assert found.report["probability_at_threshold"] == pytest.approx(1 - (1 - 0.8**rows) ** bands)


def test_threads_and_kinds_of_columns_change_nothing():
    texts = planted(600)
    one = near_duplicates(texts, threads=1)
    assert len(one.left) > 300
    import pyarrow

    ids, _ = Texts.intern({"text": texts})
    for others in [
        *(near_duplicates(texts, threads=threads) for threads in (2, 7)),
        near_duplicates(pyarrow.chunked_array([texts[:100], texts[100:]])),
        near_duplicates(np.array(texts)),
        near_duplicates(ids),
    ]:
        assert pairs_of(others) == pairs_of(one)
        assert others.report == one.report


def test_templates_are_bounded_and_reported():
    body = "please find the terms and conditions of this offer on the back of this letter. " * 4
    letters = [f"{body} number {row}" for row in range(1000)]
    few, all = near_duplicates(letters, max_bucket=10), near_duplicates(letters)
    assert (all.report["large_buckets"], all.report["not_compared"]) == (0, 0)
    assert few.report["large_buckets"] > 0
    assert len(all.left) - len(few.left) <= few.report["not_compared"]
    assert few.report["candidates"] <= 10 * 1000 * few.report["bands"]
    assert set(few.groups.tolist()) == set(all.groups.tolist()) == {0}
    copies = near_duplicates(["the same text"] * 20_000)
    assert copies.report["candidates"] == 0
    assert copies.left.tolist() == [0] * 19_999


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0}, "`threshold` must be above 0 and at most 1, got 0"),
        ({"threshold": float("nan")}, "`threshold` must be above 0 and at most 1, got NaN"),
        ({"threshold": 80}, "`threshold` must be above 0 and at most 1, got 80"),
        ({"shingle_size": 0}, "`shingle_size` must be from 1 to 2^64 - 1, got 0"),
        ({"num_hashes": -1}, "`num_hashes` must be from 1 to 2^64 - 1, got -1"),
        ({"num_hashes": 257}, "`num_hashes` must be at least 1 and at most 256, got 257"),
        ({"max_bucket": 0}, "`max_bucket` must be from 1 to 2^64 - 1, got 0"),
        ({"seed": -1}, "`seed` must be from 0 to 2^64 - 1, got -1"),
        ({"threads": 0}, "`threads` must be"),
    ],
)
def test_options_out_of_range_are_named(options, message):
    for find in (
        lambda: near_duplicates(["a"], **options),
        lambda: near_duplicates_between(["a"], ["b"], **options),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            find()


def test_columns_without_texts_are_named():
    with pytest.raises(ValueError, match="`texts` must not be null, got None at row 1"):
        near_duplicates(["a", None])
    with pytest.raises(ValueError, match="`right` must not be null, got None at row 0"):
        near_duplicates_between(["a"], [None])
    with pytest.raises(TypeError, match="`texts` must be an Arrow column or a list of str, got str"):
        near_duplicates("a text")
    with pytest.raises(TypeError, match="`left` must be an Arrow column or a list of str, got int"):
        near_duplicates_between(3, ["a"])
    with pytest.raises(TypeError, match="`texts` must hold str, got int at row 0"):
        near_duplicates([1])
    found = near_duplicates([])
    assert (len(found.left), len(found.groups)) == (0, 0)
    assert len(near_duplicates_between([], ["a"]).in_right) == 1


@pytest.mark.skipif("FOOLSGOLD_DATA" not in os.environ, reason="no folder of data sets")
def test_real_texts_have_the_pairs_of_brute_force():
    file = Path(os.environ["FOOLSGOLD_DATA"]) / "medquad" / "corpus.jsonl.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in itertools.islice(lines, 400)]
    found = near_duplicates(texts)
    sets = [shingles(normalized(text), 5) for text in texts]
    expected = {}
    for (left, one), (right, other) in itertools.combinations(enumerate(sets), 2):
        if min(len(one), len(other)) >= 0.8 * max(len(one), len(other)):
            similarity = len(one & other) / len(one | other)
            if similarity >= 0.8:
                expected[left, right] = similarity
    pairs = pairs_of(found)
    assert all(value == np.float32(expected[rows]) for rows, value in pairs.items())
    assert len(expected) > 10
    assert len(pairs) >= 0.98 * len(expected)
