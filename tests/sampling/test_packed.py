"""Laws of what samplers pack by: pairs that do not meet, lengths, lists, twins, tails, ids."""

from __future__ import annotations

import itertools
import logging
import pickle

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.sampling import (
    ConflictAwareBatchSampler,
    LengthBatchSampler,
    NoDuplicatesBatchSampler,
    SequentialBatchSampler,
)


def meetings(batches, num_replicas=1):
    """Yield each pair of rows that meet in a global batch."""
    for first in range(0, len(batches), num_replicas):
        yield from itertools.combinations(itertools.chain(*batches[first : first + num_replicas]), 2)


pairs_of_rows = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=60)


@settings(max_examples=300, deadline=None)
@given(pairs_of_rows, st.integers(1, 6), st.sampled_from(["drop", "short", "refill"]), st.integers(1, 3))
def test_pairs_of_rows_never_meet(conflicts, batch_size, tail, num_replicas):
    try:
        sampler = ConflictAwareBatchSampler(
            range(30), batch_size, False, conflicts=conflicts, tail=tail, num_replicas=num_replicas
        )
    except ValueError as error:
        assert "`batch_size` must leave room" in str(error)  # noqa: PT017
        return
    apart = {frozenset(pair) for pair in conflicts if pair[0] != pair[1]}
    for _ in range(2):
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert not any(frozenset(met) in apart for met in meetings(batches, num_replicas))
        used = set(itertools.chain(*batches))
        assert sampler.report.left_out == 30 - len(used)
        if tail != "short":
            assert {len(batch) for batch in batches} == {batch_size}


def test_pairs_of_texts_never_meet_and_texts_of_no_row_do_no_harm():
    data = {"query": [f"q{row}" for row in range(40)], "answer": [f"a{row}" for row in range(40)]}
    close = {"query": ["q0", "q1", "q2", "nobody"], "answer": ["a39", "a38", "a37", "a3"]}
    plain = NoDuplicatesBatchSampler(data, 20, True)
    apart = NoDuplicatesBatchSampler(data, 20, True, conflicts=Dataset.from_dict(close))
    wanted = {frozenset((row, 39 - row)) for row in range(3)}

    def met(sampler):
        return {frozenset(pair) for _ in range(20) for pair in meetings(list(sampler))}

    assert wanted < met(plain)
    assert not wanted & met(apart)
    with pytest.raises(ValueError, match="`state` must be of the same data"):
        apart.load_state_dict(plain.state_dict())
    for batches in (plain, apart):
        assert sorted(itertools.chain(*batches)) == list(range(40))


def shared_positives():
    """Queries with two positives each, all of which other queries have too."""
    rows = [(f"q{at // 2}", f"a{at // 2 * 3 % 50 + at % 2 * 7}") for at in range(100)]
    return {"query": [row[0] for row in rows], "answer": [row[1] for row in rows]}


def test_a_query_meets_none_of_its_positives():
    data = shared_positives()
    positives = {}
    for query, answer in zip(data["query"], data["answer"], strict=True):
        positives.setdefault(query, set()).add(answer)

    def false_negatives(sampler):
        return [
            pair
            for _ in range(10)
            for pair in meetings(list(sampler))
            for row, other in (pair, pair[::-1])
            if data["answer"][other] in positives[data["query"][row]]
        ]

    assert not false_negatives(NoDuplicatesBatchSampler(data, 5, True))
    assert false_negatives(NoDuplicatesBatchSampler(data, 5, True, known_positives=False))
    labelled = {**data, "label": [row % 2 for row in range(100)]}
    assert false_negatives(NoDuplicatesBatchSampler(labelled, 5, True, ["label"]))
    weighted = {**data, "weight": [0.5] * 100}
    assert not false_negatives(NoDuplicatesBatchSampler(weighted, 5, True, ["label", "weight"]))


def test_positives_of_nearly_every_query_are_left_to_the_loss(caplog):
    data = {
        "query": [f"q{row // 20}" for row in range(400)],
        "answer": [f"a{row % 20}" for row in range(400)],
    }
    with caplog.at_level(logging.INFO, "foolsgold"):
        sampler = NoDuplicatesBatchSampler(data, 20, True)
    assert "there were 0 batches, not " in caplog.text
    assert len(sampler) > 10
    with pytest.raises(ValueError, match=r"`batch_size` must leave room .*\n.* `known_positives=False`, or"):
        NoDuplicatesBatchSampler(data, 20, True, known_positives=True)
    # Batches may be small: every row is in one, though it meets nobody.
    alone = NoDuplicatesBatchSampler(data, 20, False, known_positives=True)
    assert sorted(itertools.chain(*alone)) == list(range(400))
    assert {len(batch) for batch in alone} == {1}


def test_lists_of_texts_are_compared_text_by_text():
    data = Dataset.from_dict(
        {
            "query": [f"q{row}" for row in range(30)],
            "negatives": [[f"n{row}", f"n{row // 2}", f"q{(row + 1) % 30}"][: row % 4] for row in range(30)],
        }
    )
    texts = [{row["query"], *row["negatives"]} for row in data]
    for rows in (data, list(data), data.to_dict()):
        sampler = NoDuplicatesBatchSampler(rows, 6, False)
        assert list(sampler.text_ids) == ["query"]
        assert not any(texts[row] & texts[other] for row, other in meetings(list(sampler)))
        assert sorted(itertools.chain(*sampler)) == list(range(30))


