from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import laws
from tests.losses.encoders import TokenEncoder, columns, embeddings

from foolsgold.functional import multiple_negatives_ranking_loss
from foolsgold.losses import MultipleNegativesRankingLoss
from foolsgold.losses.parts.identity import Identity
from foolsgold.similarity import dot_score, euclidean_sim

ALL_DIRECTIONS = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")
DIRECTIONS = [
    ("query_to_doc", *others)
    for count in range(4)
    for others in itertools.combinations(("query_to_query", "doc_to_query", "doc_to_doc"), count)
]
HARDNESS = [(None, 0.0), ("in_batch_negatives", 2.0), ("hard_negatives", 1.5), ("all_negatives", 0.5)]


def oracle(queries, documents, *, scale=20.0, directions=("query_to_doc",), partition_mode="joint",
           hardness_mode=None, hardness_strength=0.0, query_ids=None, document_ids=None):  # fmt: skip
    """Loops over rows and candidates; documents (C, G, D)."""
    num_documents, num_rows = len(documents), len(queries)

    def cosine(a, b):
        a, b = a.tolist(), b.tolist()
        product = sum(x * y for x, y in zip(a, b, strict=True))
        return product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    def matches(i, text, row):
        """Whether a candidate is known to match row i; `row` is None for a stated negative."""
        if query_ids is None:
            return False
        texts = {int(query_ids[i]), int(document_ids[0][i])}
        if int(text) in texts:
            return True
        return row is not None and (
            query_ids[row] == query_ids[i] or document_ids[0][row] == document_ids[0][i]
        )

    total = 0.0
    for i in range(num_rows):
        sums = dict.fromkeys(directions, 0.0)
        for j in range(num_rows):
            known = matches(i, 0 if query_ids is None else query_ids[j], j)
            if "query_to_query" in sums and i != j and not known:
                sums["query_to_query"] += math.exp(scale * cosine(queries[i], queries[j]))
            if "doc_to_query" in sums and (
                i == j or not matches(i, 0 if query_ids is None else query_ids[j], j)
            ):
                sums["doc_to_query"] += math.exp(scale * cosine(documents[0][i], queries[j]))
            for c in range(num_documents):
                known = matches(i, 0 if query_ids is None else document_ids[c][j], j if c == 0 else None)
                is_positive = i == j and c == 0
                if is_positive or not known:
                    similarity = cosine(queries[i], documents[c][j])
                    weighted = {
                        "in_batch_negatives": i != j,
                        "hard_negatives": i == j and c > 0,
                        "all_negatives": not is_positive,
                        None: False,
                    }[hardness_mode]
                    sums["query_to_doc"] += math.exp((scale + hardness_strength * weighted) * similarity)
                if i != j and not known and "doc_to_doc" in sums:
                    sums["doc_to_doc"] += math.exp(scale * cosine(documents[0][i], documents[c][j]))
        if partition_mode == "joint":
            log_z = math.log(sum(sums.values()))
        else:
            log_z = sum(map(math.log, sums.values())) / len(sums)
        total += log_z - scale * cosine(queries[i], documents[0][i])
    return total / num_rows


def objective(query_ids=None, document_ids=None, **options):
    """The loss of columns (B, D): anchors, positives, negatives."""
    if query_ids is not None:
        options["identity"] = Identity(query_ids=query_ids, document_ids=document_ids)

    def of_columns(queries, *documents):
        return multiple_negatives_ranking_loss(queries, torch.stack(documents), **options)

    return of_columns


def batch(num_columns=3, num_rows=5, **kwargs):
    return [embeddings(num_rows, 4, seed=seed, **kwargs) for seed in range(num_columns)]


@pytest.mark.parametrize("directions", DIRECTIONS)
@pytest.mark.parametrize(("hardness_mode", "hardness_strength"), HARDNESS)
def test_equals_loops(directions, hardness_mode, hardness_strength):
    for num_columns, num_rows in ((2, 4), (4, 3), (3, 1)):
        options = {
            "scale": 3.0,
            "directions": directions,
            "hardness_mode": hardness_mode,
            "hardness_strength": hardness_strength,
        }
        laws.equals_oracle(
            objective(**options),
            lambda queries, *documents, options=options: oracle(queries, documents, **options),
            *batch(num_columns, num_rows),
        )


