"""Labels of every kind in conversions: classes of `datasets`, clusters, margins, and judged pairs."""

import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from hypothesis import given
from hypothesis import strategies as st

from foolsgold.data import StoredRows, convert, reshape, write
from foolsgold.data.reshaping.class_names import class_names
from foolsgold.data.reshaping.shapes import roles_of

NAMES = ["entailment", "neutral", "contradiction"]
MARGINS = {
    "anchor": ["a", "a", "b"],
    "positive": ["p", "p", "q"],
    "negative": ["n", "m", "o"],
    "label": [3.0, 0.5, -2.0],
}


def inference(labels, names=NAMES):
    features = Features(
        {"premise": Value("string"), "hypothesis": Value("string"), "label": ClassLabel(names=names)}
    )
    rows = {
        "premise": ["p"] * len(labels),
        "hypothesis": [f"h{at}" for at in range(len(labels))],
        "label": labels,
    }
    return Dataset.from_dict(rows, features=features)


def labels_of(data, **options):
    table, report = reshape(data, to="labeled-pair", **options)
    return dict(zip(table.column(1).to_pylist(), table.column(2).to_pylist(), strict=True)), report


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"positive_label": "entailment", "negative_label": "contradiction"},
        {"positive_label": 0, "negative_label": "2"},
    ],
)
def test_classes_of_datasets_are_told_by_name_or_number(options):
    found, report = labels_of(inference([0, 1, 2, -1]), **options)
    assert found == {"h0": 1, "h2": 0}
    assert dict(report.left_out) == {"rows of other classes": 1, "rows without a label": 1}


@pytest.mark.parametrize("positive", ["entailment", 0, [0], ["entailment"]])
def test_a_row_without_a_label_is_no_negative(positive):
    found, report = labels_of(inference([0, 1, 2, -1]), positive_label=positive)
    assert found == {"h0": 1, "h1": 0, "h2": 0}
    assert dict(report.left_out) == {"rows without a label": 1}
    dashes = {"premise": ["p"] * 2, "hypothesis": ["x", "y"], "gold_label": ["entailment", "-"]}
    found, report = labels_of(dashes, from_="class-pair", positive_label="entailment", label="gold_label")
    assert found == {"x": 1}
    assert dict(report.left_out) == {"rows without a label": 1}


def test_names_of_classes_come_with_files_too(tmp_path):
    data = inference([0, 1, 2, -1])
    data.save_to_disk(tmp_path / "folder")
    data.to_parquet(tmp_path / "rows.parquet")
    for source in ("folder", "rows.parquet"):
        convert(tmp_path / source, tmp_path / "out.parquet", to="labeled-pair", positive_label="entailment")
        assert pq.read_table(tmp_path / "out.parquet").column("label").to_pylist() == [1, 0, 0]


def test_the_names_tell_the_shape_where_the_numbers_would_mislead():
    names = ["entailment", "not_entailment"]
    found, _ = labels_of(inference([0, 1], names))
    assert found == {"h0": 1, "h1": 0}
    found, _ = labels_of(inference([0, 1], ["different", "same"]))
    assert found == {"h0": 0, "h1": 1}
    assert roles_of(pa.table(inference([0, 0])[:]), class_names={"label": NAMES}).shape == "class-pair"
    with pytest.raises(ValueError, match="must be a class that is there, of entailment, neutral, got 'same'"):
        reshape(inference([0, 1, -1]), to="pair", positive_label="same")


@pytest.mark.parametrize("told", [None, b"no json", b"[]", b'{"info": {"features": {"a": 1, "b": {}}}}'])
def test_other_metadata_names_no_classes(told):
    metadata = None if told is None else {b"huggingface": told}
    assert class_names(pa.schema([("label", "int64")], metadata=metadata)) == {}