def test_texts_that_read_alike_are_kept_apart_on_request():
    data = {"text": [form for row in range(20) for form in (f"Text {row}", f" text  {row}")]}
    alike = [{row, row ^ 1} for row in range(40)]
    exact = NoDuplicatesBatchSampler(data, 10, True)
    normal = NoDuplicatesBatchSampler(data, 10, True, normalize_texts=True)
    assert any(set(pair) in alike for _ in range(5) for pair in meetings(list(exact)))
    assert not any(set(pair) in alike for _ in range(5) for pair in meetings(list(normal)))
    assert len(np.unique(normal.text_ids["text"])) == 40  # masks go on comparing texts exactly


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(1, 100), min_size=1, max_size=300),
    st.integers(1, 20),
    st.none() | st.integers(100, 800),
    st.sampled_from(["drop", "short", "refill"]),
    st.integers(1, 3),
)
def test_like_lengths_meet_within_their_tokens(lengths, batch_size, max_tokens, tail, num_replicas):
    options = {"max_tokens": max_tokens, "tail": tail, "num_replicas": num_replicas}
    try:
        sampler = LengthBatchSampler(lengths, batch_size, False, lengths=lengths, **options)
    except ValueError as error:
        assert "must have at least" in str(error)  # noqa: PT017
        return
    for _ in range(2):
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert all(0 < len(batch) <= batch_size for batch in batches)
        if max_tokens:
            assert all(len(batch) * max(lengths[row] for row in batch) <= max_tokens for batch in batches)
        used = list(itertools.chain(*batches))
        assert tail == "refill" or len(set(used)) == len(used)
        assert sampler.report.left_out == len(lengths) - len(set(used))
        if tail == "refill" or (tail == "short" and num_replicas == 1):
            assert sampler.report.left_out == 0


def test_little_of_a_batch_is_padding_and_batches_are_shuffled():
    lengths = np.random.default_rng(0).lognormal(3.5, 0.7, 50_000).astype(int) + 1
    sampler = LengthBatchSampler(lengths, 512, False, lengths=lengths, max_tokens=8192, max_padding=0.1)
    batches = list(sampler)
    longest = np.array([lengths[batch].max() for batch in batches])
    padded = (longest * [len(batch) for batch in batches]).sum()
    assert 1 - lengths.sum() / padded < 0.1
    assert abs(np.corrcoef(longest, np.arange(len(batches)))[0, 1]) < 0.2
    met = {row for _ in range(10) for batch in sampler if 7 in batch for row in batch}
    assert len(met) > 5 * len(next(batch for batch in batches if 7 in batch))


