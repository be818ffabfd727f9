from __future__ import annotations

import pytest
from torch.utils.data import DataLoader, Dataset

from foolsgold.data.collator import ColumnReader
from foolsgold.data.epoch_rows import EpochRows


class Numbered(Dataset):
    """Rows that say their epoch; counts how often it was told."""

    def __init__(self):
        self.epoch, self.num_told = 7, 0

    def set_epoch(self, epoch):
        self.epoch = epoch
        self.num_told += 1

    def __len__(self):
        return 4

    def __getitem__(self, row):
        return {"text": f"{self.epoch}-{row}"}


def texts(batch):
    return batch.columns["text"]


def test_tells_the_epoch_once():
    rows = EpochRows(Numbered())
    assert len(rows) == 4
    assert [row["text"] for row in (rows[0], rows[3])] == ["0-0", "0-3"]
    rows.set_epoch(2)
    rows.set_epoch(2)
    assert [row["text"] for row in (rows[0], rows[3])] == ["2-0", "2-3"]
    assert rows.dataset.num_told == 2


def test_a_reader_passes_the_epoch_on():
    reader = ColumnReader(EpochRows(Numbered()))
    reader.set_epoch(5)
    assert texts(reader.__getitems__([1, 0])) == ["5-1", "5-0"]
    ColumnReader([{"text": "of all epochs"}]).set_epoch(5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("context", "num_workers", "persistent"), [("fork", 2, False), ("fork", 2, True), ("spawn", 1, True)]
)
def test_workers_hear_of_the_epoch(context, num_workers, persistent):
    reader = ColumnReader(EpochRows(Numbered()))
    loader = DataLoader(
        reader,
        batch_sampler=[[0, 1], [2], [3]],
        collate_fn=texts,
        num_workers=num_workers,
        multiprocessing_context=context,
        persistent_workers=persistent,
    )
    for epoch in (0, 1, 4, 2):
        reader.set_epoch(epoch)
        read = [text for batch in loader for text in batch]
        assert read == [f"{epoch}-{row}" for row in range(4)]
