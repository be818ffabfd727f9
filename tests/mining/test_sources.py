"""Candidates of several sources: each under all rules, fused, scored by one measure, and told apart."""

import json

import numpy as np
import pytest
from datasets import List, Value

import foolsgold as fg
from foolsgold.mining.bm25 import BM25
from foolsgold.mining.bounds import Bounds
from foolsgold.mining.forbidden import Exclusion
from foolsgold.mining.sources import as_sources
from foolsgold.mining.words import search_words, word_scores

GENERATOR = np.random.default_rng(0)
VOCABULARY = [f"w{number}" for number in range(30)]
WORDS = list(dict.fromkeys(" ".join(GENERATOR.choice(VOCABULARY, 6)) for _ in range(90)))
QUERIES = list(dict.fromkeys(" ".join(GENERATOR.choice(VOCABULARY, 3)) for _ in range(15)))
PAIRS = {"q": [query for query in QUERIES for _ in range(2)], "d": WORDS[: 2 * len(QUERIES)]}
NUM = len(QUERIES)


def embed(texts):
    return np.array([np.random.default_rng(list(text.encode())).normal(0.3, 1, 6) for text in texts])


def judge(pairs):
    return np.array([np.random.default_rng(list((a + b).encode())).uniform() for a, b in pairs], np.float32)


def never(texts):
    raise AssertionError("the model is asked")


def mined(model=embed, **options):
    options = {"corpus": WORDS, "output_format": "ragged", "output_scores": True, "verbose": False, **options}
    return fg.mine_hard_negatives(options.pop("pairs", PAIRS), model, **options)


MODEL = fg.mine(embed(QUERIES), embed(WORDS), num_negatives=len(WORDS))
LEXICAL = BM25(WORDS).search(QUERIES, len(WORDS))


def full(table):
    """The score of each document for each query, 0 where it is not found."""
    scores = np.zeros((NUM, len(WORDS)), np.float32)
    row, place = np.nonzero(table.ids >= 0)
    scores[row, table.ids[row, place]] = table.scores[row, place]
    return scores


def expected(names, *, scores, depth, quotas=None, num=3, range_min=0, margin=None, most=None, least=None):
    """One query after the other: negatives, their scores and sources."""
    answers = []
    for query in range(NUM):
        known, own = [2 * query, 2 * query + 1], scores[query].astype(np.float64)
        base = float(own[known].min())

        def is_allowed(document, own=own, known=known, base=base):
            return (
                document not in known
                and (margin is None or own[document] <= base - abs(base) * margin)
                and (most is None or own[document] <= most)
                and (least is None or own[document] >= least)
            )

        tables = {"model": MODEL, "bm25": LEXICAL}
        ranked = {
            name: [int(at) for at in tables[name].ids[query] if at >= 0 and is_allowed(at)][:depth]
            for name in names
        }
        if quotas is None:
            total = {}
            for place in ranked.values():
                for rank, document in enumerate(place, start=1):
                    total[document] = total.get(document, 0) + 1 / (60 + rank)
            order = sorted(total, key=lambda document: (-np.float32(total[document]), document))[:depth]
            of = {
                document: min(
                    (place.index(document), number)
                    for number, place in enumerate(ranked.values())
                    if document in place
                )[1]
                for document in order
            }
        else:
            order, of, given = [], {}, dict.fromkeys(names, 0)
            while True:
                before = len(order)
                for number, name in enumerate(names):
                    new = [document for document in ranked[name] if document not in of]
                    if given[name] < quotas[name] and new:
                        order.append(new[0])
                        of[new[0]] = number
                        given[name] += 1
                if len(order) == before:
                    break
        taken = order[range_min : range_min + num]
        answers.append([(WORDS[at], scores[query, at], list(names)[of[at]]) for at in taken])
    return [answer for answer in answers for _ in range(2)]


def told(rows):
    return [
        list(zip(row["negatives"], np.float32(row["scores"][1:]), row["source"], strict=True)) for row in rows
    ]