def test_like_lengths_together_with_no_duplicates():
    rows = 3000
    data = {
        "query": [f"q{row}" for row in range(rows)],
        "answer": [f"a{row // 3}" for row in range(rows)],
        "tokens": [5 + row * 37 % 200 for row in range(rows)],
    }
    sampler = NoDuplicatesBatchSampler(data, 64, True, lengths="tokens", max_tokens=4096, num_replicas=2)
    assert list(sampler.text_ids) == ["query", "answer"]
    for _ in range(2):
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert all(len(batch) * max(data["tokens"][row] for row in batch) <= 4096 for batch in batches)
        assert not any(row // 3 == other // 3 for row, other in meetings(batches, 2))
    assert sampler.report.left_out < 128


def test_arrays_of_ids_are_taken_as_they_are():
    far = {"a": np.array([7, 2**32 - 2, 9, 9], np.uint32), "b": np.array([1, 2, 3, 7], np.uint32)}
    sampler = NoDuplicatesBatchSampler(far, 2, True)
    met = {frozenset(pair) for _ in range(30) for pair in meetings(list(sampler))}
    assert met == {frozenset(pair) for pair in ((0, 1), (0, 2), (1, 2), (1, 3))} - {frozenset((0, 2))} or met
    assert not met & {frozenset((2, 3)), frozenset((0, 3))}
    with pytest.raises(ValueError, match="`dataset` must have ids up to 4294967294, got 4294967295"):
        NoDuplicatesBatchSampler({"a": np.array([1, 2**32 - 1], np.uint32)}, 1, True)
    with pytest.raises(
        ValueError, match=r"`dataset` must have columns of one length, got \{'a': 2, 'b': 1\}"
    ):
        NoDuplicatesBatchSampler({"a": np.ones(2, np.uint32), "b": np.ones(1, np.uint32)}, 1, True)


def test_samplers_are_small_where_they_need_no_ids():
    sampler = LengthBatchSampler(range(1000), 8, True, lengths=np.arange(1000) % 50)
    assert len(pickle.dumps(sampler)) < 4 * 1000 + 2000
    assert list(pickle.loads(pickle.dumps(sampler))) == list(sampler)
    assert len(pickle.dumps(SequentialBatchSampler(range(1000), 8, True))) < 1000


def test_sequential_keeps_the_order_in_every_epoch():
    sampler = SequentialBatchSampler(range(10), 4, False, tail="refill")
    assert [list(sampler), list(sampler)] == [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1]]] * 2
    assert sampler.report.repeated == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conflicts": [(0, 4)]}, "`conflicts` must be rows from 0 to 3, got 4"),
        ({"conflicts": [(-1, 2)]}, "`conflicts` must be rows from 0 to 3, got -1"),
        ({"conflicts": [0.5, 1.5]}, r"`conflicts` must be pairs of rows, .* got float64 \(2,\)"),
        ({"conflicts": {"a": ["x"]}}, r"pairs of texts must be two columns, got \['a'\]"),
        ({"conflicts": {"a": ["x"], "b": []}}, r"pairs of texts must be columns of one length, got \[1, 0\]"),
        ({"lengths": [1, 2]}, r"`lengths` must have the shape \(4,\), got \(2,\)"),
        ({"lengths": [1.0, 2.0, 3.0, np.nan]}, "`lengths` must hold whole numbers, got float64"),
        ({"lengths": [1, 2, 3, -1]}, r"`lengths` must be from 0 to 2\^32 - 1, got -1 at row 3"),
        ({"lengths": "tokens"}, r"`lengths` must be among the columns \['a'\], got 'tokens'"),
        ({"max_tokens": 5}, "`lengths` must be given with `max_tokens`, got None and 5"),
        (
            {"lengths": [1, 2, 3, 9], "max_tokens": 5},
            "`max_tokens` must be at least .* got 5 for 9 tokens of row 3",
        ),
        ({"lengths": [1, 2, 3, 9], "max_tokens": 0}, r"`max_tokens` must be from 1 to 2\^64 - 1, got 0"),
        ({"lengths": [1, 2, 3, 9], "max_tokens": 1.5}, "`max_tokens` must be an integer .* got 1.5"),
        ({"lengths": [1, 2, 3, 9], "max_tokens": "x"}, "`max_tokens` must be an integer .* got 'x'"),
        ({"lengths": [1, 2, 3, 9], "max_tokens": 2**70}, r"`max_tokens` must be from 1 to 2\^64 - 1"),
        ({"max_tokens": -3}, "`max_tokens` must be from 1 to .*, got -3"),
        ({"valid_label_columns": "a"}, r"`valid_label_columns` must be names .* got 'a'\nhint: give \['a'\]"),
        ({"lengths": [1, 2, 3, 9], "max_padding": 2.0}, "`max_padding` must be from 0 to 1, got 2"),
        ({"tail": "half"}, "`tail` must be drop, short or refill, got 'half'"),
        ({"stream": -1}, r"`stream` must be from 0 to 2\^64 - 1, got -1"),
    ],
)
def test_bad_rules_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        NoDuplicatesBatchSampler({"a": list("wxyz")}, 2, True, **options)


@pytest.mark.parametrize(
    "conflicts", [[], np.zeros((0, 2)), np.zeros((0, 2), np.int64), (), {"a": [], "b": []}]
)
def test_no_conflicts_are_none(conflicts):
    data = {"a": list("wxyz")}
    plain = NoDuplicatesBatchSampler(data, 2, True)
    assert list(NoDuplicatesBatchSampler(data, 2, True, conflicts=conflicts)) == list(plain)
    if not isinstance(conflicts, dict):
        assert len(ConflictAwareBatchSampler(range(4), 2, True, conflicts=conflicts)) == 2


def test_a_batch_may_have_more_places_than_its_tokens_fill():
    lengths = [10] * 40
    sampler = LengthBatchSampler(lengths, 64, True, lengths=lengths, max_tokens=50)
    assert {len(batch) for batch in sampler} == {5}
    with pytest.raises(ValueError, match="at least 41 rows for one step, got 40"):
        LengthBatchSampler(lengths, 64, True, lengths=lengths, max_tokens=410)
    texts = {"label": ["x", "y"] * 20, "a": [f"a{row}" for row in range(40)]}
    message = "got 5 for 40 rows with 2 distinct texts in `label`\nhint: .*`valid_label_columns`"
    with pytest.raises(ValueError, match=message):
        NoDuplicatesBatchSampler(texts, 64, True, lengths=lengths, max_tokens=50)


def test_a_single_band_of_lengths_keeps_its_tokens_and_can_be_refilled():
    ids, lengths = np.array([4, 9, 4, 3, 10], np.uint32), [2, 2, 7, 6, 0]
    sampler = NoDuplicatesBatchSampler({"c": ids}, 4, False, lengths=lengths, max_tokens=10, num_replicas=2)
    assert max(len(batch) * max(lengths[row] for row in batch) for batch in sampler) <= 10
    ids = np.minimum(np.random.default_rng(0).zipf(1.3, 5000), 800).astype(np.uint32)
    options = {"lengths": [30] * 5000, "max_tokens": 240, "tail": "refill", "num_replicas": 2}
    sampler = NoDuplicatesBatchSampler({"c": ids}, 64, False, **options)
    assert {len(batch) for batch in sampler} == {8}
    assert sampler.report.left_out == 0
