"""With every bound given and no twins in the data, the negatives are the peer's."""

import inspect
import shutil
from collections import defaultdict

import numpy as np
import pytest
import torch
from datasets import Dataset

from foolsgold.mining.hard_negatives import mine_hard_negatives
from foolsgold.mining.model_fingerprint import model_fingerprint

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
        if name in ("score", "scores"):
            lists = ([np.atleast_1d(row) for row in rows[name]] for rows in (found, expected))
            ours, peers = map(list, lists)
            assert [len(row) for row in ours] == [len(row) for row in peers]
            np.testing.assert_allclose(np.concatenate(ours), np.concatenate(peers), atol=2e-6)
        else:
            assert found[name][:] == expected[name][:]


# Each names a bound, so that our own margin does not apply.
RULES = [
    {"absolute_margin": None},
    {"absolute_margin": 0.0},
    {"relative_margin": 0.05},
    {"relative_margin": 0.3, "absolute_margin": 0.1},
    {"max_score": 0.25, "min_score": -0.1},
    {"absolute_margin": -0.2, "max_score": 0.5, "range_min": 3},
]
FORMATS = ["triplet", "n-tuple", "labeled-pair", "labeled-list"]


@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("output_scores", [False, True])
def test_negatives_are_the_peers(pairs, output_format, output_scores, rules):
    options = {
        "range_max": EVERYTHING,
        "output_format": output_format,
        "output_scores": output_scores,
        "num_negatives": 4,
        **rules,
    }
    assert_same(ours(pairs, **options), peers(pairs, **options))


@pytest.mark.parametrize("output_format", FORMATS)
def test_what_becomes_of_anchors_with_few_negatives_is_as_with_the_peer(pairs, output_format):
    """Some anchors have all four, some fewer, some none."""
    options = {"range_max": EVERYTHING, "num_negatives": 4, "output_format": output_format, "min_score": 0.55}
    found = ours(pairs, output_scores=True, **options)
    assert_same(found, peers(pairs, output_scores=True, **options))
    counts = {
        len(negatives)
        for negatives in by_pair(ours(pairs, **{**options, "output_format": "triplet"})).values()
    }
    assert {1, 2, 3, 4} <= counts
    num_lists, num_ragged = (
        len(ours(pairs, **{**options, "output_format": name})) for name in ("labeled-list", "ragged")
    )
    assert num_lists < num_ragged  # some have none


@pytest.mark.parametrize("output_scores", [False, True])
@pytest.mark.parametrize(
    "bounds", [{"range_max": EVERYTHING}, {"max_score": 0.4, "range_max": EVERYTHING}], ids=str
)
def test_rankings_with_positives_are_the_peers(pairs, output_scores, bounds):
    options = {"include_positives": True, "num_negatives": 7, "output_scores": output_scores, **bounds}
    assert_same(ours(pairs, **options), peers(pairs, **options))


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_the_peers_faiss_finds_the_same(pairs, rules):
    options = {"range_max": EVERYTHING, "num_negatives": 4, **rules}
    assert_same(ours(pairs, **options), peers(pairs, use_faiss=True, **options))


def test_positives_alone_are_a_corpus(pairs):
    from sentence_transformers.util import mine_hard_negatives as peer

    expected = peer(pairs, Lookup(), range_max=EVERYTHING, verbose=False)
    assert_same(mine_hard_negatives(pairs, Lookup(), range_max=EVERYTHING, verbose=False), expected)


def test_a_margin_applies_where_the_peer_has_none(pairs):
    """The default that is not the peer's: without any bound, what scores like a positive is left out."""
    assert_same(ours(pairs), ours(pairs, relative_margin=0.05))
    assert_same(ours(pairs, relative_margin=None), peers(pairs))
    assert ours(pairs)["negative"][:] != peers(pairs)["negative"][:]


def test_twins_are_left_out_where_the_peer_takes_them(pairs):
    """Documents that are a positive in other case: the peer's negatives, and ours where they do not count."""
    corpus = [text.upper() for text in dict.fromkeys(pairs["answer"])]
    options = {"num_negatives": 5, "range_max": EVERYTHING}

    class Folded(Lookup):
        def encode_document(self, texts, **_):
            near = 0.01 * Lookup.encode_query(self, texts)  # no two scores are equal
            matrix = Lookup.encode_query(self, [text.lower() for text in texts]) + near
            return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)

    from sentence_transformers.util import mine_hard_negatives as peer

    theirs = by_pair(peer(pairs, Folded(), corpus=corpus, verbose=False, **options))
    assert any(positive.upper() in negatives for (_, positive), negatives in theirs.items())
    found = by_pair(mine_hard_negatives(pairs, Folded(), corpus=corpus, verbose=False, **options))
    assert not any(positive.upper() in negatives for (_, positive), negatives in found.items())
    same = mine_hard_negatives(pairs, Folded(), corpus=corpus, verbose=False, twins=False, **options)
    assert by_pair(same) == theirs


def test_the_signature_begins_with_the_peers():
    """Names, order and kinds are the peer's; a default too, but for the margin and what it deprecates."""
    from sentence_transformers.util import mine_hard_negatives as peer

    theirs, found = (
        list(inspect.signature(each).parameters.values()) for each in (peer, mine_hard_negatives)
    )
    theirs = [parameter for parameter in theirs if parameter.name not in ("as_triplets", "margin")]
    for our, their in zip(found, theirs, strict=False):
        assert (our.name, our.kind) == (their.name, their.kind)
        if our.name != "relative_margin":
            assert repr(our.default) == repr(their.default) or their.default is inspect.Parameter.empty
    further = found[len(theirs) :]
    assert further
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in further)


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


def test_a_model_of_the_peer_is_the_same_after_use_and_elsewhere(tiny_bert_folder, tmp_path):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny_bert_folder), device="cpu")
    before = model_fingerprint(model)
    model.encode_document(["a cat", "the dog and the bird"], prompt="the ")
    model.encode_query(["gold"], prompt="of ")
    assert model_fingerprint(model) == before
    elsewhere = shutil.copytree(tiny_bert_folder, tmp_path / "copy")
    assert model_fingerprint(SentenceTransformer(str(elsewhere), device="cpu")) == before
    model[1].include_prompt = False
    assert model_fingerprint(model) != before
