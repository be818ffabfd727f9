"""BM25 equals the formula, whatever the threads and the form of the texts."""

import math
import re
from collections import Counter

import numpy as np
import pytest

from foolsgold.mining.bm25 import BM25

WORDS = [
    "the",
    "a",
    "of",
    "to",
    "gold",
    "iron",
    "river",
    "torch.nn_Module",
    "from_pretrained(x)",
    "don't",
    "Straße",
]


def texts(seed, num, most=12):
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, generator.integers(0, most))) for _ in range(num)]


def terms(text):
    return [term for term in re.split(r"[^a-z0-9ß]+", text.lower().replace("ß", "ss")) if term]


def formula(corpus, query, k1, b):
    """Every document's score, None without a shared term."""
    documents = [Counter(terms(text)) for text in corpus]
    mean = sum(map(Counter.total, documents)) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for term, times in Counter(terms(query)).items():
            with_term = sum(term in other for other in documents)
            idf = math.log(1 + (len(corpus) - with_term + 0.5) / (with_term + 0.5))
            norm = k1 * (1 - b + b * (document.total() / mean))
            if document[term]:
                score += times * float(np.float32(idf * (document[term] / (document[term] + norm))))
        scores.append(np.float32(score) if set(document) & set(terms(query)) else None)
    return scores


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.0, 0.0), (2.5, 1.0)])
def test_scores_equal_the_formula(k1, b):
    corpus, queries = texts(0, 60), texts(1, 20, 6)
    found = BM25(corpus, k1=k1, b=b, threads=2).search(queries, top_k=25)
    assert (found.ids.dtype, found.scores.dtype) == (np.int64, np.float32)
    for query, ids, scores in zip(queries, found.ids, found.scores, strict=True):
        expected = [
            (score, row) for row, score in enumerate(formula(corpus, query, k1, b)) if score is not None
        ]
        expected = sorted(expected, key=lambda hit: (-hit[0], hit[1]))[:25]
        expected += [(-np.inf, -1)] * (25 - len(expected))
        assert ids.tolist() == [row for _, row in expected]
        # Python's logarithm and Rust's may differ in the last bit of float64.
        np.testing.assert_allclose(scores, [score for score, _ in expected], rtol=3e-7)
    assert found.report == {"num_queries": 20, "num_found": int((found.ids >= 0).sum())}


def test_any_form_of_texts_and_any_number_of_threads_give_one_answer():
    pa = pytest.importorskip("pyarrow")
    corpus, queries = texts(2, 3000), texts(3, 200, 5)
    first = BM25(corpus, threads=1).search(queries, top_k=10)
    arrow = BM25(pa.chunked_array([corpus[:7], corpus[7:]]), threads=3).search(pa.array(queries), top_k=10)
    assert np.array_equal(first.ids, arrow.ids)
    assert np.array_equal(first.scores, arrow.scores)
    assert len(BM25(corpus)) == 3000


def test_repeated_query_terms_count_each_time():
    index = BM25(["gold", "iron", "stone"])
    once, twice = (index.search([query], top_k=1).scores[0, 0] for query in ("gold", "gold Gold"))
    assert twice == 2 * once > 0


def test_nothing_shared_is_nothing_found():
    for corpus in (["gold", ""], []):
        found = BM25(corpus).search(["river", ""], top_k=3)
        assert found.ids.tolist() == [[-1] * 3] * 2
        assert np.isneginf(found.scores).all()
    assert BM25(["gold"]).search([], top_k=3).ids.shape == (0, 3)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: BM25(["a", None]), ValueError, "`corpus` must not be null, got None at row 1"),
        (lambda: BM25(["a", 3]), TypeError, "`corpus` must hold str, got int at row 1"),
        (lambda: BM25("gold"), TypeError, "`corpus` must be an Arrow column or a list of str, got str"),
        (lambda: BM25(["a"], k1=-1), ValueError, "`k1` must be finite and not negative, got -1"),
        (lambda: BM25(["a"], b=math.nan), ValueError, "`b` must be between 0 and 1, got NaN"),
        (lambda: BM25(["a"], threads=0), ValueError, "`threads` must be from 1 to 2^32 - 1, got 0"),
        (
            lambda: BM25(["a"]).search(["a"], top_k=1.5),
            ValueError,
            "`top_k` must be an integer from 1 to 2^63 - 1, got 1.5",
        ),
        (lambda: BM25(["a"]).search(["a"], top_k=0), ValueError, "`top_k` must be from 1 to 2^63 - 1, got 0"),
        (
            lambda: BM25(["a"]).search([None], top_k=1),
            ValueError,
            "`queries` must not be null, got None at row 0",
        ),
    ],
)
def test_bad_input_is_refused_by_name(ask, error, message):
    with pytest.raises(error, match=re.escape(message)):
        ask()


def test_what_is_excluded_leaves_its_place_to_the_next():
    corpus, queries = texts(3, 80), texts(4, 12, 6)
    index = BM25(corpus, threads=2)
    everything = index.search(queries, top_k=80)
    positives = np.arange(12)
    pages = np.arange(80) % 5
    found = index.search(
        queries,
        top_k=9,
        positives=positives,
        exclude=[[40, 41]] * 12,
        classes={"page": (pages, [[1, 2]] * 12)},
    )
    shorter = 0
    for query in range(12):
        allowed = [
            document
            for document in everything.ids[query]
            if document >= 0 and document not in (query, 40, 41) and pages[document] not in (1, 2)
        ]
        shorter += everything.ids[query, :9].tolist() != allowed[:9]
        assert found.ids[query].tolist() == (allowed + [-1] * 9)[:9]
    assert shorter > 6
    with pytest.raises(ValueError, match="`positives` must have one entry a query, 12, got 3"):
        index.search(queries, top_k=3, positives=[1, 2, 3])
