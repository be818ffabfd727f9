from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch.utils.data import DataLoader

from foolsgold.data.collator import Collator, ColumnBatch, ColumnReader
from foolsgold.data.columns import Columns
from foolsgold.data.known_positives import KnownPositives

ROWS = [
    {"text": "the cat", "text_2": "a dog", "label": 0.5},
    {"text": "gold", "text_2": "a bird in a river", "label": 1.0},
]
COLUMNS = Columns(("text", "text_2"), "label")


def lengths(texts, prompt=None):
    """A stand-in for a tokenizer that shows what it was given."""
    return {"input_ids": torch.tensor([[len((prompt or "") + text)] for text in texts])}


def test_each_column_is_tokenised_by_itself(tiny_bert):
    batch = Collator(tiny_bert.preprocess, COLUMNS)(ROWS)
    assert batch.keys() == {"sentence_features", "labels", "num_rows"}
    for name, features in zip(COLUMNS.texts, batch["sentence_features"], strict=True):
        expected = tiny_bert.preprocess([row[name] for row in ROWS])
        assert features.keys() == expected.keys()
        for key, value in expected.items():
            assert torch.equal(features[key], value)
    assert batch["num_rows"] == 2
    assert torch.equal(batch["labels"], torch.tensor([0.5, 1.0]))


def test_without_a_label_there_are_no_labels():
    assert "labels" not in Collator(lengths, Columns(("text",)))(ROWS)


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [(None, [7, 5]), ("ab ", [10, 8]), ({"text_2": "a "}, [7, 7]), ({}, [7, 5])],
)
def test_prompts_for_all_or_by_column(prompts, expected):
    features = Collator(lengths, COLUMNS, prompts)(ROWS)["sentence_features"]
    assert [int(column["input_ids"][0]) for column in features] == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0], torch.tensor([1, 0])),
        ([0.25, 1.0], torch.tensor([0.25, 1.0])),
        ([True, False], torch.tensor([True, False])),
        ([[1.0, 2.0], [3.0, 4.0]], torch.tensor([[1.0, 2.0], [3.0, 4.0]])),
        (np.array([0.1, 0.2]), torch.tensor([0.1, 0.2])),
        (torch.tensor([3, 4]), torch.tensor([3, 4])),
        ([torch.tensor([1.0]), torch.tensor([2.0])], torch.tensor([[1.0], [2.0]])),
    ],
)
def test_labels_are_a_tensor(values, expected):
    batch = ColumnBatch(range(2), {"text": ["a", "b"], "label": values})
    labels = Collator(lengths, Columns(("text",), "label"))(batch)["labels"]
    assert labels.dtype == expected.dtype
    assert torch.equal(labels, expected)


@pytest.mark.parametrize("values", [[[1.0], [1.0, 2.0]], ["a", "b"], [None, 1.0]])
def test_labels_that_form_no_tensor_are_refused(values):
    batch = ColumnBatch(range(2), {"text": ["a", "b"], "label": values})
    with pytest.raises(ValueError, match="column `label` must hold numbers, or equally long lists of them"):
        Collator(lengths, Columns(("text",), "label"))(batch)


@pytest.mark.parametrize("value", [None, 3])
def test_a_value_that_is_no_text_is_named_by_row_and_column(value):
    reader = ColumnReader([*ROWS, {"text": "x", "text_2": value, "label": 0.0}])
    with pytest.raises(ValueError, match=f"row 2, column `text_2` must hold a text, got {value}"):
        Collator(lengths, COLUMNS)(reader.__getitems__([1, 2]))


@pytest.mark.parametrize("kind", [list, Dataset.from_list])
def test_a_reader_gives_columns_and_the_ids_of_their_texts(kind):
    ids = {"text": np.array([0, 2], dtype=np.uint32), "text_2": np.array([1, 2], dtype=np.uint32)}
    reader = ColumnReader(kind(ROWS), ids)
    assert len(reader) == 2
    assert reader[1] == ROWS[1]
    batch = Collator(lengths, COLUMNS)(reader.__getitems__([1, 0, 1]))
    assert [column["text_ids"].tolist() for column in batch["sentence_features"]] == [[2, 0, 2], [2, 1, 2]]
    assert batch["sentence_features"][0]["text_ids"].dtype == torch.int64
    assert batch["labels"].tolist() == [1.0, 0.5, 1.0]
    assert batch["num_rows"] == 3


def test_rows_and_columns_collate_alike():
    first = Collator(lengths, COLUMNS)(ROWS)
    second = Collator(lengths, COLUMNS)(ColumnReader(Dataset.from_list(ROWS)).__getitems__([0, 1]))
    assert torch.equal(first["labels"], second["labels"])
    for one, other in zip(first["sentence_features"], second["sentence_features"], strict=True):
        assert torch.equal(one["input_ids"], other["input_ids"])


