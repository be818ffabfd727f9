"""Strategies take from the window what they say, and short queries become what was asked."""

import numpy as np
import pytest

import foolsgold as fg
from foolsgold.mining.recipes import RECIPES, with_recipe

GENERATOR = np.random.default_rng(0)
QUERIES, CORPUS = GENERATOR.normal(size=(40, 6)), GENERATOR.normal(size=(200, 6))
POSITIVES = GENERATOR.integers(0, 200, 40)
CLASSES = GENERATOR.integers(0, 9, 200)


def mined(**options):
    return fg.mine(QUERIES, CORPUS, **{"positives": POSITIVES, "num_negatives": 4, **options})


WINDOW = mined(num_negatives=30, range_min=5)


@pytest.mark.parametrize(
    "options",
    [
        {"sampling_strategy": "random"},
        {"sampling_strategy": "softmax", "temperature": 0.05},
        {"sampling_strategy": "simans", "simans_a": 20.0},
        {"sampling_strategy": "simans", "simans_a": 20.0, "simans_b": -0.2},
        {"sampling_strategy": "stratified"},
        {"sampling_strategy": "diverse", "diverse_by": CLASSES},
    ],
)
def test_negatives_come_from_the_window_with_their_ranks(options):
    options = {"range_min": 5, "range_max": 35, **options}
    found = mined(**options)
    assert found.report["short_queries"] == 0
    for row in range(40):
        places = found.ranks[row] - 6
        assert (np.diff(places) > 0).all()
        assert WINDOW.ids[row][places].tolist() == found.ids[row].tolist()
        assert WINDOW.scores[row][places].tolist() == found.scores[row].tolist()
    assert np.array_equal(mined(**options, threads=1).ids, mined(**options, threads=3).ids)
    is_chance = options["sampling_strategy"] != "diverse"
    assert np.array_equal(mined(**options, seed=1).ids, found.ids) != is_chance


def test_a_low_temperature_takes_the_best_and_a_high_one_any():
    def mean_rank(temperature):
        return mined(sampling_strategy="softmax", temperature=temperature).ranks.mean()

    ranks = [mean_rank(temperature) for temperature in (1e-6, 0.05, 1e6)]
    assert ranks[0] == 2.5
    assert ranks[0] < ranks[1] < ranks[2]
    assert 18 < ranks[2] < 23


def test_simans_stays_near_the_positive():
    options = {"sampling_strategy": "simans", "range_max": 199}
    positive = (CORPUS[POSITIVES] * QUERIES).sum(1) / (
        np.linalg.norm(CORPUS[POSITIVES], axis=1) * np.linalg.norm(QUERIES, axis=1)
    )
    distance = [
        np.abs(mined(simans_a=a, simans_b=b, **options).scores - positive[:, None] - b).mean()
        for a, b in [(0.0, 0.0), (1e4, 0.0), (1e4, -0.3)]
    ]
    assert distance[1] < distance[0] / 3
    assert distance[2] < distance[0] / 3