@pytest.mark.parametrize("directions", [("query_to_doc",), ("doc_to_query", "query_to_doc")])
def test_equals_loops_per_direction(directions):
    options = {"directions": directions, "partition_mode": "per_direction"}
    laws.equals_oracle(
        objective(**options), lambda queries, *documents: oracle(queries, documents, **options), *batch()
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_known_matches_are_no_negatives(data):
    num_rows = data.draw(st.integers(1, 5))
    ids = torch.tensor(
        data.draw(
            st.lists(
                st.lists(st.integers(0, 6), min_size=num_rows, max_size=num_rows), min_size=2, max_size=4
            )
        )
    )
    options = {"scale": 2.0, "directions": ALL_DIRECTIONS, "query_ids": ids[0], "document_ids": ids[1:]}
    queries, *documents = batch(len(ids), num_rows)
    value = objective(**options)(queries, *documents)
    expected = torch.tensor(oracle(queries, documents, **options), dtype=torch.float64)
    torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9)


def test_distinct_ids_change_nothing():
    ids = torch.arange(15).view(3, 5)
    plain = objective(directions=ALL_DIRECTIONS)
    with_ids = objective(directions=ALL_DIRECTIONS, query_ids=ids[0], document_ids=ids[1:])
    assert torch.equal(plain(*batch()), with_ids(*batch()))


@pytest.mark.parametrize(
    ("query_ids", "positive_ids", "is_match"),
    [
        ([0, 1], [2, 2], True),  # a shared positive
        ([0, 0], [2, 3], True),  # a shared query
        ([0, 1], [2, 0], True),  # the other positive is the query itself
        ([0, 2], [2, 3], False),  # the other query is the positive, the other positive is new
        ([0, 1], [2, 3], False),
    ],
)
def test_a_match_leaves_the_positive_alone(query_ids, positive_ids, is_match):
    """Row 0 of two rows, queries to documents: its only other candidate is the positive of row 1."""
    queries, positives = batch(2, 2)
    ids = {"query_ids": torch.tensor(query_ids), "document_ids": torch.tensor([positive_ids])}
    value = objective(**ids, rows=slice(0, 1))(queries, positives)
    assert (value == 0) == is_match


def test_own_positive_stays_when_it_equals_the_anchor():
    """Pairs of a text with itself, told apart by dropout: the other rows are still negatives."""
    ids = torch.arange(5)
    value = objective(query_ids=ids, document_ids=ids[None])(*batch(2))
    assert torch.equal(value, objective()(*batch(2)))


def test_two_matching_rows_have_no_signal():
    options = {"query_ids": torch.tensor([0, 0]), "document_ids": torch.tensor([[1, 2], [0, 0]])}
    laws.is_zero_without_signal(objective(**options), *batch(3, 2))


@pytest.mark.parametrize("directions", [x for x in DIRECTIONS if "doc_to_query" not in x])
def test_one_pair_has_no_signal(directions):
    laws.is_zero_without_signal(objective(directions=directions), *batch(2, 1))


def test_keeps_the_laws():
    ids = torch.tensor([[0, 1, 2, 3, 4], [5, 6, 6, 7, 8], [9, 10, 11, 5, 12]])
    for options in (
        {},
        {"partition_mode": "per_direction", "directions": ("query_to_doc", "doc_to_query")},
        {"directions": ALL_DIRECTIONS, "query_ids": ids[0], "document_ids": ids[1:]},
    ):
        laws.has_exact_gradient(objective(**options, scale=2.0), *batch())
        laws.is_finite_for_extremes(objective(**options), *batch())
        laws.leaves_inputs_unchanged(objective(**options), *batch())
        laws.ignores_lengths(objective(**options), *batch())
        if "query_ids" not in options:
            laws.ignores_row_order(objective(**options), *batch())


def test_other_similarities_are_finite():
    for similarity_fct in (dot_score, euclidean_sim):
        options = {"similarity_fct": similarity_fct, "scale": 1.0, "directions": ALL_DIRECTIONS}
        laws.is_finite_for_extremes(objective(**options), *(x[:4] for x in batch()))


def test_hardness_is_no_path_for_the_gradient():
    """The weight counts as a constant: the gradient is that of the logits with the weights held fixed."""
    queries, documents = batch(2)
    frozen = queries.clone()

    def held(queries):
        cosines = torch.cosine_similarity(queries[:, None], documents[None], dim=-1)
        fixed = torch.cosine_similarity(frozen[:, None], documents[None], dim=-1)
        logits = cosines * 20 + 9 * fixed * ~torch.eye(5, dtype=torch.bool)
        return torch.nn.functional.cross_entropy(logits, torch.arange(5))

    options = {"hardness_mode": "in_batch_negatives", "hardness_strength": 9.0}
    ours, theirs = queries.clone().requires_grad_(), queries.clone().requires_grad_()
    value, expected = objective(**options)(ours, documents), held(theirs)
    torch.testing.assert_close(value, expected)
    value.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_halves_make_the_whole():
    queries, *documents = batch(3, 6)
    ids = torch.tensor([[0, 1, 2, 3, 4, 5], [6, 7, 7, 8, 9, 6], [10, 11, 12, 6, 13, 14]])
    laws.halves_make_the_whole(
        lambda rows: objective(directions=ALL_DIRECTIONS, query_ids=ids[0], document_ids=ids[1:], rows=rows)(
            queries, *documents
        ),
        num_rows=6,
    )