def test_noise_is_in_no_class():
    data = {"text": ["a", "b", "c", "d", "n", "m"], "label": [0, 0, 1, 1, -1, -1]}
    table, report = reshape(data, to="triplet", noise=-1)
    assert dict(report.left_out) == {"rows of no class": 2}
    assert {text for row in table.to_pylist() for text in row.values()} == {"a", "b", "c", "d"}
    assert reshape(data, to="pair")[0].num_rows == 6
    words = data | {"label": ["u", "u", "v", "v", "none", "none"]}
    assert reshape(words, to="triplet", noise="none")[0].equals(table)
    assert reshape(data, to="triplet", noise="-1")[0].equals(table)
    floats = data | {"label": [float(label) for label in data["label"]]}
    assert reshape(floats, to="triplet", noise=-1)[0].equals(table)
    for noise in ("none", [-1]):
        with pytest.raises(ValueError, match="`noise` must be a number, as column `label` holds, got"):
            reshape(data, to="triplet", noise=noise)
    with pytest.raises(ValueError, match="`noise` must be left out from `triplet` to `pair`, got -1"):
        reshape(MARGINS, to="pair", noise=-1)
    features = Features({"text": Value("string"), "label": ClassLabel(names=["u", "v"])})
    _, report = reshape(Dataset.from_dict(data, features=features), to="triplet")
    assert dict(report.left_out) == {"rows without a label": 2}
    _, report = reshape(Dataset.from_dict(data, features=features), to="pair", noise="v")
    assert dict(report.left_out) == {"rows without a label": 2, "rows of no class": 2}
    with pytest.raises(ValueError, match=r"`noise` must be a number, .* or one of u, v, got 'w'"):
        reshape(Dataset.from_dict(data, features=features), to="pair", noise="w")


def test_names_of_classes_are_in_the_report_where_files_have_numbers(tmp_path):
    data = inference([0, 1, 2])
    data.save_to_disk(tmp_path / "folder")
    for source in (data, tmp_path / "folder"):
        for name in ("out.jsonl", "out.csv"):
            report = convert(source, tmp_path / name)
            assert report.class_names == {"label": tuple(NAMES)}
            assert "classes of label: 0 entailment, 1 neutral, 2 contradiction" in str(report)
            assert report.to_dict()["class_names"] == {"label": NAMES}
    assert '"label":2' in (tmp_path / "out.jsonl").read_text()
    assert reshape(data, to="class")[1].class_names == {"label": tuple(NAMES)}
    assert reshape(data, to="labeled-pair")[1].class_names == {}
    assert reshape(data, to="pair")[1].class_names == {}


def test_a_source_beside_the_text_of_a_class_is_no_anchor():
    data = {"text": ["a", "b", "c", "d"], "source": ["web"] * 4, "label": [0, 0, 1, 1]}
    table, report = reshape(data, to="triplet")
    assert (report.from_, report.dropped_columns) == ("class", ("source",))
    assert "web" not in {text for row in table.to_pylist() for text in row.values()}
    assert roles_of(pa.table(data), "labeled-pair").anchor == "source"
    assert roles_of(pa.table(data), anchor="source").shape == "labeled-pair"
    assert roles_of(pa.table({"source": ["a"], "text": ["b"], "score": [0.5]})).anchor == "source"


def test_margins_become_labels():
    found, report = labels_of(MARGINS, threshold=1)
    assert found == {"p": 1, "n": 0}
    assert dict(report.left_out) == {"triplets whose margin does not reach the threshold": 2}
    found, report = labels_of(MARGINS, threshold=(-1, 1))
    assert found == {"p": 1, "n": 0, "o": 1, "q": 0}
    assert dict(report.left_out) == {"triplets whose margin does not reach the threshold": 1}
    with pytest.raises(ValueError, match=r"`threshold` must have a low one below 0 .*, got \(0, 1\)"):
        reshape(MARGINS, to="labeled-pair", threshold=(0, 1))
    with pytest.raises(ValueError, match=r"`threshold` must be left out from `triplet` .*, got 'first'"):
        reshape(MARGINS, to="pair", threshold="first")


