"""Errors name an argument that the caller has, whatever the core calls it."""

from __future__ import annotations

import inspect
import math
import re

import numpy as np
import pytest
from torch.utils.data import ConcatDataset

from foolsgold import data, evaluation, mining, sampling
from foolsgold.data.combinations import Combinations

LABELS = [0, 0, 0, 1, 1, 1, 2, 2, 2]
TEXTS = [f"text {row}" for row in range(9)]
PAIRS = {"query": TEXTS, "answer": [f"answer {row}" for row in range(9)], "label": LABELS}
ROWS = [{"query": text, "negatives": ["no", "never", "not"]} for text in TEXTS]
POINTS = np.random.default_rng(0).standard_normal((9, 4), dtype=np.float32)
TRIPLETS = data.triplets_from_labels(LABELS)
BATCHES = {"dataset": PAIRS, "batch_size": 4, "drop_last": False}
FOUND = mining.mine(POINTS, POINTS, num_negatives=3)


SEVERAL = {
    "dataset": ConcatDataset([TEXTS, TEXTS]),
    "batch_samplers": [sampling.RandomBatchSampler(TEXTS, 3, True, stream=number) for number in range(2)],
}


CALLS = [
    (data.triplets_from_labels, {"labels": LABELS, "max_per_anchor": 2}),
    (data.triplets_from_labels, {"labels": LABELS, "per_class": 2}),
    (data.pairs_from_labels, {"labels": LABELS, "ordered": True, "max_per_anchor": 2}),
    (data.pairs_from_labels, {"labels": LABELS, "kind": "labelled", "per_label": 2}),
    (data.triplets_from_scores, {"anchors": LABELS, "items": list(range(9)), "scores": np.arange(9.0)}),
    (data.triplets_from_judgments, {"queries": LABELS, "documents": list(range(9)), "grades": [0, 1, 2] * 3}),
    (data.triplets_from_embeddings, {"embeddings": POINTS, "labels": LABELS, "margin": 0.5}),
    (data.triplets_from_distances, {"distances": np.zeros((9, 9), np.float32), "labels": LABELS}),
    (Combinations.take, {"self": TRIPLETS, "places": [3, 1]}),
    (Combinations.blocks, {"self": TRIPLETS, "num_rows": 5, "start": 2}),
    (Combinations.shuffled, {"self": TRIPLETS}),
    (Combinations.rows, {"self": TRIPLETS, "texts": TEXTS, "num_rows": 5}),
    (Combinations.stream, {"self": TRIPLETS, "texts": TEXTS}),
    (data.near_duplicates, {"texts": TEXTS}),
    (data.near_duplicates_between, {"left": TEXTS, "right": TEXTS}),
    (data.DrawnNegatives, {"dataset": ROWS, "num_negatives": 2}),
    (data.ContrastiveTensionDataset, {"sentences": TEXTS}),
    (data.DenoisingAutoEncoderDataset, {"sentences": TEXTS}),
    (data.delete_words, {"text": "a b c"}),
    (data.check, {"data": ROWS}),
    (data.reshape, {"data": {"anchor": TEXTS, "positive": TEXTS[::-1]}, "num_negatives": 2, "to": "n-tuple"}),
    (sampling.RandomBatchSampler, BATCHES),
    (sampling.SequentialBatchSampler, BATCHES),
    (sampling.NoDuplicatesBatchSampler, BATCHES),
    (sampling.NoDuplicatesBatchSampler, {**BATCHES, "lengths": np.arange(1, 10), "max_tokens": 40}),
    (sampling.GroupByLabelBatchSampler, {**BATCHES, "valid_label_columns": ["label"]}),
    (sampling.PKSampler, {**BATCHES, "valid_label_columns": ["label"], "k": 2}),
    (sampling.LengthBatchSampler, {**BATCHES, "lengths": np.arange(1, 10), "max_tokens": 40}),
    (sampling.ConflictAwareBatchSampler, {**BATCHES, "conflicts": np.array([[0, 1]])}),
    (sampling.NoDuplicatesStream, {**BATCHES, "dataset": ROWS}),
    (sampling.MixSampler, SEVERAL),
    (sampling.ProportionalBatchSampler, SEVERAL),
    (sampling.RoundRobinBatchSampler, SEVERAL),
    (mining.mine, {"queries": POINTS, "corpus": POINTS, "num_negatives": 2, "positives": np.arange(9)}),
    (mining.BM25, {"corpus": TEXTS}),
    (mining.BM25.search, {"self": mining.BM25(TEXTS), "queries": TEXTS, "top_k": 2}),
    (mining.fuse, {"sources": {"one": FOUND, "two": FOUND}, "num": 2}),
    (mining.mine_fused, {"sources": {"one": FOUND, "two": FOUND}, "queries": POINTS, "corpus": POINTS}),
    (evaluation.retrieval_metrics, {"ids": FOUND.ids, "scores": FOUND.scores, "relevant": np.arange(9)}),
]
WRONG = (-1, 0, 1 << 62, 1 << 70, 0.5, math.nan, "no such", ["no", "such"], np.zeros((2, 2, 2)))
NOT_VARIED = {"self", "progress", "device", "folder"}


@pytest.mark.parametrize(
    ("function", "arguments"), CALLS, ids=lambda value: getattr(value, "__qualname__", "")
)
def test_errors_name_an_argument_of_the_call(function, arguments):
    """What stands first between backticks is a parameter, or a column of the data."""
    names = inspect.signature(function).parameters
    known = {*names, *PAIRS, *ROWS[0]}
    strange = []
    for name, value in [(None, None), *((name, value) for name in {*names} - NOT_VARIED for value in WRONG)]:
        given = arguments if name is None else {**arguments, name: value}
        try:
            found = function(**given)
            if inspect.isgenerator(found):
                next(found, None)
        except (ValueError, TypeError, OSError, AttributeError) as error:
            told = re.match(r"`(\w+)[^`]*` must", str(error))
            if name is None or (told and told[1] not in known):
                strange.append((name, value, str(error)))
    assert strange == []


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda many: next(many.blocks(10**15)), r"`num_rows` must leave a result that .*, got 10{15}$"),
        (lambda many: list(many.blocks(10**17, start=3)), r"`num_rows` must leave a result .*, got 10{17}$"),
        (lambda many: many.take(range(10**15)), r"`places` must leave a result .*, got range\(0, 10{15}\)$"),
        (lambda many: many[5 : 10**15], r"`stop` must leave a result that memory holds: .*, got 10{15}$"),
    ],
)
def test_more_combinations_than_memory_holds(give, message):
    with pytest.raises(ValueError, match=message):
        give(data.triplets_from_labels(np.arange(300_000) % 3))


@pytest.mark.parametrize("argument", ["from_", "to"])
def test_an_unknown_shape_is_named(argument):
    shapes = {"to": "n-tuple", "num_negatives": 1, argument: "pairs"}
    with pytest.raises(ValueError, match=f"`{argument}` must be one of 'pair', 'triplet', .*, got 'pairs'"):
        data.reshape({"anchor": TEXTS, "positive": TEXTS[::-1]}, **shapes)
