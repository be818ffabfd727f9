"""What is never a negative: found from texts and groups, and checked in what comes out."""

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

import foolsgold as fg
from foolsgold.mining.forbidden import check_negatives, exclusions_of
from foolsgold.mining.groups import groups_of
from foolsgold.mining.pairs import gathered, read_pairs

DATA = {"q": ["what", "why", "what"], "d": ["Gold", "iron", "tin"]}
CORPUS = ["gold ", "GOLD", "What", "lead", "Gold"]


def flat(texts):
    """All texts look alike, so that only exclusions decide."""
    return np.ones((len(texts), 2)) + 1e-3 * np.arange(len(texts))[:, None] * [1, 0]


def negatives(data=None, **options):
    options = {"corpus": CORPUS, "num_negatives": 20, "relative_margin": None, "verbose": False, **options}
    mined = fg.mine_hard_negatives(DATA if data is None else data, flat, output_format="ragged", **options)
    return {(row["q"], row["d"]): set(row["negatives"]) for row in mined}


def test_positives_their_twins_and_the_query_itself():
    assert negatives() == {
        ("what", "Gold"): {"lead", "iron"},
        ("what", "tin"): {"lead", "iron"},
        ("why", "iron"): {"gold ", "GOLD", "What", "lead", "Gold", "tin"},
    }


def test_exact_positives_alone():
    of_what = {"gold ", "GOLD", "What", "lead", "iron"}
    assert negatives(twins=False)["what", "Gold"] == negatives(twins=False)["what", "tin"] == of_what


@pytest.mark.parametrize("exclude", [[["LEAD", "no such text"], [], ["lead"]], [[3], [], []]])
def test_what_is_named_and_its_twins(exclude):
    found = negatives(exclude=exclude)
    assert found["what", "Gold"] == found["what", "tin"] == {"iron"}
    assert "lead" in found["why", "iron"]
    assert negatives({**DATA, "not": [["lead"], [], []]}, exclude="not")["what", "Gold"] == {"iron"}
    exact = negatives(exclude=exclude, twins=False)["what", "Gold"]
    assert "lead" not in exact
    assert "gold " in exact


def test_documents_of_a_group_of_a_positive():
    data = {**DATA, "page": [7, 8, None]}
    grouped = negatives(data, group_column_name="page", corpus_groups=[8, None, 8, 7, None], twins=False)
    assert grouped["what", "Gold"] == {"gold ", "GOLD", "What", "iron"}
    assert grouped["why", "iron"] == {"GOLD", "lead", "Gold", "tin"}
    # Groups of the corpus alone serve too: a positive that is in it has its group.
    assert negatives(corpus_groups=[8, None, 8, 7, 7], twins=False)["what", "Gold"] == {
        "gold ",
        "GOLD",
        "What",
        "iron",
    }


@pytest.mark.parametrize("none", [None, "", " \t", float("nan")], ids=["null", "empty", "blank", "nan"])
def test_a_blank_cell_is_no_group(none):
    import pyarrow as pa

    wanted = negatives(corpus_groups=["8", None, "8", "7", None], twins=False)
    cells = ["8", none, "8", "7", none]
    for groups in (cells, np.array(cells, object), pd.Series(cells)):
        assert negatives(corpus_groups=groups, twins=False) == wanted
    if not isinstance(none, str):
        numbers = [8, none, 8, 7, none]
        for groups in (numbers, pd.Series(numbers), pa.array(np.array(numbers, float))):
            assert negatives(corpus_groups=groups, twins=False) == wanted
    # A positive without a group shares none with the documents without one.
    data = {**DATA, "page": ["7", "8", none]}
    assert (
        "GOLD" in negatives(data, group_column_name="page", corpus_groups=cells, twins=False)["what", "tin"]
    )


def test_a_text_may_be_in_several_groups():
    corpus, groups = ["x", "x", "x", "y", "z", "Gold"], ["a", "b", "c", "b", "a", "b"]
    found = negatives(corpus=corpus, corpus_groups=groups)
    assert found["what", "Gold"] == {"z", "iron"}
    assert found["why", "iron"] == {"x", "y", "z", "Gold", "tin"}
    groups = ["a", "b", "c", "c", "a", "c"]
    assert negatives(corpus=corpus, corpus_groups=groups)["what", "Gold"] == {"z", "iron"}


def test_a_ranking_with_positives_leaves_out_what_is_named_alone():
    options = {"include_positives": True, "num_negatives": 6, "exclude": [["lead"], [], []]}
    mined = fg.mine_hard_negatives(DATA, flat, corpus=CORPUS, verbose=False, **options)
    names = [f"negative_{place}" for place in range(1, 7)]
    ranking = {row[name] for row in mined if row["q"] == "what" for name in names}
    assert ranking == {"gold ", "GOLD", "What", "Gold", "iron", "tin"}