@given(
    st.lists(st.tuples(st.floats(-4, 4), st.floats(-4, 4), st.floats(-4, 4)), min_size=1, max_size=6),
    st.sampled_from([0.5, (-1.0, 0.5), -0.5]),
)
def test_margins_and_their_scores_and_n_tuples_give_the_same_labels(scores, threshold):
    rows = {
        "anchor": [f"a{at}" for at in range(len(scores))],
        "positive": [f"p{at}" for at in range(len(scores))],
        "negative_1": [f"n{at}" for at in range(len(scores))],
        "negative_2": [f"m{at}" for at in range(len(scores))],
    }
    low, high = threshold if isinstance(threshold, tuple) else (float("-inf"), threshold)
    good, bad = set(), set()
    for at, (positive, *negatives) in enumerate(scores):
        for name, negative in zip("nm", negatives, strict=True):
            if positive - negative >= high:
                good.add((at, "p"))
                bad.add((at, name))
            elif positive - negative <= low:
                good.add((at, name))
                bad.add((at, "p"))
    expected = {(f"a{at}", f"{name}{at}"): 1 for at, name in good}
    expected |= {(f"a{at}", f"{name}{at}"): 0 for at, name in bad - good}
    margins = [[positive - one, positive - other] for positive, one, other in scores]
    for column in ({"scores": [list(row) for row in scores]}, {"labels": margins}):
        if not expected:
            with pytest.raises(ValueError, match="no row of `labeled-pair` can be made"):
                reshape(rows | column, to="labeled-pair", threshold=threshold)
            continue
        table, _ = reshape(rows | column, to="labeled-pair", threshold=threshold)
        found = {(row["anchor"], row["positive"]): row["label"] for row in table.to_pylist()}
        assert found == expected


def test_columns_of_rows_that_were_left_out_do_not_travel():
    rows = MARGINS | {"note": ["x", "y", "z"]}
    table, _ = reshape(rows, to="triplet", threshold=(-1, 1), keep_columns=True)
    assert table.column("note").to_pylist() == ["x", "z"]
    data = {"premise": ["p", "q"], "hypothesis": ["x", "y"], "label": [1, 0], "note": ["left", "kept"]}
    table, _ = reshape(
        data, to="ragged", from_="class-pair", positive_label=0, negative_label=1, keep_columns=True
    )
    assert table.to_pylist() == [{"anchor": "q", "positive": "y", "negatives": [], "note": "kept"}]


def test_judged_pairs_draw_negatives_where_they_are_asked_for(caplog):
    data = {"query": ["a", "b", "a"], "document": ["x", "y", "z"], "score": [2, 1, 1]}
    with caplog.at_level(logging.WARNING):
        found, _ = labels_of(data)
    assert found == {"x": 1, "y": 1, "z": 1}
    assert "all rows of `labeled-pair` are positives" in caplog.text
    table, _ = reshape(data, to="labeled-pair", num_negatives=1)
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert [row for row in rows if row[2] == 1] == [("a", "x", 1), ("a", "z", 1), ("b", "y", 1)]
    assert {row[:2] for row in rows if row[2] == 0} < {("a", "y"), ("b", "x"), ("b", "z")}
    lists = {"anchor": ["a"], "positive": [["x", "y"]], "labels": [[2, 0]]}
    assert labels_of(lists)[0] == {"x": 1, "y": 0}


def test_a_document_judged_again_gives_no_second_row():
    data = {"query": ["a", "a", "a", "a"], "document": ["x", "x", "y", "y"], "score": [2, 1, 0, 0]}
    table, report = reshape(data, to="triplet")
    assert table.to_pylist() == [{"anchor": "a", "positive": "x", "negative": "y"}]
    assert dict(report.left_out) == {"documents judged again for their anchor": 2}
    assert reshape(data, to="labeled-list")[0].to_pylist()[0]["labels"] == [2, 1, 0, 0]


def test_negatives_that_are_all_wrong_are_not_replaced_by_others():
    data = {"anchor": ["a", "a", "b"], "positive": ["x", "x", "y"], "label": [1, 0, 1]}
    table, report = reshape(data, to="labeled-list")
    assert table.to_pylist() == [
        {"anchor": "a", "positive": ["x"], "labels": [1]},
        {"anchor": "b", "positive": ["y"], "labels": [1]},
    ]
    assert dict(report.left_out) == {"negatives that are a positive of their anchor": 1}
    with pytest.raises(
        ValueError,
        match=r"no row of `triplet` can be made, .*left out: negatives that are a positive of their anchor 1",
    ):
        reshape(data, to="triplet")
    with pytest.raises(ValueError, match="negatives at random must be texts that are no positive"):
        reshape({"anchor": ["a"], "positive": ["x"]}, to="triplet")


@pytest.mark.parametrize("number", [None, float("nan")])
def test_a_list_that_lacks_a_number_is_told(number):
    data = {"anchor": ["a", "b"], "positive": [["x", "y"], ["z"]], "scores": [[0.5, number], [0.75]]}
    with pytest.raises(ValueError, match=r"row 0, column `scores`: must have a number for each text"):
        reshape(data, to="pair", threshold=0.25)
    _, report = reshape(data, to="pair", threshold=0.25, on_error="skip")
    assert dict(report.left_out) == {"rows skipped for a fault": 1}


