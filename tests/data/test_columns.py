from __future__ import annotations

import numpy as np
import pytest
import torch

from foolsgold.data.columns import LABEL_COLUMNS, Columns


@pytest.mark.parametrize("name", LABEL_COLUMNS)
def test_the_label_is_found_by_name_wherever_it_stands(name):
    assert Columns.from_row({"a": "x", name: 1.0, "b": "y"}) == Columns(("a", "b"), name)


def test_the_first_of_several_label_names_is_the_label():
    with pytest.raises(ValueError, match="column `scores` must hold texts, got list"):
        Columns.from_row({"scores": [1.0], "label": 1, "a": "x"})
    assert Columns.from_row({"score": "a text", "a": "x", "labels": 1}) == Columns(("score", "a"), "labels")


def test_texts_keep_their_order():
    assert Columns.from_row({"z": "1", "text": "2", "text_2": "3"}).texts == ("z", "text", "text_2")


def test_numbers_are_refused_with_what_to_do():
    with pytest.raises(ValueError, match="column `query_id` must hold texts") as caught:
        Columns.from_row({"query": "x", "query_id": 7, "positive": "y"})
    assert str(caught.value) == (
        "column `query_id` must hold texts, got int\n"
        "hint: remove it (`dataset.remove_columns('query_id')`), or name the label column one of "
        "label, labels, score, scores"
    )


@pytest.mark.parametrize("name", ["id", "query_id", "doc_ids", "row_idx"])
def test_identifiers_that_are_texts_train_with_a_warning(name):
    with pytest.warns(UserWarning, match=f"column `{name}` looks like an identifier.*\nhint: remove it"):
        assert Columns.from_row({"a": "x", name: "d7"}).texts == ("a", name)


@pytest.mark.parametrize("name", ["idea", "grid", "valid"])
def test_words_with_these_letters_are_no_identifiers(name):
    assert Columns.from_row({name: "x"}).texts == (name,)


@pytest.mark.parametrize(
    "names", [("positive", "anchor"), ("answer", "question"), ("anchor", "negative", "positive")]
)
def test_an_unusual_order_is_told(names):
    with pytest.warns(
        UserWarning, match=r"is number \d of the text columns, usually it is number \d; losses go by"
    ):
        assert Columns.from_row(dict.fromkeys(names, "x")).texts == names


@pytest.mark.parametrize(
    "names", [("anchor", "positive", "negative"), ("query", "answer", "negative_1"), ("text",)]
)
def test_usual_orders_are_silent(names):
    assert Columns.from_row(dict.fromkeys(names, "x")).texts == names


@pytest.mark.parametrize("name", ["dataset_name", "return_loss"])
def test_reserved_names_are_refused(name):
    with pytest.raises(ValueError, match=f"must not be among dataset_name, return_loss, got `{name}`"):
        Columns.from_row({"a": "x", name: "y"})


def test_a_text_column_there_must_be():
    with pytest.raises(ValueError, match=r"must have a text column, got the columns \['label'\]"):
        Columns.from_row({"label": 1})


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2.0), torch.tensor(1.5)])
def test_numbers_under_the_name_of_weights_are_weights(value):
    row = {"weight": value, "a": "x", "label": 1}
    assert Columns.from_row(row) == Columns(("a",), "label", "weight")


def test_texts_under_the_name_of_weights_are_texts():
    assert Columns.from_row({"a": "x", "weight": "y"}) == Columns(("a", "weight"))


def test_weights_alone_are_no_data():
    with pytest.raises(ValueError, match=r"must have a text column, got the columns \['weight'\]"):
        Columns.from_row({"weight": 1.0})
