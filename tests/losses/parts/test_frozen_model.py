from __future__ import annotations

import copy
import logging
import pickle

import pytest
import torch
from tests.losses.encoders import TokenEncoder, padded, token_rows
from torch import nn

from foolsgold.losses.parts import frozen_model
from foolsgold.losses.parts.batch import BatchInfo
from foolsgold.losses.parts.frozen_model import FrozenModel
from foolsgold.losses.parts.gradient_cache import ChunkSize

ROWS = token_rows(12, 7, seed=1)
TEXTS = ["the cat of gold", "a dog", "stone river iron fish bird"]


def batch(*columns, offset=0):
    """Rows of `ROWS` by number; the number is the text id."""
    return BatchInfo(
        features=tuple(padded([ROWS[row] for row in column]) for column in columns),
        text_ids=tuple(torch.tensor(column) + offset for column in columns),
    )


def embedded(model, given):
    return [model(dict(column))["sentence_embedding"].detach() for column in given.features]


def frozen(**options):
    return FrozenModel("guide", TokenEncoder(dropout=0.5, dimension=8), TokenEncoder(), **options)


def test_it_is_frozen():
    guide = frozen()
    guide.model.train()
    given = batch([0, 1], [2, 3])
    found = guide.embed(given, training=True)
    assert not guide.model.training
    assert not any(parameter.requires_grad for parameter in guide.model.parameters())
    assert not any(x.requires_grad for x in found)
    torch.testing.assert_close(found, embedded(guide.model, given))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("cache", [True, False])
def test_any_order_of_batches_gives_the_embeddings(training, cache):
    guide = frozen(cache_embeddings=cache)
    for columns in ([[0, 1, 2], [3, 0, 4]], [[2, 2, 5], [6, 7, 7]], [[0, 6, 1], [2, 3, 4]], [[11], [10]]):
        given = batch(*columns)
        torch.testing.assert_close(guide.embed(given, training=training), embedded(guide.model, given))


def test_each_text_is_embedded_once():
    guide = frozen()
    guide.embed(batch([0, 1, 1], [2, 0, 3]), training=True)
    assert sum(shape[0] for shape in guide.model.calls) == 4
    guide.embed(batch([3, 2, 1], [0, 5, 5]), training=True)
    assert sum(shape[0] for shape in guide.model.calls) == 5
    guide.model.calls.clear()
    guide.embed(batch([3, 5, 1], [0, 2, 2]), training=True)
    assert not guide.model.calls
    assert len(guide.table) == 5


@pytest.mark.parametrize("ids", [(None, None), (torch.arange(2), None), ()])
def test_without_ids_or_in_evaluation_nothing_is_kept(ids):
    guide = frozen()
    given = batch([0, 1], [2, 3])
    guide.embed(given, training=False)
    guide.embed(BatchInfo(features=given.features, text_ids=ids), training=True)
    assert len(guide.table) == 0


def test_ids_of_another_data_set_are_never_a_wrong_embedding():
    guide = frozen()
    for offset in (0, 1, 2, 0, 1):
        given = batch([0, 1, 2, 3], [4, 5, 1, 0], offset=offset)
        torch.testing.assert_close(guide.embed(given, training=True), embedded(guide.model, given))


def test_one_text_under_two_prompts_is_two_embeddings():
    guide = frozen()
    features = (padded([[1, 2], [3]]), padded([[7, 1, 2], [7, 3]]))
    for _ in range(2):
        given = BatchInfo(features=features, text_ids=(torch.arange(2),) * 2)
        torch.testing.assert_close(guide.embed(given, training=True), embedded(guide.model, given))


def test_one_batch_is_embedded_once():
    guide, given = frozen(cache_embeddings=False), batch([0, 1], [2, 3])
    first = guide.embed(given, training=True)
    calls = len(guide.model.calls)
    assert guide.embed(given, training=True) is first
    assert len(guide.model.calls) == calls


def test_a_large_batch_goes_in_chunks(monkeypatch):
    guide, given = frozen(), batch(range(12))
    expected = embedded(guide.model, given)
    monkeypatch.setattr(frozen_model, "_CHUNK", ChunkSize(tokens=20))
    guide.model.calls.clear()
    torch.testing.assert_close(guide.embed(given, training=False), expected)
    assert len(guide.model.calls) > 2
    assert all(shape.numel() <= 20 for shape in guide.model.calls)


def test_features_stay_as_they_are():
    guide, given = frozen(), batch([0, 1], [2, 3])
    before = copy.deepcopy(given.features)
    guide.embed(given, training=True)
    for column, expected in zip(given.features, before, strict=True):
        assert column.keys() == expected.keys()
        assert all(torch.equal(column[key], expected[key]) for key in column)


def test_views_come_first():
    guide = frozen()
    views = batch([4, 5], [6, 7]).features
    given = BatchInfo(features=batch([0, 1], [2, 3]).features, views=tuple({"guide": x} for x in views))
    expected = embedded(guide.model, BatchInfo(features=views))
    torch.testing.assert_close(guide.embed(given, training=False), expected)


@pytest.mark.parametrize(("student", "teacher"), [("tiny_bert", "tiny_static"), ("tiny_static", "tiny_bert")])
def test_other_tokenizers_read_the_texts_again(student, teacher, request, caplog):
    student, teacher = request.getfixturevalue(student), request.getfixturevalue(teacher)
    guide = FrozenModel("guide", teacher, student)
    expected = torch.as_tensor(teacher.encode(TEXTS))
    with caplog.at_level(logging.WARNING, "foolsgold"):
        for ids in ((None,), (torch.tensor([3, 1, 2]),), (torch.tensor([3, 1, 2]),)):
            given = BatchInfo(features=(student.preprocess(TEXTS),), text_ids=ids)
            torch.testing.assert_close(guide.embed(given, training=True), [expected], rtol=1e-4, atol=1e-5)
    assert len(caplog.records) == 1
    assert "`guide` reads texts by another tokenizer than `model`" in caplog.text
    assert "hint: foolsgold's trainer" in caplog.text


def test_equal_tokenizers_share_the_features(tiny_bert, caplog):
    guide = FrozenModel("guide", copy.deepcopy(tiny_bert), tiny_bert)
    given = BatchInfo(features=(tiny_bert.preprocess(TEXTS),))
    (found,) = guide.embed(given, training=True)
    torch.testing.assert_close(found, torch.as_tensor(tiny_bert.encode(TEXTS)), rtol=1e-4, atol=1e-5)
    assert not caplog.records


def test_it_can_be_copied_and_pickled():
    guide, given = frozen(), batch([0, 1], [2, 3])
    expected = guide.embed(given, training=True)
    for other in (copy.deepcopy(guide), pickle.loads(pickle.dumps(guide))):
        torch.testing.assert_close(other.embed(given, training=True), expected)


def test_refuses_the_student_itself():
    model = TokenEncoder()
    for other in (model, nn.Sequential(model.tokens)):
        with pytest.raises(ValueError, match=r"`guide` must share no parameters with `model`, got .*\nhint:"):
            FrozenModel("guide", other, model)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_refuses_embeddings_alone():
    with pytest.raises(ValueError, match="`guide` embeds texts, got embeddings alone"):
        frozen().embed(BatchInfo(), training=True)
