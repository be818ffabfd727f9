"""What `validate` counts is what loops count; what cannot learn is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.losses.test_data_formats import TABLE
from torch.utils.data import BatchSampler, ConcatDataset, RandomSampler, SequentialSampler

import foolsgold as fg
from foolsgold import losses
from foolsgold.data import DrawnNegatives
from foolsgold.data.known_positives import KnownPositives
from foolsgold.losses import (
    BatchAllTripletLoss,
    CoSENTLoss,
    CosineSimilarityLoss,
    GISTEmbedLoss,
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
    SoftmaxLoss,
    SupervisedContrastiveLoss,
    WeightedSumLoss,
)
from foolsgold.sampling import NoDuplicatesBatchSampler, NoDuplicatesStream, RandomBatchSampler
from foolsgold.validation.batches import num_negatives, num_sharing, num_triplets
from foolsgold.validation.needs import Needs, needs_of

PAIRS = {
    "query": [f"query {row}" for row in range(64)],
    "answer": [f"answer {row // 2}" for row in range(64)],
}
CLASSES = {"text": [f"text {row}" for row in range(64)], "label": [row % 4 for row in range(64)]}

columns_of_ids = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[st.integers(0, 12)] * width), min_size=1, max_size=24)
)


@settings(max_examples=300, deadline=None)
@given(columns_of_ids)
def test_rows_that_share_a_text_are_counted(rows):
    ids = np.array(rows, dtype=np.uint32).T
    sharing = sum(
        any(set(row) & set(other) for at, other in enumerate(rows) if at != place)
        for place, row in enumerate(rows)
    )
    assert num_sharing(ids) == sharing


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(-2, 3), max_size=14))
def test_triplets_are_counted_as_loops_do(classes):
    rows = range(len(classes))
    expected = sum(
        classes[a] == classes[p] and a != p and classes[a] != classes[n]
        for a in rows
        for p in rows
        for n in rows
    )
    assert num_triplets(np.array(classes)) == expected


@settings(max_examples=300, deadline=None)
@given(columns_of_ids.filter(lambda rows: len(rows[0]) > 1), st.booleans(), st.booleans())
def test_negatives_are_counted_as_loops_do(rows, masks, has_known):
    ids = list(np.array(rows, dtype=np.uint32).T)
    known = KnownPositives(ids[0], ids[1])
    answers = {}
    for query, positive, *_ in rows:
        answers.setdefault(query, set()).add(positive)
    expected = []
    for place, (query, positive, *_) in enumerate(rows):
        own = {query, positive} | (answers[query] if has_known else set())
        count = 0
        for column in range(1, len(rows[0])):
            for other, row in enumerate(rows):
                together = row[0] == query or row[1] == positive or (has_known and row[1] in answers[query])
                is_match = row[column] in own or (column == 1 and together)
                count += not ((column == 1 and other == place) or (masks and is_match))
        expected.append(count)
    found = num_negatives(ids, known if has_known else None, None, masks=masks)
    assert sorted(found) == sorted(expected)


def test_large_batches_are_sampled_by_anchor():
    ids = [np.arange(1000, dtype=np.uint32), np.arange(1000, 2000, dtype=np.uint32)]
    found = num_negatives(ids, None, np.arange(1000) % 2, masks=True)
    assert found.tolist() == [500] * 64


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}, {row[2]}")
def test_every_format_of_the_field_is_taken(row):
    _, num_columns, _, _, names = row
    for name in names:
        assert Needs(getattr(losses, name)).takes_columns(num_columns), name


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("BatchHardTripletLoss", {1}),
        ("MegaBatchMarginLoss", {2}),
        ("TripletLoss", {3}),
        ("MarginMSELoss", {3, 4, 5}),
        ("CachedMultipleNegativesRankingLoss", {2, 3, 4, 5}),
        ("DenoisingAutoEncoderLoss", {1, 2}),
        ("SigmoidContrastiveLoss", {1, 2, 3, 4, 5}),
    ],
)
def test_other_numbers_of_columns_are_not_taken(name, counts):
    needs = Needs(getattr(losses, name))
    assert {number for number in range(1, 6) if needs.takes_columns(number)} == counts


def test_losses_on_top_of_others_need_what_these_need(tiny_static):
    ranking, scores = MultipleNegativesRankingLoss(tiny_static), CoSENTLoss(tiny_static)
    whole = MatryoshkaLoss(
        tiny_static, WeightedSumLoss(tiny_static, {"a": ranking, "b": scores}), matryoshka_dims=[16, 8]
    )
    assert [needs.name for needs in needs_of(whole)] == ["MultipleNegativesRankingLoss", "CoSENTLoss"]
    assert needs_of(torch.nn.CrossEntropyLoss()) == needs_of(MatryoshkaLoss) == []
    classes = MultipleNegativesRankingLoss(tiny_static, mask_by_label=True)
    (needs,) = needs_of(classes)
    assert needs.takes_classes
    assert needs.needs_labels


def test_pairs_without_duplicates(tiny_static):
    sampler = NoDuplicatesBatchSampler(PAIRS, 16, drop_last=True)
    before = sampler.state_dict()
    found = fg.validate(PAIRS, sampler, MultipleNegativesRankingLoss(tiny_static))
    assert (found.rows, found.batches, found.texts_per_step) == (64, 4, 32.0)
    assert (found.negatives_per_anchor.least, found.negatives_per_anchor.mean) == (15, 15.0)
    assert found.triplets_per_batch is None
    assert (found.duplicate_rate, found.without_signal, found.warnings) == (0.0, 0.0, ())
    assert found.report == sampler.report
    assert sampler.state_dict() == before
    assert "negatives per anchor  15.0 on average, 15 at least" in str(found)


def test_duplicates_are_masked_or_warned_of(tiny_static):
    batches = [list(range(start, start + 16)) for start in range(0, 64, 16)]
    masked = fg.validate(Dataset.from_dict(PAIRS), batches, MultipleNegativesRankingLoss)
    assert masked.duplicate_rate == 1.0
    assert masked.negatives_per_anchor.least == 14
    assert masked.warnings == ()
    unmasked = MultipleNegativesRankingLoss(tiny_static, mask_by_identity=False)
    found = fg.validate(PAIRS, batches, unmasked)
    assert found.negatives_per_anchor.least == 15
    (warning,) = found.warnings
    assert warning.startswith("100.0% of the rows share a text with another row of their batch")
    assert warning in str(found)


class Changing(list):
    """Rows that change with the epoch, whose ids nobody knows."""

    def set_epoch(self, epoch):
        self[:] = [{**row, "a": f"{row['a']} of {epoch}"} for row in self]


def test_rows_that_change_with_the_epoch_have_masks_where_their_ids_are_known():
    rows = [
        {"a": f"a{row}", "p": f"p{row // 2}", "negatives": [f"n{row}-{i}" for i in range(4)]}
        for row in range(32)
    ]
    batches, drawn = [list(range(16))], DrawnNegatives(rows, 3)
    known = fg.validate(drawn, batches, MultipleNegativesRankingLoss)
    unknown = fg.validate(Changing(drawn[row] for row in range(32)), batches, MultipleNegativesRankingLoss)
    assert unknown.negatives_per_anchor.least == 4 * 16 - 1
    assert "share a text" in unknown.warnings[0]
    assert known.negatives_per_anchor.least == 4 * 16 - 2  # the same positive under another row is none
    assert not known.warnings


def test_known_positives_of_other_rows_are_no_negatives():
    # No row of the second half is looked at; it says that answer 1 answers question 0 as well.
    data = {"q": ["q0", "q1", "q2", "q0"], "a": ["a0", "a1", "a2", "a1"]}
    found = fg.validate(data, [[0, 1, 2]], MultipleNegativesRankingLoss)
    assert found.negatives_per_anchor.least == 1


def test_classes(tiny_static):
    batches = [[0, 1, 4, 5], [0, 4, 8, 1]]
    found = fg.validate(CLASSES, batches, BatchAllTripletLoss(tiny_static))
    assert (found.triplets_per_batch.least, found.triplets_per_batch.mean) == (6, 7.0)
    assert found.negatives_per_anchor is None
    single = fg.validate(CLASSES, batches, SupervisedContrastiveLoss)
    assert single.triplets_per_batch == found.triplets_per_batch
    some = fg.validate(CLASSES, [[0, 1, 4, 5], [0, 4]], BatchAllTripletLoss)
    assert some.without_signal == 0.5
    assert "50.0% of the batches teach nothing" in some.warnings


def test_any_sampler_and_loss_will_do():
    state = torch.random.get_rng_state()
    for rows in (RandomSampler(range(64)), SequentialSampler(range(64))):
        found = fg.validate(PAIRS, BatchSampler(rows, 8, drop_last=False), torch.nn.CrossEntropyLoss())
        assert (found.batches, found.texts_per_step, found.report) == (8, 16.0, None)
        assert found.negatives_per_anchor is None
    assert torch.equal(torch.random.get_rng_state(), state)
    sampler = RandomBatchSampler(PAIRS["query"], 4, False, rank=1, num_replicas=2)
    assert fg.validate(PAIRS, sampler, MultipleNegativesRankingLoss, max_batches=3).batches == 3


def test_many_rows_left_out_and_few_negatives_are_told():
    data = {"q": [f"q{row}" for row in range(40)], "a": ["same"] * 20 + [f"a{row}" for row in range(20)]}
    sampler = NoDuplicatesBatchSampler(data, 4, drop_last=True)
    found = fg.validate(data, sampler, MultipleNegativesRankingLoss)
    assert any("of 40 rows are in no batch (" in warning for warning in found.warnings)
    assert any(warning.startswith("anchors have 3.0 negatives") for warning in found.warnings)


def test_columns_that_look_wrong_and_unused_labels_are_told():
    data = {"row_id": PAIRS["query"], "answer": PAIRS["answer"], "label": [0, 1] * 32}
    found = fg.validate(data, [list(range(0, 32, 2))], MultipleNegativesRankingLoss)
    assert "column `row_id` looks like an identifier" in found.warnings[0]
    assert "makes no use of the labels in `label`" in found.warnings[-1]


ONE_CLASS = [[0, 4, 8], [1, 5, 9]]
SCORED = {**PAIRS, "score": [row / 64 for row in range(64)]}
WHOLE = [list(range(16))]


@pytest.mark.parametrize(
    ("data", "batches", "loss", "message"),
    [
        (
            CLASSES,
            ONE_CLASS,
            BatchAllTripletLoss,
            "two rows of a class and one of another, got 2 .*\nhint: .*PKSampler",
        ),
        (
            CLASSES,
            [[0, 1, 2, 3]],
            BatchAllTripletLoss,
            "two rows of a class and one of another, got 1 batches of 4",
        ),
        (
            {"text": PAIRS["query"]},
            WHOLE,
            BatchAllTripletLoss,
            r"labels `class`, got the columns \['text'\]\nhint: name",
        ),
        (
            {"text": PAIRS["query"]},
            WHOLE,
            SupervisedContrastiveLoss,
            r"got the columns \['text'\]\nhint: name",
        ),
        (PAIRS, WHOLE, CoSENTLoss, r"float similarity .*, got the columns \['query', 'answer'\]"),
        (
            PAIRS,
            [[0], [1]],
            MultipleNegativesRankingLoss,
            "anchors have negatives, got 2 .* of 1 rows .*\nhint: take larger",
        ),
        (PAIRS, [[0, 1]], GISTEmbedLoss, "anchors have negatives, .*\nhint: take `NoDuplicatesBatchSampler`"),
        (
            {"text": PAIRS["query"]},
            WHOLE,
            MultipleNegativesRankingLoss,
            r"pairs, .*, got 1 text columns: text",
        ),
        (
            PAIRS,
            WHOLE,
            losses.TripletLoss,
            r"takes \(anchor, positive, negative\) triplets .*, got 2 text columns",
        ),
        (
            {**CLASSES, "label": [0.5] * 64},
            WHOLE,
            BatchAllTripletLoss,
            "got 0.5 in `label` at row 0\nhint: whole",
        ),
        (
            {**CLASSES, "label": ["x"] * 64},
            WHOLE,
            BatchAllTripletLoss,
            "got 'x' in `label` at row 0\nhint: number",
        ),
        ({**CLASSES, "label": [[1]] * 64}, WHOLE, BatchAllTripletLoss, r"got \[1\] in `label` at row 0"),
        (
            {**PAIRS, "label": [0, 3] * 32},
            WHOLE,
            losses.ContrastiveLoss,
            "got 3 in `label` at row 1\nhint: `BatchAll",
        ),
        (
            {**PAIRS, "score": [0, 5] * 32},
            WHOLE,
            CosineSimilarityLoss,
            "got 5 in `score` at row 1\nhint: divide",
        ),
        ({**PAIRS, "score": [0.5, float("nan")] * 32}, WHOLE, CoSENTLoss, "got nan in `score` at row 1"),
        (
            {**PAIRS, "score": [0.5] * 32 + [0.1] * 32},
            WHOLE,
            CoSENTLoss,
            "different scores, got 1 batches of 16 rows without\nhint: take `RandomBatchSampler`",
        ),
        (SCORED, [[0], [1]], CoSENTLoss, "different scores, .*\nhint: take larger batches"),
        (
            {**PAIRS, "score": [0.5] * 64},
            WHOLE,
            CoSENTLoss,
            "got 0.5 in `score` in every row\nhint: take data",
        ),
        ({**PAIRS, "score": [1.0] * 64}, WHOLE, CosineSimilarityLoss, "got 1.0 in `score` in every row"),
        ({**PAIRS, "label": [1] * 64}, WHOLE, losses.ContrastiveLoss, "got 1 in `label` in every row"),
        ({**PAIRS, "label": [1] * 64}, WHOLE, losses.OnlineContrastiveLoss, "got 1 in `label` in every row"),
        ({**PAIRS, "label": [0] * 64}, WHOLE, SoftmaxLoss, "got 0 in `label` in every row"),
        ({**CLASSES, "label": [7] * 64}, WHOLE, BatchAllTripletLoss, "got 7 in `label` in every row"),
        (
            {**CLASSES, "label": list(range(64))},
            WHOLE,
            BatchAllTripletLoss,
            "hint: take data in which classes have several rows",
        ),
        (
            {"query": PAIRS["query"], "answer": ["same"] * 64},
            WHOLE,
            MultipleNegativesRankingLoss,
            "hint: take data whose documents differ",
        ),
        (PAIRS, [[-1, 0]], MultipleNegativesRankingLoss, r"lists of row numbers, got \[-1, 0\] as batch 0"),
        (PAIRS, [["a"]], MultipleNegativesRankingLoss, r"lists of row numbers, got \['a'\] as batch 0"),
        (PAIRS, None, MultipleNegativesRankingLoss, "`sampler` must give batches of rows, got None"),
        (
            Dataset.from_dict(PAIRS),
            NoDuplicatesStream(Dataset.from_dict(PAIRS), 2, True),
            MultipleNegativesRankingLoss,
            "lists of row numbers, got .*\nhint: a stream",
        ),
        (
            {"a": PAIRS, "b": PAIRS},
            WHOLE,
            MultipleNegativesRankingLoss,
            r"one data set, got a dict of \['a', 'b'\]",
        ),
        ({"a": [{"q": "x"}]}, WHOLE, MultipleNegativesRankingLoss, "one data set, got a dict"),
        ({"a": Dataset.from_dict(PAIRS)}, WHOLE, MultipleNegativesRankingLoss, "one data set, got a dict"),
        (
            ConcatDataset([[{"a": "x", "b": "y"}], [{"c": "x", "b": "y"}]]),
            WHOLE,
            MultipleNegativesRankingLoss,
            "one data set, got several with the columns .*\nhint: validate each",
        ),
        (SCORED, WHOLE, SoftmaxLoss, "labels `class`, got 0.0 in `score`"),
        (PAIRS, [], MultipleNegativesRankingLoss, "`sampler` must give batches of rows, got none"),
        (PAIRS, [[64]], MultipleNegativesRankingLoss, "`sampler` must give rows below 64, got 64"),
        ({"a": []}, WHOLE, MultipleNegativesRankingLoss, "`dataset` must have rows, got none"),
        ({"dataset_name": ["x"]}, [[0]], MultipleNegativesRankingLoss, "column names must not be among"),
    ],
)
def test_what_cannot_learn_is_refused(data, batches, loss, message):
    with pytest.raises(ValueError, match=message):
        fg.validate(data, batches, loss)


def test_a_sampler_that_takes_labels_for_texts_is_refused():
    classes = {"text": CLASSES["text"], "label": CLASSES["label"]}
    sampler = NoDuplicatesBatchSampler(classes, 4, drop_last=True)
    with pytest.raises(
        ValueError, match=r"hint: take `GroupByLabelBatchSampler` .* in `valid_label_columns`"
    ):
        fg.validate(classes, sampler, BatchAllTripletLoss)
    with pytest.raises(ValueError, match="`max_batches` must be at least 1, got 0"):
        fg.validate(classes, sampler, BatchAllTripletLoss, max_batches=0)


def test_scores_of_a_wider_range_may_be_ranked():
    data = {**PAIRS, "score": [float(row % 6) for row in range(64)]}
    assert fg.validate(data, WHOLE, CoSENTLoss).without_signal == 0


@pytest.mark.parametrize("rank", [None, 1])
def test_a_loss_that_gathers_sees_the_batches_of_all_ranks(tiny_static, rank):
    gathers = MultipleNegativesRankingLoss(tiny_static, gather_across_devices=True)
    for batch_size, negatives in ((1, 7), (4, 31)):
        sampler = NoDuplicatesBatchSampler(
            {"query": PAIRS["query"]}, batch_size, True, num_replicas=8, rank=rank
        )
        data = {"query": PAIRS["query"], "answer": [f"a{row}" for row in range(64)]}
        found = fg.validate(data, sampler, gathers)
        assert found.negatives_per_anchor.least == negatives
        assert found.batches == 64 // batch_size // 8
    assert fg.validate(data, sampler, MultipleNegativesRankingLoss).negatives_per_anchor.least == 3


@pytest.mark.parametrize("loss", [None, "x", {"a": MultipleNegativesRankingLoss}])
def test_what_is_no_loss_is_refused(loss):
    with pytest.raises(TypeError, match="`loss` must be a loss or its class, got"):
        fg.validate(PAIRS, WHOLE, loss)
