"""The search on a device gives the answer of its definition, bit for bit, and the same counts by rule."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import foolsgold as fg
from foolsgold import _core
from foolsgold.mining import on_device
from foolsgold.mining.device.kept import Kept
from foolsgold.mining.device.search import Search
from foolsgold.mining.exclusions import as_exclusions
from foolsgold.mining.on_device import LEAST_MEMORY, search_on_device

CAPS = ("absolute_margin", "relative_margin", "max_score")


@pytest.fixture(autouse=True, scope="module")
def small_tiles():
    """Memory is taken as it is given, so that few rows make many tiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_device, "LEAST_MEMORY", 1)
        yield


def knows(similarity):
    rows, none = np.ones((1, 1), np.float32), np.empty(0, np.uint32)
    try:
        _core.pair_scores(rows, rows, none, none, similarity=similarity, threads=1)
    except ValueError:
        return False
    return True


SIMILARITIES = [name for name in ("cosine", "dot", "euclidean") if knows(name)]


def all_scores(queries, corpus, similarity):
    query, document = np.divmod(
        np.arange(len(queries) * len(corpus), dtype=np.uint32), np.uint32(len(corpus))
    )
    scores = _core.pair_scores(queries, corpus, query, document, similarity=similarity, threads=1)
    return scores.reshape(len(queries), len(corpus))


def brute_force(scores, depth, rules, bounds):
    """One pair after the other: ids, scores, and the counts by rule."""
    num_queries, num_documents = scores.shape
    depth = min(depth, num_documents)
    ids = np.full((num_queries, depth), -1)
    best = np.full((num_queries, depth), -np.inf, np.float32)
    counts = dict.fromkeys([rule[0] for rule in rules] + [*CAPS, "min_score"], 0)
    low = bounds.get("min_score", -np.inf)
    for query, row in enumerate(scores.astype(np.float64)):
        lists = {name: set(values[offsets[query] : offsets[query + 1]]) for name, _, offsets, values in rules}
        cap, cap_rule = np.inf, None
        if lists.get("positive"):
            known = [float(row[document]) for document in lists["positive"]]
            anchor = max(known) if bounds.get("margin_from") == "greatest" else min(known)
            for name, size in [("absolute_margin", 1.0), ("relative_margin", abs(anchor))]:
                if name in bounds and anchor - bounds[name] * size < cap:
                    cap, cap_rule = anchor - bounds[name] * size, name
        if bounds.get("max_score", np.inf) < cap:
            cap, cap_rule = bounds["max_score"], "max_score"
        if cap < low:  # an empty band: everything counts as below the least
            counts["min_score"] += num_documents
            continue

        def reason(document, row=row, lists=lists, cap=cap, cap_rule=cap_rule):
            for name, classes, _, _ in rules:
                if (document if classes is None else classes[document]) in lists[name]:
                    return name
            return cap_rule if row[document] > cap else "min_score" if row[document] < low else None

        reasons = [reason(document) for document in range(num_documents)]
        allowed = [document for document in range(num_documents) if reasons[document] is None]
        allowed = sorted(allowed, key=lambda document: (-row[document], document))[:depth]
        ids[query, : len(allowed)], best[query, : len(allowed)] = allowed, scores[query, allowed]
        for document, rule in enumerate(reasons):
            if len(allowed) == depth:
                if rule is not None and row[document] >= row[allowed[-1]]:
                    counts[rule] += 1
            elif rule is not None:
                counts["min_score" if row[document] < low else rule] += 1
    return ids, best, counts


KINDS = ["plain", "ties", "huge", "zeros", "duplicates", "close"]


