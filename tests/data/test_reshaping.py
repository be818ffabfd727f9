"""Any shape to any other, in memory."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foolsgold.data import Texts, reshape
from foolsgold.data.columns import Columns
from foolsgold.data.reshaping.shapes import SHAPES, roles_of

TRIPLETS = {"anchor": ["a", "a", "x"], "positive": ["b", "b", "y"], "negative": ["c", "d", "z"]}
NLI = {
    "premise": ["p", "p", "p", "q"],
    "hypothesis": ["yes", "no", "perhaps", "true"],
    "label": [0, 2, 1, 0],
    "label_text": ["entailment", "contradiction", "neutral", "entailment"],
}
SCORED = {"sentence1": ["p", "p", "q"], "sentence2": ["x", "y", "z"], "score": [0.25, 0.75, 0.5]}
SAMPLES = {
    "pair": {"anchor": ["a", "b", "c"], "positive": ["x", "y", "z"]},
    "triplet": TRIPLETS,
    "n-tuple": {"anchor": ["a"], "positive": ["b"], "negative_1": ["c"], "negative_2": ["d"]},
    "labeled-pair": {"anchor": ["a", "a"], "positive": ["b", "c"], "label": [1, 0]},
    "scored-pair": SCORED,
    "graded": {"query": ["a", "a", "a"], "document": ["b", "c", "d"], "score": [2, 1, 0]},
    "class-pair": NLI,
    "labeled-list": {"anchor": ["a"], "positive": [["b", "c", "d"]], "labels": [[1, 0, 0]]},
    "ragged": {"anchor": ["a", "x"], "positive": ["b", "y"], "negatives": [["c", "d"], ["z"]]},
    "class": {"text": ["a", "b", "c", "d"], "label": ["u", "u", "v", "v"]},
}


def rows(data, **options):
    table, report = reshape(data, **options)
    assert report.rows_out == table.num_rows
    return table.to_pylist()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_known_by_its_columns(shape):
    assert roles_of(pa.table(SAMPLES[shape])).shape == shape
    table, report = reshape(SAMPLES[shape])
    assert table.to_pydict() == SAMPLES[shape]
    assert (report.from_, report.to, dict(report.left_out)) == (shape, shape, {})


@pytest.mark.parametrize(("shape", "to"), [*itertools.permutations(SHAPES, 2)])
def test_every_shape_becomes_every_other_that_it_can(shape, to):
    options = {"threshold": 0.5} if shape == "scored-pair" and to != "graded" else {}
    if to == "n-tuple":
        options["num_negatives"] = 1
    if to == "class":
        options.pop("threshold", None)
    impossible = (to == "class" and shape != "class-pair") or (
        to == "class-pair" and shape not in ("labeled-pair", "scored-pair", "graded")
    )
    if impossible:
        with pytest.raises(ValueError, match="`to` must be another shape"):
            reshape(SAMPLES[shape], to=to, **options)
        return
    table, report = reshape(SAMPLES[shape], to=to, **options)
    assert table.num_rows > 0
    assert roles_of(table, to).shape == to
    assert report.rows_in == len(next(iter(SAMPLES[shape].values())))


@pytest.mark.parametrize("to", ["pair", "triplet", "n-tuple", "labeled-pair", "scored-pair"])
def test_losses_take_the_rows_without_a_warning(to, recwarn):
    for shape in SHAPES:
        options = {"threshold": 0.5} if shape == "scored-pair" and to != "scored-pair" else {}
        options |= {"num_negatives": 1} if to == "n-tuple" else {}
        table, _ = reshape(SAMPLES[shape], to=to, **options)
        found = Columns.from_row(table.to_pylist()[0])
        assert len(found.texts) == {"triplet": 3, "n-tuple": 3}.get(to, 2)
        assert (found.label is None) == (to in ("pair", "triplet", "n-tuple"))
    assert not recwarn.list


def test_inference_becomes_triplets_of_one_premise():
    assert rows(NLI, to="triplet") == [{"anchor": "p", "positive": "yes", "negative": "no"}]
    table, report = reshape(NLI, to="triplet", positive_label=0)
    assert table.num_rows == 2
    assert dict(report.left_out) == {"anchors without a negative": 1}
    table, report = reshape(NLI, to="labeled-pair")
    assert table.column("label").to_pylist() == [1, 0, 1]
    assert dict(report.left_out) == {"rows of other classes": 1}
    assert report.dropped_columns == ("label_text",)


def test_a_hypothesis_of_both_classes_is_no_negative():
    data = {
        "premise": ["p"] * 3,
        "hypothesis": ["h", "h", "g"],
        "label": ["entailment", "contradiction", "contradiction"],
    }
    table, report = reshape(data, to="triplet")
    assert table.to_pylist() == [{"anchor": "p", "positive": "h", "negative": "g"}]
    assert report.left_out["negatives that are a positive of their anchor"] == 1


def test_scores_become_labels_and_margins():
    assert [row["label"] for row in rows(SCORED, to="labeled-pair", threshold=0.5)] == [0, 1, 1]
    table, report = reshape(SCORED, to="labeled-pair", threshold=(0.3, 0.6))
    assert table.column("label").to_pylist() == [0, 1]
    assert dict(report.left_out) == {"rows between the thresholds": 1}
    margins = rows(SCORED, to="triplet", threshold=0.5, numbers="margins")
    assert margins == [{"anchor": "p", "positive": "y", "negative": "x", "label": 0.5}]
    assert rows(SCORED, to="triplet", threshold=0.5, numbers="scores")[0]["scores"] == [0.75, 0.25]
    lists = {"anchor": ["a"], "positive": [["b", "c", "d"]], "scores": [[0.5, 0.75, 0.25]]}
    assert [row["label"] for row in rows(lists, to="triplet", threshold="first", numbers="margins")] == [
        -0.25,
        0.25,
    ]


def test_grades_become_lists_pairs_and_triplets():
    graded = SAMPLES["graded"]
    assert rows(graded, to="labeled-list") == [
        {"anchor": "a", "positive": ["b", "c", "d"], "labels": [2, 1, 0]}
    ]
    assert rows(graded, to="labeled-list", threshold=2)[0]["labels"] == [1, 0, 0]
    assert rows(graded, to="pair") == [{"query": "a", "document": "b"}, {"query": "a", "document": "c"}]
    assert len(rows(graded, to="triplet")) == 2
    assert rows(graded, to="triplet", threshold=(0, 2)) == [{"anchor": "a", "positive": "b", "negative": "d"}]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from("abcdef")] * 2), min_size=2, max_size=12),
    st.sampled_from(["triplet", "labeled-pair", "labeled-list", "ragged"]),
    st.integers(0, 5),
)
def test_no_negative_is_a_positive_of_its_anchor(pairs, to, seed):
    data = {
        "anchor": [f"q {a}" for a, _ in pairs],
        "positive": [f"{'d' if i % 2 else 'D'} {d}" for i, (_, d) in enumerate(pairs)],
    }
    known = {(f"q {a}", f"d {d}") for a, d in pairs}
    try:
        table, _ = reshape(data, to=to, num_negatives=2, seed=seed)
    except ValueError as error:
        if "negatives at random must be texts that are no positive of their anchor" in str(error):
            return
        raise
    lists, _ = reshape(table, to="labeled-list")
    for row in lists.to_pylist():
        for document, label in zip(row["positive"], row["labels"], strict=True):
            assert ((row["anchor"], document.lower()) in known) == (label > 0)
    again, _ = reshape(data, to=to, num_negatives=2, seed=seed, threads=3)
    assert again.equals(table)


def test_columns_travel_where_rows_stay_rows():
    data = SAMPLES["ragged"] | {
        "source": ["one", "two"],
        "anchor_id": ["7", "8"],
        "negative_ids": [["n1", "n2"], ["n3"]],
    }
    table, report = reshape(data, to="triplet", keep_columns=True)
    assert table.column("source").to_pylist() == ["one", "one", "two"]
    assert table.column("anchor_id").to_pylist() == ["7", "7", "8"]
    assert table.column("negative_id").to_pylist() == ["n1", "n2", "n3"]
    assert report.dropped_columns == ()
    back, report = reshape(table, to="labeled-list", keep_columns=True)
    assert back.column("positive_ids").to_pylist() == [[None, "n1", "n2"], [None, "n3"]]
    assert report.dropped_columns == ("source",)
    _, report = reshape(data, to="triplet")
    assert report.dropped_columns == ("source", "anchor_id", "negative_ids")


def test_bad_rows_are_refused_or_skipped_and_counted():
    data = {"anchor": ["a", " ", "b", "c"], "positive": ["x", "y", None, "z"], "negative": ["n"] * 4}
    with pytest.raises(ValueError, match="row 1, column `anchor`: must be a text that is not blank, got ' '"):
        reshape(data, to="labeled-list")
    table, report = reshape(data, to="labeled-list", on_error="skip")
    assert (table.num_rows, report.rows_in, dict(report.left_out)) == (
        2,
        4,
        {"rows skipped for a fault": 2},
    )
    ragged = {"anchor": ["a", "b"], "positive": ["x", "y"], "negatives": [["n"], ["m", ""]]}
    with pytest.raises(
        ValueError, match=r"row 1, column `negatives`: must be a text that is not blank, got \['m', ''\]"
    ):
        reshape(ragged, to="triplet")


@pytest.mark.parametrize(("shape", "to"), [*itertools.permutations(SHAPES, 2)])
def test_without_a_sound_row_it_is_said_what_was_left_out(shape, to):
    data = {
        name: [" " if isinstance(cell, str) else cell for cell in column[:1]]
        for name, column in SAMPLES[shape].items()
    }
    options = {"threshold": 0.5} if shape == "scored-pair" and to != "class" else {}
    with pytest.raises(
        (ValueError, NotImplementedError),
        match=r"rows skipped for a fault 1|`to` must be another|`positive_label` must",
    ):
        reshape(data, from_=shape, to=to, on_error="skip", **options)


def test_a_miner_gives_the_negatives():
    def miner(pairs):
        assert pairs.column_names == ["anchor", "positive"]
        return {"anchor": ["a"], "positive": ["x"], "negatives": [["z", "x"]]}

    table, report = reshape(SAMPLES["pair"], to="triplet", miner=miner)
    assert table.to_pylist() == [{"anchor": "a", "positive": "x", "negative": "z"}]
    assert report.left_out["negatives that are a positive of their anchor"] == 1
    with pytest.raises(ValueError, match="`miner` must be left out for rows of `triplet`"):
        reshape(TRIPLETS, to="pair", miner=miner)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("pair", {"to": "quadruple"}, "`to` must be one of 'pair', 'triplet'"),
        ("pair", {"on_error": "ignore"}, "`on_error` must be 'raise' or 'skip', got 'ignore'"),
        ("pair", {"to": "triplet", "num_negatives": 0}, "`num_negatives` must be at least 1, got 0"),
        (
            "pair",
            {"numbers": "grades"},
            "`numbers` must be 'labels', 'scores', 'margins' or 'none', got 'grades'",
        ),
        ("pair", {"seed": -1}, "`seed` must be from 0"),
        (
            "pair",
            {"anchor": "query"},
            "`anchor` must be one of `anchor` .texts., `positive` .texts., got 'query'",
        ),
        (
            "triplet",
            {"to": "pair", "threshold": 1},
            "`threshold` must be left out from `triplet` to `pair`, got 1",
        ),
        (
            "triplet",
            {"to": "labeled-list", "numbers": "margins"},
            "`numbers` must be `labels` or `scores` in rows of",
        ),
        (
            "triplet",
            {"to": "labeled-list", "numbers": "scores"},
            "`numbers` must be of what the rows have, got 'scores'",
        ),
        (
            "scored-pair",
            {"to": "triplet"},
            "`threshold` must be given where rows have scores alone, got None",
        ),
        ("scored-pair", {"to": "pair"}, "`threshold` must be given where rows have scores alone, got None"),
        (
            "graded",
            {"to": "pair", "num_negatives": 2},
            "`num_negatives` must be left out from `graded` to `pair`, got 2",
        ),
        (
            "class-pair",
            {"to": "pair", "positive_label": "same"},
            "`positive_label` must be a class that is there, of",
        ),
        (
            "class-pair",
            {"to": "pair", "positive_label": 0, "negative_label": 0},
            "`negative_label` must differ from",
        ),
        (
            "graded",
            {"to": "pair", "threshold": 3},
            "no row of `pair` can be made, got 3 rows of graded -> 0 rows",
        ),
        (
            "graded",
            {"to": "pair", "positive_label": 1},
            "`positive_label` must be left out for rows of `graded`, got 1",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(data, options, message):
    with pytest.raises(ValueError, match=message):
        reshape(SAMPLES[data], **options)


def test_classes_without_names_must_be_told():
    data = {"a": ["p", "q"], "b": ["x", "y"], "label": [3, 5]}
    with pytest.raises(
        ValueError, match="`positive_label` must be given for classes without 'entailment', got 3, 5"
    ):
        reshape(data, to="labeled-pair")
    assert [row["label"] for row in rows(data, to="labeled-pair", positive_label=[5])] == [0, 1]


def test_a_list_that_is_no_list_and_numbers_that_do_not_match_are_refused():
    with pytest.raises(
        ValueError, match="column `negatives` must hold lists of texts in rows of shape `ragged`, got texts"
    ):
        reshape({"anchor": ["a"], "positive": ["b"], "negatives": ["cd"]}, to="triplet")
    lists = {"anchor": ["a"], "positive": [["b", "c"]], "labels": [[1]]}
    with pytest.raises(
        ValueError, match="row 0, column `labels`: must have one number for each text, 2, got 1"
    ):
        reshape(lists, to="triplet")


def test_roles_that_are_not_clear_list_the_columns():
    data = {"one": ["a"], "two": ["b"], "three": ["c"]}
    with pytest.raises(
        ValueError, match=r"`anchor` must be named .*, got `one` .texts., `two` .texts., `three` .texts."
    ):
        reshape(data, to="triplet")
    assert rows(data, to="pair", anchor="three", positive="one", keep_columns=False)[0]["three"] == "c"


def test_texts_are_not_compared_in_python_and_ids_are_small():
    table, _ = reshape({"anchor": ["a"] * 3, "positive": ["b", "c", "d"]}, to="labeled-pair", num_negatives=0)
    texts, ids = Texts.intern({"positive": table.column("positive")})
    assert len(texts) == 3
    assert ids["positive"].dtype == np.uint32
