"""What a run reads: tokens kept from before the first step are those of every batch."""

from __future__ import annotations

import copy

import pytest
import torch
from datasets import Dataset
from tests.refusing import Refusing
from tests.training.scenario import (
    NOUNS,
    CosineDistance,
    largest_difference,
    pairs,
    texts_only,
    trainer_of,
    weights,
)
from torch import nn

from foolsgold.data.columns import Columns
from foolsgold.evaluation import InformationRetrievalEvaluator
from foolsgold.losses import MultipleNegativesRankingLoss
from foolsgold.mining import BM25
from foolsgold.training.rows import TokenCache, reader_of

COLUMNS = Columns(("first", "second"), "label")
PROMPTS = {"none": None, "one for all": "iron ", "by column": {"first": "gold "}}


@pytest.mark.parametrize("model", ["tiny_bert", "tiny_static"])
@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS.keys())
def test_kept_tokens_are_those_of_the_texts(request, model, prompts):
    model = request.getfixturevalue(model)
    data = pairs(12)
    cache = TokenCache(reader_of(model), data, COLUMNS, prompts)
    rows = [3, 0, 3, 11]
    for name in COLUMNS.texts:
        prompt = prompts.get(name) if isinstance(prompts, dict) else prompts
        expected = model.preprocess([data[row][name] for row in rows], prompt=prompt)
        found = cache(name, rows)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert torch.equal(torch.as_tensor(found[key]), torch.as_tensor(value)), key


def test_every_text_is_tokenised_once(tiny_static, monkeypatch):
    seen = []
    reader = reader_of(tiny_static)
    tokenize = reader.token_rows
    monkeypatch.setattr(reader, "token_rows", lambda texts: seen.extend(texts) or tokenize(texts))
    data = Dataset.from_dict({"first": ["a", "b", "a"], "second": ["b", "c", "c"]})
    TokenCache(reader, data, Columns(("first", "second")), None)
    assert sorted(seen) == ["a", "b", "c"]


@pytest.mark.training
@pytest.mark.parametrize("workers", [0, 2])
def test_training_is_the_same_with_kept_tokens(tmp_path, tiny_bert, workers):
    trained = []
    for cache_tokens in (False, True):
        model = copy.deepcopy(tiny_bert)
        options = {
            "cache_tokens": cache_tokens,
            "dataloader_num_workers": workers,
            "num_train_epochs": 1,
            "prompts": {"first": "gold "},
        }
        trainer = trainer_of(model, tmp_path, CosineDistance(model), options=options)
        trainer.train()
        trained.append(weights(trainer.model))
    assert largest_difference(*trained) == 0


@pytest.mark.training
def test_a_null_text_is_named_before_the_first_step(tmp_path, tiny_static):
    data = pairs(8).to_dict()
    data["second"][5] = None
    trainer = trainer_of(
        tiny_static, tmp_path, CosineDistance(tiny_static), Dataset.from_dict(data), {"cache_tokens": True}
    )
    with pytest.raises(ValueError, match=r"second.*row 5|row 5.*second"):
        trainer.train()


@pytest.mark.training
def test_a_model_that_tokenises_its_own_way_is_refused(tmp_path, tiny_static):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = tiny_static

        def preprocess(self, texts, prompt=None):
            return self.inner.preprocess(texts, prompt)

        def forward(self, features):
            return self.inner(features)

    model = Own()
    trainer = trainer_of(model, tmp_path, CosineDistance(model), options={"cache_tokens": True})
    with pytest.raises(ValueError, match=r"`cache_tokens` must be False .* got Own"):
        trainer.train()


@pytest.mark.training
@pytest.mark.parametrize("cache_tokens", [False, True])
def test_no_text_is_compared_in_python(tmp_path, tiny_static, cache_tokens):
    rows = [
        {"anchor": Refusing(f"the {NOUNS[row % 8]}"), "positive": Refusing(f"a {NOUNS[row % 5]} {row // 2}")}
        for row in range(32)
    ]
    queries = {str(number): row["anchor"] for number, row in enumerate(rows[:4])}
    corpus = {str(number): row["positive"] for number, row in enumerate(rows)}
    relevant = {number: {number} for number in queries}
    evaluator = InformationRetrievalEvaluator(queries, corpus, relevant, precision_recall_at_k=[10])
    options = {"batch_sampler": "no_duplicates", "cache_tokens": cache_tokens, "eval_strategy": "epoch"}
    loss = MultipleNegativesRankingLoss(tiny_static)
    trainer = trainer_of(tiny_static, tmp_path, loss, rows, options, evaluator=evaluator, eval_dataset=rows)
    trainer.train()
    assert trainer.state.global_step == 3 * len(trainer.batches)
    found = BM25([row["positive"] for row in rows]).search([row["anchor"] for row in rows], top_k=3)
    assert found.ids.shape == (32, 3)


@pytest.mark.training
def test_weights_reach_a_loss_that_weighs_rows(tmp_path, tiny_static):
    data = texts_only(8).add_column("weight", [float(row) for row in range(8)])
    loss = MultipleNegativesRankingLoss(tiny_static)
    trainer = trainer_of(tiny_static, tmp_path, loss, data, {"cache_tokens": True})
    loader = trainer.get_train_dataloader()
    rows, batch = next(iter(loader.batch_sampler)), next(iter(loader))
    assert batch["sentence_features"][0]["row_weights"].tolist() == [float(row) for row in rows]
    trainer.train()
    trainer = trainer_of(tiny_static, tmp_path, CosineDistance(tiny_static), data)
    with pytest.raises(
        ValueError, match=r"`loss` must weigh rows for a column `weight`, got CosineDistance\n"
    ):
        trainer.get_train_dataloader()
