"""A table of candidates is kept as columns, merged from parts, narrowed, and selected from again."""

import numpy as np
import pytest

import foolsgold as fg
from foolsgold import _core
from foolsgold.mining.exclusions import as_exclusions
from foolsgold.mining.strategies import as_selection

GENERATOR = np.random.default_rng(0)
QUERIES = GENERATOR.normal(size=(30, 8)).astype(np.float32)
CORPUS = GENERATOR.normal(size=(250, 8)).astype(np.float32)
POSITIVES = GENERATOR.integers(0, 250, 30)
EXCLUSIONS = as_exclusions(30, 250, positives=POSITIVES)
PLAIN = ("least", None, None, None, None)
MARGIN = ("least", None, 0.1, None, 0.2)


def search(rules, depth, documents=slice(0, 250), anchors=EXCLUSIONS[0][2:]):
    return _core.search(
        QUERIES,
        CORPUS[documents],
        EXCLUSIONS,
        anchors,
        similarity="cosine",
        rules=rules,
        depth=depth,
        first_document=documents.start,
        threads=2,
    )


def same(left, right):
    one, other = left.columns(), right.columns()
    assert list(one) == list(other)
    for name, column in one.items():
        np.testing.assert_array_equal(column, other[name])
    assert left.rejected() == right.rejected()
    assert (left.depth, left.documents, left.exclusions) == (right.depth, right.documents, right.exclusions)


def test_columns_make_the_table_again():
    table = search(MARGIN, 12)
    again = _core.CandidateTable.from_columns(
        table.columns(), rules=MARGIN, depth=12, documents=250, exclusions=["positive"]
    )
    same(table, again)
    assert len(again) == 30


def test_parts_of_the_corpus_merge():
    whole = search(MARGIN, 12)
    anchors = whole.columns()["anchors"]
    parts = [search(MARGIN, 12, slice(at, at + 90), anchors) for at in (180, 0, 90)]
    same(_core.CandidateTable.merge(parts, threads=2), whole)


def test_a_wide_table_answers_stricter_questions():
    wide = search(PLAIN, 251)
    same(wide.narrow(rules=MARGIN, depth=12, threads=1), search(MARGIN, 12))
    for strategy in ("top", "stratified"):
        options = {"num_negatives": 4, "range_min": 2, "range_max": 12, "sampling_strategy": strategy}
        ids, scores, ranks, report = search(MARGIN, 12).select(
            as_selection(**options, num_documents=250, seed=5), threads=2
        )
        found = fg.mine(
            QUERIES, CORPUS, positives=POSITIVES, relative_margin=0.1, min_score=0.2, seed=5, **options
        )
        assert np.array_equal(ids, found.ids)
        assert np.array_equal(scores, found.scores)
        assert np.array_equal(ranks, found.ranks)
        assert report[1:] == (found.report["short_queries"], found.report["missing"], 0, 0, 0)


def test_parts_of_the_queries_are_drawn_as_the_whole():
    table = search(PLAIN, 20)
    options = {"num_negatives": 3, "sampling_strategy": "random", "num_documents": 250}
    whole = table.select(as_selection(**options), threads=1)[0]
    columns = table.columns()
    starts = columns["offsets"], columns["away_offsets"]
    halves = []
    for first, last in [(0, 11), (11, 30)]:
        part = {name: columns[name][first:last] for name in ("bars", "anchors", "above")}
        for offsets, names in zip(
            starts, (("ids", "scores"), ("away_ids", "away_scores", "away_rules")), strict=True
        ):
            low, high = offsets[first], offsets[last]
            part |= {name: columns[name][low:high] for name in names}
            part["offsets" if names[0] == "ids" else "away_offsets"] = offsets[first : last + 1] - low
        halves.append(
            _core.CandidateTable.from_columns(
                part, rules=PLAIN, depth=20, documents=250, exclusions=["positive"]
            )
        )
    same(_core.CandidateTable.concat(halves), table)
    drawn = [
        half.select(as_selection(**options, first_query=first), threads=1)[0]
        for half, first in zip(halves, (0, 11), strict=True)
    ]
    assert np.array_equal(np.concatenate(drawn), whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.zeros(3, np.float32)}, "`scores` must hold"),
        ({"offsets": np.zeros(31, np.uint64)}, "`offsets` must rise from 0 to"),
        ({"above": np.zeros(3, np.uint32)}, "`above` must hold 30 values, got 3"),
        (
            {"reverse": True},
            "`scores` must hold at most 251 candidates of a query, the best first, got others at query 0",
        ),
        ({"away_rules": "high"}, "`away_rules` must be below the 1 exclusions, got 1"),
    ],
)
def test_columns_that_are_no_table_are_refused(change, message):
    columns = search(PLAIN, 251).columns()
    if "reverse" in change:
        change = {}
        columns["scores"] = columns["scores"][::-1].copy()
    if change.get("away_rules") == "high":
        change = {"away_rules": np.ones_like(columns["away_rules"])}
    with pytest.raises(ValueError, match=message):
        _core.CandidateTable.from_columns(
            {**columns, **change}, rules=PLAIN, depth=251, documents=250, exclusions=["positive"]
        )


def test_what_a_table_cannot_tell_is_refused():
    table = search(MARGIN, 12)
    with pytest.raises(ValueError, match="`relative_margin` must be at least 0.1, as the table was searched"):
        table.narrow(rules=PLAIN, depth=12, threads=1)
    with pytest.raises(ValueError, match="`on_short` must not be .random. without the embeddings"):
        table.select(as_selection(num_negatives=1, num_documents=250, on_short="random"), threads=1)
    with pytest.raises(ValueError, match="`positives` must be among the documents that are searched"):
        search(PLAIN, 3, slice(0, 2))