@pytest.mark.parametrize("names", [["model", "bm25"], ["bm25", "model"], ["bm25"], ["model"]], ids=str)
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"relative_margin": None}, {}),
        ({}, {"margin": 0.05}),
        ({"relative_margin": 0.4, "range_min": 2}, {"margin": 0.4, "range_min": 2, "depth": 32}),
        ({"max_score": 0.3, "min_score": -0.2, "num_negatives": 4}, {"most": 0.3, "least": -0.2, "num": 4}),
    ],
    ids=str,
)
def test_ranks_are_fused_and_rules_hold_for_all(names, options, wanted):
    depth = 10 * wanted.get("num", 3)
    wanted = {"depth": depth, "scores": full(MODEL), **wanted}
    found = told(mined(sources=names, **options))
    assert found == expected(names, **wanted)
    assert {source for row in found for *_, source in row} == set(names)


@pytest.mark.parametrize("quotas", [{"model": 4, "bm25": 2}, {"bm25": 3, "model": 3}, {"bm25": 5}], ids=str)
def test_each_source_gives_its_number_in_turn(quotas):
    depth, num = sum(quotas.values()), 5
    found = told(mined(sources=quotas, num_negatives=num, relative_margin=0.2))
    wanted = expected(list(quotas), scores=full(MODEL), depth=depth, quotas=quotas, num=num, margin=0.2)
    assert found == wanted
    assert any(found)


