"""With a cross-encoder, bounds, ranks and scores are by its scores, among the candidates of the search."""

import numpy as np
import pytest

import foolsgold as fg
from foolsgold.mining.recipes import DEFAULTS

WORDS = [f"d{number}" for number in range(80)]
PAIRS = {"q": [f"q{row // 2}" for row in range(24)], "d": [f"d{row}" for row in range(24)]}


def drawn(text, *key):
    return np.random.default_rng([*text.encode(), *key])


def embed(texts):
    return np.array([drawn(text).normal(0.3, 1, 6) for text in texts])


def judge(pairs):
    return np.array([drawn(query + "|" + document, 7).uniform() for query, document in pairs], np.float32)


def mined(**options):
    options = {"corpus": WORDS, "output_format": "ragged", "output_scores": True, "verbose": False, **options}
    return fg.mine_hard_negatives(PAIRS, embed, cross_encoder=options.pop("cross_encoder", judge), **options)


def expected(*, margin=None, margin_from="least", max_score=None, min_score=None, **options):
    options = {**DEFAULTS, "range_max": None, **options}
    queries = list(dict.fromkeys(PAIRS["q"]))
    lists = [
        [int(d[1:]) for q, d in zip(PAIRS["q"], PAIRS["d"], strict=True) if q == query] for query in queries
    ]
    depth = options["range_max"] or options["range_min"] + 10 * options["num_negatives"]
    found = fg.mine(embed(queries), embed(WORDS), positives=lists, num_negatives=min(depth, len(WORDS)))
    rows = []
    for query, positive in zip(PAIRS["q"], PAIRS["d"], strict=True):
        number = queries.index(query)
        own = judge([(query, positive)])[0]
        base = {
            "least": min(judge([(query, WORDS[at]) for at in lists[number]])),
            "greatest": max(judge([(query, WORDS[at]) for at in lists[number]])),
            "each": own,
        }[margin_from]
        ids = [at for at in found.ids[number] if at >= 0]
        scores = judge([(query, WORDS[at]) for at in ids])
        kept = [
            (-score, at)
            for score, at in zip(scores, ids, strict=True)
            if (margin is None or float(score) <= float(base) - margin)
            and (max_score is None or score <= max_score)
            and (min_score is None or score >= min_score)
        ]
        window = sorted(kept)[options["range_min"] :][: options["num_negatives"]]
        rows.append(
            {
                "q": query,
                "d": positive,
                "negatives": [WORDS[at] for _, at in window],
                "scores": [own, *(-score for score, _ in window)],
            }
        )
    return rows


@pytest.mark.parametrize(
    "options",
    [
        {"max_score": 0.8},
        {"max_score": 0.6, "min_score": 0.4, "num_negatives": 5},
        {"range_min": 3, "num_negatives": 4},
        {"range_min": 1, "range_max": 12, "num_negatives": 4},
    ],
    ids=str,
)
def test_ranks_and_bounds_are_by_the_new_scores(options):
    assert mined(**options).to_list() == expected(**options)


@pytest.mark.parametrize("margin_from", ["least", "greatest", "each"])
def test_margins_are_from_the_new_scores_of_positives(margin_from):
    rows = mined(absolute_margin=0.1, margin_from=margin_from)
    assert rows.to_list() == expected(margin=0.1, margin_from=margin_from)
    assert 0 < sum(map(len, rows["negatives"])) < 3 * len(rows)


def test_the_report_counts_both_searches(tmp_path):
    import json

    mined(max_score=0.5, num_negatives=8, report_folder=tmp_path)
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["options"]["cross_encoder"] == "function"
    assert told["rejected"]["max_score"] > 0
    assert told["rejected"]["min_score"] == 0
    assert told["rejected"]["positive"] > 0
    assert "rescore" in told["seconds"]
    assert told["scores"]["negatives"]["max"] <= 0.5


def test_what_scores_below_the_least_is_counted(tmp_path):
    import json

    mined(min_score=0.5, num_negatives=30, range_min=20, report_folder=tmp_path)
    told = json.loads((tmp_path / "report.json").read_text())
    # Every document is judged, and no query has as many candidates as the ranks reach.
    known = set(zip(PAIRS["q"], PAIRS["d"], strict=True))
    others = [(query, word) for query in dict.fromkeys(PAIRS["q"]) for word in WORDS]
    scores = judge([pair for pair in others if pair not in known])
    assert told["rejected"]["min_score"] == (scores < 0.5).sum()


def test_short_anchors_widen_to_what_scores_less():
    rows = mined(min_score=0.95, on_short="widen", num_negatives=4)
    assert set(map(len, rows["negatives"])) == {4}
    assert min(min(scores[1:]) for scores in rows["scores"]) < 0.95


def test_a_model_with_weights_is_asked_once(tmp_path):
    torch = pytest.importorskip("torch")

    class CrossEncoder(torch.nn.Module):
        asked = 0

        def predict(self, pairs, batch_size, show_progress_bar):
            CrossEncoder.asked += len(pairs)
            return judge(pairs)

    options = {"cache_folder": tmp_path, "model_fingerprint": "drawn", "max_score": 0.8}
    first = mined(cross_encoder=CrossEncoder(), **options)
    asked = CrossEncoder.asked
    assert asked > 0
    assert mined(cross_encoder=CrossEncoder(), **options).to_dict() == first.to_dict()
    assert CrossEncoder.asked == asked


def test_scores_that_are_none_are_named():
    with pytest.raises(ValueError, match="`cross_encoder` must give finite scores, got nan for query"):
        mined(cross_encoder=lambda pairs: np.full(len(pairs), np.nan))


def test_what_is_no_cross_encoder_is_named():
    with pytest.raises(TypeError, match="`cross_encoder` must have `predict` or be a function"):
        mined(cross_encoder=3)
    with pytest.raises(ValueError, match="`cross_encoder` must give one score a pair"):
        mined(cross_encoder=lambda pairs: [1.0])


def test_scores_are_kept_for_the_same_model_alone(tmp_path):
    torch = pytest.importorskip("torch")

    class CrossEncoder(torch.nn.Module):
        def __init__(self, max_length):
            super().__init__()
            self.max_length, self.asked = max_length, 0

        def predict(self, pairs, batch_size, show_progress_bar):
            self.asked += len(pairs)
            return judge(pairs)

    class Function:
        asked = 0

        def __call__(self, pairs):
            self.asked += len(pairs)
            return judge(pairs)

    options = {"cache_folder": tmp_path, "model_fingerprint": "drawn"}
    models = [CrossEncoder(64), CrossEncoder(64), CrossEncoder(512), Function(), Function()]
    rows = [mined(cross_encoder=model, **options).to_dict() for model in models]
    assert all(other == rows[0] for other in rows)
    assert [model.asked > 0 for model in models] == [True, False, True, True, True]


class PairsAlone:
    def predict(self, pairs):
        return judge(pairs)


class InBatches:
    def predict(self, pairs, batch_size):
        assert batch_size == 32
        return judge(pairs)


@pytest.mark.parametrize("cross_encoder", [PairsAlone(), InBatches()])
def test_a_cross_encoder_gets_what_it_has_parameters_for(cross_encoder):
    assert list(mined(cross_encoder=cross_encoder)) == list(mined())


def test_what_is_no_score_is_named():
    with pytest.raises(TypeError, match="`cross_encoder` must give numbers, got list"):
        mined(cross_encoder=lambda pairs: ["high"] * len(pairs))
