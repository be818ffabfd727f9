"""With every parameter given and no twins in the data, the negatives are the peer's."""

from collections import defaultdict

import numpy as np
import pytest
import torch
from datasets import Dataset

from foolsgold.mining.hard_negatives import mine_hard_negatives

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


class Lookup:
    """Unit vectors drawn from the bytes of a text: no two scores are equal."""

    device = torch.device("cpu")

    def encode_query(self, texts, **_):
        rows = [np.random.default_rng(list(text.encode())).normal(0.2, 1.0, size=16) for text in texts]
        matrix = np.array(rows)
        return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)

    encode_document = encode_query

    def get_embedding_dimension(self):
        return 16

    def similarity(self, left, right):
        return torch.as_tensor(left) @ torch.as_tensor(right).T

    def similarity_pairwise(self, left, right):
        return (torch.as_tensor(left) * torch.as_tensor(right)).sum(dim=1)


@pytest.fixture(scope="module")
def pairs():
    generator = np.random.default_rng(0)
    rows = [(f"q{query}", f"d{generator.integers(120)}") for query in generator.integers(0, 40, 90)]
    return Dataset.from_dict(dict(zip(("question", "answer"), zip(*rows, strict=True), strict=True)))


CORPUS = [f"d{number}" for number in range(20, 200)] + ["d30"]
EVERYTHING = 400  # more than there are documents, so that the peer's search is not cut off before its filters


def peers(pairs, **options):
    from sentence_transformers.util import mine_hard_negatives as peer

    return peer(pairs, Lookup(), corpus=CORPUS, verbose=False, **options)


def ours(pairs, **options):
    return mine_hard_negatives(pairs, Lookup(), corpus=CORPUS, verbose=False, **options)


def assert_same(found, expected):
    assert found.features == expected.features
    assert len(found) == len(expected) > 0
    for name in expected.column_names:
        if name == "scores":
            np.testing.assert_allclose(np.array(found[name]), np.array(expected[name]), atol=2e-6)
        else:
            assert found[name][:] == expected[name][:]


RULES = [
    {},
    {"absolute_margin": 0.0},
    {"relative_margin": 0.05},
    {"relative_margin": 0.3, "absolute_margin": 0.1},
    {"max_score": 0.25, "min_score": -0.1},
    {"absolute_margin": -0.2, "max_score": 0.5, "range_min": 3},
]


@pytest.mark.parametrize("use_faiss", [False, True])
@pytest.mark.parametrize("output_format", ["triplet", "n-tuple"])
@pytest.mark.parametrize("rules", RULES)
def test_negatives_are_the_peers(pairs, rules, output_format, use_faiss):
    options = {"range_max": EVERYTHING, "num_negatives": 4, "output_format": output_format, **rules}
    for output_scores in (False, True):
        expected = peers(pairs, use_faiss=use_faiss, output_scores=output_scores, **options)
        assert_same(ours(pairs, output_scores=output_scores, **options), expected)


def test_positives_alone_are_a_corpus(pairs):
    from sentence_transformers.util import mine_hard_negatives as peer

    expected = peer(pairs, Lookup(), range_max=EVERYTHING, verbose=False)
    assert_same(mine_hard_negatives(pairs, Lookup(), range_max=EVERYTHING, verbose=False), expected)


def test_defaults_are_the_peers(pairs):
    assert_same(ours(pairs), peers(pairs))


def by_pair(rows):
    negatives = defaultdict(list)
    for row in rows:
        negatives[row["question"], row["answer"]].append(row["negative"])
    return negatives


def test_where_the_peer_runs_out_ours_go_on(pairs):
    """The peer fetches `range_max` documents and then filters; ours are ranked after the filter."""
    options = {"range_max": 12, "num_negatives": 8, "absolute_margin": 0.3}
    expected, found = by_pair(peers(pairs, **options)), by_pair(ours(pairs, **options))
    assert all(found[pair][: len(negatives)] == negatives for pair, negatives in expected.items())
    assert sum(map(len, found.values())) > sum(map(len, expected.values()))


def test_random_negatives_come_from_the_peers_window(pairs):
    options = {"range_min": 2, "range_max": 9, "num_negatives": 7, "relative_margin": 0.1}
    window = by_pair(ours(pairs, **options))
    options["num_negatives"] = 3
    drawn = by_pair(ours(pairs, sampling_strategy="random", **options))
    assert drawn.keys() == window.keys()
    assert all(set(negatives) <= set(window[pair]) for pair, negatives in drawn.items())
