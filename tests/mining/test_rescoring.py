"""Each pair is scored once; a stopped call goes on; bounds and order are those of the new scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.mining.candidates import Candidates
from foolsgold.mining.rescoring import rescore
from foolsgold.mining.score_cache import ScoreCache, digests


def found_of(ids):
    ids = np.asarray(ids)
    return Candidates(ids, np.where(ids >= 0, 0.5, -np.inf).astype(np.float32))


class Judge:
    """Scores that the two texts decide, and a record of what was asked."""

    def __init__(self, fails_at=None):
        self.calls = []
        self.fails_at = fails_at

    def __call__(self, pairs):
        if len(self.calls) == self.fails_at:
            raise KeyboardInterrupt
        self.calls.append(pairs)
        return [self.score(*pair) for pair in pairs]

    @staticmethod
    def score(query, document):
        return float(sum(map(ord, query + "|" + document)) % 11) - 3.0


class Predictor:
    """A cross-encoder by its interface."""

    def __init__(self):
        self.calls = []

    def predict(self, sentences, batch_size=32, show_progress_bar=None):
        self.calls.append((len(sentences), batch_size, show_progress_bar))
        return np.array([Judge.score(*pair) for pair in sentences], np.float32)[:, None]


def texts(generator, num, start):
    return [start + "x" * int(size) for size in generator.integers(0, 30, num)]


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    relative=st.sampled_from([None, 0.0, 0.3]),
    absolute=st.sampled_from([None, 0.0, 2.0]),
    most=st.sampled_from([None, 2.0]),
    least=st.sampled_from([None, 0.0]),
    num=st.sampled_from([None, 1, 3]),
    margin_from=st.sampled_from(["least", "greatest"]),
)
def test_negatives_are_those_of_the_new_scores(seed, relative, absolute, most, least, num, margin_from):
    generator = np.random.default_rng(seed)
    queries, documents = texts(generator, 6, "q"), texts(generator, 20, "d")
    ids = np.stack([generator.choice(20, 7, replace=False) for _ in range(6)])
    ids[generator.random(ids.shape) < 0.2] = -1
    positives = [generator.choice(20, generator.integers(0, 3), replace=False).tolist() for _ in range(6)]
    has_margin = relative is not None or absolute is not None
    result = rescore(
        found_of(ids),
        queries,
        documents,
        Judge(),
        positives=positives if has_margin else None,
        num_negatives=num,
        relative_margin=relative,
        absolute_margin=absolute,
        max_score=most,
        min_score=least,
        margin_from=margin_from,
    )
    turned_away = dict.fromkeys(["absolute_margin", "relative_margin", "max_score", "min_score"], 0)
    for query in range(6):
        known = [Judge.score(queries[query], documents[at]) for at in positives[query]]
        caps = [(np.inf, "none")]
        if known:
            anchor = min(known) if margin_from == "least" else max(known)
            if absolute is not None:
                caps.append((anchor - absolute, "absolute_margin"))
            if relative is not None:
                caps.append((anchor - abs(anchor) * relative, "relative_margin"))
        if most is not None:
            caps.append((most, "max_score"))
        cap, rule = min(caps, key=lambda cap: cap[0])
        allowed = []
        for document in ids[query][ids[query] >= 0]:
            score = Judge.score(queries[query], documents[document])
            if score > cap:
                turned_away[rule] += 1
            elif least is not None and score < least:
                turned_away["min_score"] += 1
            else:
                allowed.append((-score, int(document)))
        wanted = [(document, -score) for score, document in sorted(allowed)][:num]
        there = result.ids[query] >= 0
        pairs = zip(result.ids[query][there].tolist(), result.scores[query][there].tolist(), strict=True)
        assert list(pairs) == wanted
        assert np.isneginf(result.scores[query][~there]).all()
    assert {name: result.report[name] for name in turned_away} == turned_away


def test_each_pair_is_scored_once_and_the_longest_come_first():
    judge = Judge()
    ids = np.array([[0, 1, 2], [0, 0, 3], [2, -1, -1]])
    queries, documents = ["a", "bb", "ccc"], ["x" * 9, "y", "z" * 5, "w" * 2]
    result = rescore(
        found_of(ids), queries, documents, judge, positives=[0, 1, 2], absolute_margin=-99, batch_size=1
    )
    asked = [pair for call in judge.calls for pair in call]
    assert len(asked) == len(set(asked)) == result.report["pairs"] == result.report["scored"] == 7
    lengths = [len(a) + len(b) for a, b in asked]
    assert lengths == sorted(lengths, reverse=True)
    assert len(judge.calls) == 1


def test_a_cross_encoder_is_called_with_large_even_batches():
    model = Predictor()
    rescore(found_of(np.tile(np.arange(50), (10, 1))), ["q"] * 10, ["d" * 3] * 50, model, batch_size=4)
    assert model.calls == [(256, 4, False), (244, 4, False)]


def test_a_cross_encoder_is_used_without_any_bound():
    result = rescore(found_of([[0, 1, 2]]), ["q"], ["a", "b", "c"], Predictor())
    scores = [Judge.score("q", text) for text in "abc"]
    assert result.scores.tolist() == [sorted(scores, reverse=True)]


def test_a_stopped_call_goes_on_and_another_one_asks_nothing(tmp_path):
    ids = np.tile(np.arange(90), (5, 1))
    queries, documents = [f"q{at}" for at in range(5)], [f"d{at}" for at in range(90)]
    options = {"batch_size": 2, "folder": tmp_path, "fingerprint": "judge-1"}
    wanted = rescore(found_of(ids), queries, documents, Judge(), batch_size=2)
    stopped = Judge(fails_at=2)
    with pytest.raises(KeyboardInterrupt):
        rescore(found_of(ids), queries, documents, stopped, **options)
    (tmp_path / "scores-judge-1" / ".00000002.npy.77.part").write_bytes(b"half a fi")
    later = Judge()
    result = rescore(found_of(ids), queries, documents, later, **options)
    assert (result.ids == wanted.ids).all()
    assert (result.scores == wanted.scores).all()
    assert (result.report["cached"], result.report["scored"]) == (256, 194)
    assert sum(map(len, later.calls)) == 194
    again = Judge()
    other = rescore(
        found_of(ids[:2, ::-1] - 40 * (ids[:2, ::-1] >= 40)), queries[:2], documents[:50], again, **options
    )
    assert again.calls == []
    assert other.report["scored"] == 0
    fresh = Judge()
    rescore(found_of(ids), queries, documents, fresh, **{**options, "fingerprint": "judge-2"})
    assert sum(map(len, fresh.calls)) == 450


def test_a_foreign_file_in_the_cache_is_named(tmp_path):
    cache = ScoreCache(tmp_path, "a")
    cache.add(digests(["q"]), digests(["d"]), np.ones(1, np.float32))
    file = tmp_path / "scores-a" / "00000000.npy"
    for content in (file.read_bytes()[:100], b"text"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"00000000\.npy: must hold scores of pairs, got"):
            ScoreCache(tmp_path, "a").find(digests(["q"]), digests(["d"]), np.array([[0, 0]]))


def test_bad_arguments_are_refused_by_name(tmp_path):
    found = found_of([[0, 1]])
    nan = [1.0, float("nan")]
    cases = [
        ({"scorer": lambda pairs: [1.0]}, "`scorer` must give one score a pair, 2, got shape (1,)"),
        (
            {"scorer": lambda pairs: np.ones((2, 3))},
            "`scorer` must give one score a pair, 2, got shape (2, 3)",
        ),
        (
            {"scorer": lambda pairs: [nan[len(b) - 1] for _, b in pairs]},
            "`scorer` must give finite scores, got nan for query 0 and document 1",
        ),
        ({"queries": []}, "`queries` must be one a row of `found`, 1, got 0"),
        ({"documents": ["a"]}, "`documents` must have more than 1 texts, got 1"),
        ({"num_negatives": 1.5}, "`num_negatives` must be an integer at least 1, got 1.5"),
        ({"num_negatives": 0}, "`num_negatives` must be at least 1, got 0"),
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
        ({"relative_margin": 0.1}, "`relative_margin` must come with `positives`, got 0.1"),
        ({"positives": [0]}, "`positives` must come with a margin, got none"),
        ({"max_score": float("inf")}, "`max_score` must be finite, got inf"),
        ({"folder": tmp_path}, "`fingerprint` must come with `folder`, got None"),
        ({"fingerprint": "a"}, "`fingerprint` must come with `folder`, got 'a' alone"),
        ({"folder": tmp_path, "fingerprint": "../a"}, "`fingerprint` must be letters, digits and -_."),
    ]
    for changed, said in cases:
        options = {"queries": ["q"], "documents": ["a", "bb"], "scorer": Judge(), **changed}
        arguments = [options.pop(name) for name in ("queries", "documents", "scorer")]
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            rescore(found, *arguments, **options)
        assert said in str(caught.value)
    with pytest.raises(
        TypeError, match="`scorer` must have `predict` or be a function of a list of pairs, got int"
    ):
        rescore(found, ["q"], ["a", "b"], 3)


def test_nothing_to_score_is_an_empty_answer():
    judge = Judge()
    result = rescore(found_of(np.full((2, 3), -1)), ["a", "b"], [], judge, num_negatives=2)
    assert result.ids.tolist() == [[-1, -1]] * 2
    assert judge.calls == []
    assert result.report["missing"] == 4
