"""A build that is killed again and again ends with the bytes of one that was left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from foolsgold.data import StoredRows, TextStore

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")

# Texts of 60 MB in all, beside a corpus that is there before.
BUILD = """
import sys
from pathlib import Path
from foolsgold.data import StoredRows, TextStore
folder = Path(sys.argv[1])

def batches(rows):
    import pyarrow as pa
    for start in range(0, rows, 2000):
        numbers = range(start, start + 2000)
        yield pa.table({
            "query": [f"query {number % 9973} " + "long " * 100 for number in numbers],
            "answer": [f"answer {number % 20011} " + "text " * 200 for number in numbers],
            "score": [number / 7 for number in numbers],
        })

if not (folder / "texts" / "manifest.json").exists():
    TextStore.build(folder / "texts", batches(4000), columns=["answer"])
print("built", flush=True)
StoredRows.build(folder / "rows", batches(40000), texts=folder / "texts")
"""


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def written(folder):
    """Return how many bytes of the disk the files take: some are longer than what was written."""

    def size_of(path):
        with suppress(FileNotFoundError):
            return path.stat().st_blocks * 512
        return 0

    return sum(map(size_of, folder.rglob("*")))


def start(folder):
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(folder):
    process = start(folder)
    _, told = process.communicate(timeout=110)
    assert process.returncode == 0, told.decode()


@pytest.mark.parametrize("kills", [4, pytest.param(8, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_killed_at_any_moment_the_bytes_are_the_same(tmp_path, kills):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    finish(whole)
    expected = content(whole)
    # At its fullest the folder also holds the texts in the order in which they came.
    most = int(1.8 * sum(map(len, expected.values())))
    chance, dead, torn = random.Random(kills), 0, 0
    while dead < kills:
        target = written(killed) // 2 + chance.randrange(most)
        process = start(killed)
        while process.poll() is None and written(killed) < target:
            time.sleep(0.0005)
        time.sleep(chance.random() * 0.003)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        if process.returncode == 0:
            (killed / "rows" / "manifest.json").unlink()
        else:
            assert process.returncode == -signal.SIGKILL
            dead += 1
        # There is a whole store or none, and no rows at all.
        with suppress(FileNotFoundError):
            if (killed / "texts" / "manifest.json").exists():
                store = TextStore.open(killed / "texts")
                store.verify()
                assert store[0].startswith("answer 0 ")
                torn += bool(list(killed.rglob("*.aside")))
        with pytest.raises((ValueError, FileNotFoundError)):
            StoredRows.open(killed / "rows")
    finish(killed)
    assert content(killed) == expected
    rows = StoredRows.open(killed / "rows")
    rows.verify()
    assert rows[39999]["query"].startswith(f"query {39999 % 9973} ")
    assert torn, "no process died while it wrote"