def test_options_say_what_they_may_be():
    pairs = {"anchor": ["a", "b"], "positive": ["x", "y"]}
    for to in ("n-tuple", "ragged"):
        with pytest.raises(ValueError, match="`num_negatives` must be at most 65536, got 1000000000000"):
            reshape(pairs, to=to, num_negatives=10**12)
    graded = {"query": ["a", "a"], "document": ["x", "y"], "score": [2, 0]}
    with pytest.raises(ValueError, match="`positive_label` must be left out from `graded` to `triplet`"):
        reshape(graded, to="triplet", positive_label=1)


def test_a_miner_gets_the_pairs_that_a_threshold_makes():
    def miner(pairs):
        assert pairs.num_rows == 1
        return {"sentence1": ["a"], "sentence2": ["x"], "negatives": [["z"]]}

    scored = {"sentence1": ["a", "b"], "sentence2": ["x", "y"], "score": [0.9, 0.1]}
    table, _ = reshape(scored, to="triplet", threshold=0.5, miner=miner)
    assert table.to_pylist() == [{"anchor": "a", "positive": "x", "negative": "z"}]


@pytest.mark.parametrize("beside", ["source", "Source", "prompt"])
def test_what_tells_of_rows_is_no_anchor_beside_one(beside):
    data = {"sentence1": ["a"], "sentence2": ["b"], "score": [0.5], beside: ["news"]}
    assert roles_of(pa.table(data)).anchor == "sentence1"
    assert reshape(data, to="labeled-pair", threshold=0.5)[1].dropped_columns == (beside,)
    assert roles_of(pa.table({beside: ["a"], "other": ["b"], "score": [0.5]})).anchor == beside
    both = data | {"target": ["c"], "completion": ["d"]}
    with pytest.raises(ValueError, match="`anchor` must be named"):
        roles_of(pa.table(both))


@pytest.fixture(params=["views", "dictionaries", "polars", "stored"])
def triplets(request, tmp_path):
    table = pa.table({"anchor": ["a", "b"], "positive": ["x", "y"], "negative": ["n", "m"]})
    if request.param == "views":
        return table.cast(pa.schema([(name, pa.string_view()) for name in table.column_names]))
    if request.param == "dictionaries":
        return pa.table({name: table.column(name).dictionary_encode() for name in table.column_names})
    if request.param == "stored":
        return StoredRows.build(tmp_path / "rows", table)
    return pytest.importorskip("polars").from_arrow(table)


def test_texts_of_every_arrow_type_are_taken(triplets):
    assert reshape(triplets)[0].to_pylist() == [
        {"anchor": "a", "positive": "x", "negative": "n"},
        {"anchor": "b", "positive": "y", "negative": "m"},
    ]
    lists, _ = reshape(triplets, to="labeled-list")
    assert lists.column("positive").to_pylist() == [["x", "n"], ["y", "m"]]


def test_lists_of_views_and_categories_of_polars_are_taken():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {"anchor": ["a"], "positive": ["x"], "negatives": [["n", "m"]]},
        schema_overrides={"anchor": polars.Categorical},
    )
    assert reshape(frame, to="n-tuple")[0].to_pylist() == [
        {"anchor": "a", "positive": "x", "negative_1": "n", "negative_2": "m"}
    ]


@pytest.mark.parametrize("ending", [".arrow", ".arrows", ".feather", ".json", ".parquet"])
@pytest.mark.parametrize("kind", [pa.string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_files_that_are_written_are_read(tmp_path, ending, kind):
    table = pa.table({"anchor": ["a", "b"], "positive": ["x", "y"], "negative": ["n", "m"]})
    write(tmp_path / f"rows{ending}", table.cast(pa.schema([(name, kind) for name in table.column_names])))
    for to in (None, "labeled-list"):
        convert(tmp_path / f"rows{ending}", tmp_path / f"out{ending}", to=to)
        convert(tmp_path / f"out{ending}", tmp_path / "back.parquet", to="triplet")
        assert pq.read_table(tmp_path / "back.parquet").to_pylist() == table.to_pylist()
