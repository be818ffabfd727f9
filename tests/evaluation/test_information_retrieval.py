"""The evaluator's keys, file and numbers, with a tiny model."""

import csv
import re

import numpy as np
import pytest
import torch

from foolsgold.evaluation import InformationRetrievalEvaluator
from foolsgold.evaluation.search import search_by
from foolsgold.similarity import SimilarityFunction, dot_score

CORPUS = {
    f"d{row}": text for row, text in enumerate(["a cat", "a dog", "the bird of gold", "iron", "stone river"])
}
QUERIES = {"q1": "a cat", "q2": "iron", "q3": "the river", "q4": "nobody asks"}
RELEVANT = {"q1": {"d0"}, "q2": {"d3", "d4"}, "q3": {"d4", "absent"}, "q4": set()}


def test_keys_are_those_of_the_field(tiny_static):
    evaluator = InformationRetrievalEvaluator(
        QUERIES, CORPUS, RELEVANT, name="tiny", map_at_k=[3], mrr_at_k=[1, 5]
    )
    metrics = evaluator(tiny_static)
    names = [f"{metric}@{k}" for metric in ("accuracy", "precision", "recall") for k in (1, 3, 5, 10)]
    names += ["ndcg@10", "mrr@1", "mrr@5", "map@3"]
    assert list(metrics) == [f"tiny_cosine_{name}" for name in names]
    assert evaluator.primary_metric == "tiny_cosine_ndcg@10"
    assert evaluator.greater_is_better
    assert metrics["tiny_cosine_accuracy@1"] >= 1 / 3
    assert metrics["tiny_cosine_recall@10"] == pytest.approx((1 + 1 + 0.5) / 3)


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean", "manhattan"])
def test_numbers_are_those_of_a_full_sort(tiny_bert, similarity):
    tiny_bert.similarity_fn_name = similarity
    evaluator = InformationRetrievalEvaluator(
        QUERIES, CORPUS, RELEVANT, corpus_chunk_size=2, precision_recall_at_k=[1, 2]
    )
    metrics = evaluator(tiny_bert)
    asked = [query for query in QUERIES if RELEVANT[query]]
    scores = tiny_bert.similarity(
        tiny_bert.encode_query([QUERIES[query] for query in asked]),
        tiny_bert.encode_document(list(CORPUS.values())),
    )
    found = [[f"d{row}" for row in order] for order in scores.argsort(dim=1, descending=True).tolist()]
    recall = [
        len(set(order[:2]) & RELEVANT[query]) / len(RELEVANT[query])
        for query, order in zip(asked, found, strict=True)
    ]
    assert metrics[f"{similarity}_recall@2"] == pytest.approx(np.mean(recall))
    ranks = [
        min(order.index(one) + 1 for one in RELEVANT[query] & set(order))
        for query, order in zip(asked, found, strict=True)
    ]
    assert metrics[f"{similarity}_mrr@10"] == pytest.approx(np.mean([1 / rank for rank in ranks]))


def test_own_score_functions_and_the_main_one(tiny_static):
    functions = {"worst": lambda a, b: -dot_score(a, b), "dot": dot_score}
    evaluator = InformationRetrievalEvaluator(QUERIES, CORPUS, RELEVANT, score_functions=functions)
    metrics = evaluator(tiny_static)
    best = max(functions, key=lambda name: metrics[f"{name}_ndcg@10"])
    assert evaluator.primary_metric == f"{best}_ndcg@10"
    evaluator.main_score_function = SimilarityFunction.DOT
    evaluator(tiny_static)
    assert evaluator.primary_metric == "dot_ndcg@10"


def test_each_call_appends_a_row(tiny_static, tmp_path):
    evaluator = InformationRetrievalEvaluator(QUERIES, CORPUS, RELEVANT, name="tiny")
    metrics = evaluator(tiny_static, output_path=tmp_path / "eval", epoch=0.5, steps=7)
    evaluator(tiny_static, output_path=tmp_path / "eval", epoch=1, steps=14)
    with (tmp_path / "eval" / "Information-Retrieval_evaluation_tiny_results.csv").open() as file:
        head, *rows = list(csv.reader(file))
    assert head[:5] == ["epoch", "steps", "cosine-Accuracy@1", "cosine-Accuracy@3", "cosine-Accuracy@5"]
    assert [row[:2] for row in rows] == [["0.5", "7"], ["1", "14"]]
    first = dict(zip(head, rows[0], strict=True))
    for column, value in list(first.items())[2:]:
        assert float(value) == metrics["tiny_" + column.replace("-", "_").lower()]
    InformationRetrievalEvaluator(QUERIES, CORPUS, RELEVANT, write_csv=False)(
        tiny_static, output_path=tmp_path
    )
    assert [path.name for path in tmp_path.iterdir()] == ["eval"]


def test_collapsed_scores_get_what_guessing_gets(tiny_static):
    torch.nn.init.ones_(next(tiny_static.parameters()))
    metrics = InformationRetrievalEvaluator(QUERIES, CORPUS, {"q1": {"d0"}, "q2": {"d4"}})(tiny_static)
    assert metrics["cosine_accuracy@1"] == pytest.approx(1 / 5)
    assert metrics["cosine_mrr@10"] == pytest.approx(np.mean([1 / rank for rank in range(1, 6)]))


@pytest.mark.parametrize("chunk_size", [1, 3, 100])
def test_search_by_chunks_is_a_stable_sort(chunk_size):
    generator = torch.Generator().manual_seed(0)
    queries = torch.randint(-1, 2, (7, 3), generator=generator).float()
    corpus = torch.randn(40, 3, generator=generator).mul(1024).round().div(1024)  # exact sums, in any order
    ids, scores = search_by(dot_score, queries, corpus, 5, chunk_size)
    expected = dot_score(queries, corpus).sort(dim=1, descending=True, stable=True)
    assert torch.equal(scores, expected.values[:, :5])
    distinct = (queries != 0).any(dim=1)
    assert torch.equal(ids[distinct], expected.indices[distinct, :5])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((QUERIES, CORPUS, {}), {}, "`relevant_docs` must name documents for a query, got none for 4"),
        ((QUERIES, {}, RELEVANT), {}, "`corpus` must hold a document, got none"),
        (
            (QUERIES, CORPUS, RELEVANT),
            {"ndcg_at_k": []},
            "`ndcg_at_k` must name a cutoff for the primary metric, got none",
        ),
        ((QUERIES, CORPUS, RELEVANT), {"map_at_k": [0]}, "cutoffs must be at least 1, got 0"),
        (
            (QUERIES, CORPUS, RELEVANT),
            {"corpus_chunk_size": 0},
            "`corpus_chunk_size` must be positive, got 0",
        ),
        (
            (QUERIES, CORPUS, RELEVANT),
            {"main_score_function": "angle"},
            "`similarity_function` must be one of",
        ),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        InformationRetrievalEvaluator(*arguments, **options)
