"""A clean copy of a BEIR folder: fewer judgments of one split, all else as it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foolsgold.data.layouts.beir import one_of, qrels_of
from foolsgold.data.layouts.texts import lines, written, written_folder

if TYPE_CHECKING:
    from foolsgold.data.checking.dataset import DataSet
    from foolsgold.data.checking.plan import Plan


def write_folder(data: DataSet, plan: Plan, output: Path) -> None:
    """Write a BEIR folder again without the judgments that a plan drops.

    Texts and other splits are copied byte by byte, texts without a judgment too: a search meets them.

    Args:
        data: the judgments of one split.
        plan: what becomes of them.
        output: a new folder, or an empty one.

    Raises:
        ValueError: if something stands at `output`, or a judgment is not in a line of its own.
        OSError: if it cannot be written.
    """
    folder = Path(data.loaded.files[0])
    judged, _ = data.place(0)
    texts = [one_of(folder, stem) for stem in ("corpus", "queries")]
    with written_folder(output) as made:
        for file in (*texts, *qrels_of(folder).values()):
            copy = made / file.relative_to(folder)
            copy.parent.mkdir(exist_ok=True)
            if judged is not None and file.samefile(judged):
                _write_judgments(data, plan, file, copy)
            else:
                shutil.copyfile(file, copy)


def _write_judgments(data: DataSet, plan: Plan, file: Path, copy: Path) -> None:
    """Write the lines of a file but those of rows that are dropped."""
    places = map(data.place, np.flatnonzero(plan.dropped >= 0).tolist())
    dropped = [line for _, line in places if line is not None]
    num_lines = 0
    with written(copy) as out:
        for numbers, texts in lines(file):
            num_lines += len(numbers)
            for line in texts.filter(~np.isin(numbers, dropped)).to_pylist():
                out.write(f"{line}\n".encode())
    if num_lines != data.num_rows + 1:
        rows = f"{data.num_rows:,} judgments in {num_lines:,} lines"
        raise ValueError(f"{file}: must have a header and a judgment a line to be fixed, got {rows}")