@pytest.mark.parametrize("format", ["numpy", "torch"])
def test_formatted_data_collate_alike(format):
    data = Dataset.from_list(ROWS).with_format(format)
    assert Columns.from_row(data[0]) == COLUMNS
    first, second = (Collator(lengths, COLUMNS)(ColumnReader(d).__getitems__([1, 0])) for d in (data, ROWS))
    assert torch.equal(first["labels"], second["labels"])
    for one, other in zip(first["sentence_features"], second["sentence_features"], strict=True):
        assert torch.equal(one["input_ids"], other["input_ids"])


@pytest.mark.slow
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_it_works_in_the_workers_of_a_plain_loader(tiny_static, context):
    collate = Collator(tiny_static.preprocess, COLUMNS)
    data = Dataset.from_list(ROWS * 4)
    options = {"batch_sampler": [[0, 3], [5, 2, 1]], "collate_fn": collate}
    own = list(DataLoader(ColumnReader(data), **options))
    workers = list(DataLoader(ColumnReader(data), num_workers=1, multiprocessing_context=context, **options))
    plain = list(DataLoader(data, **options))
    for batches in (workers, plain):
        for one, other in zip(own, batches, strict=True):
            assert torch.equal(
                one["sentence_features"][1]["input_ids"], other["sentence_features"][1]["input_ids"]
            )
            assert torch.equal(one["labels"], other["labels"])


def test_it_can_be_pickled(tiny_bert):
    collate = pickle.loads(pickle.dumps(Collator(tiny_bert.preprocess, COLUMNS, "the ")))
    first, second = (
        c(ROWS)["sentence_features"][0] for c in (collate, Collator(tiny_bert.preprocess, COLUMNS, "the "))
    )
    assert torch.equal(first["input_ids"], second["input_ids"])


@pytest.mark.parametrize(
    ("values", "got"),
    [
        ([0.5, float("nan"), float("inf")], "nan"),
        (torch.tensor([[0.0, 1.0], [0.0, float("inf")], [0.0, 0.0]]), r"\[0.0, inf\]"),
    ],
)
def test_labels_that_are_no_numbers_are_named_by_row_and_column(values, got):
    batch = ColumnBatch([9, 4, 7], {"text": ["a", "b", "c"], "score": values})
    with pytest.raises(
        ValueError, match=f"row 4, column `score` must hold a label that is a number, got {got}"
    ):
        Collator(lengths, Columns(("text",), "score"))(batch)


def test_scores_of_what_is_no_candidate_are_labels():
    batch = ColumnBatch([9, 4], {"text": ["a", "b"], "scores": [[1.0, float("-inf")], [0.5, 0.25]]})
    assert Collator(lengths, Columns(("text",), "scores"))(batch)["labels"].isneginf().sum() == 1


def test_known_positives_travel_with_the_first_column():
    ids = {"a": np.array([0, 1], dtype=np.uint32), "b": np.array([2, 3], dtype=np.uint32)}
    known = KnownPositives(np.array([0, 0, 1]), np.array([2, 5, 3]))
    batch = ColumnBatch([9, 4], {"a": ["x", "y"], "b": ["u", "v"]}, ids)
    first, second = Collator(lengths, Columns(("a", "b")), known_positives=known)(batch)["sentence_features"]
    assert first["known_positive_ids"].tolist() == [[2, 5], [3, -1]]
    assert "known_positive_ids" not in second


@pytest.mark.parametrize("values", [[1, 0, 2], [1.0, 0.0, 2.0], torch.tensor([1.0, 0.0, 2.0]).double()])
def test_weights_travel_with_the_first_column(values):
    batch = ColumnBatch([9, 4, 7], {"a": ["x"] * 3, "b": ["y"] * 3, "weight": values})
    first, second = Collator(lengths, Columns(("a", "b"), None, "weight"))(batch)["sentence_features"]
    assert torch.equal(first["row_weights"], torch.tensor([1.0, 0.0, 2.0]))
    assert first["row_weights"].dtype == torch.float32
    assert "row_weights" not in second


@pytest.mark.parametrize(("value", "got"), [(-1.0, "-1.0"), (float("nan"), "nan"), (float("inf"), "inf")])
def test_other_weights_are_named_by_row_and_column(value, got):
    batch = ColumnBatch([9, 4], {"a": ["x", "y"], "weight": [1.0, value]})
    message = f"row 4, column `weight` must hold a finite weight of at least 0, got {got}"
    with pytest.raises(ValueError, match=message):
        Collator(lengths, Columns(("a",), None, "weight"))(batch)


@pytest.mark.parametrize("cached", [True, False])
def test_views_are_of_the_same_texts_without_prompts(cached):
    def tokens(column, rows):
        return {"input_ids": torch.tensor([[column == "text", *rows]])}

    collate = Collator(lengths, COLUMNS, "ab ", tokens if cached else None, {"guide": lengths})
    for name, features in zip(COLUMNS.texts, collate(ROWS)["sentence_features"], strict=True):
        assert features.keys() == {"input_ids", "views"}
        expected = lengths([row[name] for row in ROWS])["input_ids"]
        assert torch.equal(features["views"]["guide"]["input_ids"], expected)
        assert not torch.equal(features["input_ids"], expected)
