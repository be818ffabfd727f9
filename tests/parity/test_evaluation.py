"""The evaluator gives the numbers, keys and file of the peer's."""

import inspect
import itertools

import numpy as np
import pytest
import torch

from foolsgold.evaluation import InformationRetrievalEvaluator

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


class Card:
    """What the peer's evaluator tells its results to."""

    def set_evaluation_metrics(self, *_):
        pass


class Lookup:
    """A model whose texts are row numbers of random embeddings: no two scores are equal."""

    model_card_data = Card()

    def __init__(self, similarity_fn_name, seed):
        from sentence_transformers.util.similarity import SimilarityFunction

        self.similarity_fn_name = similarity_fn_name
        self.similarity = SimilarityFunction.to_similarity_fn(similarity_fn_name)
        self.embeddings = torch.randn(230, 16, generator=torch.Generator().manual_seed(seed))

    def encode_query(self, texts, *, truncate_dim=None, convert_to_tensor=True, **_):
        assert convert_to_tensor
        return self.embeddings[[int(text) for text in texts], :truncate_dim]

    encode_document = encode_query


@pytest.fixture(scope="module")
def peer():
    pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator as Peer

    return Peer


def task(seed):
    """Queries, corpus and relevant documents: one query has none, one an absent document."""
    generator = np.random.default_rng(seed)
    queries = {f"q{row}": str(row) for row in range(30)}
    corpus = {f"d{row}": str(row) for row in range(30, 230)}
    relevant = {
        query: {
            f"d{row}"
            for row in generator.choice(np.arange(30, 230), generator.integers(1, 30), replace=False)
        }
        for query in queries
    }
    relevant["q3"] = set()
    relevant["q4"].add("absent")
    del relevant["q5"]
    return queries, corpus, relevant


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean", "manhattan"])
def test_numbers_keys_and_file_are_the_peers(peer, similarity, tmp_path):
    model = Lookup(similarity, seed=1)
    scores = model.similarity(model.embeddings[:30, :12], model.embeddings[30:, :12])
    assert all(len(row.unique()) == 200 for row in scores)
    options = {"name": "random", "mrr_at_k": [1, 10], "ndcg_at_k": [3, 10], "truncate_dim": 12}
    ours, theirs = (kind(*task(0), **options) for kind in (InformationRetrievalEvaluator, peer))
    found = ours(model, output_path=str(tmp_path / "ours"), epoch=1, steps=20)
    expected = theirs(model, output_path=str(tmp_path / "theirs"), epoch=1, steps=20)
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, abs=1e-6)
    assert min(found.values()) > 0
    assert ours.primary_metric == theirs.primary_metric
    files = [
        (tmp_path / whose / kind.csv_file).read_text() for whose, kind in (("ours", ours), ("theirs", theirs))
    ]
    (our_head, our_row), (their_head, their_row) = (text.splitlines() for text in files)
    assert our_head == their_head
    rows = [[float(value) for value in row.split(",")] for row in (our_row, their_row)]
    assert rows[0] == pytest.approx(rows[1], abs=1e-6)


def test_the_order_of_the_constructor_is_the_peers(peer):
    ours, theirs = (
        list(inspect.signature(kind).parameters) for kind in (InformationRetrievalEvaluator, peer)
    )
    assert ours == theirs[: len(ours)]
    assert set(theirs[len(ours) :]) == {"write_predictions"}


def test_a_tiny_model_gets_the_peers_numbers(peer, tiny_bert_folder):
    from sentence_transformers import SentenceTransformer as PeerModel

    from foolsgold.models import SentenceTransformer

    words = ["the", "a", "of", "cat", "dog", "bird", "fish", "gold", "iron", "stone", "river"]
    corpus = {
        f"d{row}": f"{first} {last}" for row, (first, last) in enumerate(itertools.permutations(words, 2))
    }
    queries = {f"q{row}": f"{words[row]} {words[row - 1]} {words[row - 2]}" for row in range(11)}
    relevant = {query: {f"d{10 * row}", f"d{row + 30}"} for row, query in enumerate(queries)}
    ours = InformationRetrievalEvaluator(queries, corpus, relevant)(
        SentenceTransformer(tiny_bert_folder, device="cpu")
    )
    theirs = peer(queries, corpus, relevant)(PeerModel(str(tiny_bert_folder), device="cpu"))
    assert ours == pytest.approx(theirs, abs=1e-6)
