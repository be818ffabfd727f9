"""What is advised takes the data, by what each loss says of itself."""

import pytest

import foolsgold as fg
from foolsgold.data import check
from foolsgold.data.checking.advice import EMBEDDINGS, LOSSES, SCORED_LISTS
from foolsgold.validation.needs import needs_of

PAIRS = {
    "anchor": [f"question {row}" for row in range(40)],
    "positive": [f"answer {row}" for row in range(40)],
}
TWO = {"sentence1": PAIRS["anchor"], "sentence2": PAIRS["positive"]}
DATA = {
    "pair": PAIRS,
    "triplet": {**PAIRS, "negative": [f"wrong {row}" for row in range(40)]},
    "n-tuple": {**PAIRS, **{f"negative_{n}": [f"wrong {n} {row}" for row in range(40)] for n in (1, 2)}},
    "labeled-pair": {**TWO, "label": [row % 2 for row in range(40)]},
    "scored-pair": {**TWO, "score": [row / 40 for row in range(40)]},
    "class": {"text": PAIRS["anchor"], "label": [row % 5 for row in range(40)]},
    "class-pair": {**TWO, "label": [row % 3 for row in range(40)]},
    "texts": {"text": PAIRS["anchor"]},
    "ragged": {
        "query": PAIRS["anchor"],
        "pos": [[text] for text in PAIRS["positive"]],
        "neg": [["x y"]] * 40,
    },
    "labeled-list": {"query": PAIRS["anchor"], "positive": [["aa", "bb"]] * 40, "labels": [[1, 0]] * 40},
    "graded": {
        "query": PAIRS["anchor"],
        "document": PAIRS["positive"],
        "score": [row % 4 for row in range(40)],
    },
    "unknown": {"x1": PAIRS["anchor"], "x2": PAIRS["positive"], "x3": PAIRS["anchor"]},
}
COLUMNS = {"class": 1, "texts": 1, "triplet": 3, "n-tuple": 4}


@pytest.mark.parametrize("shape", DATA)
def test_shapes_are_known(shape):
    assert check(DATA[shape]).shape == shape


@pytest.mark.parametrize("shape", [*LOSSES, "scored list"])
def test_advised_losses_take_the_shape(shape):
    scored = shape == "scored list"
    for name, reason in SCORED_LISTS if scored else LOSSES[shape]:
        (needs,) = needs_of(getattr(fg.losses, name))
        columns = 3 if scored else COLUMNS.get(shape, 2)
        assert needs.takes_columns(columns), (name, columns)
        has_label = scored or shape in ("labeled-pair", "scored-pair", "class", "class-pair")
        assert not needs.needs_labels or has_label
        if shape in ("class", "class-pair"):
            assert needs.takes_classes
        elif shape == "scored-pair":
            assert needs.takes_scores
        elif shape == "labeled-pair":
            assert needs.takes_one_or_zero or needs.takes_scores
        elif has_label:
            assert "gold_sim" in needs.labels
        assert reason


def test_losses_of_embeddings_take_them():
    for name, _ in EMBEDDINGS:
        (needs,) = needs_of(getattr(fg.losses, name))
        assert "embeddings" in needs.labels
        assert all(needs.takes_columns(number) for number in (1, 2, 3))


@pytest.mark.parametrize("shape", LOSSES)
def test_samplers_are_those_there_are(shape):
    if shape == "beir":
        return
    for advice in check(DATA[shape]).samplers:
        assert hasattr(fg.sampling, advice.name)


def test_names_that_may_be_anything_give_way():
    report = check({**TWO, "score": [0.5] * 40, "source": ["a b"] * 40})
    assert (report.roles["anchor"], report.roles["others"]) == (["sentence1"], ["source"])
    report = check({"query": TWO["sentence1"], "pos": [["x y"]] * 40, "prompt": ["find"] * 40})
    assert (report.roles["anchor"], report.roles["others"]) == (["query"], ["prompt"])
    report = check({"source": TWO["sentence1"], "target": TWO["sentence2"]})
    assert (report.roles["anchor"], report.roles["positives"]) == (["source"], ["target"])


