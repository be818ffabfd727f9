"""With Euclidean distance, scores are minus distances: margins, bounds and order hold as everywhere."""

import numpy as np
import pytest

import foolsgold as fg
from foolsgold.mining.fused import mine_fused
from foolsgold.mining.fusion import fuse

WORDS = [f"d{number}" for number in range(120)]
PAIRS = {"q": [f"q{row // 2}" for row in range(40)], "d": [f"d{row}" for row in range(40)]}


def embed(texts):
    rows = [np.random.default_rng(list(text.encode())).normal(0.3, 1, 5) for text in texts]
    return np.array(rows, np.float32)


class Named:
    similarity_fn_name = "euclidean"

    def encode(self, texts):
        return embed(texts)


def scores_of(query):
    wide = embed([query]).astype(np.float64), embed(WORDS).astype(np.float64)
    return (-np.sqrt(((wide[1] - wide[0]) ** 2).sum(axis=1))).astype(np.float32)


def expected(*, absolute=None, relative=None, most=None, margin_from="least"):
    """One query after the other."""
    rows = []
    for query in dict.fromkeys(PAIRS["q"]):
        scores = scores_of(query)
        known = [int(d[1:]) for q, d in zip(PAIRS["q"], PAIRS["d"], strict=True) if q == query]
        base = float((min if margin_from == "least" else max)(scores[known]))
        allowed = [
            document
            for document in np.argsort(-scores, kind="stable")
            if document not in known
            and (absolute is None or float(scores[document]) <= base - absolute)
            and (relative is None or float(scores[document]) <= base - abs(base) * relative)
            and (most is None or scores[document] <= most)
        ]
        rows += [[(WORDS[at], scores[at]) for at in allowed[:4]]] * len(known)
    return rows


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, {"relative": 0.05}),
        ({"relative_margin": 0.3}, {"relative": 0.3}),
        ({"relative_margin": 0.3, "margin_from": "greatest"}, {"relative": 0.3, "margin_from": "greatest"}),
        ({"absolute_margin": 0.2}, {"absolute": 0.2}),
        ({"max_score": -2.0}, {"most": -2.0}),
    ],
    ids=str,
)
@pytest.mark.parametrize("device", [None, "cpu"])
def test_negatives_are_those_of_every_pair(options, wanted, device):
    options = {"corpus": WORDS, "num_negatives": 4, "verbose": False, "device": device, **options}
    options |= {"output_format": "ragged", "output_scores": True}
    rows = fg.mine_hard_negatives(PAIRS, embed, similarity="euclidean", **options)
    found = [list(zip(row["negatives"], row["scores"][1:], strict=True)) for row in rows]
    assert found == expected(**wanted)
    positives = [row["scores"][0] for row in rows]
    pairs = zip(PAIRS["q"], PAIRS["d"], strict=True)
    assert positives == [scores_of(query)[int(document[1:])] for query, document in pairs]
    assert any(found)
    named = fg.mine_hard_negatives(PAIRS, Named(), similarity="model", **options)
    assert named.to_list() == rows.to_list()


def test_a_fusion_is_scored_by_distance():
    generator = np.random.default_rng(0)
    queries, corpus = generator.normal(size=(6, 4)), generator.normal(size=(50, 4))
    found = fg.mine(queries, corpus, num_negatives=9, similarity="euclidean")
    other = fg.mine(queries, corpus, num_negatives=9, similarity="dot")
    options = {"positives": np.arange(6), "relative_margin": 0.1, "num_negatives": 5}
    fused = mine_fused({"near": found, "long": other}, queries, corpus, similarity="euclidean", **options)
    distances = np.linalg.norm(queries[:, None] - corpus[None], axis=2)
    there = fused.ids >= 0
    rows = np.nonzero(there)[0]
    np.testing.assert_allclose(-fused.scores[there], distances[rows, fused.ids[there]], rtol=1e-6)
    assert (-fused.scores[there] >= 1.1 * distances[rows, rows] * (1 - 1e-6)).all()
    assert there.any()
    assert fuse({"near": found}).ids.tolist() == found.ids.tolist()
