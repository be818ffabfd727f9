"""What a query excludes never comes back, margins start where told, and what is turned away is counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import foolsgold as fg
from foolsgold.mining import CandidateStore

BOUNDS = ("absolute_margin", "relative_margin", "max_score", "min_score")


def scores_of(queries, corpus):
    """Exact for small integers, whatever the order of the sum."""
    return (queries.astype(np.float64) @ corpus.T.astype(np.float64)).astype(np.float32)


def expected(table, query, wanted, positives, anchors, excluded, classes, bounds):
    """The negatives of one query, and the rule that turned each document away."""
    caps = []
    if anchors is not None:
        caps += [(anchors - bounds["absolute_margin"], 0)] if bounds["absolute_margin"] is not None else []
        if bounds["relative_margin"] is not None:
            caps.append((anchors - abs(anchors) * bounds["relative_margin"], 1))
    if bounds["max_score"] is not None:
        caps.append((bounds["max_score"], 2))
    cap, rule = min(caps, default=(np.inf, 0))
    least = -np.inf if bounds["min_score"] is None else bounds["min_score"]

    def why(document):
        score = table[query, document]
        if score < least or cap < least:
            return "min_score"
        for name, turned_away in [
            ("positive", document in positives),
            ("excluded", document in excluded),
            ("page", classes[0][document] in classes[1][query]),
        ]:
            if turned_away:
                return name
        return BOUNDS[rule] if score > cap else None

    order = sorted(range(table.shape[1]), key=lambda document: (-table[query, document], document))
    allowed = [document for document in order if why(document) is None][:wanted]
    last = table[query, allowed[-1]] if len(allowed) == wanted else -np.inf
    return allowed, [why(document) for document in order if table[query, document] >= last]


@st.composite
def cases(draw):
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    num_queries, num_documents = draw(st.integers(1, 6)), draw(st.integers(1, 60))
    bound = st.one_of(st.none(), st.integers(-3, 3))
    rows = lambda count: generator.integers(-2, 3, (count, 3)).astype(np.float32)  # noqa: E731
    lists = lambda below, most: [  # noqa: E731
        generator.integers(0, below, generator.integers(0, most)).tolist() for _ in range(num_queries)
    ]
    return {
        "queries": rows(num_queries),
        "corpus": rows(num_documents),
        "positives": lists(num_documents, 4),
        "exclude": lists(num_documents, 3),
        "page": (generator.integers(0, 5, num_documents), lists(5, 2)),
        "bounds": {name: draw(bound) for name in BOUNDS},
        "margin_from": draw(st.sampled_from(["least", "greatest", "each"])),
        "wanted": draw(st.integers(1, 8)),
    }


@settings(max_examples=300, deadline=None)
@given(cases())
def test_negatives_and_counts_are_those_of_brute_force(case):
    table = scores_of(case["queries"], case["corpus"])
    rows = [
        (query, anchor)
        for query, positives in enumerate(case["positives"])
        for anchor in {
            "least": [min((table[query, p] for p in positives), default=None)],
            "greatest": [max((table[query, p] for p in positives), default=None)],
            "each": [table[query, p] for p in positives],
        }[case["margin_from"]]
    ]
    found = fg.mine(
        case["queries"],
        case["corpus"],
        positives=case["positives"],
        exclude=case["exclude"],
        classes={"page": case["page"]},
        num_negatives=case["wanted"],
        margin_from=case["margin_from"],
        similarity="dot",
        **case["bounds"],
    )
    assert found.ids.shape == found.scores.shape == found.ranks.shape == (len(rows), case["wanted"])
    counts = dict.fromkeys(("positive", "excluded", "page", *BOUNDS), 0)
    for row, (query, anchor) in enumerate(rows):
        allowed, why = expected(
            table,
            query,
            case["wanted"],
            case["positives"][query],
            None if anchor is None else float(anchor),
            case["exclude"][query],
            case["page"],
            case["bounds"],
        )
        missing = case["wanted"] - len(allowed)
        assert found.ids[row].tolist() == allowed + [-1] * missing
        assert found.ranks[row].tolist() == [*range(1, len(allowed) + 1)] + [-1] * missing
        for rule in filter(None, why):
            counts[rule] += 1
    assert {name: found.report[f"rejected_{name}"] for name in counts} == counts
    assert list(found.report)[:3] == ["queries", "documents", "rejected_positive"]


def test_every_candidate_is_kept_or_counted():
    generator = np.random.default_rng(0)
    queries, corpus = generator.normal(size=(20, 8)), generator.normal(size=(300, 8))
    found = fg.mine(
        queries,
        corpus,
        positives=generator.integers(0, 300, 20),
        classes={"page": (np.arange(300) // 5, generator.integers(0, 60, 20))},
        relative_margin=0.2,
        min_score=0.1,
        num_negatives=300,
    )
    rejected = sum(count for name, count in found.report.items() if name.startswith("rejected_"))
    assert rejected + (found.ids >= 0).sum() == 20 * 300
    assert found.report["rejected_page"] > 0


SIX = np.eye(6, dtype=np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margin_from": "most"}, "`margin_from` must be .least., .greatest. or .each., got .most."),
        ({"margin_from": "each"}, "`margin_from` must come with `positives`, got .each."),
        ({"exclude": [[7]] + [[]] * 5}, "`exclude` must hold rows of the corpus, below 6, got 7"),
        ({"exclude": [1]}, "`exclude` must have one entry a query, 6, got 1"),
        ({"classes": {"page": ([1, 2], [0] * 6)}}, r"`classes\['page'\]` must have one class a document, 6"),
        ({"classes": {"": ([0] * 6, [0] * 6)}}, "`classes` must be named, and not like a bound, got ''"),
        (
            {"classes": {"page": (np.arange(6) + 2**40, [0] * 6)}},
            r"`classes\['page'\]` must hold classes, below 4294967295, got 1099511627776",
        ),
        (
            {"classes": {"page": ([0] * 6, [2**40] * 6)}},
            r"`classes\['page'\]` must hold classes, below 4294967295, got 1099511627776",
        ),
        (
            {"classes": {"max_score": ([0] * 6, [0] * 6)}},
            "`classes` must be named, and not like a bound, got 'max_score'",
        ),
    ],
)
def test_bad_rules_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        fg.mine(SIX, SIX, **change)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([1], "`classes` must be a mapping from names to pairs, got list"),
        ({"g": [0, 1, 2]}, r"`classes\['g'\]` must be a pair, the classes of .*, got 3 entries"),
        ({"g": np.zeros((2, 6), int)}, r"`classes\['g'\]` must be a pair, .*, got ndarray"),
        ({1: ([0] * 6, [0] * 6)}, "`classes` must have names that are texts, got 1"),
    ],
)
def test_classes_of_another_kind_are_refused(classes, message):
    with pytest.raises(TypeError, match=message):
        fg.mine(SIX, SIX, classes=classes)


def test_each_positive_is_a_query_wherever_it_is_searched(tmp_path):
    options = {"positives": [[0, 1], [], [2], [3], [4, 5], [5]], "margin_from": "each", "num_negatives": 2}
    reports = [fg.mine(SIX, SIX, **options, **where).report for where in ({}, {"folder": tmp_path})]
    reports.append(CandidateStore(tmp_path).select(2).report)
    assert [report["queries"] for report in reports] == [7, 7, 7]
    assert reports[0] == reports[1] == reports[2]