def names(advices):
    return [advice.name for advice in advices]


def test_reasons_come_from_the_data():
    repeated = {"anchor": PAIRS["anchor"], "positive": [f"answer {row // 2}" for row in range(40)]}
    report = check(repeated)
    assert names(report.samplers) == ["NoDuplicatesBatchSampler"]
    assert report.samplers[0].reason.startswith("100.0% of the rows share a text")
    assert names(check(PAIRS).samplers) == ["RandomBatchSampler"]
    few = check({"text": PAIRS["anchor"], "label": [row % 2 for row in range(40)]})
    assert "MultipleNegativesRankingLoss" in names(few.unsuitable)
    many = check({"text": PAIRS["anchor"], "label": [row % 10 for row in range(40)]})
    assert names(many.samplers) == ["GroupByLabelBatchSampler"]
    assert "MultipleNegativesRankingLoss" not in names(many.unsuitable)
    skewed = check({"text": PAIRS["anchor"], "label": [0] * 37 + [1, 1, 2]})
    assert names(skewed.samplers) == ["PKSampler"]
    assert check({"text": PAIRS["anchor"], "label": list(range(40))}).losses == ()
    scored = check({**DATA["triplet"], "scores": [[0.9, 0.1]] * 40})
    assert names(scored.losses)[:2] == ["MarginMSELoss", "DistillKLDivLoss"]
    taught = check({"sentence": PAIRS["anchor"], "label": [[0.5] * 32] * 40})
    assert (taught.shape, names(taught.losses)) == ("texts", ["MSELoss", "EmbedDistillLoss"])
    assert taught.is_clean
    wide = check({**TWO, "score": [row / 8 for row in range(40)]})
    assert "CosineSimilarityLoss" in names(wide.unsuitable)
    assert "CosineSimilarityLoss" not in names(wide.losses)
    assert "20 pairs of label 0" in check(DATA["labeled-pair"]).unsuitable[0].reason


@pytest.mark.parametrize(
    ("data", "kept", "reason"),
    [
        ({**TWO, "label": [1] * 40}, ["MultipleNegativesRankingLoss"], "all pairs have the label 1"),
        ({**TWO, "label": [0] * 40}, [], "all pairs have the label 0"),
        ({**TWO, "score": [0.5] * 40}, ["CosineSimilarityLoss"], "nothing to rank"),
        ({**TWO, "label": [3] * 40}, [], "all pairs are of the class 3"),
        ({"text": PAIRS["anchor"], "label": [None] * 40}, [], "no row has a class"),
        ({"text": PAIRS["anchor"], "label": [3] * 40}, [], "there is one class"),
        ({"anchor": ["a question"], "positive": ["an answer"]}, [], "column `anchor` has one text alone"),
        ({**PAIRS, "positive": ["an answer"] * 40}, [], "column `positive` has one text alone"),
        ({"text": ["a text"]}, ["DenoisingAutoEncoderLoss"], "column `text` has one text alone"),
    ],
)
def test_losses_that_cannot_learn_from_the_rows_are_not_advised(data, kept, reason):
    report = check(data)
    assert names(report.losses) == kept
    assert any(reason in advice.reason for advice in report.unsuitable)


def test_one_row_with_its_own_negative_is_enough():
    one = {name: column[:1] for name, column in DATA["triplet"].items()}
    assert names(check(one).losses) == [name for name, _ in LOSSES["triplet"]]


def test_a_source_beside_one_text_tells_where_it_is_from():
    report = check({**DATA["class"], "source": ["the web"] * 40})
    assert (report.shape, report.roles["others"]) == ("class", ["source"])
    assert check({"source": TWO["sentence1"], "text": TWO["sentence2"]}).shape == "pair"
    told = {"source": TWO["sentence1"], "text": TWO["sentence2"], "label": [0, 1] * 20}
    assert check(told, anchor="source").shape == "labeled-pair"
