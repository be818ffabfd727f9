"""What a conversion makes of rows is what a fitting loss trains on."""

from __future__ import annotations

import math

import pytest
from datasets import Dataset
from tests.training.scenario import NOUNS, largest_difference, trainer_of, weights

from foolsgold import losses
from foolsgold.data import reshape
from foolsgold.datasets import DrawnNegatives

pytestmark = pytest.mark.training

PREMISES = [f"the {noun} is of iron" for noun in NOUNS]
NLI = {
    "premise": [premise for premise in PREMISES for _ in range(3)],
    "hypothesis": [f"{noun} {word}" for noun in NOUNS for word in ("is", "is of a", "is the")],
    "label": ["entailment", "contradiction", "neutral"] * len(NOUNS),
}
PAIRS = {"question": [f"what is a {noun}" for noun in NOUNS], "answer": [f"a {noun} is a" for noun in NOUNS]}
GRADED = {
    "query": [premise for premise in PREMISES for _ in range(3)],
    "document": [f"{noun} {number}" for noun in NOUNS for number in range(3)],
    "score": [2, 1, 0] * len(NOUNS),
}
TEACHER = {
    "query": PREMISES,
    "positive": [f"{noun} is" for noun in NOUNS],
    "negative": [f"{noun} of the" for noun in NOUNS],
    "scores": [[0.75, place / 16] for place in range(len(NOUNS))],
}


def trained(model, folder, rows, make):
    """Train two steps; return the batches that the loss got, as tokens by column and labels."""
    heard = []

    class Listener(make):
        def forward(self, sentence_features, labels=None):
            heard.append((tokens(sentence_features), None if labels is None else labels.tolist()))
            return super().forward(sentence_features, labels)

    before, loss = weights(model), Listener(model)
    trainer = trainer_of(model, folder, loss, rows, {"max_steps": 2})
    trainer.train()
    logged = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(logged) == len(heard) == 2
    assert all(map(math.isfinite, logged))
    assert largest_difference(before, weights(model)) > 0
    return heard


def tokens(sentence_features):
    columns = [
        [tuple(i[m.bool()].tolist()) for i, m in zip(f["input_ids"], f["attention_mask"], strict=True)]
        for f in sentence_features
    ]
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize(
    ("data", "to", "options", "make"),
    [
        (NLI, "triplet", {}, losses.TripletLoss),
        (NLI, "labeled-pair", {}, losses.OnlineContrastiveLoss),
        (PAIRS, "n-tuple", {"num_negatives": 3}, losses.MultipleNegativesRankingLoss),
        (PAIRS, "labeled-pair", {"num_negatives": 1}, losses.ContrastiveLoss),
        (GRADED, "scored-pair", {}, losses.CoSENTLoss),
        (GRADED, "triplet", {}, losses.CachedMultipleNegativesRankingLoss),
        (TEACHER, "n-tuple", {"num_negatives": 1}, losses.DistillKLDivLoss),
        (TEACHER, "n-tuple", {"num_negatives": 1}, losses.MarginMSELoss),
    ],
)
def test_a_loss_trains_on_reshaped_rows(tmp_path, tiny_bert, data, to, options, make):
    table, report = reshape(data, to=to, **options)
    assert report.rows_out == table.num_rows >= 8
    rows = Dataset(table)
    names = [name for name in table.schema.names if name not in ("label", "score", "scores")]
    label = next((name for name in ("label", "score", "scores") if name in table.schema.names), None)
    known = {}
    for row in rows:
        (cells,) = tokens([tiny_bert.preprocess([row[name]]) for name in names])
        known.setdefault(cells, []).append(None if label is None else row[label])
    heard = trained(tiny_bert, tmp_path, rows, make)
    for cells, labels in heard:
        assert len(cells) == 4
        for place, row in enumerate(cells):
            expected = known[row]
            if labels is not None:
                assert any(labels[place] == pytest.approx(value) for value in expected)
    assert (label is None) == (heard[0][1] is None)


def test_lists_of_negatives_train_by_drawing(tmp_path, tiny_bert):
    table, _ = reshape(PAIRS, to="ragged", num_negatives=5)
    rows = DrawnNegatives(Dataset(table), 2)
    assert rows.column_names == ["anchor", "positive", "negative_1", "negative_2"]
    heard = trained(tiny_bert, tmp_path, rows, losses.MultipleNegativesRankingLoss)
    assert [len(row) for cells, _ in heard for row in cells] == [4] * 8


def test_labelled_lists_train_as_pairs(tmp_path, tiny_bert):
    lists, _ = reshape(PAIRS, to="labeled-list", num_negatives=2)
    with pytest.raises(ValueError, match="`train_dataset`: column `positive` must hold texts, got list"):
        trainer_of(tiny_bert, tmp_path, losses.ContrastiveLoss(tiny_bert), Dataset(lists))
    pairs, _ = reshape(lists, to="labeled-pair")
    assert sorted(pairs["label"].to_pylist()) == [0] * 16 + [1] * 8
    heard = trained(tiny_bert, tmp_path, Dataset(pairs), losses.ContrastiveLoss)
    assert all(label in (0, 1) for _, labels in heard for label in labels)
