"""The report says what the rows show."""

import json

import numpy as np
import pytest

import foolsgold as fg

NUM_PAIRS = 60


def embed(texts):
    return np.array([np.random.default_rng(list(text.encode())).normal(0.3, 1, 8) for text in texts])


@pytest.fixture
def mined(tmp_path):
    pairs = {
        "q": [f"<b>q{row // 2}</b>" for row in range(NUM_PAIRS)],
        "d": [f"<i>d{row}</i> & more" for row in range(NUM_PAIRS)],
    }
    rows = fg.mine_hard_negatives(
        pairs, embed, num_negatives=4, output_scores=True, report_folder=tmp_path / "report", verbose=False
    )
    told = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    return rows, told, (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_counts_and_scores_are_those_of_the_rows(mined):
    rows, told, _ = mined
    positives, negatives = np.array(rows["scores"]).T
    assert told["counts"]["rows"] == told["counts"]["negatives"] == len(rows)
    assert told["counts"]["pairs"] == NUM_PAIRS
    assert told["counts"]["queries"] == NUM_PAIRS // 2
    with_rows = len(set(zip(rows["q"], rows["d"], strict=True)))
    assert told["counts"]["pairs_without_negatives"] == NUM_PAIRS - with_rows
    summary = told["scores"]["negatives"]
    expected = [len(rows), negatives.mean(), negatives.std(), *np.percentile(negatives, [0, 25, 50, 75, 100])]
    np.testing.assert_allclose(list(summary.values()), expected, rtol=1e-5)
    assert list(summary) == ["count", "mean", "std", "min", "25%", "median", "75%", "max"]
    np.testing.assert_allclose(
        told["scores"]["differences"]["mean"], (positives - negatives).mean(), rtol=1e-5
    )
    assert told["scores"]["differences"]["min"] > 0
    assert sum(told["histogram"]["negatives"]) == len(rows)
    assert sum(told["histogram"]["positives"]) == NUM_PAIRS
    assert len(told["histogram"]["edges"]) == len(told["histogram"]["negatives"]) + 1


def test_the_margin_that_applied_is_told(mined):
    _, told, _ = mined
    assert told["options"]["relative_margin"] == 0.05
    assert told["options"]["similarity"] == "cosine"
    assert told["options"]["on_short"] == "keep"
    assert set(told["seconds"]) == {"read", "exclude", "embed", "search", "rows"}


def test_estimates_and_examples(mined):
    rows, told, _ = mined
    positives, negatives = np.array(rows["scores"]).T
    estimate = told["false_negatives"]
    assert estimate["share_above_own_positive"] == 0
    share = (negatives >= estimate["threshold"]).mean()
    np.testing.assert_allclose(estimate["share_above_threshold"], share)
    counts = sorted((rows["negative"][:].count(text) for text in set(rows["negative"])), reverse=True)
    assert [each["count"] for each in told["frequent"]["most"]] == counts[:12]
    assert told["frequent"]["distinct"] == len(counts)
    gaps = [example["positive_score"] - example["score"] for example in told["nearest"]]
    assert gaps == sorted(gaps)
    np.testing.assert_allclose(gaps[0], (positives - negatives).min(), rtol=1e-5)


def test_the_page_is_whole_and_escaped(mined):
    _, told, page = mined
    assert page.count("<svg") == 1
    assert "http" not in page.split("<body>")[1]
    assert "&lt;b&gt;q" in page
    assert "<b>q" not in page
    assert "<i>" not in page
    for heading in ("Scores", "What was turned away", "may be positives", "Options", "Seconds"):
        assert heading in page
    assert f"{told['counts']['rows']:,} rows" in page


def test_a_folder_that_cannot_be_written_is_told_before_the_model_is_asked(tmp_path, monkeypatch):
    def never(texts):
        raise AssertionError("the model is asked")

    pairs = {"q": ["a", "b"], "d": ["c", "d"]}
    (tmp_path / "file").write_text("")
    for name in ("report_folder", "folder"):
        options = {"verbose": False, **({"model_fingerprint": "x"} if name == "folder" else {})}
        for folder in (tmp_path / "file", tmp_path / "file" / "inner", str(tmp_path / "file")):
            with pytest.raises(ValueError, match=f"`{name}` must be a folder, got .*file is a file"):
                fg.mine_hard_negatives(pairs, never, **options, **{name: folder})
        with pytest.raises(TypeError, match=f"`{name}` must be a path, got 3"):
            fg.mine_hard_negatives(pairs, never, **options, **{name: 3})
        with monkeypatch.context() as patch:
            patch.setattr("os.access", lambda *_: False)
            with pytest.raises(PermissionError, match=f"`{name}` must be a folder that may be written to"):
                fg.mine_hard_negatives(pairs, never, **options, **{name: tmp_path / "new" / "inner"})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_rows_outlive_a_report_that_cannot_be_written(tmp_path, monkeypatch, caplog):
    def full(self, folder):
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr("foolsgold.mining.task.Outcome.write_report", full)
    pairs = {"q": ["a", "b"], "d": ["c", "d"]}
    options = {"relative_margin": None, "verbose": False}
    rows = fg.mine_hard_negatives(pairs, embed, report_folder=tmp_path, **options)
    assert len(rows) == 2
    assert "The report was not written: [Errno 28] No space left on device" in caplog.text


def test_pairs_that_are_left_out_are_told_from_pairs_without_negatives(caplog):
    pairs = {"q": ["a", "b", "c"], "d": ["d", "e", "f"]}
    options = {"relative_margin": None, "num_negatives": 3, "verbose": False}
    for on_short, said in [
        ("drop", "0 rows of 3 pairs; 3 pairs are left out, with fewer negatives than asked for"),
        ("keep", "6 rows of 3 pairs; 3 queries have fewer than asked for"),
    ]:
        caplog.clear()
        with caplog.at_level("INFO", "foolsgold"):
            fg.mine_hard_negatives(pairs, embed, on_short=on_short, **options)
        assert f"Made {said}" in caplog.messages
        assert ("No row was made" in caplog.text) == (on_short == "drop")
    caplog.clear()
    with caplog.at_level("INFO", "foolsgold"):
        fg.mine_hard_negatives(pairs, embed, max_score=-2.0, verbose=False)
    assert "Made 0 rows of 3 pairs; 3 pairs have no negatives; 3 queries have fewer" in caplog.text


def test_queries_are_anchors_whatever_margins_are_measured_from(tmp_path):
    pairs = {"q": ["a", "a", "b"], "d": ["c", "d", "e"]}
    for margin_from in ("least", "each"):
        fg.mine_hard_negatives(
            pairs, embed, margin_from=margin_from, report_folder=tmp_path, verbose=False, relative_margin=0.1
        )
        counts = json.loads((tmp_path / "report.json").read_text())["counts"]
        assert (counts["queries"], counts["pairs"]) == (2, 3)


def test_nothing_mined_is_a_report_too(tmp_path):
    pairs = {"q": ["a", "b"], "d": ["c", "d"]}
    rows = fg.mine_hard_negatives(pairs, embed, max_score=-2.0, report_folder=tmp_path, verbose=False)
    assert len(rows) == 0
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["counts"]["pairs_without_negatives"] == 2
    assert told["scores"]["negatives"] == {"count": 0}
    assert "<svg" in (tmp_path / "report.html").read_text()