def test_logits_are_float32_under_autocast():
    queries, positives = (x.float() for x in batch(2))
    seen = []

    def matmul(a, b):
        seen.append((a @ b.T).dtype)
        return a @ b.T

    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = objective(similarity_fct=matmul)(queries, positives)
    assert seen == [torch.float32]
    assert torch.equal(value, objective(similarity_fct=matmul)(queries, positives))


@pytest.mark.slow
def test_compiles_whole():
    ids = torch.arange(15).view(3, 5)
    laws.compiles_whole(objective(), *batch())
    options = {"directions": ALL_DIRECTIONS, "hardness_mode": "all_negatives", "hardness_strength": 1.0}
    laws.compiles_whole(objective(query_ids=ids[0], document_ids=ids[1:], **options), *batch())


def test_module_is_the_function():
    model = TokenEncoder()
    features = columns(5, 3, 9, 7)
    options = {
        "scale": 7.0,
        "directions": ALL_DIRECTIONS,
        "hardness_mode": "all_negatives",
        "hardness_strength": 2.0,
    }
    queries, *documents = (model(dict(column))["sentence_embedding"] for column in features)
    value = MultipleNegativesRankingLoss(model, **options)(features, None)
    torch.testing.assert_close(value, objective(**options)(queries, *documents))


def test_module_reads_text_ids():
    model = TokenEncoder()
    ids = torch.tensor([[0, 1, 2], [3, 3, 4]])
    features = [{**column, "text_ids": row} for column, row in zip(columns(3, 3, 9), ids, strict=True)]
    queries, documents = (model(dict(column))["sentence_embedding"] for column in columns(3, 3, 9))
    masked = objective(query_ids=ids[0], document_ids=ids[1:])(queries, documents)
    plain = objective()(queries, documents)
    torch.testing.assert_close(MultipleNegativesRankingLoss(model)(features), masked)
    torch.testing.assert_close(MultipleNegativesRankingLoss(model, mask_by_identity=False)(features), plain)
    assert plain > masked


def test_cached_equals_direct():
    laws.cached_equals_direct(
        MultipleNegativesRankingLoss(TokenEncoder().double()), columns(5, 3, 9, 7), None
    )


def test_stores_its_arguments():
    loss = MultipleNegativesRankingLoss(TokenEncoder(), directions=["query_to_doc", "doc_to_query"])
    laws.stores_its_arguments(
        loss,
        {
            "scale": 20.0,
            "similarity_fct": "cos_sim",
            "gather_across_devices": False,
            "directions": ("query_to_doc", "doc_to_query"),
            "partition_mode": "joint",
            "hardness_mode": None,
            "hardness_strength": 0.0,
            "mask_by_identity": True,
            "mask_by_label": False,
            "false_negative_margin": None,
            "learnable_scale": False,
        },
    )
    assert loss.temperature == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0}, "`scale` must be above 0, got 0"),
        ({"directions": ()}, "`directions` must have `query_to_doc`"),
        ({"directions": ("doc_to_query",)}, "`directions` must have `query_to_doc`"),
        ({"directions": ("query_to_doc", "doc")}, "got \\['query_to_doc', 'doc'\\]"),
        ({"partition_mode": "split"}, "`partition_mode` must be one of .*, got 'split'"),
        ({"partition_mode": "per_direction", "directions": ALL_DIRECTIONS}, "must be 'joint' with"),
        ({"hardness_mode": "easy"}, "`hardness_mode` must be None or one of .*, got 'easy'"),
        ({"hardness_strength": -1.0}, "`hardness_strength` must be at least 0, got -1.0"),
    ],
)
def test_refuses_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        MultipleNegativesRankingLoss(TokenEncoder(), **options)


def test_refuses_a_single_column():
    with pytest.raises(
        ValueError, match=r"`MultipleNegativesRankingLoss` takes \(anchor, positive\) pairs.*got 1 columns"
    ):
        MultipleNegativesRankingLoss(TokenEncoder())(columns(3, 4))


def test_refuses_columns_of_different_rows():
    with pytest.raises(ValueError, match=r"equally many rows in every column, got \[3, 2\]"):
        MultipleNegativesRankingLoss(TokenEncoder())([*columns(3, 4), *columns(2, 4)])
