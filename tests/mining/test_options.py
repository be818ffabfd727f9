"""Recipes, strategies and stores reach the search; what cannot work is refused before it."""

import numpy as np
import pytest

import foolsgold as fg
from foolsgold.mining.options import given, unset, with_defaults

WORDS = [
    f"{left} {right}" for left in ("gold", "iron", "tin", "lead", "zinc") for right in map(str, range(50))
]
PAIRS = {"q": [f"what is {text}" for text in WORDS[:30]], "d": WORDS[:30]}


def embed(texts):
    return np.array([np.random.default_rng(list(text.encode())).normal(0.2, 1, 8) for text in texts])


def never(texts):
    raise AssertionError("the model is asked")


def mined(model=embed, **options):
    options = {"corpus": WORDS, "output_format": "ragged", "output_scores": True, "verbose": False, **options}
    return fg.mine_hard_negatives(options.pop("pairs", PAIRS), model, **options)


def arrays_mined(**options):
    """The same on arrays."""
    found = fg.mine(embed(PAIRS["q"]), embed(WORDS), positives=np.arange(30), **options)
    return [[WORDS[at] for at in row if at >= 0] for row in found.ids]


@pytest.mark.parametrize(
    "options",
    [
        {"recipe": "bge"},
        {"recipe": "rank-window", "num_negatives": 3, "seed": 5},
        {"recipe": "nv-retriever", "range_min": 2},
        {"sampling_strategy": "softmax", "temperature": 0.05, "range_max": 60, "seed": 2},
        {"sampling_strategy": "simans", "simans_a": 9.0, "simans_b": -0.2, "range_max": 90},
        {"sampling_strategy": "stratified", "range_max": 100, "num_negatives": 4},
    ],
    ids=str,
)
def test_what_is_drawn_is_what_arrays_give(options):
    assert mined(**options)["negatives"][:] == arrays_mined(**options)


def test_defaults_of_recipes_and_without():
    assert with_defaults({})["relative_margin"] == 0.05
    for name in ("range_min", "range_max", "max_score", "min_score", "absolute_margin", "relative_margin"):
        assert with_defaults({name: None}).get("relative_margin") is None
    assert "relative_margin" not in with_defaults({}, is_free=True)
    assert "relative_margin" not in with_defaults({}, "bge")
    assert with_defaults({"num_negatives": 4}, "bge") == {
        "num_negatives": 4,
        "range_min": 10,
        "range_max": 210,
        "sampling_strategy": "random",
    }
    assert given(a=unset(1), b=None, c=2) == {"b": None, "c": 2}