words = st.lists(st.sampled_from(["a", "A", "b ", "b", "c", "Ç", "ç"]), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("qQr"), st.sampled_from(["a", "B", "c"]), st.sampled_from([None, 1, 2])),
        min_size=1,
    ),
    words,
    st.data(),
    st.booleans(),
)
def test_rules_are_what_naive_loops_say(rows, corpus, data, twins):
    groups = data.draw(st.lists(st.sampled_from([None, 1, 2]), min_size=len(corpus), max_size=len(corpus)))
    exclude = data.draw(
        st.lists(st.lists(st.sampled_from(["A", "zz"]), max_size=2), min_size=len(rows), max_size=len(rows))
    )
    columns = {"q": [row[0] for row in rows], "d": [row[1] for row in rows]}
    pairs = read_pairs(columns, "q", "d", corpus=corpus, exclude=exclude, threads=1, progress=False)
    found = exclusions_of(
        pairs, twins=twins, groups=groups_of(pairs, [row[2] for row in rows], groups), threads=1
    )
    documents = pairs.documents()
    queries = pairs.query_texts()
    fold = str.casefold if twins else str

    def normal(text):
        return fold(text).strip() if twins else text

    group_of = {text: set() for text in documents}
    for text, group in [*zip(corpus, groups, strict=True), *((row[1], row[2]) for row in rows)]:
        group_of[text] |= {group} - {None}
    for number, query in enumerate(queries):
        known = {row[1] for row in rows if row[0] == query}
        named = {
            normal(text)
            for row, names in zip(rows, exclude, strict=True)
            if row[0] == query
            for text in names
        }
        expected = {
            text
            for text in documents
            if text in known
            or normal(text) in named
            or (twins and normal(text) in {normal(other) for other in [*known, query]})
            or group_of[text] & set().union(*(group_of[positive] for positive in known))
        }
        told = set()
        for rule in found.values():
            offsets, values = rule.lists
            listed = values[offsets[number] : offsets[number + 1]]
            classes = np.arange(len(documents)) if rule.classes is None else rule.classes
            told |= {documents[place] for place in np.flatnonzero(np.isin(classes, listed))}
        assert told == expected
        for place, text in enumerate(documents):
            if text not in expected:
                check_negatives(found, np.array([number]), np.array([[place, -1]]))
                continue
            with pytest.raises(RuntimeError, match="a negative is excluded as `"):
                check_negatives(found, np.array([number]), np.array([[-1, place]]))


@pytest.mark.parametrize("block", [1, 2, 100])
def test_the_check_looks_at_every_block(monkeypatch, block):
    from foolsgold.mining import forbidden

    monkeypatch.setattr(forbidden, "_BLOCK", block)
    lists = gathered(np.array([0, 1, 2, 2]), np.array([5, 6, 7, 8]), 3)
    rules = {"positive": forbidden.Exclusion(classes=None, lists=lists)}
    query = np.array([0, 1, 1, 2, 2])
    good = np.array([[6, 7], [5, -1], [7, 8], [5, 6], [-1, -1]])
    check_negatives(rules, query, good)
    for row, bad in enumerate([5, 6, 6, 8, 7]):
        ids = good.copy()
        ids[row, 1] = bad
        with pytest.raises(RuntimeError, match="`positive`"):
            check_negatives(rules, query, ids)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"exclude": "nope"}, ValueError, "`exclude` must be one of .*, got 'nope'"),
        ({"exclude": [["a"]]}, ValueError, "`exclude` must have one list a row, 3, got 1"),
        ({"exclude": [["a"], "b", []]}, TypeError, "`exclude` must hold lists, got str at row 1"),
        ({"exclude": [["a"], [1], []]}, TypeError, "`exclude` must hold lists of one kind"),
        ({"exclude": [[0.5], [1.5], []]}, TypeError, "`exclude` must hold lists of texts or of rows"),
        ({"exclude": [[9], [1], []]}, ValueError, "`exclude` must hold rows of `corpus`, below 5, got 9"),
        ({"group_column_name": "page"}, ValueError, "`group_column_name` must be one of .*, got 'page'"),
        (
            {"corpus_groups": [1, 2]},
            ValueError,
            "`corpus_groups` must have one entry a row of `corpus`, 5, got 2",
        ),
        (
            {"corpus_groups": [1, "a", 2, 3, 4]},
            TypeError,
            "`corpus_groups` must hold texts or numbers, .*\nhint",
        ),
        (
            {"corpus_groups": [[1], [2], [3], [4], [5]]},
            TypeError,
            "`corpus_groups` must hold texts or numbers",
        ),
        (
            {"corpus_groups": [1], "corpus": None},
            ValueError,
            "`corpus_groups` must be left out without `corpus`",
        ),
        ({"corpus": "gold"}, TypeError, "`corpus` must be a list of texts, got str"),
        (
            {"corpus": {"a": "gold"}},
            TypeError,
            r"`corpus` must be a list of texts, got dict\nhint: `list\(corpus.values\(\)\)`",
        ),
        (
            {"corpus": {"gold", "lead"}},
            TypeError,
            r"`corpus` must be a list of texts, got set\nhint: `sorted\(corpus\)`",
        ),
        ({"corpus": frozenset(["gold"])}, TypeError, "`corpus` must be a list of texts, got frozenset"),
        (
            {"corpus": Dataset.from_dict({"text": ["gold"]})},
            TypeError,
            "`corpus` must be a list of texts, got Dataset\nhint: name the column",
        ),
        (
            {"corpus": pd.DataFrame({"text": ["gold"]})},
            TypeError,
            "`corpus` must be a list of texts, got DataFrame\nhint: name the column",
        ),
        (
            {"include_positives": True, "corpus_groups": [1] * 5},
            ValueError,
            "`corpus_groups` must be left out with `include_positives`",
        ),
        (
            {"include_positives": True, "relative_margin": 0.1},
            ValueError,
            "`relative_margin` must be left out with `include_positives`",
        ),
    ],
)
def test_bad_input_is_named(options, error, message):
    with pytest.raises(error, match=message):
        negatives(**options)
