"""Prompts by data set and by column."""

from __future__ import annotations

import pytest
import torch
from tests.training.scenario import (
    CosineDistance,
    scored_and_not,
    several,
    trainer_of,
)

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ("iron ", ("iron ", "iron ", "iron ", "iron ")),
        ({"scored": "iron "}, ("iron ", "iron ", None, None)),
        ({"scored": {"second": "gold "}, "pairs.v1": "iron "}, (None, "gold ", "iron ", "iron ")),
        ({"first": "gold ", "answer": "iron "}, ("gold ", None, None, "iron ")),
    ],
)
@pytest.mark.parametrize("cache_tokens", [False, True])
def test_prompts_by_data_set_and_column(tmp_path, tiny_static, prompts, expected, cache_tokens):
    options = {"prompts": prompts, "cache_tokens": cache_tokens}
    trainer = several(tiny_static, tmp_path, options)
    loader = trainer.get_train_dataloader()
    plan = list(trainer.batches)
    loader.set_epoch(0)
    for rows, batch in zip(plan, loader, strict=True):
        source = int(rows[0] >= 24)
        own = list(scored_and_not().values())[source].select([row - 24 * source for row in rows])
        wanted = expected[2 * source : 2 * source + 2]
        for column, prompt, features in zip(
            own.column_names, wanted, batch["sentence_features"], strict=False
        ):
            assert torch.equal(
                features["input_ids"], tiny_static.preprocess(own[column], prompt=prompt)["input_ids"]
            )


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ({"scored": {"frist": "x"}}, r"`prompts` must be for text columns \(first, second\), got 'frist'"),
        (
            {"scored": "x", "other": "y"},
            r"`prompts` must be for data sets \(scored, pairs.v1\), got 'other' too",
        ),
        ({"frist": "x"}, r"`prompts` must be for text columns \(answer, first, query, second\), got 'frist'"),
        ({"first": {"second": "x"}}, "`prompts` must be texts by column of a data set, got .* for 'first'"),
    ],
)
def test_prompts_for_what_is_not_there_are_refused(tmp_path, tiny_static, prompts, message):
    with pytest.raises(ValueError, match=message):
        several(tiny_static, tmp_path, {"prompts": prompts})


def test_prompts_of_one_data_set_are_not_by_name(tmp_path, tiny_static):
    with pytest.raises(ValueError, match="`prompts` must be texts by column of a data set"):
        trainer_of(
            tiny_static,
            tmp_path,
            CosineDistance(tiny_static),
            options={"prompts": {"scored": {"first": "x"}}},
        )
