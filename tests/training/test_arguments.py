from __future__ import annotations

import json

import pytest
from tests.training.scenario import arguments

from foolsgold import training_args
from foolsgold.sampling import RandomBatchSampler
from foolsgold.training import (
    BatchSamplers,
    MultiDatasetBatchSamplers,
    SentenceTransformerTrainingArguments,
)


def test_values_that_hold_for_every_run(tmp_path):
    args = SentenceTransformerTrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    assert not args.remove_unused_columns
    assert args.prediction_loss_only
    assert args.ddp_find_unused_parameters is False
    assert args.ddp_broadcast_buffers is False
    assert not args.logging_nan_inf_filter
    assert args.batch_sampler is BatchSamplers.BATCH_SAMPLER
    assert arguments(tmp_path, ddp_find_unused_parameters=True).ddp_find_unused_parameters


@pytest.mark.parametrize("name", ["batch_sampler", "no_duplicates", "no_duplicates_hashed"])
def test_samplers_by_name(tmp_path, name):
    assert arguments(tmp_path, batch_sampler=name).batch_sampler is BatchSamplers(name)
    assert arguments(tmp_path, batch_sampler=BatchSamplers(name)).batch_sampler is BatchSamplers(name)


def test_warmup_ratio_is_a_share_of_the_steps(tmp_path):
    assert arguments(tmp_path, warmup_ratio=0.1).get_warmup_steps(200) == 20


def test_arguments_can_be_written_as_json(tmp_path):
    written = json.loads(arguments(tmp_path, batch_sampler=RandomBatchSampler).to_json_string())
    assert written["batch_sampler"] == "RandomBatchSampler"
    assert (
        json.loads(arguments(tmp_path, batch_sampler="no_duplicates").to_json_string())["batch_sampler"]
        == "no_duplicates"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"batch_sampler": "best"},
            "`batch_sampler` must be one of batch_sampler, no_duplicates, .* got 'best'",
        ),
        ({"label_smoothing_factor": 0.1}, "`label_smoothing_factor` must be 0, got 0.1"),
        ({"ignore_data_skip": True}, "`ignore_data_skip` must be False, got True"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        arguments(tmp_path, **options)


def test_the_fields_names_are_here():
    assert training_args.BatchSamplers is BatchSamplers
    assert training_args.MultiDatasetBatchSamplers is MultiDatasetBatchSamplers
    assert training_args.SentenceTransformerTrainingArguments is SentenceTransformerTrainingArguments