def test_bands_and_classes_have_one_each():
    found = mined(sampling_strategy="stratified", range_min=5, range_max=45)
    assert ((found.ranks - 6) // 10 == np.arange(4)).all()
    found = mined(sampling_strategy="diverse", diverse_by=CLASSES, num_negatives=6)
    for row in found.ids:
        assert len(set(CLASSES[row])) == 6
    found = mined(sampling_strategy="diverse", diverse_by=CLASSES - 5, num_negatives=12, range_max=200)
    assert (found.ids >= 0).sum(axis=1).tolist() == [9] * 40


def test_short_queries_keep_drop_widen_or_fill():
    options = {"min_score": 0.6, "range_min": 2, "num_negatives": 12}
    keep, drop, widen, fill = (
        mined(on_short=on_short, **options) for on_short in ("keep", "drop", "widen", "random")
    )
    short = (keep.ids < 0).any(axis=1)
    assert 0 < short.sum() < 40
    assert (drop.ids[short] == -1).all()
    for other in (drop, widen, fill):
        assert np.array_equal(other.ids[~short], keep.ids[~short])
        rejected = [name for name in keep.report if name.startswith("rejected_")]
        assert [other.report[name] for name in rejected] == [keep.report[name] for name in rejected]
    assert drop.report["short_queries"] == keep.report["short_queries"] == short.sum()
    best = mined(num_negatives=14)
    for row in np.flatnonzero(short):
        inside = int((best.scores[row] >= 0.6).sum())
        # The window, then the ranks before it, the last first, then those that score less.
        before = [rank for rank in (2, 1) if rank <= inside]
        ranks = sorted([*range(3, inside + 1), *before, *range(inside + 1, 15)][:12])
        assert widen.ranks[row].tolist() == ranks
        assert widen.ids[row].tolist() == [best.ids[row][rank - 1] for rank in ranks]
        drawn = fill.ranks[row] == 0
        assert np.array_equal(fill.ids[row][~drawn], keep.ids[row][keep.ids[row] >= 0])
        assert (fill.scores[row][drawn] < 0.6).all()
        assert POSITIVES[row] not in fill.ids[row]
        assert len(set(fill.ids[row])) == 12
    assert widen.report["missing"] == fill.report["missing"] == 0
    assert widen.report["widened"] == fill.report["filled"] == keep.report["missing"]


def test_caps_and_exclusions_are_never_lifted():
    page = (np.arange(200) // 20, GENERATOR.integers(0, 10, 40))
    for on_short in ("widen", "random"):
        found = mined(
            max_score=-0.6, min_score=-0.61, classes={"page": page}, on_short=on_short, num_negatives=3
        )
        is_there = found.ids >= 0
        assert (found.scores[is_there] <= -0.6).all()
        assert not (page[0][found.ids] == page[1][:, None])[is_there].any()
        assert found.report["widened"] + found.report["filled"] > 0


def test_recipes_fill_in_what_is_not_given():
    cosine = mined(recipe="nv-retriever", num_negatives=None)
    assert np.array_equal(cosine.ids, mined(num_negatives=3, relative_margin=0.05).ids)
    window = mined(recipe="bge", num_negatives=None)
    assert window.ids.shape == (40, 15)
    assert (window.ranks > 10).all()
    assert (window.ranks <= 199).all()
    assert mined(recipe="bge").ids.shape == (40, 4)
    own = mined(recipe="rank-window", num_negatives=None, range_min=0, range_max=7)
    assert set(own.ranks.ravel()) == {1, 2, 3, 4, 5, 6, 7}
    assert np.array_equal(mined(recipe="bge", sampling_strategy="top").ranks, [[11, 12, 13, 14]] * 40)
    for name, values in RECIPES.items():
        assert with_recipe(name, dict.fromkeys(values)) == values


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"temperature": 1.0},
            "`temperature` must not be given with `sampling_strategy=.top.`, got 1.0\nhint: it is",
        ),
        ({"sampling_strategy": "softmax"}, "`temperature` must be given with `sampling_strategy=.softmax.`"),
        (
            {"sampling_strategy": "softmax", "temperature": 0.0},
            "`temperature` must be positive and finite, got 0",
        ),
        ({"sampling_strategy": "simans"}, "`simans_a` must be given with"),
        ({"sampling_strategy": "simans", "simans_a": -1.0}, "`simans_a` must be finite and not negative"),
        (
            {"sampling_strategy": "simans", "simans_a": 1.0, "positives": None},
            "`sampling_strategy` must not be .simans. without `positives`",
        ),
        ({"simans_b": 1.0}, "hint: it is an argument of .simans."),
        ({"sampling_strategy": "diverse"}, "`diverse_by` must be given with"),
        ({"diverse_by": CLASSES}, "`diverse_by` must not be given with .*, got ndarray"),
        (
            {"sampling_strategy": "diverse", "diverse_by": CLASSES[1:]},
            r"`diverse_by` must have one class a document, 200, got \(199,\)",
        ),
        ({"on_short": "pad"}, "`on_short` must be .keep. or .drop. or .random. or .widen., got .pad."),
        ({"recipe": "best"}, "`recipe` must be .nv-retriever. or .bge. or .rank-window., got .best."),
    ],
)
def test_unusable_strategies_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        mined(**options)


def test_classes_are_integers():
    with pytest.raises(TypeError, match="`diverse_by` must hold integers, got float64"):
        mined(sampling_strategy="diverse", diverse_by=CLASSES * 1.5)
