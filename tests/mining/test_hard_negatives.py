"""Data set in, data set out: each anchor's positives are none of its negatives, and no text is read twice."""

import logging

import numpy as np
import pyarrow as pa
import pytest
from datasets import Dataset, Value

import foolsgold as fg

ANCHORS = ["a0", "a1", "a0", "a2", "a0"]
POSITIVES = ["p0", "p1", "p2", "p1", "p0"]
CORPUS = ["p2", "x0", "x1", "p1", "x0"]


class Lookup:
    """A model whose embedding of a text is drawn from the text's bytes; it remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def embed(self, texts, **options):
        self.asked.append((list(texts), options))
        rows = [np.random.default_rng(list(text.encode())).normal(size=6) for text in texts]
        matrix = np.array(rows, np.float32)
        return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)

    def encode_query(self, texts, **options):
        return self.embed(texts, side="query", **options)

    def encode_document(self, texts, **options):
        return self.embed(texts, side="document", **options)


class Plain:
    """A model with `encode` alone, which gives torch tensors."""

    def encode(self, texts, **options):
        import torch

        return torch.from_numpy(Lookup().embed(texts)).to(torch.bfloat16)


def pairs():
    return Dataset.from_dict({"query": ANCHORS, "answer": POSITIVES})


def mined(dataset=None, model=None, **options):
    options = {"corpus": CORPUS, "num_negatives": 2, "relative_margin": None, "verbose": False, **options}
    return fg.mine_hard_negatives(pairs() if dataset is None else dataset, model or Lookup(), **options)


def expected_negatives(anchor, count):
    known = {p for a, p in zip(ANCHORS, POSITIVES, strict=True) if a == anchor}
    documents = [text for text in dict.fromkeys(CORPUS + POSITIVES) if text not in known]
    model = Lookup()
    scores = model.embed(documents) @ model.embed([anchor])[0]
    return [documents[at] for at in np.argsort(-scores)[:count]]


def test_triplets_are_anchor_positive_negative():
    made = mined(output_scores=True)
    expected = [
        (anchor, positive, negative)
        for anchor, positive in [("a0", "p0"), ("a0", "p2"), ("a1", "p1"), ("a2", "p1")]
        for negative in expected_negatives(anchor, 2)
    ]
    rows = list(zip(made["query"], made["answer"], made["negative"], strict=True))
    assert rows == expected
    assert list(made.features) == ["query", "answer", "negative", "scores"]
    assert all(made.features[name] == Value("string") for name in ("query", "answer", "negative"))
    model = Lookup()
    for row in made:
        anchor, *others = model.embed([row["query"], row["answer"], row["negative"]]).astype(np.float64)
        np.testing.assert_allclose(row["scores"], np.array(others) @ anchor, rtol=1e-5)


def test_n_tuples_leave_out_pairs_that_are_short():
    made = mined(output_format="n-tuple", num_negatives=3)
    assert list(made.features) == ["query", "answer", "negative_1", "negative_2", "negative_3"]
    # a0 has two of the five documents as positives, so three are left; a1 and a2 have four.
    assert made["query"][:] == ["a0", "a0", "a1", "a2"]
    for row in made:
        negatives = [row[f"negative_{place}"] for place in (1, 2, 3)]
        assert negatives == expected_negatives(row["query"], 3)
    made = mined(output_format="n-tuple", num_negatives=4, output_scores=True)
    assert made["query"][:] == ["a1", "a2"]
    assert [len(scores) for scores in made["scores"]] == [5, 5]


def test_a_positive_is_never_a_negative_of_its_anchor():
    made = mined(num_negatives=50)
    known = set(zip(ANCHORS, POSITIVES, strict=True))
    assert len(made) == 3 + 3 + 4 + 4
    assert not known & set(zip(made["query"], made["negative"], strict=True))


def test_each_text_is_embedded_once_with_its_prompt():
    model = Lookup()
    mined(model=model, query_prompt="q: ", corpus_prompt_name="passage", batch_size=7)
    common = {"batch_size": 7, "show_progress_bar": False, "convert_to_numpy": True}
    queries = {"side": "query", "prompt": "q: ", **common}
    documents = {"side": "document", "prompt_name": "passage", **common}
    assert model.asked == [(["p2", "x0", "x1", "p1", "p0"], documents), (["a0", "a1", "a2"], queries)]


def test_other_columns_rows_and_models_serve():
    turned = Dataset.from_dict({"id": [0] * 5, "answer": POSITIVES, "query": ANCHORS})
    names = {"anchor_column_name": "query", "positive_column_name": "answer"}
    assert mined(pairs().to_dict()).to_dict() == mined(pairs().to_list()).to_dict() == mined().to_dict()
    assert (
        mined(pairs().data.table).to_dict() == mined(corpus=pa.array(CORPUS)).to_dict() == mined().to_dict()
    )
    assert mined(turned, **names).to_dict() == mined().to_dict()
    twice = Dataset.from_dict({"query": ["z", *ANCHORS], "answer": ["z", *POSITIVES]})
    assert mined(twice.select(range(1, 6))).to_dict() == mined().to_dict()
    assert mined(model=Plain(), num_negatives=1)["query"][:] == ["a0", "a0", "a1", "a2"]
    assert mined(corpus=None, num_negatives=9)["negative"][:].count("x0") == 0


def test_rules_reach_the_search():
    kept = mined(num_negatives=9, absolute_margin=0.1, output_scores=True)
    all_rows = mined(num_negatives=9, output_scores=True)
    least = {}
    for row in all_rows:
        least[row["query"]] = min(row["scores"][0], least.get(row["query"], 9))
    allowed = [row for row in all_rows if row["scores"][1] <= least[row["query"]] - 0.1]
    assert kept.to_list() == allowed
    assert 0 < len(allowed) < len(all_rows)
    assert len(mined(max_score=-2.0)) == 0


def test_random_negatives_follow_the_seed():
    options = {"sampling_strategy": "random", "num_negatives": 2, "range_max": 4}
    drawn = [mined(seed=seed, **options).to_dict() for seed in (0, 0, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert any(other != drawn[0] for other in drawn[2:])


def test_stages_are_logged_and_nothing_is_printed(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="foolsgold"):
        mined()
    assert "Read 4 pairs of 3 queries, 5 documents" in caplog.text
    assert "Made 8 rows of 4 pairs" in caplog.text
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        (None, {"anchor_column_name": "qeury"}, "`anchor_column_name` must be one of .*, got 'qeury'"),
        (None, {"positive_column_name": "pos"}, "`positive_column_name` must be one of"),
        (None, {"positive_column_name": "query"}, "`positive_column_name` must differ from"),
        (
            None,
            {"output_format": "pairs"},
            "`output_format` must be one of 'triplet', .*, got 'pairs'",
        ),
        (None, {"corpus": ["x", None]}, "`corpus` must not be null, got None at row 1"),
        ({"query": ["a"]}, {}, "`dataset` must have a column of anchors and one of positives"),
        ({"query": [], "answer": []}, {}, "`dataset` must have at least one row, got 0"),
        ({"query": ["a"], "negative": ["b"]}, {}, "`dataset` must not use a column name of the result"),
        ({"query": ["a", "b"], "answer": ["b", None]}, {}, "`answer` must not be null, got null at row 1"),
        ({"query": ["a"], "answer": [1]}, {}, "`answer` must be"),
    ],
)
def test_bad_input_is_named(dataset, options, message):
    dataset = dataset and Dataset.from_dict(dataset)
    with pytest.raises(ValueError, match=message):
        mined(dataset, **options)


def test_a_model_must_give_one_finite_embedding_a_text():
    class Short(Lookup):
        def embed(self, texts, **options):
            return super().embed(texts[1:])

    with pytest.raises(ValueError, match="`model` must give one embedding a text, 5, got 4"):
        mined(model=Short())

    class Wider(Lookup):
        def encode_query(self, texts, **options):
            return self.embed(texts)[:, :4]

    with pytest.raises(
        ValueError, match="`model` must give queries and documents the same dimension, got 4 and 6"
    ):
        mined(model=Wider())


@pytest.mark.parametrize("value", [np.nan, -np.inf])
@pytest.mark.parametrize("has_folder", [False, True])
def test_what_is_not_finite_is_told_by_its_text(tmp_path, value, has_folder):
    class Broken(Lookup):
        def embed(self, texts, **options):
            matrix = super().embed(texts)
            matrix[[text == "x1" for text in texts], 3] = value
            return matrix

    options = {"folder": tmp_path, "model_fingerprint": "broken"} if has_folder else {}
    said = f"`model` must give finite numbers, got {value} for the document 'x1'"
    with pytest.raises(ValueError, match=said):
        mined(model=Broken(), **options)


def test_a_name_is_no_model():
    with pytest.raises(TypeError, match=r"got the name 'all-MiniLM'\nhint: load it: `foolsgold.Sent"):
        mined(model="all-MiniLM")