def test_words_alone_need_no_model():
    scores = full(LEXICAL)
    rows = mined(None, sources=["bm25"])  # no margin applies
    assert told(rows) == expected(["bm25"], scores=scores, depth=30)
    of_pairs = [row["scores"][0] for row in rows]
    assert of_pairs == [scores[row // 2, row] for row in range(2 * NUM)]
    assert 0.0 in of_pairs
    assert max(of_pairs) > 1
    margin = mined(None, sources=["bm25"], relative_margin=0.1, margin_from="least")
    assert told(margin) == expected(["bm25"], scores=scores, depth=30, margin=0.1)
    most = mined(None, sources={"bm25": 9}, max_score=2.0, num_negatives=6)
    assert told(most) == expected(["bm25"], scores=scores, depth=9, num=6, most=2.0)


def test_margins_starve_no_query_of_words():
    """Every document with the query's rare word is as good as the positive, but one far down the list."""
    near = [f"gold {number}" for number in range(300)]
    far = "gold and a great many other words that make it long " * 3
    pairs = {"q": ["gold"], "d": ["gold metal"]}

    def model(texts):
        return np.array([[0.2, 1.0] if len(text) > 60 else [1.0, 0.0] for text in texts])

    rows = mined(model, pairs=pairs, corpus=[*near, far], sources=["bm25"])
    assert rows["negatives"][0] == [far]


@pytest.mark.parametrize("strategy", ["random", "stratified"])
def test_strategies_take_from_the_fused_ranks(strategy):
    options = {"sources": ["model", "bm25"], "relative_margin": None}
    ranked = mined(num_negatives=30, **{**options, "sources": {"model": 15, "bm25": 15}})
    options["sources"] = {"model": 15, "bm25": 15}
    drawn = [mined(sampling_strategy=strategy, range_max=30, seed=seed, **options) for seed in (0, 0, 1)]
    assert drawn[0].to_dict() == drawn[1].to_dict() != drawn[2].to_dict()
    for row, whole in zip(told(drawn[0]), told(ranked), strict=True):
        places = [whole.index(negative) for negative in row]
        assert places == sorted(places)
        assert len(places) == 3
        if strategy == "stratified":
            assert [place * 3 // len(whole) for place in places] == [0, 1, 2]


def test_a_cross_encoder_judges_what_the_sources_find():
    options = {"cross_encoder": judge, "relative_margin": None, "num_negatives": 4}
    rows = mined(sources={"model": 8, "bm25": 8}, margin_from="each", absolute_margin=0.1, **options)
    pool = expected(["model", "bm25"], scores=full(MODEL), depth=16, quotas={"model": 8, "bm25": 8}, num=16)
    for number, (row, candidates) in enumerate(zip(told(rows), pool, strict=True)):
        query, positive = PAIRS["q"][number], PAIRS["d"][number]
        own = float(judge([(query, positive)])[0])
        source = {text: name for text, _, name in candidates}
        scores = {text: judge([(query, text)])[0] for text in source}
        best = sorted((text for text in source if float(scores[text]) <= own - 0.1), key=lambda t: -scores[t])
        assert row == [(text, scores[text], source[text]) for text in best[:4]]
    alone = mined(None, sources=["bm25"], sampling_strategy="softmax", temperature=0.1, **options)
    assert {source for row in told(alone) for *_, source in row} == {"bm25"}


FEATURES = {
    "triplet": ["q", "d", "negative", "scores", "source"],
    "n-tuple": ["q", "d", "negative_1", "negative_2", "scores", "source"],
    "labeled-pair": ["q", "d", "score", "source"],
    "labeled-list": ["q", "d", "scores", "source"],
    "ragged": ["q", "d", "negatives", "scores", "source"],
}


@pytest.mark.parametrize("output_format", FEATURES)
def test_every_format_tells_the_source(output_format):
    options = {"sources": ["model", "bm25"], "num_negatives": 2, "relative_margin": None}
    of = {}
    for row in mined(**options):
        of |= {(row["q"], text): name for text, name in zip(row["negatives"], row["source"], strict=True)}
    rows = mined(output_format=output_format, **options)
    assert list(rows.features) == FEATURES[output_format]
    is_row_a_text = output_format in ("triplet", "labeled-pair")
    assert rows.features["source"] == (Value("string") if is_row_a_text else List(Value("string")))
    known = set(zip(PAIRS["q"], PAIRS["d"], strict=True))
    for row in rows:
        query = row["q"]
        if output_format == "triplet":
            assert row["source"] == of[query, row["negative"]]
        elif output_format == "labeled-pair":
            assert row["source"] == (None if (query, row["d"]) in known else of[query, row["d"]])
        else:
            texts = {
                "n-tuple": lambda row: [row["negative_1"], row["negative_2"]],
                "labeled-list": lambda row: row["d"][1:],
                "ragged": lambda row: row["negatives"],
            }[output_format](row)
            assert row["source"] == [of[query, text] for text in texts]
    assert "source" not in mined(output_format=output_format, num_negatives=2).features


def test_the_report_counts_by_source(tmp_path):
    rows = mined(sources=["model", "bm25"], max_score=0.2, report_folder=tmp_path).to_list()
    report = json.loads((tmp_path / "report.json").read_text())
    names = [name for row in rows[::2] for name in row["source"]]
    for name in ("model", "bm25"):
        assert report["counts"][f"from_{name}"] == names.count(name) > 0
        assert report["rejected"][f"{name}: max_score"] > 0
    assert report["rejected"]["model: positive"] > 0
    assert report["counts"]["missing"] == sum(3 - len(row["negatives"]) for row in rows[::2])
    assert report["options"]["sources"] == ["model", "bm25"]
    mined(None, sources={"bm25": 9}, report_folder=tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["options"]["sources"] == {"bm25": 9}
    assert report["options"]["similarity"] == "bm25"
    assert "embed" not in report["seconds"]


def test_a_folder_and_a_device_change_no_row(tmp_path):
    options = {"sources": ["model", "bm25"]}
    rows = mined(**options)
    kept = {"folder": tmp_path / "kept", "model_fingerprint": "drawn"}
    assert mined(**options, **kept).to_dict() == rows.to_dict()
    assert mined(never, **options, **kept).to_dict() == rows.to_dict()
    assert mined(**options, device="cpu", max_memory=1 << 20).to_dict() == rows.to_dict()


def test_exclusions_hold_for_words():
    twins = [text.upper() for text in PAIRS["d"]]
    groups = [number % 5 for number in range(len(WORDS))]
    options = {
        "corpus": [*WORDS, *twins],
        "corpus_groups": [*groups, *([None] * len(twins))],
        "exclude": [[WORDS[-1 - row % 7]] for row in range(2 * NUM)],
        "relative_margin": None,
        "num_negatives": 200,
    }
    pairs = {**PAIRS, "page": groups[: 2 * NUM]}
    rows = mined(None, pairs=pairs, sources=["bm25"], group_column_name="page", **options)
    group = dict(zip(WORDS, groups, strict=True))
    assert sum(map(len, rows["negatives"])) > 100
    for row, names in enumerate(rows["negatives"]):
        pair = [row - row % 2, row - row % 2 + 1]
        pages = {groups[at] for at in pair}
        assert not {PAIRS["d"][at].upper() for at in pair} & set(names)
        assert all(group.get(name) not in pages for name in names)
        assert not {WORDS[-1 - at % 7] for at in pair} & set(names)


def test_scores_of_pairs_are_those_of_the_search():
    index = BM25(WORDS)
    query, document = (side.ravel().astype(np.uint32) for side in np.indices((NUM, len(WORDS))))
    wanted = full(LEXICAL)
    assert word_scores(index, QUERIES, query, document).tolist() == wanted.ravel().tolist()
    some = GENERATOR.random(len(query)) < 0.1
    assert word_scores(index, QUERIES, query[some], document[some]).tolist() == wanted.ravel()[some].tolist()


def test_deeper_searches_count_each_query_once(monkeypatch):
    monkeypatch.setattr("foolsgold.mining.words._CELLS", 40)
    lists = (np.arange(NUM + 1), np.arange(NUM, dtype=np.uint32))
    found = search_words(
        BM25(WORDS),
        QUERIES,
        2,
        exclusions={"positive": Exclusion(classes=None, lists=lists)},
        anchors=np.full(NUM, np.nan, np.float32),
        bounds=Bounds(max_score=1.0),
        score=None,
    )
    for query in range(NUM):
        scores = LEXICAL.scores[query]
        allowed = (scores <= 1) & (LEXICAL.ids[query] >= 0) & (LEXICAL.ids[query] != query)
        wanted = LEXICAL.ids[query][allowed][:2]
        assert found.ids[query].tolist() == [*wanted, -1, -1][:2]
    assert found.report["max_score"] == sum(
        ((LEXICAL.scores[query] > 1) & (LEXICAL.ids[query] != query)).sum() for query in range(NUM)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sources": "bm25"}, "`sources` must be a list of names, or a mapping .*, got str"),
        ({"sources": []}, r"`sources` must be .model., .bm25. or both, each once, got \[\]"),
        ({"sources": ["bm25", "bm25"]}, "`sources` must be"),
        ({"sources": ["run.trec"]}, r"got \['run.trec'\]\nhint: a run file is read by `mining.read_run`"),
        ({"sources": {"bm25": 0}}, "`sources` must have a number of at least 1 for 'bm25', got 0"),
        ({"sources": {"bm25": 2.5}}, "`sources` must have a number of at least 1 for 'bm25', got 2.5"),
        ({"sources": {"bm25": 2}}, "`sources` must give at least `range_min` . `num_negatives` = 3, got 2"),
        (
            {"sources": ["bm25"], "sampling_strategy": "softmax", "temperature": 1.0},
            "`sampling_strategy` must be one of .top., .* with `sources`, got .softmax.\nhint: ",
        ),
        ({"sources": ["bm25"], "margin_from": "each"}, "`margin_from` must be .least. or .greatest. with"),
        ({"sources": ["bm25"], "on_short": "random"}, "`on_short` must not be .random. with `sources`"),
        (
            {"sources": ["bm25"], "on_short": "widen", "min_score": 0.1},
            "`on_short` must not be .widen. with `sources` and `min_score`",
        ),
        ({"sources": ["bm25"], "device": "cpu"}, "`device` must be left out without the source .model."),
        ({"on_short": "random", "device": "cpu"}, "`on_short` must not be .random. with `device`"),
        ({"max_memory": -1}, r"`max_memory` must be from 0 to 2\^63 - 1, got -1"),
        ({"model": None}, "`model` must be given where it is a source, got None with no `sources`\nhint: "),
        ({"model": None, "sources": ["bm25", "model"]}, "`model` must be given where it is a source"),
        (
            {"model": None, "sources": ["bm25"], "query_prompt": "x"},
            "`query_prompt` must be left out without",
        ),
        ({"model": None, "sources": ["bm25"], "similarity": "dot"}, "`similarity` must be left out without"),
        ({"model": None, "sources": ["bm25"], "folder": "x"}, "`folder` must be left out without a model"),
        ({"pairs": {"source": ["a"], "d": ["b"]}, "sources": ["bm25"]}, "a column name of the result"),
    ],
    ids=str,
)
def test_bad_options_are_refused_before_the_model_is_asked(options, message):
    options = {"model": never, **options}
    kind = TypeError if "got str" in message else ValueError
    with pytest.raises(kind, match=message):
        mined(**options)


def test_what_sources_are():
    assert as_sources(None) is None
    assert (as_sources(("bm25", "model")).method, as_sources({"model": 2}).method) == ("rrf", "quota")
