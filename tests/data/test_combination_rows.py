"""Rows of texts for combinations: every one once, in any process, from one integer."""

import pickle
from itertools import chain

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from accelerate.data_loader import prepare_data_loader
from datasets import Dataset
from torch.utils.data import DataLoader

from foolsgold.data import (
    CombinationRows,
    Texts,
    pairs_from_labels,
    triplets_from_judgments,
    triplets_from_labels,
    triplets_from_scores,
)
from foolsgold.data.columns import Columns
from foolsgold.data.epoch_rows import EpochRows

LABELS = np.arange(12) % 3
TEXTS = [f"text {row}" for row in range(12)]
TRIPLETS = triplets_from_labels(LABELS)  # 12 * 3 * 8


def key(row):
    return tuple(row.values())


def expected():
    rows = TRIPLETS[:].tolist()
    return {tuple(TEXTS[number] for number in row) for row in rows}


@pytest.mark.parametrize(
    ("texts", "column"),
    [
        (TEXTS, None),
        (tuple(TEXTS), None),
        (np.array(TEXTS), None),
        (pa.array(TEXTS), None),
        (pa.chunked_array([TEXTS[:5], TEXTS[5:]]), None),
        (Texts.intern({"text": TEXTS})[0], None),
        (Dataset.from_dict({"text": TEXTS, "other": TEXTS[::-1]}), "text"),
        (Dataset.from_dict({"text": TEXTS[::-1]}).select(range(11, -1, -1)), "text"),
        ({"text": TEXTS}, "text"),
        (dict.fromkeys(TRIPLETS.columns, TEXTS), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_texts_of_any_kind_make_the_same_rows(texts, column):
    rows = TRIPLETS.rows(texts, column, seed=1)
    found = [rows[row] for row in range(len(rows))]
    assert {key(row) for row in found} == expected()
    assert [list(row) for row in found[:1]] == [rows.column_names] == [["anchor", "positive", "negative"]]
    assert found == list(TRIPLETS.rows(TEXTS, seed=1))
    assert list(TRIPLETS.stream(texts, column, seed=1)) == found


def test_all_ways_of_reading_give_one_row():
    rows = TRIPLETS.rows(TEXTS, num_rows=50, seed=4)
    rows.set_epoch(2)
    each = [rows[row] for row in range(50)]
    assert rows.__getitems__(range(50)) == each
    assert rows[-1] == each[-1]
    assert rows["positive"] == [row["positive"] for row in each]
    assert rows[[3, 1]] == {name: [each[3][name], each[1][name]] for name in rows.column_names}
    assert rows[1:9:3] == rows[[1, 4, 7]]
    assert Columns.from_row(rows[0]) == Columns(("anchor", "positive", "negative"))


def test_epochs_go_on_in_one_order_until_all_have_come():
    rows = TRIPLETS.rows(TEXTS, num_rows=96, seed=4)
    passes = []
    for epoch in range(6):
        rows.set_epoch(epoch)
        passes.append([key(row) for row in rows])
    first, second = [*chain(*passes[:3])], [*chain(*passes[3:])]
    assert {*first} == {*second} == expected()
    assert len(first) == len({*first})
    assert first != second
    odd = TRIPLETS.rows(TEXTS, num_rows=100, seed=4)
    odd.set_epoch(2)
    assert [key(row) for row in odd] == first[200:] + second[:12]
    whole = TRIPLETS.rows(TEXTS, seed=4)
    whole.set_epoch(1)
    assert [key(row) for row in whole] == second


@pytest.mark.parametrize("wrap", [EpochRows, lambda rows: rows])
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_give_the_rows_of_the_epoch(context, wrap):
    rows = wrap(TRIPLETS.rows(TEXTS, num_rows=60, seed=1))
    loader = DataLoader(
        rows, batch_size=7, num_workers=2, collate_fn=list, multiprocessing_context=context,
        persistent_workers=True,
    )  # fmt: skip
    for epoch in (0, 3):
        rows.set_epoch(epoch)
        reference = TRIPLETS.rows(TEXTS, num_rows=60, seed=1)
        reference.set_epoch(epoch)
        assert [row for batch in loader for row in batch] == list(reference)


def test_what_is_pickled_is_small():
    labels = np.arange(100_000) % 1000
    triplets = triplets_from_labels(labels)
    assert triplets.count > 10**11
    assert len(pickle.dumps(triplets)) < 450_000
    rows = TRIPLETS.rows(TEXTS)
    rows.set_epoch(5)
    again = pickle.loads(pickle.dumps(rows))
    assert list(again) == list(rows)


def test_a_stream_goes_on_from_one_integer():
    whole = list(TRIPLETS.stream(TEXTS, seed=2, epoch=1))
    assert {key(row) for row in whole} == expected()
    stream = TRIPLETS.stream(TEXTS, seed=2, epoch=1)
    rows = iter(stream)
    first = [next(rows) for _ in range(100)]
    state = stream.state_dict()
    assert state == {"position": 100}
    other = TRIPLETS.stream(TEXTS, seed=2, epoch=1)
    other.load_state_dict(state)
    assert first + list(other) == whole
    assert list(TRIPLETS.stream(TEXTS, seed=2, epoch=1, position=100)) == whole[100:]
    assert list(other) == []


def test_workers_and_ranks_share_a_stream():
    whole = [key(row) for row in TRIPLETS.stream(TEXTS)]
    loader = DataLoader(TRIPLETS.stream(TEXTS), batch_size=None, num_workers=2, collate_fn=dict)
    assert [key(row) for row in loader] == whole
    from foolsgold.data import CombinationStream

    ranks = [CombinationStream(TRIPLETS, TEXTS, rank=rank, num_replicas=5) for rank in range(5)]
    shares = [[key(row) for row in rank] for rank in ranks]
    assert [share[0] for share in shares] == whole[:5]
    assert sorted(chain(*shares)) == sorted(whole)
    halfway = CombinationStream(TRIPLETS, TEXTS, rank=3, num_replicas=5)
    rows = iter(halfway)
    given = [key(next(rows)) for _ in range(9)]
    again = CombinationStream(TRIPLETS, TEXTS, rank=3, num_replicas=5)
    again.load_state_dict(halfway.state_dict())
    assert given + [key(row) for row in again] == shares[3]


def test_more_than_a_data_set_can_number():
    triplets = triplets_from_labels(np.arange(5_000_000, dtype=np.int32) % 3)
    texts = range(5_000_000)
    with pytest.raises(
        ValueError, match=r"`num_rows` must be given for more than 2\^63 - 1 combinations, got"
    ):
        triplets.rows(texts)
    rows = triplets.rows(texts, num_rows=1000)
    rows.set_epoch(2**60)
    row = rows[999]
    assert row["anchor"] % 3 == row["positive"] % 3 != row["negative"] % 3
    stream = triplets.stream(texts, position=triplets.count - 2)
    assert len(list(stream)) == 2
    assert stream.position == triplets.count


def test_labels_and_known_texts_come_along():
    pairs = pairs_from_labels(LABELS, "labelled").rows(TEXTS)
    row = pairs[0]
    same = int(row["anchor"].split()[1]) % 3 == int(row["positive"].split()[1]) % 3
    assert row["label"] == int(same)
    assert Columns.from_row(row) == Columns(("anchor", "positive"), "label")
    scored = triplets_from_scores(["a", "a"], ["b", "c"], [0.9, 0.1])
    assert list(scored.rows()) == [{"anchor": "a", "positive": "b", "negative": "c"}]
    judged = triplets_from_judgments([0, 0], [0, 1], [2, 1])
    texts = {"anchor": ["query"], "positive": ["good", "bad"], "negative": ["good", "bad"]}
    assert list(judged.rows(texts)) == [{"anchor": "query", "positive": "good", "negative": "bad"}]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "`texts` must be given for combinations of rows, got None"),
        ((Dataset.from_dict({"text": TEXTS}),), {}, r"`column` must be among \['text'\], got None"),
        ((Dataset.from_dict({"text": TEXTS}), "body"), {}, r"`column` must be among \['text'\], got 'body'"),
        ((TEXTS, "body"), {}, "`column` must be None for texts without columns, got 'body'"),
        (
            ({"anchor": TEXTS},),
            {},
            r"`texts` must have texts for \['anchor', 'positive', 'negative'\], got \['",
        ),
        ((TEXTS,), {"num_rows": 0}, "`num_rows` must be from 1 to"),
        ((TEXTS,), {"seed": -1}, r"`seed` must be from 0 to 2\^64 - 1, got -1"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        TRIPLETS.rows(*arguments, **options)


def test_rows_and_states_out_of_range_are_refused():
    rows = CombinationRows(TRIPLETS, TEXTS, num_rows=5)
    with pytest.raises(IndexError, match="row must be below 5, got 5"):
        rows[5]
    with pytest.raises(KeyError, match="`column` must be among"):
        rows["text"]
    with pytest.raises(ValueError, match=r"`epoch` must be from 0 to 2\^63 - 1, got -1"):
        rows.set_epoch(-1)
    with pytest.raises(TypeError, match="`texts` must have a text for each number, got int"):
        TRIPLETS.rows(3)
    stream = TRIPLETS.stream(TEXTS)
    with pytest.raises(ValueError, match="`state` must have `position` alone, got"):
        stream.load_state_dict({"place": 1})
    with pytest.raises(ValueError, match="must be from 0 to 288, got 289"):
        stream.load_state_dict({"position": 289})


@pytest.mark.parametrize("workers", [0, 2])
def test_another_epoch_begins_a_stream_anew(workers):
    stream = TRIPLETS.stream(TEXTS, seed=2)
    options = {"num_workers": workers, "persistent_workers": workers > 0}
    loader = DataLoader(stream, batch_size=None, collate_fn=dict, **options)
    for epoch in (0, 1, 5):
        stream.set_epoch(epoch)
        assert list(loader) == list(TRIPLETS.stream(TEXTS, seed=2, epoch=epoch))
    assert list(loader) == []


def test_the_epoch_that_a_stream_is_at_goes_on():
    stream = TRIPLETS.stream(TEXTS, seed=2, epoch=3, position=100)
    stream.set_epoch(3)
    assert len(list(stream)) == 188
    with pytest.raises(ValueError, match=r"`epoch` must be from 0 to 2\^63 - 1, got -1"):
        stream.set_epoch(-1)


def test_a_stream_of_a_rank_is_its_share():
    shares = [list(TRIPLETS.stream(TEXTS, rank=rank, num_replicas=2)) for rank in range(2)]
    assert list(chain(*zip(*shares, strict=True))) == list(TRIPLETS.stream(TEXTS))


@pytest.mark.parametrize("texts", [pd.DataFrame({"text": TEXTS}), [{"text": text} for text in TEXTS]])
def test_frames_and_rows_have_texts_by_column(texts):
    assert TRIPLETS.rows(texts, "text")[3] == TRIPLETS.rows(TEXTS)[3]


@pytest.mark.parametrize("texts", [TEXTS[:-1], pa.array(TEXTS[:-1]), {"text": TEXTS[:-1]}])
def test_too_few_texts_are_refused_before_a_row_is_read(texts):
    column = "text" if isinstance(texts, dict) else None
    message = f"`texts` must have a text for each of {len(TEXTS)} numbers, got {len(TEXTS) - 1}"
    with pytest.raises(ValueError, match=message):
        TRIPLETS.rows(texts, column)


REPEATED = [f"text {row % 7}" for row in range(12)]


@pytest.mark.parametrize(
    ("texts", "column"),
    [
        (REPEATED, None),
        (np.array(REPEATED), None),
        (pa.chunked_array([REPEATED[:5], REPEATED[5:]]), None),
        (Dataset.from_dict({"text": REPEATED[::-1], "other": TEXTS}).select(range(11, -1, -1)), "text"),
        ({"text": REPEATED}, "text"),
        ([{"text": text} for text in REPEATED], "text"),
        ({name: list(REPEATED) for name in TRIPLETS.columns}, None),
        (dict.fromkeys(TRIPLETS.columns, REPEATED), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_equal_texts_have_equal_ids(texts, column):
    rows = TRIPLETS.rows(texts, column, num_rows=200, seed=3)
    names, known = rows.column_names, {}
    for epoch in (0, 1, 2):  # the second has rows of two passes
        rows.set_epoch(epoch)
        found = rows.text_ids_at(range(200))
        of_epoch = rows.text_ids_of(epoch)
        assert list(found) == list(of_epoch) == names
        for name in names:
            assert found[name].dtype == np.uint32
            assert found[name].tolist() == of_epoch[name].tolist()
            for text, number in zip(rows[name], found[name].tolist(), strict=True):
                assert known.setdefault(text, number) == number
    assert len({*known.values()}) == len(known) == rows.num_texts == 7
    assert rows.text_ids_at([5, 2])["negative"].tolist() == of_epoch["negative"][[5, 2]].tolist()


def test_ids_of_known_texts_and_of_labelled_pairs():
    scored = triplets_from_scores(["a", "a", "b"], ["b", "c", "a"], [0.9, 0.1, 0.5])
    rows = scored.rows(num_rows=1)
    ids = rows.text_ids_at([0])
    assert [int(ids[name][0]) for name in rows.column_names] == [0, 1, 2]
    labelled = pairs_from_labels(LABELS, "labelled").rows(REPEATED, num_rows=20)
    assert list(labelled.text_ids_of(0)) == ["anchor", "positive"]


def test_what_has_no_ids_says_so():
    with pytest.raises(ValueError, match="row 4"):
        TRIPLETS.rows([*TEXTS[:4], None, *TEXTS[5:]]).text_ids_at([0])
    lists = [[text] for text in TEXTS]
    for texts, message in ((lists, "got list at row 0"), (pa.array(lists), "must hold texts, got lists")):
        with pytest.raises(TypeError, match=f"`texts` .*{message}"):
            TRIPLETS.rows(texts).text_ids_at([0])


def test_a_fingerprint_is_of_all_that_decides_the_rows():
    def of(labels=LABELS, texts=TEXTS, num_rows=50, seed=1, **options):
        return triplets_from_labels(labels, **options).rows(texts, num_rows=num_rows, seed=seed).fingerprint

    others = [
        of(labels=np.arange(12) % 4), of(texts=REPEATED), of(num_rows=51), of(seed=2), of(max_per_anchor=2),
    ]  # fmt: skip
    assert len({of(), *others}) == 6
    assert of() == of()
    rows = TRIPLETS.rows(TEXTS, num_rows=50, seed=1)
    assert pickle.loads(pickle.dumps(rows)).fingerprint == rows.fingerprint == of()
    scores = [triplets_from_scores(["a", "a"], ["b", "c"], [0.9, low]).fingerprint for low in (0.1, 0.2)]
    assert scores[0] != scores[1]


def test_accelerate_shares_out_the_stream_of_all_ranks():
    for epoch in (0, 2):
        shares = []
        for rank in range(2):
            loader = prepare_data_loader(
                DataLoader(TRIPLETS.stream(TEXTS), batch_size=4, collate_fn=list, drop_last=True),
                num_processes=2, process_index=rank, put_on_device=False, dispatch_batches=False,
            )  # fmt: skip
            loader.set_epoch(epoch)
            shares.append([key(row) for batch in loader for row in batch])
        whole = [key(row) for row in TRIPLETS.stream(TEXTS, epoch=epoch)]
        assert shares[0][:4] + shares[1][:4] == whole[:8]
        assert sorted(chain(*shares)) == sorted(whole)
