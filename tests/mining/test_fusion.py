"""Fusion equals its formulas; a document from any source is under the rules of all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import foolsgold as fg
from foolsgold import _core
from foolsgold.mining.bm25 import BM25
from foolsgold.mining.candidates import Candidates
from foolsgold.mining.fused import mine_fused, score_candidates
from foolsgold.mining.fusion import NO_SOURCE, fuse


def table(generator, num_queries, num_documents, width):
    ids = np.stack([generator.permutation(num_documents)[:width] for _ in range(num_queries)])
    lengths = generator.integers(0, width + 1, num_queries)
    is_there = np.arange(width) < lengths[:, None]
    scores = -np.sort(-generator.normal(size=ids.shape), axis=1).astype(np.float32)
    return Candidates(np.where(is_there, ids, -1), np.where(is_there, scores, -np.inf).astype(np.float32))


def sources_of(seed, num_queries=5, num_documents=12):
    generator = np.random.default_rng(seed)
    names = ["model", "bm25", "run"][: generator.integers(1, 4)]
    return {name: table(generator, num_queries, num_documents, generator.integers(1, 9)) for name in names}


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32), k=st.sampled_from([None, 0.0, 10.5]), num=st.sampled_from([None, 1, 4, 30])
)
def test_reciprocal_ranks_are_summed(seed, k, num):
    sources = sources_of(seed)
    found = fuse(sources, k=k, num=num)
    assert found.source_names == tuple(sources)
    width = num or max(source.ids.shape[1] for source in sources.values())
    assert found.ids.shape == (5, width)
    for query in range(5):
        ranks = [
            {int(document): place + 1 for place, document in enumerate(source.ids[query]) if document >= 0}
            for source in sources.values()
        ]
        every = set().union(*ranks)
        of = {
            document: np.float32(
                sum(1 / ((60 if k is None else k) + rank[document]) for rank in ranks if document in rank)
            )
            for document in every
        }
        wanted = sorted(every, key=lambda document: (-of[document], document))[:width]
        assert found.ids[query].tolist() == wanted + [-1] * (width - len(wanted))
        for place, document in enumerate(wanted):
            assert found.scores[query, place] == of[document]
            best = min((rank[document], at) for at, rank in enumerate(ranks) if document in rank)
            assert (found.source_ranks[query, place], found.sources[query, place]) == best
        assert (found.sources[query, len(wanted) :] == NO_SOURCE).all()
        assert (found.source_ranks[query, len(wanted) :] == 0).all()


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), quotas=st.lists(st.integers(0, 4), min_size=3, max_size=3))
def test_each_source_gives_its_quota_of_new_documents(seed, quotas):
    sources = sources_of(seed)
    quotas = dict(zip(sources, quotas, strict=False))
    if not sum(quotas.values()):
        quotas[next(iter(quotas))] = 1
    found = fuse(sources, method="quota", quotas=quotas)
    assert found.ids.shape[1] == sum(quotas.values())
    for query in range(5):
        there = found.ids[query][found.ids[query] >= 0].tolist()
        assert len(set(there)) == len(there)
        for at, (name, source) in enumerate(sources.items()):
            is_own = found.sources[query] == at
            assert is_own.sum() <= quotas[name]
            own_ranks = found.source_ranks[query][is_own].astype(int) - 1
            assert (np.diff(own_ranks) > 0).all()
            assert found.ids[query][is_own].tolist() == source.ids[query][own_ranks].tolist()
            assert found.scores[query][is_own].tolist() == source.scores[query][own_ranks].tolist()
            if is_own.sum() < quotas[name]:  # it had no other to give
                assert set(source.ids[query]) - {-1} <= set(there)
    counts = [int((found.sources == at).sum()) for at in range(len(sources))]
    assert [found.report[f"from_{name}"] for name in sources] == counts


def unit(generator, rows, dim):
    values = generator.normal(size=(rows, dim))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), method=st.sampled_from(["rrf", "quota"]))
def test_no_source_breaks_a_rule(seed, method):
    generator = np.random.default_rng(seed)
    queries, corpus = unit(generator, 5, 3), unit(generator, 30, 3)
    sources = {name: table(generator, 5, 30, 20) for name in ("bm25", "run")}
    positives = [generator.integers(0, 30, size).tolist() for size in generator.integers(0, 3, 5)]
    exclude = [generator.integers(0, 30, size).tolist() for size in generator.integers(0, 3, 5)]
    pages, own = generator.integers(0, 6, 30), generator.integers(0, 8, 5)
    found = mine_fused(
        sources,
        queries,
        corpus,
        positives=positives,
        exclude=exclude,
        classes={"page": (pages, own)},
        num_negatives=4,
        relative_margin=0.1,
        max_score=0.8,
        min_score=-0.5,
        method=method,
        quotas={"bm25": 2, "run": 2} if method == "quota" else None,
    )
    scores = unit_scores(queries, corpus)
    for query in range(5):
        known = [float(scores[query, document]) for document in positives[query]]
        cap = min([0.8] + [p - abs(p) * 0.1 for p in known if p == min(known)])
        allowed = {
            document
            for document in range(30)
            if document not in positives[query] + exclude[query]
            and pages[document] != own[query]
            and -0.5 <= float(scores[query, document]) <= cap
        }
        there = found.ids[query] >= 0
        assert set(found.ids[query][there].tolist()) <= allowed
        assert (found.scores[query][there] == scores[query, found.ids[query][there]]).all()
        reachable = allowed & {int(d) for source in sources.values() for d in source.ids[query]}
        if method == "rrf":
            assert there.sum() == min(4, len(reachable))
    assert found.report["missing"] == (found.ids < 0).sum()


def unit_scores(queries, corpus):
    query, document = np.divmod(
        np.arange(len(queries) * len(corpus), dtype=np.uint32), np.uint32(len(corpus))
    )
    scores = _core.pair_scores(queries, corpus, query, document, similarity="cosine", threads=1)
    return scores.reshape(len(queries), len(corpus))


def test_a_model_and_words_together():
    generator = np.random.default_rng(4)
    texts = [f"gold {at} " + " ".join(f"w{at % step}" for step in (2, 3, 5)) for at in range(60)]
    embeddings = unit(generator, 60, 8)
    positives = np.arange(10) + 1
    embeddings[40:50] = embeddings[positives]  # as near to the queries as the positives, and near in words
    queries = embeddings[positives] + 0.1 * unit(generator, 10, 8)
    model = fg.mine(queries, embeddings, positives=positives, num_negatives=20, relative_margin=0.05)
    words = BM25(texts).search(texts[:10], 20, positives=positives)
    assert not (words.ids == positives[:, None]).any()
    assert (words.ids >= 0).all()
    found = mine_fused(
        {"model": model, "bm25": words},
        queries,
        embeddings,
        positives=positives,
        relative_margin=0.05,
        num_negatives=6,
    )
    assert (found.ids >= 0).all()
    assert found.report["from_model"] > 0
    assert found.report["from_bm25"] > 0
    assert found.report["model: relative_margin"] == 0
    assert found.report["bm25: relative_margin"] > 0


def test_scores_of_the_model_keep_the_order():
    generator = np.random.default_rng(5)
    queries, corpus = unit(generator, 4, 3), unit(generator, 9, 3)
    words = table(generator, 4, 9, 6)
    found = score_candidates(words, queries, corpus)
    assert (found.ids == words.ids).all()
    there = words.ids >= 0
    assert np.isneginf(found.scores[~there]).all()
    expected = np.take_along_axis(unit_scores(queries, corpus), np.maximum(words.ids, 0), axis=1)
    assert (found.scores[there] == expected[there]).all()


def test_bad_arguments_are_refused_by_name():
    one, other = sources_of(0)["model"], Candidates(np.zeros((2, 1), int), np.zeros((2, 1), np.float32))
    values = np.eye(5, dtype=np.float32)
    cases = [
        (lambda: fuse({}), "`sources` must be at least one, got none"),
        (lambda: fuse({"a": one, "b": other}), "`sources` must have the same queries, got {'a': 5, 'b': 2}"),
        (lambda: fuse({"a": one}, method="sum"), '`method` must be "rrf" or "quota", got "sum"'),
        (
            lambda: fuse({"a": one}, quotas={"a": 1}),
            "`quotas` must come with `method=\"quota\"`, got {'a': 1}",
        ),
        (lambda: fuse({"a": one}, method="quota"), "`quotas` must be one for each of ['a'], got None"),
        (
            lambda: fuse({"a": one}, method="quota", quotas={"b": 1}),
            "`quotas` must be one for each of ['a'], got ['b']",
        ),
        (
            lambda: fuse({"a": one}, method="quota", quotas={"a": -1}),
            "`quotas['a']` must be at least 0, got -1",
        ),
        (
            lambda: fuse({"a": one}, method="quota", quotas={"a": 1.5}),
            "`quotas['a']` must be an integer at least 0, got 1.5",
        ),
        (lambda: fuse({"a": one}, num=1.5), "`num` must be an integer from 1 to 2^63 - 1, got 1.5"),
        (
            lambda: fuse({"a": one}, method="quota", quotas={"a": 0}),
            "`num` must be from 1 to 2^63 - 1, got 0",
        ),
        (
            lambda: fuse({"a": one}, method="quota", quotas={"a": 1}, k=60),
            '`k` must come with `method="rrf"`, got 60',
        ),
        (lambda: fuse({"a": one}, k=-1), "`k` must be finite and not negative, got -1"),
        (lambda: score_candidates(one, values[:2], values), "`found` must have one row a query, 2, got 5"),
        (
            lambda: mine_fused({"a": one}, values, values, relative_margin=0.1),
            "`relative_margin` must come with `positives`, got 0.1",
        ),
    ]
    for call, said in cases:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            call()
        assert str(caught.value) == said
    for sources in (3, "ab", [one], {"a": 3}):
        for call in (fuse, lambda sources: mine_fused(sources, values, values)):
            with pytest.raises(TypeError, match=r"^`sources` must be candidates by name, got "):
                call(sources)
    with pytest.raises(ValueError, match="`found` must hold rows of the corpus, below 1, got"):
        score_candidates(one, values, values[:1])