def test_diverse_negatives_are_of_different_groups():
    groups = [text.split()[0] if "4" not in text else None for text in WORDS]
    rows = mined(sampling_strategy="diverse", num_negatives=5, range_max=200, corpus_groups=groups)
    of = dict(zip(WORDS, groups, strict=True))
    for row in rows:
        taken = [of[text] for text in row["negatives"] if of[text] is not None]
        assert len(taken) == len(set(taken))
        assert len(row["negatives"]) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": ["bge"]}, "`recipe` must be"),
        ({"device": ["cuda"]}, '`device` must be like "cuda", "cuda:1" or "cpu"'),
        ({"margin_from": ["least"]}, '`margin_from` must be "least", "greatest" or "each"'),
        ({"sources": [["bm25"]]}, '`sources` must be "model", "bm25" or both'),
        ({"recipe": "best"}, '`recipe` must be "nv-retriever" or "bge" or "rank-window", got "best"'),
        ({"sampling_strategy": "worst"}, "`sampling_strategy` must be"),
        ({"sampling_strategy": "softmax"}, "`temperature` must be given"),
        ({"temperature": 1.0}, "`temperature` must not be given"),
        ({"sampling_strategy": "softmax", "temperature": 0.0}, "`temperature` must be positive"),
        ({"sampling_strategy": "diverse"}, "`sampling_strategy` must not be .diverse. without groups"),
        ({"num_negatives": 0}, "`num_negatives` must be from 1"),
        ({"range_min": 5, "range_max": 6}, "`range_max` must be at least"),
        ({"max_score": float("nan")}, "`max_score` must be finite"),
        ({"on_short": "more"}, "`on_short` must be"),
        ({"margin_from": "most"}, "`margin_from` must be"),
        ({"seed": -1}, "`seed` must be from 0"),
        ({"device": "gpu"}, '`device` must be like "cuda", "cuda:1" or "cpu", got .gpu.'),
        ({"similarity": "near"}, "`similarity` must be one of"),
        ({"near_duplicates": 1.5}, "`near_duplicates` must be above 0 and at most 1, got 1.5"),
        (
            {"on_short": "random", "cross_encoder": never},
            "`on_short` must not be .random. with `cross_encoder`",
        ),
        ({"on_short": "random", "folder": "x"}, "`on_short` must not be .random. with `folder`"),
        ({"include_positives": True, "near_duplicates": 0.8}, "`near_duplicates` must be left out with"),
        ({"include_positives": True, "recipe": "bge"}, "`recipe` must be left out with"),
        (
            {"include_positives": True, "margin_from": "each"},
            "`margin_from` must be left out with `include_positives`, as no margin applies, got 'each'",
        ),
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
        ({"batch_size": 1.5}, "`batch_size` must be an integer at least 1, got 1.5"),
        (
            {"model_fingerprint": "v1"},
            "`model_fingerprint` must come with `folder` or `cache_folder`, got 'v1' alone",
        ),
    ],
)
def test_bad_options_are_refused_before_the_model_is_asked(options, message):
    with pytest.raises(ValueError, match=message):
        mined(never, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_score": "1"}, "`max_score` must be a number, got '1'"),
        ({"cache_folder": 3}, "`cache_folder` must be a path, got 3"),
        ({"cache_folder": "x", "model_fingerprint": 3}, "`model_fingerprint` must be a text, got 3"),
    ],
)
def test_options_of_another_kind_are_refused_before_the_model_is_asked(options, message):
    with pytest.raises(TypeError, match=message):
        mined(never, **options)


def test_near_duplicates_of_positives_are_left_out():
    text = "a passport is renewed at the town hall where one lives, with a photograph and the old one"
    near, far = text.replace("old", "old,"), text[:40] + " or anywhere else, as far as is known today"
    copies = [text, near, near.upper(), far]
    pairs = {"q": ["how to renew a passport", "what else"], "d": [text, "nothing"]}
    options = {"pairs": pairs, "corpus": copies, "relative_margin": None, "num_negatives": 9}
    assert set(mined(**options)["negatives"][0]) == {near, near.upper(), far, "nothing"}
    rows = mined(**options, near_duplicates=0.8)
    assert set(rows["negatives"][0]) == {far, "nothing"}
    # They are near to the first query's positive, and negatives of the other query.
    assert {near, near.upper(), far} <= set(rows["negatives"][1])
    assert set(mined(**options, near_duplicates=0.8, twins=False)["negatives"][0]) == {far, "nothing"}


def test_embeddings_are_kept(tmp_path):
    options = {"cache_folder": tmp_path / "cache", "model_fingerprint": "drawn"}
    first = mined(**options)
    assert first.to_dict() == mined().to_dict() == mined(never, **options).to_dict()
    with pytest.raises(AssertionError, match="the model is asked"):
        mined(never, **{**options, "model_fingerprint": "another"})
    with pytest.raises(TypeError, match="model_fingerprint"):
        mined(cache_folder=tmp_path)


def test_the_same_call_goes_on_in_its_folder(tmp_path):
    options = {"folder": tmp_path / "kept", "model_fingerprint": "drawn"}
    first = mined(**options)
    assert first.to_dict() == mined().to_dict() == mined(never, **options).to_dict()
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"candidates", "embeddings"}
    with pytest.raises(ValueError, match="kept"):
        mined(**options, max_score=0.1)
