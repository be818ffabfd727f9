"""What is larger than a process may hold is built and read, and processes share what they read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from foolsgold.data import StoredRows

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")

BEFORE = """
import sys
from pathlib import Path
import numpy as np
import pyarrow as pa
from foolsgold.data import StoredRows, TextStore
from foolsgold.sampling import NoDuplicatesBatchSampler

def told(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name + ":"))

def batches(rows):
    for start in range(0, rows, 5000):
        numbers = range(start, start + 5000)
        yield pa.table({
            "query": [f"query {number % 70001} " + "long " * 100 for number in numbers],
            "answer": [f"answer {number % 90007} " + "text " * 300 for number in numbers],
        })
list(batches(5000))
"""

# 120 MB of different texts.
BUILD_IN_BOUNDS = (
    BEFORE
    + """
import resource
room = 64 << 20
resource.setrlimit(resource.RLIMIT_DATA, (told("VmData") + room,) * 2)
try:
    bytearray(2 * room)
except MemoryError:
    pass
else:
    sys.exit("the bound is none")
rows = StoredRows.build(sys.argv[1], batches(60_000), threads=2)
assert rows.texts.num_bytes > room, rows.texts.num_bytes
rows.verify()
print(len(pa.array(rows.texts)), len(rows))
"""
)

READ = (
    BEFORE
    + """
before = told("RssAnon")
rows = StoredRows.open(sys.argv[1])
sampler = NoDuplicatesBatchSampler(rows, 64, True)
total = 0
for number, batch in enumerate(sampler):
    total += sum(len(text) for text in rows[batch]["answer"])
print(total, told("RssAnon") - before, told("RssFile"))
"""
)


def run(code, folder):
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=115, check=False
    )
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]


def test_more_than_a_process_may_hold(tmp_path):
    texts, rows = run(BUILD_IN_BOUNDS, tmp_path / "rows")
    assert (texts, rows) == (120_000, 60_000)
    size = StoredRows.open(tmp_path / "rows").texts.num_bytes
    for _ in range(2):
        total, anonymous, mapped = run(READ, tmp_path / "rows")
        assert total > 80 << 20
        # What is read belongs to the file: to all processes once, and to none of them.
        assert anonymous < 40 << 20 < mapped
        assert mapped > size / 2
