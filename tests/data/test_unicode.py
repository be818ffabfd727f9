"""Lone surrogates in Python's texts are refused by column and row, wherever rows come in."""

import numpy as np
import pytest

from foolsgold.data import (
    StoredRows,
    TextStore,
    check,
    convert,
    pairs_from_labels,
    reshape,
    triplets_from_judgments,
    triplets_from_labels,
    triplets_from_scores,
    write,
)
from foolsgold.data.unicode import surrogates_told
from foolsgold.sampling import NoDuplicatesBatchSampler

BROKEN = "b\udc80"
ROWS = [{"anchor": f"a{row}", "positive": BROKEN if row == 2 else f"p{row}"} for row in range(4)]
COLUMNS = {"anchor": ["a", "b", "c"], "positive": ["p", "q", "r"], "negatives": [["n"], ["m"], ["o", BROKEN]]}
LABELS = ["u", "u", BROKEN]
TEXTS = triplets_from_labels([0, 0, 1]).rows(["a", "b", BROKEN])


@pytest.mark.parametrize(
    ("column", "work"),
    [
        ("positive", lambda folder: write(folder / "rows.jsonl", ROWS)),
        ("negatives", lambda folder: write(folder / "rows.parquet", COLUMNS)),
        ("positive", lambda folder: reshape(ROWS, to="triplet")),
        ("negatives", lambda folder: reshape(COLUMNS, to="triplet")),
        ("positive", lambda folder: convert(ROWS, folder / "rows.jsonl")),
        ("positive", lambda folder: TextStore.build(folder, ROWS)),
        ("negatives", lambda folder: TextStore.build(folder, COLUMNS)),
        ("positive", lambda folder: TextStore.build(folder, iter(ROWS))),
        ("negatives", lambda folder: StoredRows.build(folder, COLUMNS)),
        ("positive", lambda folder: check(ROWS)),
        ("negatives", lambda folder: check(COLUMNS)),
        ("negatives", lambda folder: check({**COLUMNS, "negatives": ["n", ["m"], BROKEN]})),
        ("negatives", lambda folder: NoDuplicatesBatchSampler(COLUMNS, batch_size=2, drop_last=True)),
        ("labels", lambda folder: triplets_from_labels(LABELS)),
        ("labels", lambda folder: pairs_from_labels(LABELS)),
        ("texts", lambda folder: TEXTS.text_ids_at([0])),
        ("items", lambda folder: triplets_from_scores(["a"] * 3, ["b", "c", BROKEN], [0.1, 0.2, 0.3])),
        ("documents", lambda folder: triplets_from_judgments(["a"] * 3, ["b", "c", BROKEN], [1, 2, 3])),
    ],
)
def test_a_lone_surrogate_is_told_by_column_and_row(column, work, tmp_path):
    with pytest.raises(ValueError, match=rf"`{column}` must be valid Unicode at row 2, got") as caught:
        work(tmp_path)
    assert type(caught.value) is ValueError


def test_rows_of_a_stream_are_counted_through(tmp_path):
    num_rows = (1 << 16) + 3
    rows = ({"text": BROKEN if row == num_rows - 1 else "a"} for row in range(num_rows))
    with pytest.raises(ValueError, match=f"`text` must be valid Unicode at row {num_rows - 1}, got"):
        TextStore.build(tmp_path, rows)


@pytest.mark.parametrize("cell", [BROKEN, ["a", BROKEN], ("a", [BROKEN]), {"k": BROKEN}, np.array([BROKEN])])
def test_cells_of_every_kind_are_looked_into(cell):
    with pytest.raises(ValueError, match="`b` must be valid Unicode at row 8, got"):  # noqa: SIM117
        with surrogates_told({"a": ["x", None], "b": ["y", cell]}, first_row=7):
            BROKEN.encode()
    with pytest.raises(ValueError, match="texts must be valid Unicode, got"):  # noqa: SIM117
        with surrogates_told({"a": ["x", 1, None, np.float64(1)]}):
            BROKEN.encode()