def rows(generator, num, dim, kind):
    values = generator.normal(size=(num, dim))
    if kind == "ties":
        values = generator.integers(-1, 2, (num, dim))
    elif kind == "huge":
        values *= 10.0 ** generator.integers(-37, 37, (num, 1))
    elif kind == "zeros":
        values[generator.random(num) < 0.4] = 0
    elif kind == "duplicates":
        values = values[generator.integers(0, max(1, num // 3), num)]
    elif kind == "close":
        values = 1 + 1e-6 * values
    return values.astype(np.float32)


def lists(generator, num, bound, most):
    return [generator.integers(0, bound, generator.integers(0, most)).tolist() for _ in range(num)]


BOUNDS = st.fixed_dictionaries(
    {},
    optional={
        "relative_margin": st.sampled_from([0.0, 0.05, 0.5]),
        "absolute_margin": st.sampled_from([0.0, 0.1]),
        "max_score": st.sampled_from([-0.5, 0.0, 0.5]),
        "min_score": st.sampled_from([-2.0, -0.5, 0.0, 0.1]),
        "margin_from": st.sampled_from(["least", "greatest"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(KINDS),
    dim=st.sampled_from([1, 2, 8, 33]),
    depth=st.sampled_from([1, 3, 10, 100]),
    similarity=st.sampled_from(SIMILARITIES),
    memory=st.sampled_from([2_000, 20_000, 300_000, 2 << 30]),
    bounds=BOUNDS,
)
@example(seed=0, kind="ties", dim=1, depth=3, similarity="dot", memory=1, bounds={"relative_margin": 0.0})
@example(
    seed=1, kind="zeros", dim=8, depth=100, similarity="cosine", memory=20_000, bounds={"max_score": 0.0}
)
def test_the_answer_is_that_of_every_pair(seed, kind, dim, depth, similarity, memory, bounds):
    generator = np.random.default_rng(seed)
    num_queries, num_documents = generator.integers(1, 14), generator.integers(1, 60)
    queries, corpus = rows(generator, num_queries, dim, kind), rows(generator, num_documents, dim, kind)
    if seed % 3 == 0:
        queries = corpus[generator.integers(0, num_documents, num_queries)]
    classes = generator.integers(0, 5, num_documents) * 800_000_000
    of_queries = [[code * 800_000_000 for code in row] for row in lists(generator, num_queries, 6, 3)]
    rules = as_exclusions(
        num_queries,
        num_documents,
        positives=lists(generator, num_queries, num_documents, 4),
        exclude=lists(generator, num_queries, num_documents, 3),
        classes={"group": (classes, of_queries)},
    )
    found = search_on_device(
        queries,
        corpus,
        depth,
        exclusions=rules,
        similarity=similarity,
        device="cpu",
        max_memory=memory,
        **bounds,
    )
    ids, scores, counts = brute_force(all_scores(queries, corpus, similarity), depth, rules, bounds)
    assert found.ids.tolist() == ids.tolist()
    assert found.scores.tobytes() == scores.tobytes()
    assert found.counts([rule[0] for rule in rules], num_documents) == counts


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("depth", [1, 7, 64])
def test_the_answer_is_that_of_the_processor(similarity, depth):
    generator = np.random.default_rng(0)
    queries, corpus = rows(generator, 300, 48, "plain"), rows(generator, 2000, 48, "plain")
    corpus[:200] = corpus[200:400]
    positives = generator.integers(0, 2000, 300)
    options = {"relative_margin": 0.05, "max_score": 0.9, "similarity": similarity}
    wanted = fg.mine(queries, corpus, positives=positives, num_negatives=depth, **options)
    rules = as_exclusions(300, 2000, positives=positives)
    for memory in (3_000_000, 2 << 30):
        found = search_on_device(
            queries, corpus, depth, exclusions=rules, device="cpu", max_memory=memory, **options
        )
        assert (found.ids == wanted.ids).all()
        assert (found.scores == wanted.scores).all()


def test_few_scores_are_computed_twice(monkeypatch):
    """What the tiles let through is a small part of all pairs, or the device would do nothing."""
    generator = np.random.default_rng(1)
    queries, corpus = rows(generator, 64, 32, "plain"), rows(generator, 20_000, 32, "plain")
    pairs = []
    score = _core.pair_scores
    monkeypatch.setattr(
        "foolsgold._core.pair_scores",
        lambda q, c, query, document, **options: (
            pairs.append(len(query)) or score(q, c, query, document, **options)
        ),
    )
    found = search_on_device(queries, corpus, 10, device="cpu")
    assert (found.ids >= 0).all()
    assert 64 * 10 <= sum(pairs) < 64 * 12


def test_the_pool_stays_within_its_capacity(monkeypatch):
    sizes = []
    append = Kept._append

    def watched(kept, *arguments):
        done = append(kept, *arguments)
        sizes.append(kept._size / kept._capacity)
        return done

    monkeypatch.setattr(Kept, "_append", watched)
    generator = np.random.default_rng(2)
    queries, corpus = rows(generator, 4, 8, "plain"), np.sort(rows(generator, 4000, 8, "plain"), axis=0)
    search_on_device(queries, corpus, 50, device="cpu", max_memory=600_000, similarity="dot")
    assert len(sizes) > 4
    assert max(sizes) <= 1


@pytest.mark.parametrize("given_memory", [0, 1, 1 << 20])
def test_little_memory_is_still_enough_for_tiles(monkeypatch, given_memory):
    taken = []

    def watched(*arguments):
        taken.append(arguments[5])
        return Search(*arguments)

    monkeypatch.setattr(on_device, "LEAST_MEMORY", LEAST_MEMORY)
    monkeypatch.setattr(on_device, "Search", watched)
    values = np.eye(3, dtype=np.float32)
    search_on_device(values, values, 1, device="cpu", max_memory=given_memory)
    fg.mine(values, values, device="cpu", max_memory=given_memory)
    assert taken == [LEAST_MEMORY] * 2
    assert LEAST_MEMORY == 1 << 24


def test_settings_of_torch_are_given_back():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        values = np.eye(3, dtype=np.float32)
        with torch.autocast("cpu", torch.bfloat16):
            assert search_on_device(values, values, 1, device="cpu").scores.tolist() == [[1.0]] * 3
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_half_precision_and_memory_maps_are_read_as_they_are(tmp_path):
    generator = np.random.default_rng(3)
    corpus = rows(generator, 200, 16, "plain").astype(np.float16)
    np.save(tmp_path / "corpus.npy", corpus)
    mapped = np.load(tmp_path / "corpus.npy", mmap_mode="r")
    found = search_on_device(mapped[:20], mapped, 5, device="cpu", max_memory=100_000)
    wanted = search_on_device(corpus[:20].astype(np.float32), corpus.astype(np.float32), 5, device="cpu")
    assert (found.ids == wanted.ids).all()
    assert (found.scores == wanted.scores).all()


def test_bad_arguments_are_refused_by_name():
    values = np.eye(3, dtype=np.float32)
    bad = np.where(np.eye(3) > 0, np.nan, 1).astype(np.float32)
    cases = [
        ({"depth": 0}, "`depth` must be at least 1"),
        ({"relative_margin": 0.1}, "`relative_margin` must come with `positives`, got 0.1"),
        ({"max_score": float("nan")}, "`max_score` must be finite, got nan"),
        ({"margin_from": "each"}, '`margin_from` must be "least" or "greatest", got "each"'),
        ({"corpus": bad}, "`corpus` must be finite, got NaN at row 0"),
        ({"corpus": values[:, :2].copy()}, "`corpus` must be of 3 columns"),
        ({"corpus": values[:0]}, "`corpus` must have at least one row, got 0"),
        ({"similarity": "angle"}, "`similarity` must be"),
    ]
    if not torch.cuda.is_available():
        cases.append(({"device": "cuda"}, "`device` must be one that torch sees, got 'cuda'"))
    for changed, said in cases:
        options = {"queries": values, "corpus": values, "depth": 1, "device": "cpu", **changed}
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            search_on_device(options.pop("queries"), options.pop("corpus"), options.pop("depth"), **options)
        assert said in str(caught.value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_the_answer_on_cuda_is_that_of_the_processor(similarity):
    for seed, kind in enumerate(KINDS):
        generator = np.random.default_rng(seed)
        queries, corpus = rows(generator, 200, 96, kind), rows(generator, 3000, 96, kind)
        rules = as_exclusions(200, 3000, positives=generator.integers(0, 3000, 200))
        options = {"exclusions": rules, "similarity": similarity, "relative_margin": 0.05}
        for depth in (5, 100):
            wanted = search_on_device(queries, corpus, depth, device="cpu", **options)
            for memory in (None, 4_000_000):
                found = search_on_device(queries, corpus, depth, device="cuda", max_memory=memory, **options)
                assert (found.ids == wanted.ids).all()
                assert found.scores.tobytes() == wanted.scores.tobytes()
                assert found.counts(["positive"], 3000) == wanted.counts(["positive"], 3000)
