"""`mine` on a device answers as without one: ids, scores, ranks and counts, whatever is asked."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mining.test_on_device import KINDS, lists, rows

import foolsgold as fg

STRATEGIES = {
    "top": {},
    "random": {},
    "softmax": {"temperature": 0.1},
    "simans": {"simans_a": 3.0, "simans_b": -0.1},
    "stratified": {},
    "diverse": {"diverse_by": ...},
}


def same(found, expected):
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.scores.tobytes() == expected.scores.tobytes()
    assert found.ranks.tolist() == expected.ranks.tolist()
    assert found.report == expected.report


RULES = st.fixed_dictionaries(
    {},
    optional={
        "relative_margin": st.sampled_from([0.0, 0.05, 0.5]),
        "absolute_margin": st.sampled_from([0.0, 0.1]),
        "max_score": st.sampled_from([-0.5, 0.0, 0.5]),
        "min_score": st.sampled_from([-2.0, -0.5, 0.1]),
        "margin_from": st.sampled_from(["least", "greatest", "each"]),
        "range_min": st.sampled_from([0, 1, 4]),
        "on_short": st.sampled_from(["keep", "drop", "widen"]),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(KINDS),
    strategy=st.sampled_from(list(STRATEGIES)),
    similarity=st.sampled_from(["cosine", "dot", "euclidean"]),
    num_negatives=st.sampled_from([1, 3, 70]),
    max_memory=st.sampled_from([0, 100_000, 2 << 30]),
    has_folder=st.booleans(),
    rules=RULES,
)
def test_a_device_changes_no_answer(
    tmp_path_factory, seed, kind, strategy, similarity, num_negatives, max_memory, has_folder, rules
):
    generator = np.random.default_rng(seed)
    num_queries, num_documents = generator.integers(1, 14), generator.integers(1, 60)
    queries, corpus = rows(generator, num_queries, 8, kind), rows(generator, num_documents, 8, kind)
    parameters = dict(STRATEGIES[strategy])
    if "diverse_by" in parameters:
        parameters["diverse_by"] = generator.integers(0, 9, num_documents)
    positives = lists(generator, num_queries, num_documents, 4)
    positives[0] = positives[0] or [0]
    options = {
        "positives": positives,
        "exclude": lists(generator, num_queries, num_documents, 3),
        "classes": {"page": (generator.integers(0, 5, num_documents), lists(generator, num_queries, 6, 3))},
        "num_negatives": num_negatives,
        "sampling_strategy": strategy,
        "similarity": similarity,
        "max_memory": max_memory,
        "seed": seed,
        **parameters,
        **rules,
    }
    folder = tmp_path_factory.mktemp("device") / "kept" if has_folder else None
    same(
        fg.mine(queries, corpus, device="cpu", folder=folder, **options),
        fg.mine(queries, corpus, **options),
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
def test_every_type_is_read_as_without_a_device(dtype, similarity):
    generator = np.random.default_rng(0)
    queries, corpus = (torch.tensor(rows(generator, num, 16, "plain")).to(dtype) for num in (20, 300))
    options = {"positives": np.arange(20), "relative_margin": 0.05, "similarity": similarity}
    device = torch.device("cpu")
    same(fg.mine(queries, corpus, device=device, **options), fg.mine(queries, corpus, **options))


def test_a_folder_begun_on_a_device_is_gone_on_with_without(tmp_path):
    generator = np.random.default_rng(1)
    queries, corpus = rows(generator, 20, 8, "plain"), rows(generator, 90, 8, "plain")
    options = {"positives": np.arange(20), "relative_margin": 0.05, "folder": tmp_path}
    first = fg.mine(queries, corpus, device="cpu", **options)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    same(fg.mine(queries, corpus, **options), first)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept


def test_no_query_and_no_document():
    values = np.eye(3, dtype=np.float32)
    same(fg.mine(values[:0], values, device="cpu"), fg.mine(values[:0], values))
    for device in (None, "cpu"):
        with pytest.raises(ValueError, match="`corpus` must have at least one row, got 0"):
            fg.mine(values, values[:0], device=device)


def test_bad_arguments_are_refused_before_the_search(monkeypatch):
    monkeypatch.setattr("foolsgold.mining.on_device.Search", None)
    values = np.eye(3, dtype=np.float32)
    cases = [
        (
            {"on_short": "random"},
            '`on_short` must not be "random" with `device`: other documents have no score',
        ),
        ({"range_max": 2}, "`range_max` must be at least `range_min` + `num_negatives` = 3, got 2"),
        ({"sampling_strategy": "softmax", "temperature": 0.0}, "`temperature` must be positive and finite"),
        ({"relative_margin": 0.1}, "`relative_margin` must come with `positives`, got 0.1"),
        ({"max_score": float("nan")}, "`max_score` must be finite, got NaN"),
        ({"depth": 5}, "`depth` must come with `folder`, got 5"),
        ({"similarity": "angle"}, "`similarity` must be"),
        ({"device": "gpu"}, '`device` must be like "cuda", "cuda:1" or "cpu", got \'gpu\''),
        ({"device": "meta"}, '`device` must be like "cuda", "cuda:1" or "cpu", got \'meta\''),
        ({"device": "cuda:99"}, "`device` must be one that torch sees, got 'cuda:99'"),
        ({"max_memory": -1}, "`max_memory` must be from 0 to 2^63 - 1, got -1"),
    ]
    for changed, said in cases:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            fg.mine(values, values, **{"device": "cpu", **changed})
        assert said in str(caught.value)
    with pytest.raises(ValueError, match="`corpus` must be finite, got NaN at row 1"):
        fg.mine(values, np.diag([1, np.nan, 1]), device="cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_cuda_changes_no_answer(strategy):
    generator = np.random.default_rng(2)
    queries, corpus = rows(generator, 200, 96, "plain"), rows(generator, 3000, 96, "plain")
    parameters = dict(STRATEGIES[strategy])
    if "diverse_by" in parameters:
        parameters["diverse_by"] = generator.integers(0, 50, 3000)
    options = {"positives": generator.integers(0, 3000, 200), "relative_margin": 0.05, **parameters}
    for similarity in ("cosine", "dot", "euclidean"):
        chosen = {"sampling_strategy": strategy, "similarity": similarity, **options}
        same(fg.mine(queries, corpus, device="cuda", **chosen), fg.mine(queries, corpus, **chosen))


def test_rows_that_may_not_be_written_to_bring_no_warning(recwarn):
    queries = np.eye(3, dtype=np.float32)
    queries.setflags(write=False)
    torch.set_warn_always(True)
    try:
        fg.mine(queries, queries, num_negatives=1, device="cpu")
    finally:
        torch.set_warn_always(False)
    assert not recwarn.list
